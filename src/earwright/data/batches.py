"""Which utterances make which batch of which epoch, and the batches themselves.

The order is a pure function of (seed, epoch); workers only fetch what it names. So a run that was
stopped goes on with the very batches it would have seen, whatever the number of workers or machines.

Where audio lies in shards, an epoch is a row of groups of a few shards each, and batches are made within
a group: each shard is read once, and a group is planned when its turn comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from earwright.audio.read import resample
from earwright.data.mixture import Numbers, Source, cut_into_groups, deal, draw_epoch, without_much_padding
from earwright.data.packed import Example as Example
from earwright.data.packed import Examples
from earwright.data.stores import AudioStore, FarStore
from earwright.errors import EarwrightError

# Beside seed and epoch, for what is drawn in a group of several.
_GROUP = 2
# About so many shards are shuffled together.
OPEN_SHARDS = 8


class Item(NamedTuple):
    """The number of an utterance in a batch, and the speed it is played at."""

    example: int
    speed: float


class BatchPlan(NamedTuple):
    """What one process does in one part of an update.

    `update_tokens` counts the tokens of the whole update, over all its batches and processes; `epoch`
    and `position` say where the stream stands after this update. `soon` are examples whose shards
    will be needed before long.
    """

    items: list[Item]
    update_tokens: int
    epoch: int
    position: int
    soon: tuple[int, ...] = ()


class Batch(NamedTuple):
    """Waveforms (B, N) float32, lengths (B,), targets (B, S) int64, target_lengths (B,), and their plan."""

    waveform: Tensor
    lengths: Tensor
    targets: Tensor
    target_lengths: Tensor
    plan: BatchPlan

    @property
    def seconds(self) -> float:
        """Samples with padding; divided by the sample rate these are seconds."""
        return float(self.waveform.numel())

    def rows(self, first: int, last: int) -> Batch:
        """Utterances [first, last) alone, with no more padding than they need."""
        return Batch(
            self.waveform[first:last, : int(self.lengths[first:last].max())],
            self.lengths[first:last],
            self.targets[first:last, : int(self.target_lengths[first:last].max())],
            self.target_lengths[first:last],
            self.plan,
        )

    def pieces(self) -> list[Batch]:
        """The batch whole, or cut where its padding would cost more than computing it in pieces."""
        borders = without_much_padding(self.lengths.tolist())
        return [self.rows(first, last) for first, last in pairwise(borders)] if len(borders) > 2 else [self]


def plan_epoch(
    examples: Sequence[Example],
    *,
    seed: int,
    epoch: int,
    batch_seconds: float,
    speeds: Sequence[float],
    sources: Sequence[Source] = (),
    batch_clips: int = 0,
    open_shards: int = OPEN_SHARDS,
) -> list[list[Item]]:
    """Group an epoch's utterances into batches of similar length, in random order.

    Args:
        examples: all utterances.
        seed, epoch: decide every draw.
        batch_seconds: most seconds of a batch, padding included; a longer utterance goes alone.
        speeds: each utterance is played at one of these.
        sources: what the examples consist of, if of several parts; see `draw_epoch`.
        batch_clips: most utterances of a batch (of what is new in it, with sources); 0 for any number.
        open_shards: about so many shards are shuffled together.

    Returns:
        Every utterance once; with sources those that `draw_epoch` names, each batch with its share of all.
    """
    stream = UpdateStream(
        examples,
        seed=seed,
        batch_seconds=batch_seconds,
        speeds=speeds,
        sources=sources,
        batch_clips=batch_clips,
        open_shards=open_shards,
    )
    return list(stream.epoch_plan(epoch))


def plan_group(
    group: Sequence[Numbers],
    recorded: npt.NDArray[np.float64],
    generator: np.random.Generator,
    *,
    batch_seconds: float,
    speeds: Sequence[float],
    share: float = 1.0,
    batch_clips: int = 0,
) -> list[list[Item]]:
    """The batches of utterances that are shuffled together.

    Args:
        group: numbers of examples, source by source.
        recorded: (N,) seconds of every example.
        generator: of every draw.
        batch_seconds, speeds, batch_clips: see `plan_epoch`.
        share: of the first source in a batch.
    """
    chosen = np.concatenate(group)
    drawn = np.array(speeds)[generator.integers(len(speeds), size=len(chosen))]
    seconds = recorded[chosen] / drawn
    # The jitter lets an utterance meet other neighbours in every epoch.
    order = np.argsort(seconds * generator.uniform(0.95, 1.05, len(chosen)), kind="stable")
    ends = np.cumsum([0, *map(len, group)])
    first = order[order < ends[1]].tolist()
    batches = _filled(first, seconds, share * batch_seconds, batch_clips)
    for start, end in pairwise(ends[1:]):
        batches = deal(batches, order[(order >= start) & (order < end)].tolist(), seconds)
    items = [[Item(int(chosen[place]), float(drawn[place])) for place in batch] for batch in batches]
    return [items[i] for i in generator.permutation(len(items)).tolist()]


def _filled(
    order: Sequence[int], seconds: npt.NDArray[np.float64], batch_seconds: float, batch_clips: int
) -> list[list[int]]:
    """Utterances in their order, as many in a batch as fit into it with their padding."""
    batches: list[list[int]] = []
    current: list[int] = []
    longest = 0.0
    for place in order:
        longest = max(longest, float(seconds[place]))
        full = batch_clips > 0 and len(current) == batch_clips
        if current and (full or longest * (len(current) + 1) > batch_seconds):
            batches.append(current)
            current, longest = [], float(seconds[place])
        current.append(place)
    if current:
        batches.append(current)
    return batches


class UpdateStream:
    """The endless order of batches, from any point on: what the sampler of a DataLoader is.

    Args:
        examples: all utterances.
        seed, batch_seconds, speeds, sources, batch_clips, open_shards: see `plan_epoch`.
        accumulate: batches of each process in an update.
        rank, world: this process, and how many there are.
        epoch, position: where to start, as a `BatchPlan` said it.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        *,
        seed: int,
        batch_seconds: float,
        speeds: Sequence[float],
        sources: Sequence[Source] = (),
        batch_clips: int = 0,
        open_shards: int = OPEN_SHARDS,
        accumulate: int = 1,
        rank: int = 0,
        world: int = 1,
        epoch: int = 0,
        position: int = 0,
    ) -> None:
        self.examples = Examples.of(examples)
        self.seed = seed
        self.batch_seconds = batch_seconds
        self.speeds = speeds
        self.sources = sources
        self.batch_clips = batch_clips
        self.open_shards = open_shards
        self.accumulate, self.rank, self.world = accumulate, rank, world
        self.epoch, self.position = epoch, position

    def epoch_plan(self, epoch: int) -> Iterator[list[Item]]:
        """All batches of one epoch."""
        groups = self.groups(epoch)
        for number in range(len(groups)):
            yield from self._group_plan(epoch, groups, number)

    def groups(self, epoch: int) -> list[list[Numbers]]:
        """What is shuffled together in an epoch, source by source: all of it, or a few shards at a time."""
        seconds, shards = self.examples.seconds, self.examples.shards
        if not self.examples.sharded:
            drawn = draw_epoch(seconds, self.sources, seed=self.seed, epoch=epoch) if self.sources else None
            return [drawn or [np.arange(len(seconds))]]
        sources = self.sources or [Source(0, len(seconds), 1.0)]
        chosen = draw_epoch(seconds, sources, seed=self.seed, epoch=epoch, shards=shards)
        return cut_into_groups(chosen, seconds, shards, self.open_shards)

    def _group_plan(self, epoch: int, groups: Sequence[list[Numbers]], number: int) -> list[list[Item]]:
        key = (self.seed, epoch) if len(groups) == 1 else (self.seed, epoch, _GROUP, number)
        weights = [source.weight for source in self.sources] or [1.0]
        return plan_group(
            groups[number],
            self.examples.seconds,
            np.random.default_rng(key),
            batch_seconds=self.batch_seconds,
            speeds=self.speeds,
            share=weights[0] / sum(weights),
            batch_clips=self.batch_clips,
        )

    def _batches(self) -> Iterator[tuple[list[Item], int, int, list[int]]]:
        """Batches from the start on, each with the place behind it, and what should be fetched meanwhile."""
        epoch, position = self.epoch, self.position
        while True:
            groups, before = self.groups(epoch), 0
            for number in range(len(groups)):
                plan = self._group_plan(epoch, groups, number)
                ahead = self._of_new_shards(groups, number)
                for place in range(max(0, position - before), len(plan)):
                    # Over the first half of a group, so that all are there when it ends.
                    soon = ahead[place :: max(1, len(plan) // 2)] if 2 * place < len(plan) else []
                    yield plan[place], epoch, before + place + 1, soon
                before += len(plan)
            epoch, position = epoch + 1, 0

    def _of_new_shards(self, groups: Sequence[list[Numbers]], number: int) -> list[int]:
        """One example of each shard that the next group needs and this one does not."""
        shards = self.examples.shards
        if not self.examples.sharded or number + 1 == len(groups):
            return []
        now = shards[np.concatenate(groups[number])]
        then = np.concatenate(groups[number + 1])
        kinds, places = np.unique(shards[then], return_index=True)
        new = (kinds >= 0) & ~np.isin(kinds, now)
        ahead: list[int] = then[np.sort(places[new])].tolist()
        return ahead

    def __iter__(self) -> Iterator[BatchPlan]:
        batches = self._batches()
        size = self.accumulate * self.world
        while True:
            update = [next(batches) for _ in range(size)]
            _, epoch, position, _ = update[-1]
            numbers = [item.example for items, *_ in update for item in items]
            tokens = int(self.examples.token_counts(numbers).sum())
            soon = tuple(example for *_, ahead in update for example in ahead)
            for items, *_ in update[self.rank :: self.world]:
                yield BatchPlan(items, tokens, epoch, position, soon)
                soon = ()


class BatchReader(Dataset[Batch]):
    """Reads the batch that a plan names."""

    def __init__(self, examples: Sequence[Example], audio: AudioStore, sample_rate: int) -> None:
        self.examples = examples
        self.audio = audio
        self.sample_rate = sample_rate

    def __getitem__(self, plan: BatchPlan) -> Batch:
        if isinstance(self.audio, FarStore):
            for index in plan.soon:
                self.audio.expect(index)
        clips = [
            play_at_speed(self.audio.read(item.example), item.speed, self.sample_rate) for item in plan.items
        ]
        texts = [self.examples[item.example].tokens for item in plan.items]
        lengths = torch.tensor([len(clip) for clip in clips])
        waveform = torch.zeros(len(clips), int(lengths.max()))
        targets = torch.zeros(len(texts), max(len(text) for text in texts), dtype=torch.long)
        for row, (clip, text) in enumerate(zip(clips, texts, strict=True)):
            waveform[row, : len(clip)] = torch.from_numpy(clip)
            targets[row, : len(text)] = torch.tensor(text)
        return Batch(waveform, lengths, targets, torch.tensor([len(text) for text in texts]), plan)


def play_at_speed(
    samples: npt.NDArray[np.float32], speed: float, sample_rate: int
) -> npt.NDArray[np.float32]:
    """Faster and higher, or slower and lower, as a tape: (N,) -> (N / speed,). Source: Ko et al. 2015."""
    return samples if speed == 1.0 else resample(samples, round(sample_rate * speed), sample_rate)


class _Careful(Dataset["Batch | EarwrightError"]):
    """A reader whose errors come as values: from a worker, torch would pass on a traceback as the message."""

    def __init__(self, reader: BatchReader) -> None:
        self.reader = reader

    def __getitem__(self, plan: BatchPlan) -> Batch | EarwrightError:
        try:
            return self.reader[plan]
        except EarwrightError as error:
            return error


def load_batches(reader: BatchReader, stream: UpdateStream, workers: int) -> Iterator[Batch]:
    """The batches of a stream, read ahead by `workers` processes (0: by this one).

    Raises:
        EarwrightError: what a batch names cannot be read.
    """
    loader = DataLoader(
        _Careful(reader),
        batch_size=None,
        sampler=stream,  # any iterable will do without batching
        num_workers=workers,
        prefetch_factor=4 if workers else None,
    )
    return _raised(iter(loader))  # begun here: whoever asks for batches has workers from now on


def _raised(batches: Iterator[Batch | EarwrightError]) -> Iterator[Batch]:
    for batch in batches:
        if isinstance(batch, EarwrightError):
            raise batch
        yield batch
