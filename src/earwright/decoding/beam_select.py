"""Of all hypotheses, those that stay and those that grew, the best. Compiled.

What is here is compiled into `beam_kernel.advance`.
"""

# To the compiler the integers of Python and of numpy are one kind.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

import math

import numpy as np

from earwright.decoding.beam_arrays import (
    CANDIDATES,
    FRAMES,
    HYPOTHESES,
    MERGES,
    OFF_TREE,
    SCALE,
    TRACES,
    Hypotheses,
    Limits,
    Search,
)
from earwright.decoding.beam_extend import count_above, mixed, nth_largest, total
from earwright.lm.kernels import apart, inner


@apart
def select_best(s: Search, now: Hypotheses, after: Hypotheses, limits: Limits) -> None:
    """Make the best of those that stay and those that grew the hypotheses of the next frame."""
    stays, grown = s.counts[HYPOTHESES], s.counts[CANDIDATES]
    best = 0.0
    for this in range(stays):
        s.masses[this] = total(s.stay_blank[this], s.stay_label[this], limits.maximum)
        best = max(best, s.masses[this])
    for at in range(grown):
        s.masses[stays + at] = s.candidates.mass[at]
        best = max(best, s.candidates.mass[at])
    if best <= 0.0:  # nothing that can be said fits this frame
        s.counts[HYPOTHESES] = 0
        return
    least = best * limits.beam_width
    if stays + grown > limits.beam:
        least = max(least, nth_largest(s.masses, stays + grown, limits.beam))
    # Of those that have just as much as the last one that fits, the first; never instead of one with more.
    ties = limits.beam - count_above(s.masses, stays + grown, least)
    kept = 0
    if limits.recombine:
        s.table[:] = -1
    for this in range(stays):
        blank, label = s.stay_blank[this] / best, s.stay_label[this] / best
        mass = total(s.stay_blank[this], s.stay_label[this], limits.maximum)
        if mass > least or (mass == least and ties > 0 and mass > 0.0):
            ties -= mass == least
            last, place = now.last[this], now.place[this]
            to = slot(s, after, limits, kept, blank, label, last, place, now.lm[this], now.term[this])
            if limits.lattice and to < kept:
                note_merge(s, after, to, now.trace[this])
            if to >= 0:
                keep_stay(now, after, this, to, blank, label)
                kept = max(kept, to + 1)
    c = s.candidates
    for at in range(grown):
        if c.mass[at] > least or (c.mass[at] == least and ties > 0):
            ties -= c.mass[at] == least
            label, token, place = c.mass[at] / best, c.token[at], c.place[at]
            to = slot(s, after, limits, kept, 0.0, label, token, place, c.lm[at], c.term[at])
            if limits.lattice and to < kept:
                note_merge(s, after, to, s.counts[TRACES])  # the trace that it is about to get
            if to >= 0 or limits.lattice:
                trace = new_trace(s, now, limits, at)
            if to >= 0:
                keep_grown(s, now, after, at, to, label, trace)
                kept = max(kept, to + 1)
    if limits.lattice:
        for this in range(kept):
            if after.trace[this] >= 0:
                s.notes.last[after.trace[this]] = s.counts[FRAMES]
    s.counts[HYPOTHESES] = kept
    s.levels[SCALE] += math.log(best)


@inner
def slot(
    s: Search, after: Hypotheses, limits: Limits, kept: int, blank: float, label: float, last: int,
    place: int, lm: int, term: int,
) -> int:  # fmt: skip
    """Where a hypothesis goes: after those that were kept, or over one of them; -1 - n if n is better.

    Where two prefixes have the same last token, place and states, all that may come is equally likely after
    both. If one has as much as the other of both masses, it will be ahead for ever, whatever comes. (In a
    lattice, words off the tree stay apart until they end: their spellings differ.)
    """
    if not limits.recombine or (limits.lattice and place == OFF_TREE):
        return kept
    mask = np.uint64(len(s.table) - 1)
    cell = mixed(mixed(mixed(mixed(np.uint64(7), last), place), lm), term) & mask
    while s.table[cell] >= 0:
        other = s.table[cell]
        same = after.last[other] == last and after.place[other] == place
        if same and after.lm[other] == lm and after.term[other] == term:
            if after.blank[other] >= blank and after.label[other] >= label:
                return -1 - other
            if after.blank[other] <= blank and after.label[other] <= label:
                return other
        cell = (cell + np.uint64(1)) & mask
    s.table[cell] = kept
    return kept


@inner
def keep_stay(now: Hypotheses, after: Hypotheses, this: int, to: int, blank: float, label: float) -> None:
    """A hypothesis that added no token."""
    after.key[to], after.above[to] = now.key[this], now.above[this]
    after.last[to], after.place[to] = now.last[this], now.place[this]
    after.blank[to], after.label[to] = blank, label
    after.lm[to], after.term[to], after.trace[to] = now.lm[this], now.term[this], now.trace[this]
    after.score[to], after.lm_score[to] = now.score[this], now.lm_score[this]
    after.ended[to], after.ended_lm[to] = now.ended[this], now.ended_lm[this]


@inner
def keep_grown(
    s: Search, now: Hypotheses, after: Hypotheses, at: int, to: int, label: float, trace: int
) -> None:
    """A candidate becomes a hypothesis."""
    c = s.candidates
    after.key[to], after.above[to] = c.key[at], now.key[c.source[at]]
    after.last[to], after.place[to] = c.token[at], c.place[at]
    after.blank[to], after.label[to] = 0.0, label
    after.lm[to], after.term[to], after.trace[to] = c.lm[at], c.term[at], trace
    after.score[to], after.lm_score[to] = c.score[at], c.lm_score[at]
    after.ended[to], after.ended_lm[to] = np.nan, 0


@inner
def new_trace(s: Search, now: Hypotheses, limits: Limits, at: int) -> int:
    """Note what a candidate says."""
    c, trace = s.candidates, s.counts[TRACES]
    s.counts[TRACES] = trace + 1
    s.traces.parent[trace], s.traces.token[trace] = now.trace[c.source[at]], c.token[at]
    s.traces.word[trace], s.traces.frame[trace] = c.word[at], s.counts[FRAMES]
    if limits.lattice:
        n = s.notes
        n.last[trace], n.place[trace], n.lm[trace] = s.counts[FRAMES], c.place[at], c.lm[at]
        n.term[trace], n.score[trace], n.lm_score[trace] = c.term[at], c.score[at], c.lm_score[at]
    return trace


@inner
def note_merge(s: Search, after: Hypotheses, to: int, trace: int) -> None:
    """Two hypotheses have become one: the one with this trace, and the one in `slot`'s answer."""
    n, merge = s.notes, s.counts[MERGES]
    s.counts[MERGES] = merge + 1
    other = after.trace[to] if to >= 0 else after.trace[-1 - to]
    loser, winner = (other, trace) if to >= 0 else (trace, other)
    n.loser[merge], n.winner[merge], n.frame[merge] = loser, winner, s.counts[FRAMES]
    n.last[loser] = s.counts[FRAMES]
