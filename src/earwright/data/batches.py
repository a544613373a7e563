"""Batches: the audio and the tokens of the utterances that `data/order.py` names."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from earwright.data.augment import Augmenter
from earwright.data.augmentation.lengths import join_audio
from earwright.data.augmentation.voice import change_voice
from earwright.data.frames import FRAME_SHIFT, frames_needed, seconds_for
from earwright.data.mixture import without_much_padding
from earwright.data.order import BatchPlan, Item, UpdateStream
from earwright.data.packed import Example, Examples
from earwright.data.stores import AudioStore, FarStore
from earwright.errors import EarwrightError


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


class BatchReader(Dataset[Batch]):
    """Reads the batch that a plan names.

    Args:
        examples: all utterances.
        audio: their samples.
        sample_rate: Hz.
        space: the tokens between the texts of two utterances that have become one.
        augmenter: what is done to the samples, if anything.
        frame_shift: seconds a frame of log-probs, of which each text needs some.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        audio: AudioStore,
        sample_rate: int,
        space: Sequence[int] = (),
        augmenter: Augmenter | None = None,
        frame_shift: float = FRAME_SHIFT,
    ) -> None:
        self.examples = Examples.of(examples)
        self.audio = audio
        self.sample_rate = sample_rate
        self.space = space
        self.augmenter = augmenter
        self.frame_shift = frame_shift

    def _clip(self, item: Item, spared: bool) -> npt.NDArray[np.float32]:
        if item.wordless:
            assert self.augmenter is not None, "speech must not be heard without its text"
            return self.augmenter.nothing(round(item.seconds(self.examples) * self.sample_rate), item.seed)
        clips = [self.audio.read(number) for number in item.examples]
        clip = join_audio(clips, item.pause, self.sample_rate) if len(clips) > 1 else clips[0]
        if self.augmenter and not spared:
            frames = frames_needed(item.tokens(self.examples, self.space))
            return self.augmenter(
                clip,
                item.seed,
                speed=item.speed,
                tempo=item.tempo,
                own=item.examples,
                least=math.ceil(seconds_for(frames, self.frame_shift) * self.sample_rate),
            )
        return change_voice(clip, self.sample_rate, speed=item.speed, tempo=item.tempo)

    def __getitem__(self, plan: BatchPlan) -> Batch:
        if isinstance(self.audio, FarStore):
            for index in plan.soon:
                self.audio.expect(index)
        clips = [self._clip(item, plan.spared) for item in plan.items]
        texts = [item.tokens(self.examples, self.space) for item in plan.items]
        lengths = torch.tensor([len(clip) for clip in clips])
        waveform = torch.zeros(len(clips), int(lengths.max()))
        targets = torch.zeros(len(texts), max(len(text) for text in texts), dtype=torch.long)
        for row, (clip, text) in enumerate(zip(clips, texts, strict=True)):
            waveform[row, : len(clip)] = torch.from_numpy(clip)
            targets[row, : len(text)] = torch.tensor(text)
        return Batch(waveform, lengths, targets, torch.tensor([len(text) for text in texts]), plan)


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
