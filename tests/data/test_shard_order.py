"""The order in which shards are read: a pure function of seed and epoch, a few shards at a time."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from data.plans import stream_of
from earwright.data.augmentation.lengths import Lengths
from earwright.data.augmentation.options import ConcatenationOptions, TempoOptions
from earwright.data.mixture import Source, count_reads
from earwright.data.order import UpdateStream
from earwright.data.packed import LOOSE, Example, Examples, Packer

SIZES = st.lists(st.integers(1, 12), min_size=1, max_size=9)


def in_shards(sizes: list[int], loose: int = 0, seed: int = 0) -> Examples:
    """So many utterances in each shard, and some in none."""
    generator = np.random.default_rng(seed)
    packer = Packer(9)
    for number in range(loose):
        packer.add(Example(f"loose{number}", float(generator.uniform(0.5, 9)), (1,)))
    for shard, size in enumerate(sizes):
        for number in range(size):
            seconds = float(generator.uniform(0.5, 9))
            packer.add(Example(f"{shard}-{number}", seconds, (1,) * (1 + number)), shard)
    return packer.packed()


def stream(examples: Examples, **options: object) -> UpdateStream:
    usual = {"seed": 1, "batch_seconds": 20.0, "speeds": (0.9, 1.0, 1.1), "open_shards": 2}
    return stream_of(examples, **{**usual, **options})


@given(sizes=SIZES, loose=st.integers(0, 9), open_shards=st.integers(1, 4), epoch=st.integers(0, 3))
def test_an_epoch_reads_everything_once_a_few_shards_at_a_time(
    sizes: list[int], loose: int, open_shards: int, epoch: int
) -> None:
    examples = in_shards(sizes, loose)
    made = stream(examples, open_shards=open_shards)
    groups = made.groups(epoch)
    read = np.concatenate([np.concatenate(group) for group in groups])
    assert sorted(read.tolist()) == list(range(len(examples)))
    # Each shard's utterances follow one another, whatever the borders of groups.
    assert count_reads(examples.shards[read]) == len(sizes)
    planned = [item.example for batch in made.epoch_plan(epoch) for item in batch]
    assert sorted(planned) == list(range(len(examples)))


def test_few_shards_are_needed_at_a_time() -> None:
    """Equal shards: a group needs as many as it may, and one more of what its borders cut."""
    examples = in_shards([200] * 40)
    groups = stream(examples, open_shards=4).groups(0)
    assert len(groups) == 10
    for group in groups:
        assert len(set(examples.shards[np.concatenate(group)].tolist())) <= 4 + 2


def test_epochs_and_seeds_differ() -> None:
    examples = in_shards([6] * 8)

    def order(seed: int, epoch: int) -> list[int]:
        return [item.example for batch in stream(examples, seed=seed).epoch_plan(epoch) for item in batch]

    assert order(1, 0) == order(1, 0)
    assert len({tuple(order(seed, epoch)) for seed in (1, 2) for epoch in (0, 1, 2)}) == 6


@settings(max_examples=25)
@given(sizes=SIZES, left=st.integers(0, 40), weighted=st.booleans())
def test_a_stream_goes_on_where_it_was_left(sizes: list[int], left: int, weighted: bool) -> None:
    examples = Examples.joined([in_shards(sizes), in_shards([4, 5], 3, seed=1)])
    count = sum(sizes)
    sources = (Source(0, count, 0.7), Source(count, len(examples), 0.3)) if weighted else ()
    whole = list(itertools.islice(stream(examples, sources=sources), 60))
    at = whole[left]
    again = stream(examples, sources=sources, epoch=at.epoch, position=at.position)
    assert list(itertools.islice(again, 60 - left - 1)) == whole[left + 1 :]


@settings(max_examples=25)
@given(sizes=SIZES, loose=st.integers(0, 9), left=st.integers(0, 30), weighted=st.booleans())
def test_what_is_put_together_lies_in_shards_that_are_open_together(
    sizes: list[int], loose: int, left: int, weighted: bool
) -> None:
    """With tempo and concatenation: everything once, of one group and one source, and resumed exactly."""
    examples = in_shards(sizes, loose)
    cut = len(examples) // 2
    sources = (Source(0, cut, 0.5), Source(cut, len(examples), 0.5)) if weighted and cut else ()
    lengths = Lengths(TempoOptions(0.5), ConcatenationOptions(0.7, 3, 15.0), (1,))
    made = stream(examples, sources=sources, lengths=lengths)
    groups = [set(np.concatenate(group).tolist()) for group in made.groups(0)]
    items = [item for batch in made.epoch_plan(0) for item in batch]
    if not sources:
        assert sorted(number for item in items for number in item.examples) == list(range(len(examples)))
    for item in items:
        assert any(set(item.examples) <= group for group in groups)
        assert not sources or len({number < cut for number in item.examples}) == 1
    assert len({item.seed for item in items}) == len(items)
    whole = list(itertools.islice(made, 40))
    for plan in whole:
        texts = [item.tokens(examples, (1,)) for item in plan.items]
        assert plan.update_tokens == sum(map(len, texts))
    at = whole[left]
    again = stream(examples, sources=sources, lengths=lengths, epoch=at.epoch, position=at.position)
    assert list(itertools.islice(again, 39 - left)) == whole[left + 1 :]


@settings(max_examples=15)
@given(sizes=SIZES, world=st.integers(1, 3), accumulate=st.integers(1, 2))
def test_processes_share_the_batches(sizes: list[int], world: int, accumulate: int) -> None:
    examples = in_shards(sizes)
    alone = list(itertools.islice(stream(examples), 12 * world))
    parts = [
        itertools.islice(stream(examples, rank=rank, world=world, accumulate=accumulate), 12)
        for rank in range(world)
    ]
    dealt = [plan.items for plans in zip(*parts, strict=True) for plan in plans]
    assert Counter(map(tuple, dealt)) == Counter(tuple(plan.items) for plan in alone)


@given(
    first=SIZES,
    second=SIZES,
    loose=st.integers(1, 30),
    weights=st.tuples(*[st.floats(0.1, 1.0)] * 3),
)
def test_sources_have_their_weights_in_every_epoch(
    first: list[int], second: list[int], loose: int, weights: tuple[float, float, float]
) -> None:
    sets = [in_shards(first), in_shards(second, seed=1), in_shards([], loose, seed=2)]
    examples = Examples.joined(sets)
    ends = list(itertools.accumulate([0, *map(len, sets)]))
    sources = [Source(a, b, w) for (a, b), w in zip(itertools.pairwise(ends), weights, strict=True)]
    made = stream(examples, sources=sources)
    read = np.array([item.example for batch in made.epoch_plan(2) for item in batch])
    whole = examples.seconds[: ends[1]].sum()
    assert sorted(read[read < ends[1]].tolist()) == list(range(ends[1]))
    for source in sources[1:]:
        own = read[(read >= source.first) & (read < source.last)]
        wanted = whole * source.weight / weights[0]
        assert abs(examples.seconds[own].sum() - wanted) <= 4.5 + 1e-6 or len(own) == 1
        counts = np.bincount(own - source.first, minlength=source.last - source.first)
        assert counts.max() - counts.min() <= 1


def test_three_sources_are_in_every_batch() -> None:
    """Each by its weight, whatever the lengths of its utterances and wherever they lie."""
    generator = np.random.default_rng(0)
    packer = Packer(9)
    for shards, lengths in ((range(6), (2.0, 4.0)), (range(6, 9), (6.0, 7.0)), ([LOOSE], (2.0, 9.0))):
        for shard in shards:
            for number in range(300 // len(shards)):
                packer.add(Example(f"{shard}-{number}", float(generator.uniform(*lengths)), (1,)), shard)
    examples = packer.packed()
    sources = (Source(0, 300, 0.5), Source(300, 600, 0.3), Source(600, 900, 0.2))
    made = stream(examples, sources=sources, batch_seconds=120.0, speeds=(1.0,))
    plan = list(made.epoch_plan(0))
    assert len(made.groups(0)) > 2
    for batch in plan[:-1]:
        seconds = np.array([examples.seconds[item.example] for item in batch])
        which = np.array([item.example // 300 for item in batch])
        for number, source in enumerate(sources):
            share = seconds[which == number].sum() / seconds.sum()
            assert abs(share - source.weight) < 0.16


def test_what_is_needed_next_is_told_in_time() -> None:
    examples = in_shards([10] * 12)
    made = stream(examples, open_shards=3)
    plans = list(itertools.islice(iter(made), len(list(made.epoch_plan(0)))))
    groups = made.groups(0)
    seen: set[int] = set()
    told: set[int] = set(examples.shards[np.concatenate(groups[0])].tolist())
    for plan in plans:
        needed = set(examples.shards[[item.example for item in plan.items]].tolist())
        assert needed <= told
        seen |= needed
        told |= set(examples.shards[list(plan.soon)].tolist())
    assert seen == set(range(12))
    assert sum(len(plan.soon) for plan in plans) <= 12 + len(groups)
