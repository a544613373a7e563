"""Counting n-grams of all orders in one external sort.

Every place of a text begins a window of `order` words; where the sentence ends before the window does, it
is filled up. Windows are packed into integers that sort as their words do, sorted in chunks, added up, and
merged; what goes by in sorted order is a trie, and how often a prefix went by is how often it was said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwright.compiling import kernel
from earwright.lm.ngrams import END, START
from earwright.lm.storage import Array, Spool, Workspace

# Windows that are merged, and nodes that are made, at a time.
_BLOCK = 1 << 18
# The most windows of a chunk: more would not make it quicker.
_CHUNK = 1 << 24


@dataclass(frozen=True)
class CountLevel:
    """The n-grams of one order with how often each was said; the trie is that of `ngrams.Level`.

    Attributes:
        words: (n,) int32.
        begins: (n of the order below + 1,) int64.
        counts: (n,) int64.
    """

    words: Array
    begins: Array
    counts: Array


@dataclass(frozen=True)
class Packing:
    """How a window of words becomes `columns` integers of 64 bits whose order is that of the words.

    A word takes `bits` bits as its id + 1: 0 is what fills up after the end of a sentence.
    """

    order: int
    bits: int

    @classmethod
    def of(cls, order: int, words: int) -> Packing:
        """For n-grams up to an order over a vocabulary of so many words."""
        return cls(order, max(words.bit_length(), 2))

    @property
    def per_column(self) -> int:
        """Words in one integer."""
        return 64 // self.bits

    @property
    def columns(self) -> int:
        """Integers of a window."""
        return -(-self.order // self.per_column)

    def pack_rows(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.uint64]:
        """(n, columns) windows from the ids of n-grams (n, words), filled up to the order."""
        keys = np.zeros((len(rows), self.columns), np.uint64)
        for place in range(rows.shape[1]):
            shift = np.uint64(self.bits * (self.per_column - 1 - place % self.per_column))
            keys[:, place // self.per_column] |= (rows[:, place] + 1).astype(np.uint64) << shift
        return keys


def count_ngrams(
    chunks: Iterable[npt.NDArray[np.int32]], order: int, words: int, workspace: Workspace
) -> list[CountLevel]:
    """Count the n-grams of orders 1 to `order`; sentences begin with one <s>, as in ARPA files.

    Args:
        chunks: ids of a text in pieces of any length; END after each sentence, no START.
        order: of the longest n-grams.
        words: size of the vocabulary; every word of it is an n-gram of order 1, said or not.
        workspace: where there is room.
    """
    packing = Packing.of(order, words)
    # Room for a chunk, for the sorted copy and the permutation between them.
    size = min(_CHUNK, workspace.memory // 4 // (16 * packing.columns + 24))
    return trie_of_windows(_windows(chunks, packing, size), packing, words, workspace)


def trie_of_windows(
    windows: Iterable[npt.NDArray[np.uint64]], packing: Packing, words: int, workspace: Workspace
) -> list[CountLevel]:
    """Sort windows and make a trie of them and of their beginnings.

    Args:
        windows: packed, (n, columns) at a time.
        packing: of them.
        words: size of the vocabulary.
        workspace: where there is room.
    """
    runs = _Runs(workspace, packing.columns)
    for keys in windows:
        runs.add(keys)
    return _build_trie(runs, packing, words, workspace)


def _windows(
    chunks: Iterable[npt.NDArray[np.int32]], packing: Packing, size: int
) -> Iterable[npt.NDArray[np.uint64]]:
    """Packed windows, (n, columns) each time, at most about `size` of them."""
    rest = np.array([START], np.int32)  # with <s> before each sentence
    waiting: list[npt.NDArray[np.int32]] = []
    length = 0
    piece = max(size // 4, 1)
    for chunk in chunks:
        for begin in range(0, len(chunk), piece):
            part = chunk[begin : begin + piece]
            waiting.append(part)
            length += len(part)
            if length >= size // 2:
                rest, keys = _pack(rest, np.concatenate(waiting), packing)
                yield keys
                waiting, length = [], 0
    if waiting:
        rest, keys = _pack(rest, np.concatenate(waiting), packing)
        yield keys


def _pack(
    rest: npt.NDArray[np.int32], ids: npt.NDArray[np.int32], packing: Packing
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint64]]:
    """What could not begin a window yet, and the windows of what could."""
    text = _with_starts(rest, ids)
    # A window is known once its last word, or the end of its sentence, is.
    ends = np.flatnonzero(text == END)
    known = max(len(text) - packing.order + 1, int(ends[-1]) + 1 if len(ends) else 0)
    keys = np.zeros((max(known, 0), packing.columns), np.uint64)
    _fill_windows(text, packing.order, packing.bits, packing.per_column, keys)
    return text[len(keys) :], keys


@kernel
def _with_starts(rest: Array, ids: Array) -> Array:
    """`rest` and `ids` with <s> after every </s> of `ids`."""
    ends = 0
    for word in ids:
        if word == END:
            ends += 1
    text = np.empty(len(rest) + len(ids) + ends, np.int32)
    text[: len(rest)] = rest
    place = len(rest)
    for word in ids:
        text[place] = word
        place += 1
        if word == END:
            text[place] = START
            place += 1
    return text


@kernel
def _fill_windows(text: Array, order: int, bits: int, per_column: int, keys: Array) -> None:
    shift = np.uint64(bits)
    for begin in range(len(keys)):
        ended = False
        column = 0
        packed = np.uint64(0)
        for place in range(order):
            packed <<= shift
            if not ended:
                word = text[begin + place]
                packed |= np.uint64(word + 1)
                ended = word == END
            if (place + 1) % per_column == 0:
                keys[begin, column] = packed
                column += 1
                packed = np.uint64(0)
        left = (per_column - order % per_column) % per_column
        if left:
            keys[begin, column] = packed << np.uint64(bits * left)


class _Runs:
    """Sorted runs of windows with their counts, one after the other."""

    def __init__(self, workspace: Workspace, columns: int) -> None:
        self.keys = [Spool(workspace, np.uint64) for _ in range(columns)]
        self.counts = Spool(workspace, np.int64)
        self.bounds = [0]

    def add(self, keys: npt.NDArray[np.uint64]) -> None:
        """Sort windows, add up equal ones, and keep them."""
        if not len(keys):
            return
        if keys.shape[1] == 1:
            keys.sort(axis=0)
            ordered = keys
        else:
            ordered = keys[np.lexsort(keys.T[::-1])]
        first = np.empty(len(ordered), bool)
        first[0] = True
        np.any(ordered[1:] != ordered[:-1], axis=1, out=first[1:])
        places = np.flatnonzero(first)
        for column, spool in enumerate(self.keys):
            spool.append(ordered[places, column])
        self.counts.append(np.diff(places, append=len(ordered)))
        self.bounds.append(len(self.counts))

    def release(self) -> None:
        """Give back the room."""
        for spool in (*self.keys, self.counts):
            spool.release()


def _build_trie(runs: _Runs, packing: Packing, words: int, workspace: Workspace) -> list[CountLevel]:
    """Merge the runs, and make a node of every prefix that has not gone by."""
    order = packing.order
    keys = [spool.array() for spool in runs.keys]
    counts = runs.counts.array()
    # Order 1 is the vocabulary, whether said or not; of the others the number is not known beforehand.
    totals = np.zeros(words, np.int64)
    begins_of_words = np.zeros(words + 1, np.int64)
    spools = [
        tuple(Spool(workspace, dtype) for dtype in (np.int32, np.int64, np.int64)) for _ in range(order)
    ]
    made = np.zeros(order, np.int64)  # nodes of each order so far
    previous = np.full(order, -1, np.int64)  # the words of the last window
    pending = np.zeros(order, np.int64)  # how often the last node of each order has gone by
    new_words = np.empty((order, _BLOCK), np.int32)
    new_begins = np.empty((order, _BLOCK), np.int64)
    new_counts = np.empty((order, _BLOCK), np.int64)
    merge = _Merge(keys, counts, np.array(runs.bounds, np.int64))
    while (block := merge.next_block()) is not None:
        filled = _add_nodes(
            *block, packing.bits, packing.per_column, made, previous, pending,
            new_words, new_begins, new_counts, totals, begins_of_words,
        )  # fmt: skip
        for level in range(1, order):
            spool_words, spool_begins, spool_counts = spools[level]
            spool_words.append(new_words[level, : filled[level, 0]])
            spool_begins.append(new_begins[level, : filled[level, 0]])
            spool_counts.append(new_counts[level, : filled[level, 1]])
    runs.release()
    return _finish_levels(spools, made, previous, pending, totals, begins_of_words)


def _finish_levels(
    spools: Sequence[tuple[Spool, ...]],
    made: Array,
    previous: Array,
    pending: Array,
    totals: Array,
    begins_of_words: Array,
) -> list[CountLevel]:
    """Close what is still open when the last window has gone by."""
    order = len(spools)
    if order > 1:  # words after the last one that was said have no children
        begins_of_words[int(previous[0]) + 1 :] = made[1]
    levels = [CountLevel(np.arange(len(totals), dtype=np.int32), np.array([0, len(totals)]), totals)]
    begins: Array = begins_of_words
    for level in range(1, order):
        spool_words, spool_begins, spool_counts = spools[level]
        if made[level]:
            spool_counts.append(pending[level : level + 1])
        levels.append(CountLevel(spool_words.array(), begins, spool_counts.array()))
        if level + 1 < order:
            spool_begins.append(made[level + 1 : level + 2])
            begins = spool_begins.array()
    return levels


@kernel
def _add_nodes(
    keys: Array,
    counts: Array,
    bits: int,
    per_column: int,
    made: Array,
    previous: Array,
    pending: Array,
    new_words: Array,
    new_begins: Array,
    new_counts: Array,
    totals: Array,
    begins_of_words: Array,
) -> Array:
    """Take in a block of sorted windows, (n, columns) and (n,).

    Returns:
        (order, 2): how many entries of new_words (and new_begins), and of new_counts, are filled: a node's
        count is known when the next node of its order comes.
    """
    order = len(made)
    filled = np.zeros((order, 2), np.int64)
    mask = (np.uint64(1) << np.uint64(bits)) - np.uint64(1)
    for row in range(len(counts)):
        same = True
        for level in range(order):
            place = per_column - 1 - level % per_column
            packed = keys[row, level // per_column] >> np.uint64(bits * place)
            word = np.int64(packed & mask) - 1
            if word < 0:  # filled up: the sentence is over
                for rest in range(level, order):
                    previous[rest] = -1
                break
            if same and word == previous[level]:
                pending[level] += counts[row]
                if level == 0:
                    totals[word] += counts[row]
                continue
            if level == 0:
                for skipped in range(previous[0] + 1, word + 1):
                    if order > 1:
                        begins_of_words[skipped] = made[1]
                totals[word] += counts[row]
            else:
                if made[level] > 0:
                    new_counts[level, filled[level, 1]] = pending[level]
                    filled[level, 1] += 1
                new_words[level, filled[level, 0]] = word
                if level + 1 < order:
                    new_begins[level, filled[level, 0]] = made[level + 1]
                filled[level, 0] += 1
            same = False
            made[level] += 1
            pending[level] = counts[row]
            previous[level] = word
    return filled


class _Merge:
    """Goes through sorted runs in the order of all of them, equal windows added up."""

    def __init__(self, keys: Sequence[Array], counts: Array, bounds: Array) -> None:
        self._keys, self._counts = keys, counts
        self._places, self._ends = bounds[:-1].copy(), bounds[1:]

    def next_block(self) -> tuple[Array, Array] | None:
        """Up to _BLOCK windows, (n, columns) and (n,); None after the last."""
        alive = np.flatnonzero(self._places < self._ends)
        if not len(alive):
            return None
        if len(alive) == 1:
            run = int(alive[0])
            begin, end = int(self._places[run]), int(self._ends[run])
            self._places[run] = end = min(begin + _BLOCK, end)
            return np.stack([column[begin:end] for column in self._keys], 1), np.array(
                self._counts[begin:end]
            )
        return self._merged(alive)

    def _merged(self, alive: Array) -> tuple[Array, Array]:
        """As many windows of each run as fit, up to the smallest last one: what is above it waits."""
        share = max(_BLOCK // len(alive), 1)
        lasts = [min(int(self._places[run]) + share, int(self._ends[run])) - 1 for run in alive]
        limit = min(tuple(int(column[last]) for column in self._keys) for last in lasts)
        parts, counts = [], []
        for run, last in zip(alive.tolist(), lasts, strict=True):
            begin = int(self._places[run])
            end = begin + self._up_to(limit, begin, last + 1)
            parts.append(np.stack([column[begin:end] for column in self._keys], 1))
            counts.append(self._counts[begin:end])
            self._places[run] = end
        keys = np.concatenate(parts)
        ordering = np.argsort(keys[:, 0], kind="stable") if keys.shape[1] == 1 else np.lexsort(keys.T[::-1])
        keys = keys[ordering]
        first = np.ones(len(keys), bool)
        np.any(keys[1:] != keys[:-1], axis=1, out=first[1:])
        places = np.flatnonzero(first)
        return keys[places], np.add.reduceat(np.concatenate(counts)[ordering], places)

    def _up_to(self, limit: tuple[int, ...], begin: int, end: int) -> int:
        """How many windows from `begin` on are not above `limit`."""
        low, high = begin, end
        for column, value in zip(self._keys, limit, strict=True):
            part, wanted = column[low:high], np.uint64(value)
            high_of_equal = low + int(np.searchsorted(part, wanted, side="right"))
            low_of_equal = low + int(np.searchsorted(part, wanted, side="left"))
            low, high = low_of_equal, high_of_equal
        return high - begin
