"""Interpolated modified Kneser-Ney smoothing, from counts to a model.

Sources: Chen and Goodman 1998, "An Empirical Study of Smoothing Techniques for Language Modeling", section 3
and equation 26; Heafield et al. 2013, "Scalable Modified Kneser-Ney Language Model Estimation", whose
conventions (and so KenLM's) hold where the former leaves a choice:

- An n-gram below the highest order counts as often as different words stand before it, <s> among them; one
  that begins with <s> has nothing before it and counts as often as it was said.
- Order 1 is interpolated with the uniform distribution over the vocabulary, in which <unk> is and <s> is not.
- Pruning goes by how often an n-gram was said. What is pruned counts for the discounts and in the
  denominator, and what it would have had goes to the back-off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from earwright.compiling import kernel
from earwright.lm.counting import CountLevel
from earwright.lm.ngrams import NEVER, START, Level
from earwright.lm.storage import Array, Workspace
from earwright.lm.trie import begins_of_kept, suffix_links

# Where counts give no discounts (KenLM's --discount_fallback).
FALLBACK = (0.5, 1.0, 1.5)

_AT_A_TIME = 1 << 20


class Discounts(NamedTuple):
    """What is taken off n-grams of one order that count once, twice, and more often."""

    one: float
    two: float
    more: float
    estimated: bool  # False: FALLBACK, since the counts gave none

    def __str__(self) -> str:
        shown = f"{self.one:.4f} {self.two:.4f} {self.more:.4f}"
        return shown if self.estimated else f"{shown} (fallback)"


class Smoothed(NamedTuple):
    """The levels of a model, and the discounts of each order."""

    levels: tuple[Level, ...]
    discounts: list[Discounts]


def smooth(counted: Sequence[CountLevel], prune: Sequence[int], workspace: Workspace) -> Smoothed:
    """Turn counts into probabilities and back-off weights.

    Args:
        counted: counts of orders 1 and up.
        prune: of each order, how often an n-gram may have been said to be left out; never falling.
        workspace: where there is room.
    """
    order = len(counted)
    suffixes = suffix_links(counted, workspace.allocate)
    kept = [_kept(level.counts, least, workspace) for level, least in zip(counted, prune, strict=True)]
    kept[0][:] = True  # the vocabulary was chosen before
    discounts: list[Discounts] = []
    levels: list[Level] = []
    lower: Array = np.zeros(1)  # probabilities of the order below
    for number, level in enumerate(counted):
        longer = (counted[number + 1], suffixes[number + 1]) if number + 1 < order else None
        counts = adjusted_counts(counted[: number + 1], longer, workspace)
        discounts.append(estimate_discounts(counts))
        probs = workspace.allocate(len(counts), np.float64)
        gammas = workspace.allocate(len(level.begins) - 1, np.float64)
        gammas[:] = 1.0
        _interpolate(
            level.begins, counts, kept[number], suffixes[number], lower,
            np.array([0.0, *discounts[-1][:3]]), len(counts) - 1, probs, gammas,
        )  # fmt: skip
        begins = level.begins
        if number:
            levels[-1] = replace(levels[-1], backoffs=_log10(gammas, kept[number - 1], workspace))
            begins = begins_of_kept(level.begins, kept[number - 1], kept[number], workspace.allocate)
        else:
            probs[START] = 0.0  # log10 becomes NEVER
        words = workspace.allocate(int(np.count_nonzero(kept[number])), np.int32)
        np.compress(kept[number], level.words, out=words)
        levels.append(Level(words, begins, _log10(probs, kept[number], workspace)))
        lower = probs
    return Smoothed(tuple(levels), discounts)


def _kept(counts: Array, least: int, workspace: Workspace) -> Array:
    kept: Array = np.greater(counts, least, out=workspace.allocate(len(counts), np.bool_))
    return kept


def adjusted_counts(
    counted: Sequence[CountLevel], longer: tuple[CountLevel, Array] | None, workspace: Workspace
) -> Array:
    """(n,) int64: what the n-grams of the last of some orders count, which is not how often they were said.

    Args:
        counted: orders 1 up to the one that is asked for.
        longer: the next order with its suffix links; None at the highest.
        workspace: where there is room.
    """
    counts = workspace.allocate(len(counted[-1].words), np.int64)
    if longer is None:
        counts[:] = counted[-1].counts
    else:
        _count_links(longer[1], counts)
    # What begins with <s>: one stretch of every level.
    begin, end = START, START + 1
    for level in counted[1:]:
        begin, end = int(level.begins[begin]), int(level.begins[end])
    counts[begin:end] = 0 if len(counted) == 1 else counted[-1].counts[begin:end]
    return counts


@kernel
def _count_links(links: Array, counts: Array) -> None:
    for link in links:
        counts[link] += 1


def estimate_discounts(counts: Array) -> Discounts:
    """The closed form of Chen and Goodman's equation 26, or FALLBACK where it has no sense.

    Args:
        counts: (n,) adjusted counts of one order.
    """
    n1, n2, n3, n4 = _count_counts(counts).tolist()
    if min(n1, n2, n3) == 0:
        return Discounts(*FALLBACK, False)
    y = n1 / (n1 + 2 * n2)
    one, two, more = 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3
    if not (0 <= one <= 1 and 0 <= two <= 2 and 0 <= more <= 3):
        return Discounts(*FALLBACK, False)
    return Discounts(one, two, more, True)


@kernel
def _count_counts(counts: Array) -> Array:
    """How many are 1, 2, 3 and 4."""
    found = np.zeros(4, np.int64)
    for count in counts:
        if 1 <= count <= 4:
            found[count - 1] += 1
    return found


@kernel
def _interpolate(
    begins: Array,
    counts: Array,
    kept: Array,
    suffixes: Array,
    lower: Array,
    discount: Array,
    uniform: int,
    probs: Array,
    gammas: Array,
) -> None:
    """Probabilities (n,) of one order, and what each context leaves to the order below it.

    At order 1, where there is one context, `lower` is one zero, and 1 / `uniform` takes its place.
    """
    unigrams = len(begins) == 2 and len(lower) == 1
    for context in range(len(begins) - 1):
        total = np.int64(0)
        left = 0.0
        for node in range(begins[context], begins[context + 1]):
            count = counts[node]
            total += count
            left += discount[min(count, 3)] if kept[node] else count
        if total == 0:
            continue
        gamma = left / total
        gammas[context] = gamma
        for node in range(begins[context], begins[context + 1]):
            below = 1.0 / uniform if unigrams else lower[suffixes[node]]
            probs[node] = (counts[node] - discount[min(counts[node], 3)]) / total + gamma * below


def _log10(values: Array, kept: Array, workspace: Workspace) -> Array:
    """float32, of those kept; NEVER for zero, and nothing above 0, where rounding may lead."""
    logs = workspace.allocate(int(np.count_nonzero(kept)), np.float32)
    place = 0
    for begin in range(0, len(values), _AT_A_TIME):
        part = values[begin : begin + _AT_A_TIME][kept[begin : begin + _AT_A_TIME]]
        with np.errstate(divide="ignore"):
            logs[place : place + len(part)] = np.clip(np.log10(part), NEVER, 0.0)
        place += len(part)
    return logs
