"""Pieces of many recordings, gathered into rounds and put into batches of like length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from earwright.audio.segment import Piece

Job = TypeVar("Job")  # whose piece it is

# Audio gathered before it is run: little the first time, to be quick, then more, to sort by length.
ROUND_SECONDS = (20.0, 160.0)
ROUND_STEPS = 256  # many short or bad files make a round too


def rounds(
    steps: Iterable[tuple[Job, Piece | None]], sample_rate: int
) -> Iterator[list[tuple[Job, Piece | None]]]:
    """Gather pieces until a round is full; rounds double from the first, quick one to the largest."""
    size, largest = (seconds * sample_rate for seconds in ROUND_SECONDS)
    gathered: list[tuple[Job, Piece | None]] = []
    held = 0
    for job, piece in steps:
        gathered.append((job, piece))
        held += 0 if piece is None else len(piece.samples)
        if held >= size or len(gathered) >= ROUND_STEPS:
            yield gathered
            gathered, held, size = [], 0, min(2 * size, largest)
    if gathered:
        yield gathered


def batches(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Indices in batches of like length, none larger than `most` with its padding (but for one alone)."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: lengths[index]):
        if batch and (len(batch) + 1) * lengths[index] > most:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
