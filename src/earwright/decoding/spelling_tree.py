"""A lexicon as a prefix tree over units: what words a search can say, and how probable they are at best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwright.decoding.beam_arrays import Tree

_LN10 = math.log(10.0)


@dataclass(frozen=True)
class SpellingTree:
    """Words by their spellings.

    Attributes:
        words: all of them.
        tree: the arrays, with a look-ahead of 0.
        best: (nodes,) log10 of the most probable word at or below each node; 0 where nothing is known.
    """

    words: tuple[str, ...]
    tree: Tree
    best: npt.NDArray[np.float64]

    def weighted(self, lm_weight: float) -> Tree:
        """The arrays with the look-ahead of a search whose language model counts so much."""
        ahead = self.best * (lm_weight * _LN10)
        ahead[0] = 0.0
        return self.tree._replace(ahead=ahead)


def spelling_tree(
    words: Sequence[str],
    entries: Sequence[tuple[int, Sequence[int]]],
    lm_ids: npt.NDArray[np.integer] | None = None,
    log_probs: npt.NDArray[np.floating] | None = None,
) -> SpellingTree:
    """Build the tree level by level.

    Args:
        words: all different.
        entries: (place among the words, units of a spelling), in any order; a word may have several.
        lm_ids: (words,) of each word in a language model.
        log_probs: (words,) log10 of each word alone, to look ahead by.
    """
    longest = max((len(units) for _, units in entries), default=0)
    table = np.zeros((len(entries), longest), np.int32)  # 0, the boundary, is no unit of a word
    for row, (_, units) in enumerate(entries):
        table[row, : len(units)] = units
    ids = np.array([word for word, _ in entries], np.int32)
    table = np.concatenate([table, ids[:, None]], axis=1) if len(entries) else np.zeros((0, 1), np.int32)
    table = np.unique(table, axis=0)  # sorted, none twice
    ids, table = table[:, -1], table[:, :-1]
    lengths = (table != 0).sum(axis=1)

    units_of = [np.zeros(1, np.int32)]
    parents = [np.full(1, -1, np.int64)]
    node = np.zeros(len(table), np.int64)  # of each row, as far as it is read
    levels = [1]  # where each begins, and the end
    for level in range(longest):
        rows = np.flatnonzero(lengths > level)
        above, unit = node[rows], table[rows, level]
        new = np.empty(len(rows), np.bool_)
        new[:1] = True
        new[1:] = (above[1:] != above[:-1]) | (unit[1:] != unit[:-1])
        node[rows] = levels[-1] + np.cumsum(new) - 1
        units_of.append(unit[new])
        parents.append(above[new])
        levels.append(levels[-1] + int(new.sum()))
    parent, count = np.concatenate(parents), levels[-1]
    begins = np.searchsorted(parent[1:], np.arange(count + 1)) + 1  # children stand side by side
    order = np.argsort(node, kind="stable")
    word_begins = np.searchsorted(node[order], np.arange(count + 1))
    best = _best_below(parent, levels, node, ids, log_probs)
    tree = Tree(
        np.concatenate(units_of),
        begins.astype(np.int32),
        word_begins.astype(np.int32),
        ids[order].astype(np.int32),
        np.zeros(len(words), np.int32) if lm_ids is None else np.asarray(lm_ids, np.int32),
        np.zeros(count),
    )
    return SpellingTree(tuple(words), tree, best)


def _best_below(
    parent: npt.NDArray[np.int64],
    levels: Sequence[int],
    node: npt.NDArray[np.int64],
    ids: npt.NDArray[np.integer],
    log_probs: npt.NDArray[np.floating] | None,
) -> npt.NDArray[np.float64]:
    if log_probs is None:
        return np.zeros(len(parent))
    best = np.full(len(parent), -np.inf)
    np.maximum.at(best, node, np.asarray(log_probs, np.float64)[ids])
    for first, last in zip(levels[-2::-1], levels[:0:-1], strict=True):  # the deepest first
        np.maximum.at(best, parent[first:last], best[first:last])
    return np.where(np.isfinite(best), best, 0.0)
