"""Which utterances make which batch of which epoch, and the batches themselves.

The order is a pure function of (seed, epoch); workers only fetch what it names. So a run that was
stopped goes on with the very batches it would have seen, whatever the number of workers or machines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from earwright.data.augment import Augmenter
from earwright.data.augmentation.lengths import Lengths, draw_rows, draw_tempos, join_audio, join_tokens
from earwright.data.augmentation.voice import change_voice
from earwright.data.mixture import Source, deal, draw_epoch, without_much_padding


class AudioStore(Protocol):
    """Where the samples of example `index` come from."""

    def read(self, index: int) -> npt.NDArray[np.float32]:
        """Mono float32 at the recognizer's rate."""
        ...


@dataclass(frozen=True)
class Example:
    """One utterance to learn from. `tokens` are its text's."""

    id: str
    seconds: float
    tokens: tuple[int, ...]


NO_CHANGE = Lengths()
# Beside seed and epoch: what augmentation draws is independent of the order of the batches.
_STREAM = 2


class Item(NamedTuple):
    """The number of an utterance in a batch, and how it is to be heard this time.

    Attributes:
        speed: it is played at, as a tape.
        tempo: it is said at, on top of that.
        seed: of everything else that is done to it.
        then: the numbers of the utterances that follow it as a part of it.
        pause: seconds of silence before each of those, as they were recorded.
    """

    example: int
    speed: float
    tempo: float = 1.0
    seed: int = 0
    then: tuple[int, ...] = ()
    pause: float = 0.0

    @property
    def examples(self) -> tuple[int, ...]:
        """All that it consists of."""
        return (self.example, *self.then)

    def seconds(self, examples: Sequence[Example]) -> float:
        """How long it is as it is heard."""
        recorded = sum(examples[number].seconds for number in self.examples)
        return (recorded + self.pause * len(self.then)) / self.speed / self.tempo

    def tokens(self, examples: Sequence[Example], space: Sequence[int]) -> tuple[int, ...]:
        """Its text's, with `space` between those of several utterances."""
        return join_tokens([examples[number].tokens for number in self.examples], space)


class BatchPlan(NamedTuple):
    """What one process does in one part of an update.

    `update_tokens` counts the tokens of the whole update, over all its batches and processes; `epoch`
    and `position` say where the stream stands after this update.
    """

    items: list[Item]
    update_tokens: int
    epoch: int
    position: int


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
    lengths: Lengths = NO_CHANGE,
) -> list[list[Item]]:
    """Group an epoch's utterances into batches of similar length, in random order.

    Args:
        examples: all utterances.
        seed, epoch: decide every draw.
        batch_seconds: most seconds of a batch, padding included; a longer utterance goes alone.
        speeds: each utterance is played at one of these.
        sources: what the examples consist of, if of several parts; see `draw_epoch`.
        batch_clips: most utterances of a batch (of what is new in it, with sources); 0 for any number.
        lengths: how tempo is changed and utterances are put together.

    Returns:
        Every utterance once, alone or as a part of another; with sources those that `draw_epoch` names, each
        batch with its share of all.
    """
    generator = np.random.default_rng((seed, epoch))
    recorded = np.array([example.seconds for example in examples])
    chosen = draw_epoch(recorded, sources, seed=seed, epoch=epoch) if sources else np.arange(len(examples))
    drawn = np.array(speeds)[generator.integers(len(speeds), size=len(chosen))]
    own = np.random.default_rng((seed, epoch, _STREAM))
    seeds = own.integers(1 << 63, size=len(chosen))
    tempos = draw_tempos(len(chosen), lengths.tempo, own)
    count = sources[0].last - sources[0].first if sources else len(chosen)
    # New speech and old are not put together, so that each batch keeps its share of both.
    groups = [(0, count), (count, len(chosen))]
    seconds = recorded[chosen]
    rows = draw_rows(seconds, groups, lengths.concatenation, own)
    behind = {place for row in rows.values() for place in row.members[1:]}
    for first, row in rows.items():
        seconds[first] = seconds[list(row.members)].sum() + row.pause * (len(row.members) - 1)
    seconds = seconds / drawn / tempos
    # The jitter lets an utterance meet other neighbours in every epoch.
    order = np.argsort(seconds * generator.uniform(0.95, 1.05, len(chosen)), kind="stable").tolist()
    order = [place for place in order if place not in behind]
    if sources:
        share = sources[0].weight / sum(source.weight for source in sources)
        new = _filled(
            [place for place in order if place < count], seconds, share * batch_seconds, batch_clips
        )
        batches = deal(new, [place for place in order if place >= count], seconds)
    else:
        batches = _filled(order, seconds, batch_seconds, batch_clips)

    def item(place: int) -> Item:
        one = Item(int(chosen[place]), float(drawn[place]), float(tempos[place]), int(seeds[place]))
        if place not in rows:
            return one
        row = rows[place]
        return one._replace(then=tuple(chosen[list(row.members[1:])].tolist()), pause=row.pause)

    items = [[item(place) for place in batch] for batch in batches]
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
        seed, batch_seconds, speeds, sources, batch_clips, lengths: see `plan_epoch`.
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
        lengths: Lengths = NO_CHANGE,
        accumulate: int = 1,
        rank: int = 0,
        world: int = 1,
        epoch: int = 0,
        position: int = 0,
    ) -> None:
        self.examples = examples
        self.seed = seed
        self.batch_seconds = batch_seconds
        self.speeds = speeds
        self.sources = sources
        self.batch_clips = batch_clips
        self.lengths = lengths
        self.accumulate, self.rank, self.world = accumulate, rank, world
        self.epoch, self.position = epoch, position

    def epoch_plan(self, epoch: int) -> list[list[Item]]:
        """All batches of one epoch."""
        return plan_epoch(
            self.examples,
            seed=self.seed,
            epoch=epoch,
            batch_seconds=self.batch_seconds,
            speeds=self.speeds,
            sources=self.sources,
            batch_clips=self.batch_clips,
            lengths=self.lengths,
        )

    def __iter__(self) -> Iterator[BatchPlan]:
        epoch, position = self.epoch, self.position
        batches = self.epoch_plan(epoch)
        size = self.accumulate * self.world
        while True:
            update: list[list[Item]] = []
            while len(update) < size:
                if position >= len(batches):
                    epoch, position = epoch + 1, 0
                    batches = self.epoch_plan(epoch)
                update.append(batches[position])
                position += 1
            space = self.lengths.space
            tokens = sum(len(item.tokens(self.examples, space)) for batch in update for item in batch)
            for items in update[self.rank :: self.world]:
                yield BatchPlan(items, tokens, epoch, position)


class BatchReader(Dataset[Batch]):
    """Reads the batch that a plan names.

    Args:
        examples: all utterances.
        audio: their samples.
        sample_rate: Hz.
        space: the tokens between the texts of two utterances that have become one.
        augmenter: what is done to the samples, if anything.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        audio: AudioStore,
        sample_rate: int,
        space: Sequence[int] = (),
        augmenter: Augmenter | None = None,
    ) -> None:
        self.examples = examples
        self.audio = audio
        self.sample_rate = sample_rate
        self.space = space
        self.augmenter = augmenter

    def _clip(self, item: Item) -> npt.NDArray[np.float32]:
        clips = [self.audio.read(number) for number in item.examples]
        clip = join_audio(clips, item.pause, self.sample_rate) if len(clips) > 1 else clips[0]
        if self.augmenter:
            return self.augmenter(clip, item.seed, speed=item.speed, tempo=item.tempo, own=item.examples)
        return change_voice(clip, self.sample_rate, speed=item.speed, tempo=item.tempo)

    def __getitem__(self, plan: BatchPlan) -> Batch:
        clips = [self._clip(item) for item in plan.items]
        texts = [item.tokens(self.examples, self.space) for item in plan.items]
        lengths = torch.tensor([len(clip) for clip in clips])
        waveform = torch.zeros(len(clips), int(lengths.max()))
        targets = torch.zeros(len(texts), max(len(text) for text in texts), dtype=torch.long)
        for row, (clip, text) in enumerate(zip(clips, texts, strict=True)):
            waveform[row, : len(clip)] = torch.from_numpy(clip)
            targets[row, : len(text)] = torch.tensor(text)
        return Batch(waveform, lengths, targets, torch.tensor([len(text) for text in texts]), plan)


def load_batches(reader: BatchReader, stream: UpdateStream, workers: int) -> DataLoader[Batch]:
    """The batches of a stream, read ahead by `workers` processes (0: by this one)."""
    return DataLoader(
        reader,
        batch_size=None,
        sampler=stream,  # any iterable will do without batching
        num_workers=workers,
        prefetch_factor=4 if workers else None,
    )
