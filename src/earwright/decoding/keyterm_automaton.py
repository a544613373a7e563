"""Sequences of units with weights as an automaton that finds all of them at once (Aho and Corasick 1975).

Everything is made level by level with arrays: ten thousand phrases take a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from earwright.decoding.beam_arrays import TERM_NODE, Floats, Ints, Terms
from earwright.decoding.prefix_tree import PrefixTree, prefix_tree
from earwright.decoding.spellings import BOUNDARY

# No bonus is above this, so that a probability times its exponential stays a number, whatever weights there
# are; and no promise above that, so that what is no term is not pruned for one that may turn out to be none:
# a beam keeps what is 14 behind. What a term is worth beyond it is given at its end.
LARGEST = 200.0
LARGEST_PROMISE = 8.0


@dataclass(frozen=True)
class Automaton:
    """Patterns and their bonuses, for a boost of 1.

    Attributes:
        tree: of the patterns.
        fails: (nodes,) the longest proper suffix that is a node.
        promised: (nodes,) bonus for what is the beginning of a pattern.
        earned: (nodes,) bonus for the patterns that end here.
    """

    tree: PrefixTree
    fails: Ints
    promised: Floats
    earned: Floats

    def boosted(self, boost: float, units_at_once: int) -> Terms:
        """As the search takes it.

        Args:
            boost: that bonuses are multiplied by; 0 or more.
            units_at_once: of the longest token, the end of a word among them.
        """
        with np.errstate(over="ignore"):
            promised = np.minimum(self.promised * boost, LARGEST_PROMISE)
            earned = np.minimum(self.earned * boost, LARGEST)
        parents, levels = self.tree.parents, self.tree.levels
        gains, drops = promised + earned, promised - promised[self.fails]
        gains[1:] -= promised[parents[1:]]
        most = np.full(len(gains), -np.inf)
        np.maximum.at(most, parents[1:], gains[1:])
        most[0] = max(most[0], 0.0)
        for first, last in pairwise(levels):
            failed = most[self.fails[first:last]] - drops[first:last]
            most[first:last] = np.maximum(most[first:last], failed)
        if units_at_once > 1 and len(gains) > 1:
            # A pattern ends with a boundary, of which no token has two.
            inside = max(float((promised[1:] - promised[parents[1:]]).max()), 0.0)
            most[:] = (units_at_once - 1) * inside + max(float(gains.max()), 0.0)
        leads = np.zeros(len(gains), np.uint64)
        np.bitwise_or.at(leads, parents[1:], np.uint64(1) << (self.tree.units[1:] % 64).astype(np.uint64))
        leads |= np.uint64(1 << BOUNDARY)
        for first, last in pairwise(levels):
            leads[first:last] |= leads[self.fails[first:last]]
        nodes = np.zeros(len(gains), TERM_NODE)
        places, begins = _in_reach(self.tree)
        nodes["begin"][places], nodes["count"][places] = begins, np.diff(self.tree.begins)
        nodes["unit"][places], nodes["fail"][places] = self.tree.units, places[self.fails]
        nodes["leads"][places], nodes["promised"][places] = leads, promised
        nodes["gain"][places], nodes["drop"][places] = gains, drops
        with np.errstate(over="ignore"):  # infinity means that nothing is ruled out
            nodes["most"][places], nodes["least"][places] = np.exp(most), np.exp(-promised)
        return Terms(nodes)


def _in_reach(tree: PrefixTree) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Places for the nodes, those of one word near each other, and the place of each node's first child.

    Children stand side by side, and what is below the first of them right behind.
    """
    below = np.zeros(len(tree.units), np.int64)
    for first, last in zip(tree.levels[-2::-1], tree.levels[:0:-1], strict=True):
        np.add.at(below, tree.parents[first:last], below[first:last] + 1)
    before = np.cumsum(below) - below  # of the nodes that were numbered earlier
    counts = np.diff(tree.begins)
    places, begins = np.zeros(len(below), np.int64), np.ones(len(below), np.int64)
    for first, last in pairwise(tree.levels):
        above = tree.parents[first:last]
        eldest = tree.begins[above]
        places[first:last] = begins[above] + np.arange(first, last) - eldest
        begins[first:last] = begins[above] + counts[above] + before[first:last] - before[eldest]
    return places, begins


def build_automaton(patterns: Sequence[Sequence[int]], weights: Sequence[float]) -> Automaton:
    """The automaton, with bonuses of a weight for each unit that is no boundary.

    Args:
        patterns: sequences of units; each begins with a boundary.
        weights: of each; where a pattern is there more than once, the largest counts.
    """
    tree = prefix_tree(patterns)
    count, levels = len(tree.units), tree.levels
    letters, own, below = np.zeros(count), np.zeros(count), np.zeros(count)
    spoken = tree.units != BOUNDARY
    np.maximum.at(own, tree.ends, np.asarray(weights, np.float64))
    for first, last in pairwise(levels):
        letters[first:last] = letters[tree.parents[first:last]] + spoken[first:last]
    for first, last in zip(levels[-2::-1], levels[:0:-1], strict=True):  # the deepest first
        np.maximum.at(below, tree.parents[first:last], np.maximum(below[first:last], own[first:last]))
    earned, promised = own * letters, below * letters
    fails = _fails(tree)
    for first, last in pairwise(levels):  # what is the end of a longer term is a term as well
        earned[first:last] += earned[fails[first:last]]
        promised[first:last] = np.maximum(promised[first:last], promised[fails[first:last]])
    return Automaton(tree, fails, promised, earned)


def _fails(tree: PrefixTree) -> Ints:
    """For each node the longest proper suffix of what leads to it that is a node, too."""
    fails = np.zeros(len(tree.units), np.int64)
    span = int(tree.units.max()) + 1
    keys = tree.parents[1:] * span + tree.units[1:]  # ascending, as nodes are numbered
    for first, last in list(pairwise(tree.levels))[1:]:
        at, unit = fails[tree.parents[first:last]], tree.units[first:last]
        waiting = np.arange(last - first)
        while len(waiting):
            wanted = at[waiting] * span + unit[waiting]
            place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            found = keys[place] == wanted
            fails[first + waiting[found]] = place[found] + 1
            waiting = waiting[~found & (at[waiting] > 0)]
            at[waiting] = fails[at[waiting]]
    return fails.astype(np.int32)


NO_TERMS = build_automaton([], []).boosted(1.0, 1)
