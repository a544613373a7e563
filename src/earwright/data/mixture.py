"""What batches are made of where a training set has several sources: new speech and old, say.

Every draw is a pure function of (seed, epoch), like everything about batches: a run that was stopped draws
the same old utterances again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Beside seed and epoch, so that the draw is independent of the order of the batches, which those two make.
_STREAM = 1
# A batch whose padding costs more than this, as a multiple of what is real, is worth computing in two.
MOST_PADDING = 1.3


@dataclass(frozen=True)
class Source:
    """A part of a training set.

    Attributes:
        first, last: its examples are [first, last).
        weight: of its audio in every batch, beside the weights of the other sources.
    """

    first: int
    last: int
    weight: float


def draw_epoch(
    seconds: npt.NDArray[np.float64], sources: Sequence[Source], *, seed: int, epoch: int
) -> npt.NDArray[np.int64]:
    """Choose the utterances of an epoch.

    An epoch is one pass over the first source. Of each other source so much is drawn, anew each epoch, that
    the seconds of all stand to each other as their weights do, to within half an utterance a source.

    Args:
        seconds: (N,) length of every example as it was recorded.
        sources: the first, then the others.
        seed, epoch: decide the draw.

    Returns:
        Numbers of examples, those of the first source before the others; one of a small source with a large
        weight may come several times.
    """
    generator = np.random.default_rng((seed, epoch, _STREAM))
    first, *others = sources
    chosen = [np.arange(first.first, first.last)]
    whole = float(seconds[first.first : first.last].sum())
    for source in others:
        wanted = whole * source.weight / first.weight
        chosen.append(_draw(source, seconds, wanted, generator))
    return np.concatenate(chosen)


def _draw(
    source: Source, seconds: npt.NDArray[np.float64], wanted: float, generator: np.random.Generator
) -> npt.NDArray[np.int64]:
    """So many utterances that their seconds are closest to `wanted`; all have a turn before one has two."""
    total = float(seconds[source.first : source.last].sum())
    passes = math.ceil(wanted / total) + 1
    turns = [generator.permutation(source.last - source.first) for _ in range(passes)]
    order = source.first + np.concatenate(turns)
    ends = np.cumsum(seconds[order])
    return order[: int(np.abs(ends - wanted).argmin()) + 1]


def deal(
    batches: Sequence[list[int]], others: Sequence[int], seconds: npt.NDArray[np.float64]
) -> list[list[int]]:
    """Give every batch its share of further utterances: the short ones to the batch of short ones.

    Args:
        batches: numbers of utterances, from the shortest batch to the longest.
        others: numbers of the further ones, from the shortest to the longest.
        seconds: (N,) length of the utterance of each number.

    Returns:
        The batches with all the others in them, each in order of length. A batch has its share of the
        others' seconds to within an utterance, and so have any few batches that follow one another.
    """
    own = np.array([seconds[batch].sum() for batch in batches])
    lengths = seconds[list(others)]
    # Each goes where its middle falls when both are laid out along the same line.
    middles = np.cumsum(lengths) - lengths / 2
    borders = np.searchsorted(middles, np.cumsum(own) / own.sum() * lengths.sum())
    dealt, first = [], 0
    for number, batch in enumerate(batches):
        last = int(borders[number]) if number < len(batches) - 1 else len(others)
        whole = [*batch, *others[first:last]]
        dealt.append([whole[place] for place in np.argsort(seconds[whole], kind="stable").tolist()])
        first = last
    return dealt


def without_much_padding(lengths: Sequence[int] | Sequence[float]) -> list[int]:
    """Where to cut a batch so that no piece has much padding: [0, ..., how many there are].

    Short new utterances beside long old ones would mostly be padding; a batch of one length stays whole.

    Args:
        lengths: of the utterances, about in order.
    """
    borders, longest, real = [0], 0.0, 0.0
    for place, length in enumerate(lengths):
        longest, real = max(longest, length), real + length
        if longest * (place + 1 - borders[-1]) > MOST_PADDING * real:
            borders.append(place)
            longest = real = length
    return [*borders, len(lengths)]
