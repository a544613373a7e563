"""Cutting long audio at its quietest places as it streams by, in memory that does not grow with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LONGEST = (
    20.0  # seconds; what a model meets in training is rarely longer, and attention grows with the square
)
FRAME = 0.01  # seconds: how finely loudness is looked at
PAUSE = 0.2  # seconds over which quiet is judged: longer than the closure of a plosive, shorter than a breath
# A cut falls into this part of a piece. Not earlier, so that pieces keep their context; not later, so that
# the rest of a file that is just too long is not a crumb.
EARLIEST, LATEST = 0.5, 0.95


@dataclass(frozen=True)
class Piece:
    """A stretch of audio: float32 mono `samples` (N,), of which the first is the whole's `start_sample`."""

    start_sample: int
    samples: npt.NDArray[np.float32]


def cut_at_quiet(
    blocks: Iterable[npt.NDArray[np.float32]], sample_rate: int, longest: float = LONGEST
) -> Iterator[Piece]:
    """Cut a stream of audio into pieces of at most `longest` seconds, each cut at the quietest place.

    Joined, the pieces are the stream, sample for sample. What fits into one piece is not cut.

    Args:
        blocks: float32 mono (n,), of any lengths.
        sample_rate: Hz.
        longest: seconds.

    Yields:
        The pieces in order, none of them empty; at most `longest` seconds and one block are held at a time.
    """
    most = max(1, round(longest * sample_rate))
    held = np.zeros(0, np.float32)
    start = 0  # samples before `held`
    for block in blocks:
        held = np.concatenate([held, np.asarray(block, np.float32)])
        while len(held) > most:
            cut = _quietest(held[:most], sample_rate)
            yield Piece(start, held[:cut].copy())  # a copy, so that the whole buffer can be let go
            start += cut
            held = held[cut:]
    if len(held):
        yield Piece(start, held)


def _quietest(samples: npt.NDArray[np.float32], sample_rate: int) -> int:
    """The sample in the allowed part of a piece around which PAUSE seconds have the least energy."""
    hop = max(1, round(FRAME * sample_rate))
    first = int(EARLIEST * len(samples))
    last = max(first + 1, int(LATEST * len(samples)))
    region = samples[first:last].astype(np.float64)
    frames = len(region) // hop
    width = min(frames, round(PAUSE / FRAME))
    if width == 0:  # pieces of a few samples: anywhere will do
        return last
    energy = np.square(region[: frames * hop]).reshape(frames, hop).sum(axis=1)  # (frames,)
    sums = np.concatenate([[0.0], np.cumsum(energy)])
    smooth = sums[width:] - sums[:-width]  # energy of frames [i, i + width)
    # Digital silence and steady hum tie over a long stretch: take its middle, away from the words around it.
    low = int(smooth.argmin())
    near = smooth <= smooth[low] + 1e-3 * energy.mean() * width
    end = low + int(np.argmin(np.append(near[low:], False)))
    return first + hop * ((low + end - 1) // 2) + hop * width // 2
