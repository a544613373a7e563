"""Few numbers in place of many: one-dimensional k-means for log probs and back-offs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earwright.lm.ngrams import FloatArray

# Lloyd's steps after the start with equally populated bins: the error hardly falls after these.
STEPS = 20


def codebook(values: FloatArray, bits: int) -> npt.NDArray[np.float32]:
    """At most 2 ** bits numbers, sorted, that stand for the values with a small squared error.

    Equally populated bins (Federico and Bertoldi 2006, as in IRSTLM and KenLM), improved by k-means. Zero,
    where it is a value, stays exactly zero: a back-off of 1 often means that nothing follows.

    Args:
        values: (n,) float32.
        bits: of a code.

    Returns:
        (2 ** bits,) float32; the last number is repeated where fewer are needed.
    """
    size = 1 << bits
    kept, counts = np.unique(values, return_counts=True)
    kept = kept.astype(np.float64)
    if len(kept) > size:
        zero = np.flatnonzero(kept == 0)
        free = np.delete(kept, zero), np.delete(counts, zero)
        kept = np.sort(np.concatenate([kept[zero], _centres(*free, size - len(zero))]))
    book = np.full(size, kept[-1] if len(kept) else 0.0, np.float32)
    book[: len(kept)] = kept
    return book


def _centres(values: FloatArray, counts: npt.NDArray[np.int64], size: int) -> FloatArray:
    """k-means of sorted, different values that occur `counts` times; at most `size` centres."""
    mass = np.concatenate([[0], np.cumsum(counts)])
    moment = np.concatenate([[0.0], np.cumsum(values * counts)])
    edges = np.searchsorted(mass, np.linspace(0, mass[-1], size + 1))
    for step in range(STEPS + 1):
        edges = np.unique(np.concatenate([[0], edges, [len(values)]]))  # a bin has at least one value
        centres = np.diff(moment[edges]) / np.diff(mass[edges])
        if step < STEPS:
            edges = np.searchsorted(values, (centres[1:] + centres[:-1]) / 2)
    return centres


def encode(values: FloatArray, book: npt.NDArray[np.float32]) -> npt.NDArray[np.uint64]:
    """The code of the number in `book` (sorted) that is nearest to each value."""
    codes = np.searchsorted((book[1:].astype(np.float64) + book[:-1]) / 2, values)
    return codes.astype(np.uint64)
