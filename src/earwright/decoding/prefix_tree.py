"""Sequences of numbers as a prefix tree in arrays, children side by side: for lexicons and for key terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwright.decoding.beam_arrays import Ints


@dataclass(frozen=True)
class PrefixTree:
    """A tree whose nodes are numbered level by level; node 0 is the root.

    Attributes:
        units: (nodes,) what leads to each node; the children of a node are sorted by it.
        begins: (nodes + 1,) the first child of each node.
        parents: (nodes,) -1 for the root.
        levels: where each level below the root begins, and the end.
        ends: (sequences,) the node that each sequence leads to.
    """

    units: Ints
    begins: Ints
    parents: npt.NDArray[np.int64]
    levels: tuple[int, ...]
    ends: npt.NDArray[np.int64]


def prefix_tree(sequences: Sequence[Sequence[int]]) -> PrefixTree:
    """Build a tree level by level.

    Args:
        sequences: of numbers that are 0 or more, in any order, also the same more than once.
    """
    longest = max(map(len, sequences), default=0)
    table = np.full((len(sequences), longest), -1, np.int32)
    for row, units in enumerate(sequences):
        table[row, : len(units)] = units
    order = np.lexsort(table.T[::-1]) if longest else np.arange(len(sequences))
    table = table[order]

    units_of, parents, levels = [np.zeros(1, np.int32)], [np.full(1, -1, np.int64)], [1]
    node = np.zeros(len(table), np.int64)  # where each sequence has come to
    for level in range(longest):
        rows = np.flatnonzero(table[:, level] >= 0)
        above, unit = node[rows], table[rows, level]
        new = np.ones(len(rows), np.bool_)
        new[1:] = (above[1:] != above[:-1]) | (unit[1:] != unit[:-1])
        node[rows] = levels[-1] + np.cumsum(new) - 1
        units_of.append(unit[new])
        parents.append(above[new])
        levels.append(levels[-1] + int(new.sum()))
    parent = np.concatenate(parents)
    ends = np.empty(len(sequences), np.int64)
    ends[order] = node
    begins = np.searchsorted(parent[1:], np.arange(len(parent) + 1)) + 1
    return PrefixTree(np.concatenate(units_of), begins.astype(np.int32), parent, tuple(levels), ends)
