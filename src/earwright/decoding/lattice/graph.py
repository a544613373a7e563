"""A word lattice: what may have been said, as a graph of words between points in time."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from earwright.decoding.beam_arrays import Floats, Ints
from earwright.errors import EarwrightError

_LN10 = math.log(10.0)


@dataclass(frozen=True)
class Lattice:
    """N points in time and A words between them; each path from the first to the last is a hypothesis.

    A path is worth the sum of its arcs' scores, each of which is

        acoustic + lm_weight * ln(10) * lm + other

    An arc holds a word's tokens with the blanks before them; those after the last word are the last arc's.
    Nodes are in order: each arc leads to a higher number, from node 0 to node N - 1. Without any path there
    are no nodes.

    Attributes:
        times: (N,) frames before each node.
        sources, targets: (A,) the nodes of each arc, sorted by source.
        words: of each arc; "" where there is none.
        acoustic: (A,) log P of the arc's tokens in its frames, a natural logarithm: the sum over alignments,
            or the best one of a search with `maximum`.
        lm: (A,) log10 of the language model, unweighted; the sentence's end is with its last arc.
        other: (A,) bonuses and penalties, as natural logarithms.
        alignments: (A,) the token of each frame of an arc, blanks among them; empty where it is not known.
        lm_weight: of the language model.
    """

    times: Ints
    sources: Ints
    targets: Ints
    words: tuple[str, ...]
    acoustic: Floats
    lm: Floats
    other: Floats
    alignments: tuple[tuple[int, ...], ...] = field(repr=False)
    lm_weight: float = 1.0

    @property
    def nodes(self) -> int:
        """How many there are."""
        return len(self.times)

    @property
    def arcs(self) -> int:
        """How many there are."""
        return len(self.words)

    @property
    def frames(self) -> int:
        """How long the utterance is."""
        return int(self.times[-1]) if len(self.times) else 0

    @cached_property
    def scores(self) -> Floats:
        """(A,) what each arc is worth."""
        return self.acoustic + self.lm_weight * _LN10 * self.lm + self.other

    @cached_property
    def leaving(self) -> Ints:
        """(N + 1,) the arcs that leave node n are those from leaving[n] up to leaving[n + 1]."""
        return np.searchsorted(self.sources, np.arange(self.nodes + 1)).astype(np.int32)

    def sums(self, scale: float = 1.0, maximum: bool = False) -> tuple[Floats, Floats]:
        """log of the sum over all paths from the first node to each, and from each to the last.

        Args:
            scale: that scores are multiplied by.
            maximum: the best path instead of the sum.

        Returns:
            (N,) twice.
        """
        from earwright.decoding.lattice.graph_kernel import forward_backward

        if not self.nodes:
            return np.zeros(0), np.zeros(0)
        return forward_backward(self.sources, self.targets, scale * self.scores, self.nodes, maximum)

    def posteriors(self, scale: float = 1.0) -> Floats:
        """(A,) the probability of each arc, if the paths of the lattice were all that could be.

        Args:
            scale: that scores are multiplied by; below 1 the best path is less sure.
        """
        before, after = self.sums(scale)
        if not self.nodes:
            return np.zeros(0)
        found: Floats = np.exp(
            before[self.sources] + scale * self.scores + after[self.targets] - before[self.nodes - 1]
        )
        return found

    def pruned(self, beam: float) -> Lattice:
        """Without the arcs whose best path is worth less than the best path of all by more than `beam`.

        Raises:
            EarwrightError: a beam below 0 or NaN.
        """
        if not beam >= 0:
            raise EarwrightError(f"a lattice is pruned with a beam of 0 or more, not {beam}.")
        if not self.nodes:
            return self
        before, after = self.sums(maximum=True)
        worth = before[self.sources] + self.scores + after[self.targets]
        # The best path is kept whatever its sums are rounded to.
        return self.only(worth >= before[self.nodes - 1] - beam - 1e-9 * (1 + abs(before[self.nodes - 1])))

    def only(self, kept: npt.NDArray[np.bool_]) -> Lattice:
        """With some of its arcs alone, and the nodes that paths through those have."""
        arcs = np.flatnonzero(kept)
        return assemble(
            self.times,
            self.sources[arcs],
            self.targets[arcs],
            [self.words[arc] for arc in arcs],
            self.acoustic[arcs],
            self.lm[arcs],
            self.other[arcs],
            [self.alignments[arc] for arc in arcs],
            lm_weight=self.lm_weight,
            start=0,
            end=self.nodes - 1,
        )

    def weighted(self, lm_weight: float) -> Lattice:
        """With another weight of the language model."""
        return replace(self, lm_weight=lm_weight)


def empty_lattice(lm_weight: float = 1.0) -> Lattice:
    """One without any path."""
    ints, floats = np.zeros(0, np.int32), np.zeros(0)
    return Lattice(ints, ints, ints, (), floats, floats, floats, (), lm_weight)


def assemble(
    times: npt.ArrayLike,
    sources: npt.ArrayLike,
    targets: npt.ArrayLike,
    words: Sequence[str],
    acoustic: npt.ArrayLike,
    lm: npt.ArrayLike,
    other: npt.ArrayLike,
    alignments: Sequence[tuple[int, ...]],
    *,
    lm_weight: float,
    start: int,
    end: int,
) -> Lattice:
    """A lattice of nodes and arcs in any order; what is on no path from `start` to `end` is left out.

    Args:
        times, sources, targets, words, acoustic, lm, other, alignments, lm_weight: as `Lattice` has them.
        start, end: nodes.

    Raises:
        EarwrightError: the arcs make a circle.
    """
    froms, tos = np.asarray(sources, np.int64), np.asarray(targets, np.int64)
    clock = np.asarray(times, np.int32)
    order, useful = _sorted_nodes(froms.tolist(), tos.tolist(), clock.tolist(), start, end)
    if not useful:
        return empty_lattice(lm_weight)
    place = np.full(len(clock), -1, np.int32)
    place[order] = np.arange(len(order))
    kept = np.flatnonzero((place[froms] >= 0) & (place[tos] >= 0)) if len(froms) else np.zeros(0, np.int64)
    kept = kept[np.lexsort((place[tos[kept]], place[froms[kept]]))]
    return Lattice(
        clock[order],
        place[froms[kept]],
        place[tos[kept]],
        tuple(words[arc] for arc in kept.tolist()),
        np.asarray(acoustic, np.float64)[kept],
        np.asarray(lm, np.float64)[kept],
        np.asarray(other, np.float64)[kept],
        tuple(alignments[arc] for arc in kept.tolist()),
        lm_weight,
    )


def _sorted_nodes(
    sources: list[int], targets: list[int], times: list[int], start: int, end: int
) -> tuple[list[int], bool]:
    """The nodes on paths from start to end, so that arcs lead onward; whether there is such a path."""
    leaving: list[list[int]] = [[] for _ in times]
    coming: list[list[int]] = [[] for _ in times]
    for source, target in zip(sources, targets, strict=True):
        leaving[source].append(target)
        coming[target].append(source)
    useful = _reached(leaving, start) & _reached(coming, end)
    if end not in useful or start not in useful:
        return [], False
    # Kahn 1962; the earliest of those that are ready goes first.
    missing = {node: sum(source in useful for source in coming[node]) for node in useful}
    ready = [(times[node], node) for node in useful if not missing[node]]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        _, node = heapq.heappop(ready)
        order.append(node)
        for target in leaving[node]:
            if target in useful:
                missing[target] -= 1
                if not missing[target]:
                    heapq.heappush(ready, (times[target], target))
    if len(order) < len(useful):
        raise EarwrightError("the arcs of the lattice make a circle.")
    return order, True


def _reached(following: Sequence[Sequence[int]], start: int) -> set[int]:
    """The nodes that can be reached."""
    found, waiting = {start}, [start]
    while waiting:
        for node in following[waiting.pop()]:
            if node not in found:
                found.add(node)
                waiting.append(node)
    return found
