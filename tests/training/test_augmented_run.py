"""Training with everything on: the same run from any number of workers, and after it was stopped."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import pytest
import torch

from earwright.data.augmentation import options as kinds
from earwright.data.batches import load_batches
from earwright.errors import EarwrightError
from earwright.training import Recipe, Reporter
from earwright.training.schedule import first_augmented
from earwright.training.setup import Parts, build_parts


@pytest.fixture
def augmented(recipe: Recipe) -> Recipe:
    augment = dataclasses.replace(
        recipe.augment,
        warp_seconds=0.1,
        noise=kinds.NoiseOptions(0.6),
        pitch=kinds.PitchOptions(0.3),
        tempo=kinds.TempoOptions(0.5, (0.8, 1.25)),
        trim=kinds.TrimOptions(0.4),
        gain=kinds.GainOptions(0.5),
        clipping=kinds.ClippingOptions(0.2),
        band=kinds.BandOptions(0.3),
        codec=kinds.CodecOptions(0.2, ("mu_law",)),
        cutout=kinds.CutoutOptions(0.3),
        concatenation=kinds.ConcatenationOptions(0.4),
        nothing=kinds.NothingOptions(0.2),
    )
    return dataclasses.replace(recipe, augment=augment)


def build(recipe: Recipe, lines: list[str] | None = None) -> Parts:
    parts = build_parts(recipe, Reporter([].append if lines is None else lines.append), torch.device("cpu"))
    parts.batch_seconds = 10.0
    return parts


def test_batches_of_a_recipe(augmented: Recipe) -> None:
    from accelerate import Accelerator

    parts, accelerator = build(augmented), Accelerator(cpu=True)
    assert parts.training_set.space == (1,)

    def some(workers: int, epoch: int = 0, position: int = 0) -> list[torch.Tensor]:
        stream = parts.stream(augmented, accelerator, epoch, position)
        return [
            batch.waveform
            for batch in itertools.islice(load_batches(parts.reader(augmented), stream, workers), 6)
        ]

    alone, after = some(0), some(0, 0, 2)
    assert all(torch.equal(a, b) for a, b in zip(alone, some(2), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(alone[2:], after, strict=False))
    assert not any(a.shape == b.shape and torch.equal(a, b) for a, b in zip(alone, some(0, 1), strict=True))


def test_the_first_updates_are_spared(augmented: Recipe) -> None:
    from accelerate import Accelerator

    lengths = ("tempo", "concatenation", "speeds")  # these are in the order of the batches
    same = {name: getattr(augmented.augment, name) for name in lengths}
    plain = dataclasses.replace(augmented, augment=kinds.AugmentOptions(**same, start=0.0))
    accelerator = Accelerator(cpu=True)

    wordless: list[list[int]] = []

    def some(recipe: Recipe, position: int, spared: int) -> list[torch.Tensor]:
        parts = build(recipe)
        stream = parts.stream(recipe, accelerator, 0, position, spared)
        batches = list(itertools.islice(load_batches(parts.reader(recipe), stream, 0), 4))
        wordless.append([int((batch.target_lengths == 0).sum()) for batch in batches])
        return [batch.waveform for batch in batches]

    spared, never, always = some(augmented, 0, 3), some(plain, 0, 0), some(augmented, 0, 0)
    with_all, without, everywhere = wordless
    assert with_all[:3] == without[:3] == [0, 0, 0] and with_all[3] == everywhere[3] and any(everywhere[:3])
    assert [torch.equal(a, b) for a, b in zip(spared, never, strict=True)] == [True, True, True, False]
    assert [torch.equal(a, b) for a, b in zip(spared, always, strict=True)] == [False, False, False, True]
    resumed = some(augmented, 2, 1)  # as a run that was stopped after two updates goes on
    assert all(torch.equal(a, b) for a, b in zip(spared[2:], resumed, strict=False))


@pytest.mark.parametrize(
    ("start", "steps", "first"), [(0.0, 10, 0), (0.25, 10, 3), (0.5, 10, 5), (1.0, 7, 7)]
)
def test_when_augmentation_sets_in(start: float, steps: int, first: int) -> None:
    assert first_augmented(start, steps) == first


def test_what_is_of_no_use_is_told_before_the_first_step(augmented: Recipe, tmp_path: Path) -> None:
    noise = dataclasses.replace(augmented.augment.noise, folders=(str(tmp_path),))
    recipe = dataclasses.replace(augmented, augment=dataclasses.replace(augmented.augment, noise=noise))
    with pytest.raises(EarwrightError, match=r"augment.noise.folders: .* there is no recording in it"):
        build(recipe)


def test_a_fast_tempo_leaves_out_what_no_longer_fits(recipe: Recipe) -> None:
    tempo = kinds.TempoOptions(0.1, (1.0, 2.0))
    fast = dataclasses.replace(
        recipe, augment=dataclasses.replace(recipe.augment, speeds=(2.0,), tempo=tempo)
    )
    plain = build(recipe).training_set
    try:
        left = build(fast).training_set
    except EarwrightError as error:
        assert "more text than CTC can fit" in str(error)
    else:
        assert len(left.examples) <= len(plain.examples)
