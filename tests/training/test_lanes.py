"""An update shared out over several cores is the same update."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from earwright.data.batches import Batch
from earwright.data.order import BatchPlan
from earwright.training.lanes import LENGTHS_PER_OCTAVE, Lanes, round_up, split

PLAN = BatchPlan([], 1, 0, 0)


def batch_of(lengths: list[int]) -> Batch:
    waveform = torch.zeros(len(lengths), max(lengths))
    for row, length in enumerate(lengths):
        waveform[row, :length] = torch.arange(1, length + 1) + 1000 * row
    targets = torch.arange(len(lengths) * 3).reshape(-1, 3)
    return Batch(waveform, torch.tensor(lengths), targets, torch.full((len(lengths),), 3), PLAN)


@settings(max_examples=200)
@given(lengths=st.lists(st.integers(1, 50), min_size=1, max_size=9), count=st.integers(1, 5))
def test_parts_hold_every_utterance_once_without_padding_of_others(lengths: list[int], count: int) -> None:
    lengths = sorted(lengths)
    parts = split(batch_of(lengths), count)
    assert len(parts) == min(count, len(lengths)) and all(len(part.lengths) for part in parts)
    assert [length for part in parts for length in part.lengths.tolist()] == lengths
    for part in parts:
        longest = int(part.lengths.max())
        assert longest <= part.waveform.shape[1] == round_up(longest) <= longest * (1 + 1 / 16)
        assert not any(row[n:].any() for row, n in zip(part.waveform, part.lengths.tolist(), strict=True))
    rows = [row[:n].tolist() for part in parts for row, n in zip(part.waveform, part.lengths, strict=True)]
    whole = batch_of(lengths)
    assert rows == [row[:n].tolist() for row, n in zip(whole.waveform, whole.lengths, strict=True)]
    # No part is longer than the longest utterance more than its share.
    times = [int(part.lengths.sum()) for part in parts]
    assert max(times) <= sum(lengths) / len(parts) + max(lengths)


def test_few_lengths_are_padded_to() -> None:
    lengths = {round_up(length) for length in range(16_000, 20 * 16_000)}
    assert len(lengths) < 5 * LENGTHS_PER_OCTAVE
    assert lengths == {round_up(length) for length in lengths}


def model_of(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))


def work(model: nn.Module, part: Batch, lane: int) -> float:
    total = torch.zeros(())
    for row, length in zip(part.waveform, part.lengths.tolist(), strict=True):
        frames = row[: length // 4 * 4].reshape(-1, 4) / 1000
        total = total + model(frames).square().sum()
    total.backward()
    return total.item()


@settings(max_examples=20)
@given(lengths=st.lists(st.integers(4, 40), min_size=1, max_size=6), count=st.integers(2, 4))
def test_gradients_are_those_of_the_whole_batch(lengths: list[int], count: int) -> None:
    batch = batch_of(sorted(lengths))
    alone, shared = model_of(1), model_of(1)
    wanted = work(alone, batch, 0)
    got = Lanes(shared, count).run(work, batch)
    torch.testing.assert_close(sum(got), wanted)
    for mine, theirs in zip(shared.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)


def test_lanes_see_the_weights_as_they_change() -> None:
    model = model_of(1)
    lanes = Lanes(model, 3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    model.load_state_dict({name: value * 2 for name, value in model.state_dict().items()})
    for other in lanes.models[1:]:
        for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
            assert mine.data_ptr() == theirs.data_ptr() and mine is not theirs
    lanes.run(work, batch_of([4, 8, 12]))
    assert all(p.grad is None for other in lanes.models[1:] for p in other.parameters())


def test_the_same_every_time() -> None:
    """To the last bit, whichever thread is quicker."""
    batch = batch_of([9, 17, 23, 31, 40])
    results = set()
    for _ in range(20):
        model = model_of(2)
        Lanes(model, 3).run(work, batch)
        results.add(tuple(p.grad.sum().item() for p in model.parameters() if p.grad is not None))
    assert len(results) == 1


def test_a_fault_in_a_lane_is_raised() -> None:
    def fail(model: nn.Module, part: Batch, lane: int) -> None:
        if lane == 1:
            raise ValueError("in lane 1")

    lanes = Lanes(model_of(1), 2)
    try:
        lanes.run(fail, batch_of([4, 8]))
    except ValueError as error:
        assert str(error) == "in lane 1"
    else:
        raise AssertionError("the fault was swallowed")


def test_on_all_cores_gives_them_back() -> None:
    before = torch.get_num_threads()
    lanes = Lanes(model_of(1), 2)
    with lanes.on_all_cores():
        assert torch.get_num_threads() == 2
    torch.set_num_threads(before)
