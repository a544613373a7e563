"""What an epoch is made of where a training set has several sources, and in which order shards are read.

Every draw is a pure function of (seed, epoch), like everything about batches: a run that was stopped draws
the same utterances again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwright.data.packed import LOOSE

Numbers = npt.NDArray[np.int64]

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
    seconds: npt.NDArray[np.float64],
    sources: Sequence[Source],
    *,
    seed: int,
    epoch: int,
    shards: npt.NDArray[np.int32] | None = None,
) -> list[Numbers]:
    """Choose the utterances of an epoch.

    An epoch is one pass over the first source. Of each other source so much is drawn, anew each epoch, that
    the seconds of all stand to each other as their weights do, to within half an utterance a source.

    Args:
        seconds: (N,) length of every example as it was recorded.
        sources: the first, then the others.
        seed, epoch: decide the draw.
        shards: (N,) the shard of each example, or `LOOSE`; None if none lies in a shard.

    Returns:
        Numbers of examples, source by source; one of a small source with a large weight may come several
        times. With shards each source is in an order to read it in, see `_turn`.
    """
    generator = np.random.default_rng((seed, epoch, _STREAM))
    first, *others = sources
    chosen = [np.arange(first.first, first.last) if shards is None else _turn(first, shards, generator)]
    whole = float(seconds[first.first : first.last].sum())
    for source in others:
        wanted = whole * source.weight / first.weight
        chosen.append(_draw(source, seconds, wanted, shards, generator))
    return chosen


def _draw(
    source: Source,
    seconds: npt.NDArray[np.float64],
    wanted: float,
    shards: npt.NDArray[np.int32] | None,
    generator: np.random.Generator,
) -> Numbers:
    """So many utterances that their seconds are closest to `wanted`; all have a turn before one has two."""
    total = float(seconds[source.first : source.last].sum())
    passes = math.ceil(wanted / total) + 1
    order = np.concatenate([_turn(source, shards, generator) for _ in range(passes)])
    ends = np.cumsum(seconds[order])
    return order[: int(np.abs(ends - wanted).argmin()) + 1]


def _turn(source: Source, shards: npt.NDArray[np.int32] | None, generator: np.random.Generator) -> Numbers:
    """All of a source in a random order: shards one after the other, and what lies in none spread between."""
    if shards is None or not (shards[source.first : source.last] != LOOSE).any():
        return source.first + generator.permutation(source.last - source.first)
    own = shards[source.first : source.last]
    inside, loose = np.flatnonzero(own != LOOSE), np.flatnonzero(own == LOOSE)
    found, which = np.unique(own[inside], return_inverse=True)
    read = inside[np.argsort(generator.permutation(len(found))[which], kind="stable")]
    parts = (read, generator.permutation(loose))
    places = np.concatenate([(np.arange(len(part)) + 0.5) / max(len(part), 1) for part in parts])
    return source.first + np.concatenate(parts)[np.argsort(places, kind="stable")]


def cut_into_groups(
    chosen: Sequence[Numbers],
    seconds: npt.NDArray[np.float64],
    shards: npt.NDArray[np.int32],
    open_shards: int,
) -> list[list[Numbers]]:
    """Cut an epoch into groups, each of which needs few shards: what is shuffled together.

    Args:
        chosen: numbers of examples, source by source, as `draw_epoch` orders them.
        seconds, shards: (N,) of every example.
        open_shards: about so many shards a group.

    Returns:
        Groups in the order in which they are read, each source by source; all groups have like shares of
        every source's seconds, and each has something of the first source. A shard may be cut in two by the
        border of two groups, so that a group may need one more of each source.
    """
    count = max(1, round(sum(count_reads(shards[part]) for part in chosen) / open_shards))
    first = np.cumsum(seconds[chosen[0]])
    inner = np.searchsorted(first, first[-1] * np.arange(1, count) / count)
    borders = np.unique([0, *inner.tolist(), len(first)])
    shares = first[borders[1:-1] - 1] / first[-1]
    cuts = [borders[1:-1]]
    for part in chosen[1:]:
        ends = np.cumsum(seconds[part])
        cuts.append(np.searchsorted(ends - seconds[part] / 2, shares * ends[-1]))
    pieces = [np.split(part, places) for part, places in zip(chosen, cuts, strict=True)]
    return [list(group) for group in zip(*pieces, strict=True)]


def count_reads(shards: npt.NDArray[np.int32]) -> int:
    """How often a shard is begun where utterances are read in this order; loose ones do not count."""
    inside = shards[shards != LOOSE]
    return int(np.count_nonzero(np.diff(inside))) + 1 if len(inside) else 0


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
