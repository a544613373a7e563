"""A lexicon as a prefix tree over units: what words a search can say, and how probable they are at best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwright.decoding.beam_arrays import Tree, no_arcs
from earwright.decoding.prefix_tree import prefix_tree

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
    """Build the tree.

    Args:
        words: all different.
        entries: (place among the words, units of a spelling), in any order; a word may have several.
        lm_ids: (words,) of each word in a language model.
        log_probs: (words,) log10 of each word alone, to look ahead by.
    """
    made = prefix_tree([units for _, units in entries])
    count = len(made.units)
    pairs = np.array([(node, word) for node, (word, _) in zip(made.ends, entries, strict=True)], np.int64)
    pairs = np.unique(pairs.reshape(-1, 2), axis=0)  # by node; an entry that is there twice counts once
    tree = Tree(
        made.units,
        made.begins,
        np.searchsorted(pairs[:, 0], np.arange(count + 1)).astype(np.int32),
        pairs[:, 1].astype(np.int32),
        np.zeros(len(words), np.int32) if lm_ids is None else np.asarray(lm_ids, np.int32),
        np.zeros(count),
        no_arcs(),
    )
    best = np.zeros(count)
    if log_probs is not None:
        best[:] = -np.inf
        np.maximum.at(best, pairs[:, 0], np.asarray(log_probs, np.float64)[pairs[:, 1]])
        for first, last in zip(made.levels[-2::-1], made.levels[:0:-1], strict=True):  # the deepest first
            np.maximum.at(best, made.parents[first:last], best[first:last])
    return SpellingTree(tuple(words), tree, best)
