"""CTC prefix beam search, compiled: hypotheses advance frame by frame.

A prefix is what a hypothesis has said, and its probability is the sum over all alignments that say it (Hannun
et al. 2014, arXiv:1408.2873, algorithm 1). Masses are plain probabilities, not logarithms, divided by the
best one's after each frame: a sum is then an addition, and a factor that belongs to the prefix (language
model, bonuses) is multiplied in once, when the prefix is made.

Source of the shape: a prefix that stays and one that grows by a token compete in one selection, and what
cannot be among the best any more is thrown away as soon as that shows.
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
    THRESHOLD,
    WANTED,
    Floats,
    Hypotheses,
    Limits,
    Search,
    Spellings,
    Terms,
    Tree,
    Weights,
)
from earwright.decoding.beam_extend import extend, find_prefix, total
from earwright.decoding.beam_select import select_best
from earwright.lm.kernels import apart, compiled
from earwright.lm.tables import Tables


@compiled
def advance(
    s: Search, tree: Tree, spellings: Spellings, lm: Tables, terms: Terms, w: Weights, limits: Limits,
    probs: Floats, more: Floats,
) -> None:  # fmt: skip
    """Go through frames.

    Args:
        s: the search, changed in place; it must have room for `beam` traces more for each frame.
        tree, spellings, lm, terms: what can be said and how likely it is.
        w, limits: the options.
        probs: (T, V), any scale.
        more: (beam, V) log10 of each next token after each hypothesis, as a neural language model has it;
            then T is 1. Where a number is NaN and needed it becomes +inf, the search stays before the frame,
            and `counts[WANTED]` says how many there are. Empty: no such model.
    """
    now, after = s.now, s.next
    if s.counts[FRAMES] & 1:
        now, after = s.next, s.now
    for frame in range(len(probs)):
        row = probs[frame]
        tokens = choose_tokens(s, row, spellings, limits)
        stay(s, now, row, limits)
        s.counts[CANDIDATES], s.counts[WANTED] = 0, 0
        if tokens > 0:
            fill_table(s, now)
            join(s, now, row, limits)
            for this in range(s.counts[HYPOTHESES]):
                for place in range(tokens):
                    token = s.tokens[place]
                    extend(s, now, tree, spellings, lm, terms, w, limits, this, token, row[token], more)
            if s.counts[WANTED] > 0:
                return
        select_best(s, now, after, limits)
        now, after = after, now
        s.counts[FRAMES] += 1


@apart
def choose_tokens(s: Search, row: Floats, spellings: Spellings, limits: Limits) -> int:
    """Put the frame's tokens that are probable enough into s.tokens, the best first; returns how many."""
    best = 0.0
    everything = 0.0
    for token in range(len(row)):
        best = max(best, row[token])
        everything += row[token]
    if row[limits.blank] >= limits.blank_skip * everything:
        return 0
    least = best * limits.token_width
    count = 0
    for token in range(len(row)):
        value = row[token]
        if token == limits.blank or value < least or value <= 0.0 or not spellings.said[token]:
            continue
        place = count
        if count == len(s.tokens):
            if value <= row[s.tokens[count - 1]]:
                continue
            place -= 1
        else:
            count += 1
        while place > 0 and row[s.tokens[place - 1]] < value:
            s.tokens[place] = s.tokens[place - 1]
            place -= 1
        s.tokens[place] = token
    return count


@apart
def stay(s: Search, now: Hypotheses, row: Floats, limits: Limits) -> None:
    """What hypotheses are worth if they add no token."""
    for this in range(s.counts[HYPOTHESES]):
        s.stay_blank[this] = total(now.blank[this], now.label[this], limits.maximum) * row[limits.blank]
        s.stay_label[this] = now.label[this] * row[now.last[this]] if now.last[this] != limits.blank else 0.0


@apart
def join(s: Search, now: Hypotheses, row: Floats, limits: Limits) -> None:
    """Add what comes from prefixes that one token makes the same; and note what a candidate must have.

    However little comes, it counts: in beams of a few it decided which hypothesis is the best.
    """
    count = s.counts[HYPOTHESES]
    best, worst = 0.0, np.inf
    for this in range(count):
        source = find_prefix(s, now, now.above[this])
        if source >= 0:
            mass = now.blank[source]
            if now.last[source] != now.last[this]:
                mass = total(mass, now.label[source], limits.maximum)
            mass *= row[now.last[this]] * math.exp(now.score[this] - now.score[source])
            s.stay_label[this] = total(s.stay_label[this], mass, limits.maximum)
        mass = total(s.stay_blank[this], s.stay_label[this], limits.maximum)
        best, worst = max(best, mass), min(worst, mass)
    # Those that stay fill the beam alone, so who has less than the last of them need not apply.
    full = worst if count >= limits.beam else 0.0
    s.levels[THRESHOLD] = max(full, best * limits.beam_width)


@apart
def fill_table(s: Search, now: Hypotheses) -> None:
    """Note where each prefix is."""
    s.table[:] = -1
    mask = np.uint64(len(s.table) - 1)
    for this in range(s.counts[HYPOTHESES]):
        cell = now.key[this] & mask
        while s.table[cell] >= 0:
            cell = (cell + np.uint64(1)) & mask
        s.table[cell] = this
