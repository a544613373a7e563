"""A lexicon as a prefix tree over units: what words a search can say, and how probable they are at best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest

import numpy as np
import numpy.typing as npt

from earwright.decoding.beam_arrays import Tree, no_arcs
from earwright.decoding.prefix_tree import PrefixTree, prefix_tree

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


def add_words(
    base: SpellingTree,
    words: Sequence[str],
    entries: Sequence[tuple[int, Sequence[int]]],
    lm_ids: npt.NDArray[np.integer] | None = None,
    log_probs: npt.NDArray[np.floating] | None = None,
) -> SpellingTree:
    """A tree with more words, as if it had been built with them, in much less time.

    Args:
        base: what they are added to; it stays as it is.
        words: none of which it has.
        entries, lm_ids, log_probs: of the words to add, as for `spelling_tree`; with log-probs if it has.
    """
    old, added = base.tree, prefix_tree([units for _, units in entries])
    units, parents, places, added_places = _merged(old, added)
    count, ends = len(units), added_places[added.ends]
    nodes = np.concatenate([np.repeat(places, np.diff(old.word_begins)), ends])
    numbers = np.concatenate([old.words, [len(base.words) + word for word, _ in entries]])
    pairs = np.unique(np.stack([nodes, numbers], axis=1), axis=0)
    best = np.zeros(count)
    if log_probs is not None:
        best[:] = -np.inf
        best[places] = base.best
        scores = np.asarray(log_probs, np.float64)[[word for word, _ in entries]]
        while len(ends):  # from the ends up to the root
            np.maximum.at(best, ends, scores)
            ends, scores = parents[ends], scores[ends > 0]
            ends = ends[ends >= 0]
    tree = Tree(
        units.astype(np.int32),
        (np.searchsorted(parents[1:], np.arange(count + 1)) + 1).astype(np.int32),
        np.searchsorted(pairs[:, 0], np.arange(count + 1)).astype(np.int32),
        pairs[:, 1].astype(np.int32),
        np.append(old.lm_ids, np.zeros(len(words)) if lm_ids is None else lm_ids).astype(np.int32),
        np.zeros(count),
        no_arcs(),
    )
    return SpellingTree((*base.words, *words), tree, best)


def _merged(
    old: Tree, added: PrefixTree
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Two trees as one: its units and parents, and the places in it of the nodes of each of the two."""
    span = int(max(old.units.max(), added.units.max())) + 1
    old_parents = np.repeat(np.arange(len(old.units)), np.diff(old.begins))  # of the nodes from 1
    old_levels = [1]
    while (end := int(old.begins[old_levels[-1]])) > old_levels[-1]:
        old_levels.append(end)
    places, added_places = np.zeros(len(old.units), np.int64), np.zeros(len(added.units), np.int64)
    units, parents, count = [np.zeros(1, np.int64)], [np.full(1, -1, np.int64)], 1
    nothing = (1, 1)  # below the deepest level
    for (first, last), (new_first, new_last) in zip_longest(
        pairwise(old_levels), pairwise(added.levels), fillvalue=nothing
    ):
        keys = places[old_parents[first - 1 : last - 1]] * span + old.units[first:last]
        new_keys = added_places[added.parents[new_first:new_last]] * span + added.units[new_first:new_last]
        merged = np.union1d(keys, new_keys)  # by parent and unit, as nodes are numbered
        places[first:last] = count + np.searchsorted(merged, keys)
        added_places[new_first:new_last] = count + np.searchsorted(merged, new_keys)
        units.append(merged % span)
        parents.append(merged // span)
        count += len(merged)
    return np.concatenate(units), np.concatenate(parents), places, added_places
