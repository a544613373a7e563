"""Groups into parts: each part near the hours that it should have, and in its traits like the whole.

A group (a speaker, a recording) lies in one part. Each draws a number, which says where it begins; then
single groups move, or two of different parts change places, whatever helps most, until the parts are near
enough or nothing helps. The draw hangs on the group's own name, so a corpus that grows keeps most of its
groups where they were.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Change = list[tuple[int, int]]  # (group, the part it comes to)

# The cost of a part whose hours are off by 1 %: from there on nothing is moved for a better one's sake.
GOOD_ENOUGH = 1e-4
# Hours off by 3 %, or 52 women in 100 where there should be 50: only beyond that another draw is tried, since
# it is another split altogether.
BEARABLE = 1e-3
STARTS = 50  # draws that are tried
GROUPS_TO_START_ANEW = 500  # with more of them, chance alone leads near
MOVABLE = 20_000  # so many groups may move, the largest; the others stay where they were drawn to
SWAPPED = 400  # groups of a part that are tried in exchange for such of another, all pairs of them
SMALLEST_GAIN = 1e-9


@dataclass(frozen=True)
class Groups:
    """What is to be parted: G groups, K traits (such as: said by a woman, in dialect, in Welsh).

    Attributes:
        names: none twice, and sorted: sums then come out alike, and with them the choice, however the corpus
            was ordered.
        seconds: (G,) of each group, above 0.
        group, trait, trait_seconds: (N,) how many seconds of which group have which trait.
    """

    names: Sequence[str]
    seconds: Floats
    group: Integers
    trait: Integers
    trait_seconds: Floats

    def sums(self, places: Integers, count: int) -> Floats:
        """Seconds and seconds of each trait (count, 1 + K) when group g is added to row places[g].

        A place below 0 leaves it out.
        """
        traits = int(self.trait.max()) + 1 if len(self.trait) else 0
        inside = places >= 0
        seconds = np.bincount(places[inside], self.seconds[inside], count)
        known = inside[self.group]
        cells = places[self.group[known]] * traits + self.trait[known]
        table = np.bincount(cells, self.trait_seconds[known], count * traits).reshape(count, traits)
        return np.column_stack([seconds, table])


def draw(name: str, seed: int, start: int = 0) -> float:
    """A number in [0, 1) that a group keeps, whatever others there are.

    Args:
        name: of the group.
        seed, start: another of these is another draw.
    """
    text = f"{seed}/{start}/{name}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") / 2**64


def partition(
    groups: Groups, wanted: Sequence[float], seed: int, fixed: Integers | None = None
) -> tuple[Integers, float]:
    """Choose a part for each group.

    Args:
        groups: at least as many as there are parts.
        wanted: (P,) seconds that each part should have, above 0.
        seed: another one gives another split.
        fixed: (G,) the part that a group must stay in, -1 for one that is free; None frees all.

    Returns:
        The number of each group's part (G,), no part empty unless too many groups are fixed; and what is left
        to be wished for: the sum over parts of the square of the hours' relative error and, for each trait,
        of the square of the error of its share over its share in the whole (as in a chi-squared test, so that
        rare traits count). 0 is perfect.
    """
    held = np.full(len(groups.names), -1) if fixed is None else fixed
    free = np.flatnonzero(held < 0)
    search = _Search(groups, np.asarray(wanted, dtype=np.float64), free)
    best, lowest = held, np.inf
    for start in range(STARTS if len(free) <= GROUPS_TO_START_ANEW else 1):
        draws = np.array([draw(groups.names[number], seed, start) for number in free.tolist()])
        parts = held.copy()
        # The first draw gives each part its share; the others are spread evenly, to look elsewhere too.
        parts[free] = _drawn_parts(draws, search.wanted if start == 0 else np.ones(len(wanted)))
        cost = search.improve(parts)
        if cost < lowest - SMALLEST_GAIN:
            best, lowest = parts, cost
        if cost <= BEARABLE * len(wanted):
            break
    return best, lowest


def _drawn_parts(draws: Floats, wanted: Floats) -> Integers:
    """The last part takes the lowest draws, then the one before it, and the first (for training) the rest."""
    bounds = np.cumsum(wanted[::-1]) / wanted.sum()
    return len(wanted) - 1 - np.searchsorted(bounds[:-1], draws, side="right")


class _Search:
    """The search for a better place, in vectors whose squares are the cost.

    A group's vector has its seconds and its seconds of each trait, these over the root of the trait's share
    in the whole. A part's residual is the sum of its groups' vectors less what the part should have; its cost
    is the squared length of that, over the square of the seconds that it should have.
    """

    def __init__(self, groups: Groups, wanted: Floats, free: Integers) -> None:
        self.groups, self.wanted = groups, wanted
        self.weights = 1 / wanted**2
        self.good_enough = GOOD_ENOUGH * len(wanted)
        whole = groups.sums(np.zeros(len(groups.names), dtype=np.int64), 1)[0]
        shares = whole / whole[0]
        self.scale = 1 / np.sqrt(np.where(shares > 0, shares, 1.0))  # (1 + K,)
        self.target = shares * self.scale  # of a part, per second
        self.movable = np.sort(free[np.argsort(-groups.seconds[free], kind="stable")[:MOVABLE]])
        places = np.full(len(groups.names), -1)
        places[self.movable] = np.arange(len(self.movable))
        self.vectors = groups.sums(places, len(self.movable)) * self.scale  # (M, 1 + K)
        self.lengths = (self.vectors**2).sum(axis=1)

    def improve(self, parts: Integers) -> float:
        """Change `parts` (G,) in place until they are good enough or nothing helps; returns their cost."""
        self._fill(parts)
        place = parts[self.movable]  # (M,)
        residuals = self.groups.sums(parts, len(self.wanted)) * self.scale
        residuals -= self.wanted[:, None] * self.target  # (P, 1 + K)
        counts = np.bincount(parts, minlength=len(self.wanted))
        while (cost := float((residuals**2).sum(axis=1) @ self.weights)) > self.good_enough:
            gains = self._gains(place, residuals)
            change = _best_move(np.where(counts[place][:, None] > 1, gains, -np.inf))
            change = change or self._best_swap(place, gains)
            for group, part in change:
                residuals[place[group]] -= self.vectors[group]
                residuals[part] += self.vectors[group]
                counts[place[group]] -= 1
                counts[part] += 1
                place[group] = part
            if not change:
                break
        parts[self.movable] = place
        return cost

    def _fill(self, parts: Integers) -> None:
        """Put into each empty part the group that comes nearest to what the part should have."""
        for part, wanted in enumerate(self.wanted):
            counts = np.bincount(parts, minlength=len(self.wanted))
            spare = counts[parts[self.movable]] > 1
            if not counts[part] and spare.any():
                error = np.where(spare, np.abs(self.vectors[:, 0] - wanted), np.inf)
                parts[self.movable[error.argmin()]] = part

    def _gains(self, place: Integers, residuals: Floats) -> Floats:
        """How much the cost falls when a group moves to a part (M, P); -inf to its own."""
        along = 2 * self.vectors @ residuals.T
        own = np.arange(len(place)), place
        leaving = (along[own] - self.lengths) * self.weights[place]
        gains: Floats = leaving[:, None] - (along + self.lengths[:, None]) * self.weights
        gains[own] = -np.inf
        return gains

    def _best_swap(self, place: Integers, gains: Floats) -> Change:
        """The two groups that help most when they change places."""
        best, change = SMALLEST_GAIN, []
        for a in range(len(self.wanted)):
            for b in range(a + 1, len(self.wanted)):
                here, there = np.flatnonzero(place == a)[:SWAPPED], np.flatnonzero(place == b)[:SWAPPED]
                if not len(here) or not len(there):
                    continue
                # Both moves, each reckoned as if the other group stayed: what they have in common is mended.
                common = 2 * (self.weights[a] + self.weights[b]) * self.vectors[here] @ self.vectors[there].T
                both = np.round(gains[here, b][:, None] + gains[there, a] + common, 9)
                row, column = divmod(int(both.argmax()), len(there))
                if both[row, column] > best:
                    best, change = both[row, column], [(int(here[row]), b), (int(there[column]), a)]
        return change


def _best_move(gains: Floats) -> Change:
    """The group that helps most when it moves alone."""
    if not len(gains):
        return []
    rounded = np.round(gains, 9)  # where two are equal but for rounding, the first wins on every machine
    group, part = divmod(int(rounded.argmax()), gains.shape[1])
    return [(group, part)] if rounded[group, part] > SMALLEST_GAIN else []
