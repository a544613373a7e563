from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from earwright.nn.specaugment import spec_augment, time_warp

OPTIONS = {
    "frequency_masks": 2,
    "frequency_width": 10,
    "time_masks_per_second": 1.0,
    "time_seconds": 0.3,
    "time_share": 0.2,
}


@given(lengths=st.lists(st.integers(1, 400), min_size=1, max_size=4), seed=st.integers(0, 99))
def test_masks_stay_within_what_the_options_allow(lengths: list[int], seed: int) -> None:
    torch.manual_seed(seed)
    features = torch.ones(len(lengths), max(lengths), 40)
    masked = spec_augment(features, torch.tensor(lengths), **OPTIONS)  # type: ignore[arg-type]
    assert features.min() == 1, "the input is left alone"
    assert set(masked.unique().tolist()) <= {0.0, 1.0}
    for row, length in enumerate(lengths):
        clip = masked[row, :length]
        silent_frames = (clip.sum(dim=1) == 0).sum()
        silent_bands = (clip.sum(dim=0) == 0).sum() if silent_frames < length else 0
        masks = max(1, round(length / 100))
        assert silent_frames <= 0.2 * length + masks  # each mask may round up by a frame
        assert silent_bands <= 20


def test_the_same_seed_hides_the_same() -> None:
    features, lengths = torch.randn(3, 200, 20), torch.tensor([200, 150, 90])
    torch.manual_seed(5)
    first = spec_augment(features, lengths, **OPTIONS)  # type: ignore[arg-type]
    torch.manual_seed(5)
    assert torch.equal(first, spec_augment(features, lengths, **OPTIONS))  # type: ignore[arg-type]
    assert not torch.equal(first, spec_augment(features, lengths, **OPTIONS))  # type: ignore[arg-type]


def test_no_masks_change_nothing() -> None:
    features = torch.randn(2, 50, 8)
    nothing = {**OPTIONS, "frequency_masks": 0, "time_masks_per_second": 0.0}
    assert torch.equal(spec_augment(features, torch.tensor([50, 30]), **nothing), features)  # type: ignore[arg-type]


@given(
    lengths=st.lists(st.integers(1, 300), min_size=1, max_size=4),
    most=st.floats(0.5, 60),
    seed=st.integers(0, 99),
)
def test_a_warp_moves_moments_and_keeps_their_order(lengths: list[int], most: float, seed: int) -> None:
    torch.manual_seed(seed)
    frames = max(lengths)
    ramp = torch.arange(frames, dtype=torch.float32)[None, :, None].expand(len(lengths), frames, 3)
    warped = time_warp(ramp, torch.tensor(lengths), most)
    assert warped.shape == ramp.shape
    for row, length in enumerate(lengths):
        clip = warped[row, :, 0]
        assert torch.equal(clip[length:], ramp[row, length:, 0]), "padding stays"
        assert clip[0] == 0 and clip[length - 1].item() == pytest.approx(length - 1, abs=1e-3)
        moved = (clip - ramp[row, :, 0])[:length].abs().max()
        assert moved <= most + 1e-3
        steps = clip[:length].diff()
        assert ((steps > 0.4) & (steps < 2.01)).all()


def test_a_warp_is_in_specaugment_if_asked_for() -> None:
    features, lengths = torch.randn(2, 200, 8), torch.tensor([200, 150])
    nothing = {**OPTIONS, "frequency_masks": 0, "time_masks_per_second": 0.0}
    torch.manual_seed(1)
    warped = spec_augment(features, lengths, **nothing, warp_seconds=0.2)  # type: ignore[arg-type]
    torch.manual_seed(1)
    assert torch.equal(warped, time_warp(features, lengths, 20.0))
    assert not torch.equal(warped, features)
