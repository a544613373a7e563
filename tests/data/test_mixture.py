from __future__ import annotations

import itertools

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from data.plans import plan_epoch, stream_of
from earwright.data.batches import Batch
from earwright.data.mixture import MOST_PADDING, Source, deal, draw_epoch, without_much_padding
from earwright.data.order import BatchPlan
from earwright.data.packed import Example

SECONDS = st.lists(st.floats(0.3, 30.0), min_size=1, max_size=40)
WEIGHT = st.floats(0.05, 0.9)


@given(
    new=SECONDS,
    old=SECONDS,
    other=SECONDS,
    weights=st.tuples(WEIGHT, WEIGHT, WEIGHT),
    epoch=st.integers(0, 9),
)
def test_an_epoch_has_the_shares_that_were_asked_for(
    new: list[float], old: list[float], other: list[float], weights: tuple[float, ...], epoch: int
) -> None:
    seconds = np.array([*new, *old, *other])
    ends = list(itertools.accumulate([0, len(new), len(old), len(other)]))
    sources = [Source(a, b, w) for (a, b), w in zip(itertools.pairwise(ends), weights, strict=True)]
    chosen = np.concatenate(draw_epoch(seconds, sources, seed=3, epoch=epoch))
    assert sorted(chosen[: len(new)]) == list(range(len(new)))  # every new utterance once
    for source, clips in zip(sources[1:], (old, other), strict=True):
        drawn = [index for index in chosen if source.first <= index < source.last]
        wanted = sum(new) * source.weight / weights[0]
        assert abs(seconds[drawn].sum() - wanted) <= max(clips) / 2 + 1e-6 or len(drawn) == 1
        counts = np.bincount(np.array(drawn) - source.first, minlength=len(clips))
        assert counts.max() - counts.min() <= 1  # all have a turn before one has two


@given(new=st.lists(SECONDS, min_size=1, max_size=8), old=SECONDS)
def test_every_batch_gets_its_share(new: list[list[float]], old: list[float]) -> None:
    lengths = sorted((sorted(batch) for batch in new), key=lambda batch: batch[-1])
    seconds = np.array([length for batch in lengths for length in batch] + sorted(old))
    ends = list(itertools.accumulate([0, *map(len, lengths)]))
    batches = [list(range(a, b)) for a, b in itertools.pairwise(ends)]
    others = list(range(ends[-1], len(seconds)))
    dealt = deal(batches, others, seconds)
    assert sorted(place for batch in dealt for place in batch) == list(range(len(seconds)))
    most = max(old)
    for first in range(len(batches)):
        for last in range(first + 1, len(batches) + 1):  # any batches that follow one another
            mine = sum(seconds[place] for batch in batches[first:last] for place in batch)
            got = sum(seconds[p] for batch in dealt[first:last] for p in batch if p >= ends[-1])
            wanted = mine / seconds[: ends[-1]].sum() * sum(old)
            assert abs(got - wanted) <= most + 1e-6
    for own, batch in zip(batches, dealt, strict=True):
        assert set(own) <= set(batch)
        assert [seconds[place] for place in batch] == sorted(seconds[place] for place in batch)


@given(lengths=st.lists(st.integers(1, 500), min_size=1, max_size=30))
def test_pieces_hold_everything_once_with_little_padding(lengths: list[int]) -> None:
    borders = without_much_padding(lengths)
    assert borders[0] == 0 and borders[-1] == len(lengths) and borders == sorted(set(borders))
    for first, last in itertools.pairwise(borders):
        piece = lengths[first:last]
        assert max(piece) * len(piece) <= MOST_PADDING * sum(piece)
    assert without_much_padding([100] * 9 + [120] * 9) == [0, 18]
    assert without_much_padding([40] * 15 + [140, 141]) == [0, 15, 17]


def test_short_new_utterances_beside_long_old_ones() -> None:
    """Each batch has both, within its seconds but for an utterance, and is computed in two pieces."""
    new = [Example(f"new{n}", 3.0 + 0.02 * n, (1,)) for n in range(60)]
    old = [Example(f"old{n}", 12.0 + 0.02 * n, (1,)) for n in range(80)]
    sources = (Source(0, 60, 0.6), Source(60, 140, 0.4))
    batches = plan_epoch(
        [*new, *old], seed=1, epoch=0, batch_seconds=60.0, speeds=(0.9, 1.0, 1.1), sources=sources
    )
    everything = [*new, *old]
    assert sorted(i.example for batch in batches for i in batch if i.example < 60) == list(range(60))
    for batch in batches:
        seconds = [everything[item.example].seconds / item.speed for item in batch]
        share = sum(s for s in seconds if s > 8) / sum(seconds)
        assert 0.2 < share < 0.6 and sum(seconds) < 60 + 16
        places = torch.tensor([int(100 * s) for s in seconds])
        waveform = torch.zeros(len(batch), int(places.max()))
        whole = Batch(waveform, places, waveform, places, BatchPlan(batch, 1, 0, 0))
        pieces = whole.pieces()
        assert len(pieces) == 2 and sum(piece.seconds for piece in pieces) < 1.2 * places.sum()
        assert torch.equal(torch.cat([piece.lengths for piece in pieces]), places)


def examples(count: int, seconds: float) -> list[Example]:
    return [Example(str(number), seconds + 0.01 * number, (1, 2)) for number in range(count)]


def test_the_draw_follows_from_seed_and_epoch_alone() -> None:
    everything = examples(60, 2.0)
    sources = (Source(0, 20, 0.5), Source(20, 60, 0.5))

    def plan(seed: int, epoch: int) -> list[list[int]]:
        batches = plan_epoch(
            everything, seed=seed, epoch=epoch, batch_seconds=15.0, speeds=(0.9, 1.0, 1.1), sources=sources
        )
        return [[item.example for item in batch] for batch in batches]

    def old(seed: int, epoch: int) -> set[int]:
        return {index for batch in plan(seed, epoch) for index in batch if index >= 20}

    assert plan(1, 2) == plan(1, 2)
    assert len({frozenset(old(seed, epoch)) for seed in (1, 2) for epoch in range(5)}) == 10
    assert set().union(*(old(1, epoch) for epoch in range(12))) == set(range(20, 60))


def test_a_stream_goes_on_where_it_was_left() -> None:
    everything = examples(30, 2.0)
    options = {"seed": 1, "batch_seconds": 9.0, "speeds": (1.0, 1.1), "accumulate": 2}
    sources = (Source(0, 10, 0.7), Source(10, 30, 0.3))
    whole = list(itertools.islice(stream_of(everything, sources=sources, **options), 24))
    left = whole[9]  # the last batch of the fifth update
    again = stream_of(everything, sources=sources, epoch=left.epoch, position=left.position, **options)
    assert list(itertools.islice(again, 14)) == whole[10:]


def test_without_sources_every_utterance_comes_once() -> None:
    batches = plan_epoch(examples(50, 1.0), seed=1, epoch=3, batch_seconds=10.0, speeds=(0.9, 1.1))
    assert sorted(item.example for batch in batches for item in batch) == list(range(50))
