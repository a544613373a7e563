"""Confusion networks: a lattice as places in time, with the words that compete for each; and confidence.

Source: Xu et al. 2011 (see `sausage_kernel`). A sequence of words is aligned with all paths at once, so that
each of its words, and each gap between two, becomes a place. Mangu et al. 2000 cluster a lattice's arcs to
the same end; here a place's probabilities sum to one by construction, and the words that are best in each
place are those with the fewest expected errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from earwright.decoding.beam_arrays import Floats, Ints, Longs
from earwright.decoding.lattice.graph import Lattice
from earwright.decoding.lattice.paths import nbest_paths

_ROUNDS = 50  # more than any lattice was seen to need
_LEAST = 1e-6  # probabilities below are not told


@dataclass(frozen=True)
class Slot:
    """A place in a confusion network.

    Attributes:
        words: that compete, the likeliest first; "" is none.
        posteriors: of each.
        starts, ends: of each, in frames: what is expected.
    """

    words: tuple[str, ...]
    posteriors: tuple[float, ...]
    starts: tuple[float, ...]
    ends: tuple[float, ...]

    def posterior(self, word: str) -> float:
        """Of a word; 0 for one that does not compete."""
        return self.posteriors[self.words.index(word)] if word in self.words else 0.0


@dataclass(frozen=True)
class ConfusionNetwork:
    """Places in order of time, without those at which nothing is likeliest by far to be said.

    Attributes:
        slots: the places.
        expected_errors: that its own text makes, were the lattice all that can have been said.
    """

    slots: tuple[Slot, ...]
    expected_errors: float

    @property
    def words(self) -> tuple[str, ...]:
        """The likeliest word of each place, where it is one: the consensus hypothesis."""
        return tuple(slot.words[0] for slot in self.slots if slot.words[0])

    @property
    def text(self) -> str:
        """Those words, separated by single blanks."""
        return " ".join(self.words)


def confusion_network(
    lattice: Lattice, scale: float = 1.0, words: Sequence[str] | None = None
) -> ConfusionNetwork:
    """The competing words of a lattice, place by place.

    Args:
        lattice: any; an empty one has no places.
        scale: that scores are multiplied by; see `Lattice.posteriors`.
        words: a text whose words make the places; None: the one with the fewest expected errors, to which
            the best path is improved step by step.
    """
    if not lattice.nodes:
        return ConfusionNetwork((), 0.0)
    bins = _Bins(lattice, scale)
    said = bins.sequence(nbest_paths(lattice, 1)[0].words if words is None else words)
    errors, *found = bins.places(said)
    for _ in range(_ROUNDS if words is None else 0):
        better = bins.with_gaps(np.argmax(found[0], axis=1))
        new, *after = bins.places(better)
        if new >= errors - 1e-9:
            break
        errors, said, found = new, better, after
    slots = [bins.slot(*(part[place] for part in found)) for place in range(len(said))]
    shown = [slot for slot, word in zip(slots, said, strict=True) if word or slot.words != ("",)]
    return ConfusionNetwork(tuple(shown), errors)


def word_posteriors(lattice: Lattice, words: Sequence[str], scale: float = 1.0) -> list[float]:
    """How probable each word of a text is, given the lattice: the posterior in its place.

    Args:
        lattice: any; of an empty one nothing is probable.
        words: a text, as the search's best hypothesis.
        scale: that scores are multiplied by.
    """
    if not lattice.nodes or not words:
        return [0.0] * len(words)
    bins = _Bins(lattice, scale)
    said = bins.sequence(words)
    _, found, _, _ = bins.places(said)
    places = np.arange(1, len(said), 2)
    posteriors: list[float] = np.minimum(found[places, said[places]], 1.0).tolist()
    return posteriors


class _Bins:
    """A lattice as `sausage_kernel` takes it."""

    def __init__(self, lattice: Lattice, scale: float) -> None:
        before, _ = lattice.sums(scale)
        self._shares = np.exp(before[lattice.sources] + scale * lattice.scores - before[lattice.targets])
        self._order: Longs = np.argsort(lattice.targets, kind="stable")
        self._coming = np.searchsorted(lattice.targets[self._order], np.arange(lattice.nodes + 1))
        self._numbers = {"": 0}
        self._words: Ints = np.array(
            [self._numbers.setdefault(word, len(self._numbers)) for word in lattice.words], np.int32
        )
        self._lattice = lattice

    def sequence(self, words: Sequence[str]) -> Ints:
        """Numbers of words, with a gap before, between and after them."""
        numbers = [self._numbers.setdefault(word, len(self._numbers)) for word in words]
        return self.with_gaps(np.array(numbers, np.int32))

    def with_gaps(self, numbers: Ints | Longs) -> Ints:
        """The same without and then with gaps."""
        kept = numbers[numbers > 0]
        gapped: Ints = np.zeros(2 * len(kept) + 1, np.int32)
        gapped[1::2] = kept
        return gapped

    def places(self, said: Ints) -> tuple[float, Floats, Floats, Floats]:
        """What stands in the places of a sequence."""
        from earwright.decoding.lattice.sausage_kernel import expected_errors

        lattice = self._lattice
        return expected_errors(
            lattice.sources, self._order, self._coming, self._words, self._shares, lattice.times, said,
            len(self._numbers),
        )  # fmt: skip

    def slot(self, posteriors: Floats, begins: Floats, ends: Floats) -> Slot:
        """A place as it is told."""
        names = list(self._numbers)
        order = [int(word) for word in np.argsort(-posteriors, kind="stable") if posteriors[word] > _LEAST]
        total = float(posteriors[order].sum())
        last = float(self._lattice.frames)  # which no sum exceeds but by a rounding
        until = [min(float(ends[word] / posteriors[word]), last) for word in order]
        since = [float(begins[word] / posteriors[word]) for word in order]
        return Slot(
            tuple(names[word] for word in order),
            tuple(float(posteriors[word]) / total for word in order),
            tuple(map(min, since, until)),
            tuple(until),
        )
