"""Walking tries of n-grams: children by word, the suffix of every n-gram, and tries with nodes left out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from earwright.compiling import kernel
from earwright.lm.storage import Array

Allocate = Callable[[int, npt.DTypeLike], Array]


class Floor(Protocol):
    """What a level of counts and a level of a model have in common."""

    @property
    def words(self) -> Array:
        """(n,) int32."""

    @property
    def begins(self) -> Array:
        """(n of the order below + 1,) int64."""


@kernel
def _find_children(words: Array, begins: Array, parents: Array, wanted: Array, found: Array) -> None:
    for row in range(len(parents)):
        found[row] = -1
        parent = parents[row]
        if parent < 0:
            continue
        low, high = begins[parent], begins[parent + 1]
        end = high
        word = wanted[row]
        while low < high:
            middle = (low + high) // 2
            if words[middle] < word:
                low = middle + 1
            else:
                high = middle
        if low < end and words[low] == word:
            found[row] = low


def find_children(level: Floor, parents: Array, wanted: Array, found: Array | None = None) -> Array:
    """The child of each parent that has the wanted word, -1 where there is none.

    Args:
        level: that the children are in.
        parents: (n,) int64, nodes of the order below; -1 has no children.
        wanted: (n,) words.
        found: (n,) int64 to write to; None makes one.
    """
    found = np.empty(len(parents), np.int64) if found is None else found
    _find_children(level.words, level.begins, parents, wanted, found)
    return found


@kernel
def _find_suffixes(
    words: Array, begins: Array, low_words: Array, low_begins: Array, low_suffixes: Array, found: Array
) -> None:
    for parent in range(len(begins) - 1):
        suffix = low_suffixes[parent]
        place = np.int64(0)
        end = np.int64(0)
        if suffix >= 0:
            place, end = low_begins[suffix], low_begins[suffix + 1]
        for node in range(begins[parent], begins[parent + 1]):
            word = words[node]
            # Children are in order on both sides, so that the search goes on from where the last one ended.
            high = end
            while place < high:
                middle = (place + high) // 2
                if low_words[middle] < word:
                    place = middle + 1
                else:
                    high = middle
            found[node] = place if place < end and low_words[place] == word else -1


def suffix_links(levels: Sequence[Floor], allocate: Allocate = np.empty) -> list[Array]:
    """Of every n-gram w1 ... wn of order 2 and more, where w2 ... wn is in the order below; -1: nowhere.

    Args:
        levels: a trie.
        allocate: makes an array of a length and a dtype.

    Returns:
        One array for each order; that of order 1 is all zeros, since the empty n-gram is there once.
    """
    links = [np.zeros(len(levels[0].words), np.int64)]
    for below, level in itertools.pairwise(levels):
        found = allocate(len(level.words), np.int64)
        _find_suffixes(level.words, level.begins, below.words, below.begins, links[-1], found)
        links.append(found)
    return links


def begins_of_kept(begins: Array, kept_parents: Array, kept: Array, allocate: Allocate = np.empty) -> Array:
    """What `begins` becomes when nodes are left out: children only of kept parents.

    Args:
        begins: (n of the order below + 1,).
        kept_parents: (n of the order below,) bool.
        kept: (n,) bool; no child is kept whose parent is not.
        allocate: makes an array of a length and a dtype.
    """
    new = allocate(int(np.count_nonzero(kept_parents)) + 1, np.int64)
    _begins_of_kept(begins, kept_parents, kept, new)
    return new


@kernel
def _begins_of_kept(begins: Array, kept_parents: Array, kept: Array, new: Array) -> None:
    parents, children = 0, 0
    for parent in range(len(begins) - 1):
        if kept_parents[parent]:
            new[parents] = children
            parents += 1
        for node in range(begins[parent], begins[parent + 1]):
            children += kept[node]
    new[parents] = children


@kernel
def _sum_children(begins: Array, values: Array, sums: Array) -> None:
    for parent in range(len(begins) - 1):
        total = 0.0
        for node in range(begins[parent], begins[parent + 1]):
            total += values[node]
        sums[parent] = total


def sum_children(begins: Array, values: Array) -> npt.NDArray[np.float64]:
    """(n of the order below,): the sum of the values (n,) over the children of each node."""
    sums = np.zeros(len(begins) - 1, np.float64)
    _sum_children(begins, values, sums)
    return sums
