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

from earwright.audio.read import resample
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


class Item(NamedTuple):
    """The number of an utterance in a batch, and the speed it is played at."""

    example: int
    speed: float


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
) -> list[list[Item]]:
    """Group an epoch's utterances into batches of similar length, in random order.

    Args:
        examples: all utterances.
        seed, epoch: decide every draw.
        batch_seconds: most seconds of a batch, padding included; a longer utterance goes alone.
        speeds: each utterance is played at one of these.
        sources: what the examples consist of, if of several parts; see `draw_epoch`.
        batch_clips: most utterances of a batch (of what is new in it, with sources); 0 for any number.

    Returns:
        Every utterance once; with sources those that `draw_epoch` names, each batch with its share of all.
    """
    generator = np.random.default_rng((seed, epoch))
    recorded = np.array([example.seconds for example in examples])
    chosen = draw_epoch(recorded, sources, seed=seed, epoch=epoch) if sources else np.arange(len(examples))
    drawn = np.array(speeds)[generator.integers(len(speeds), size=len(chosen))]
    seconds = recorded[chosen] / drawn
    # The jitter lets an utterance meet other neighbours in every epoch.
    order = np.argsort(seconds * generator.uniform(0.95, 1.05, len(chosen)), kind="stable").tolist()
    if sources:
        count = sources[0].last - sources[0].first
        share = sources[0].weight / sum(source.weight for source in sources)
        new = _filled(
            [place for place in order if place < count], seconds, share * batch_seconds, batch_clips
        )
        batches = deal(new, [place for place in order if place >= count], seconds)
    else:
        batches = _filled(order, seconds, batch_seconds, batch_clips)
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
        seed, batch_seconds, speeds, sources, batch_clips: see `plan_epoch`.
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
            tokens = sum(len(self.examples[item.example].tokens) for batch in update for item in batch)
            for items in update[self.rank :: self.world]:
                yield BatchPlan(items, tokens, epoch, position)


class BatchReader(Dataset[Batch]):
    """Reads the batch that a plan names."""

    def __init__(self, examples: Sequence[Example], audio: AudioStore, sample_rate: int) -> None:
        self.examples = examples
        self.audio = audio
        self.sample_rate = sample_rate

    def __getitem__(self, plan: BatchPlan) -> Batch:
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


def load_batches(reader: BatchReader, stream: UpdateStream, workers: int) -> DataLoader[Batch]:
    """The batches of a stream, read ahead by `workers` processes (0: by this one)."""
    return DataLoader(
        reader,
        batch_size=None,
        sampler=stream,  # any iterable will do without batching
        num_workers=workers,
        prefetch_factor=4 if workers else None,
    )
