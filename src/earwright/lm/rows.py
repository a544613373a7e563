"""From n-grams in any order, as files have them, to the sorted levels of a trie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwright.lm.ngrams import IntArray, Level


@dataclass(frozen=True)
class Rows:
    """The n-grams of one order as they came.

    Attributes:
        ids: (n, order) int32.
        log_probs, backoffs: (n,) float32, log10.
        lines: (n,) int64, where each was read; 0 where it was not.
    """

    ids: npt.NDArray[np.int32]
    log_probs: npt.NDArray[np.float32]
    backoffs: npt.NDArray[np.float32]
    lines: npt.NDArray[np.int64]


def build_levels(
    orders: Sequence[Rows], vocabulary: int, fail_twice: Callable[[int, int], None]
) -> tuple[Level, ...]:
    """Sort n-grams into a trie.

    Args:
        orders: the n-grams of orders 1, 2 and so on; all words of the vocabulary are in the first.
        vocabulary: words.
        fail_twice: called with the lines of two n-grams that are the same; has to raise.

    Returns:
        The levels. Where the prefix of an n-gram is lacking, it is there with the probability that backing
        off gives it and a back-off of 1, so that nothing else changes.
    """
    orders = list(orders)
    # From the longest down, so that prefixes that are filled in get their own prefixes.
    for n in range(len(orders), 2, -1):
        orders[n - 2] = _with_prefixes(orders[n - 2], orders[n - 1].ids[:, :-1])
    levels: list[Level] = []
    for n, rows in enumerate(orders, 1):
        parents = np.zeros(len(rows.ids), np.int64) if n == 1 else find_rows(levels, rows.ids[:, :-1])
        keys = parents * vocabulary + rows.ids[:, -1]
        sorting = slice(None) if (np.diff(keys) > 0).all() else np.argsort(keys, kind="stable")
        keys, parents = keys[sorting], parents[sorting]
        twice = np.flatnonzero(keys[1:] == keys[:-1])
        if len(twice):
            lines = rows.lines[sorting]
            fail_twice(int(lines[twice[0]]), int(lines[twice[0] + 1]))
        ids, log_probs, backoffs = rows.ids[sorting], rows.log_probs[sorting], rows.backoffs[sorting]
        filled = np.flatnonzero(np.isnan(log_probs))
        if len(filled):
            log_probs[filled] = _backed_off(levels, ids[filled])
        counts = np.bincount(parents, minlength=len(levels[-1]) if levels else 1)
        begins = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        words = np.ascontiguousarray(ids[:, -1])
        levels.append(Level(words, begins, log_probs, backoffs if n < len(orders) else None))
    return tuple(levels)


def find_rows(levels: Sequence[Level], ids: IntArray) -> npt.NDArray[np.int64]:
    """Where n-grams stand in the level of their length; -1 for those that are not there.

    Args:
        levels: of orders 1 up to at least that of the n-grams.
        ids: (n, order).
    """
    places = ids[:, 0].astype(np.int64)
    vocabulary = len(levels[0])
    for column in range(1, ids.shape[1]):
        level = levels[column]
        # Sorted by parent, then by word: so these keys rise, and one search finds all.
        keys = level.parents() * vocabulary + level.words
        wanted = places * vocabulary + ids[:, column]
        found = np.searchsorted(keys, wanted)
        there = (places >= 0) & (found < len(keys))
        there[there] = keys[found[there]] == wanted[there]
        places = np.where(there, found, -1)
    return places


def _with_prefixes(rows: Rows, prefixes: npt.NDArray[np.int32]) -> Rows:
    """The n-grams, and those prefixes that are not among them, with no number for a probability."""
    lacking = _difference(prefixes, rows.ids)
    if not len(lacking):
        return rows
    return Rows(
        np.concatenate([rows.ids, lacking]),
        np.concatenate([rows.log_probs, np.full(len(lacking), np.nan, np.float32)]),
        np.concatenate([rows.backoffs, np.zeros(len(lacking), np.float32)]),
        np.concatenate([rows.lines, np.zeros(len(lacking), np.int64)]),
    )


def _difference(wanted: npt.NDArray[np.int32], present: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """The different rows of `wanted` that are not rows of `present`, sorted."""
    changes = np.ones(len(wanted), bool)
    changes[1:] = (wanted[1:] != wanted[:-1]).any(axis=1)  # most files have those of one prefix side by side
    wanted = wanted[changes]
    row = np.dtype([("", np.int32)] * wanted.shape[1])
    one, other = (np.ascontiguousarray(ids).view(row).ravel() for ids in (wanted, present))
    lacking: npt.NDArray[np.int32] = np.setdiff1d(one, other).view(np.int32)
    return lacking.reshape(-1, wanted.shape[1])


def _backed_off(levels: Sequence[Level], ids: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """log10 P(last word | the others) of n-grams that are not in the model, which has orders below theirs."""
    total = np.zeros(len(ids), np.float64)
    open_rows = np.arange(len(ids))
    while len(open_rows):
        order = ids.shape[1]
        contexts = find_rows(levels, ids[:, :-1])
        backoffs = levels[order - 2].backoffs
        assert backoffs is not None  # only the highest order has none, and contexts are shorter
        total[open_rows] += np.where(contexts >= 0, backoffs[contexts], 0)
        ids = ids[:, 1:]
        places = find_rows(levels, ids)
        found = places >= 0
        total[open_rows[found]] += levels[order - 2].log_probs[places[found]]
        open_rows, ids = open_rows[~found], ids[~found]
    return total.astype(np.float32)
