"""Sums and maxima over the paths of a lattice, and the best alignment of an arc's tokens, compiled."""

# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

import math

import numpy as np

from earwright.compiling import Kernel, compile_kernel
from earwright.decoding.beam_arrays import Floats, Ints, Longs


def _compiled(function: Kernel) -> Kernel:
    return compile_kernel(function, nogil=True)


@_compiled
def add(one: float, other: float, maximum: bool) -> float:
    """log(e ** one + e ** other), or the larger of them."""
    high, low = max(one, other), min(one, other)
    if maximum or low == -np.inf:
        return high
    return high + math.log1p(math.exp(low - high))


@_compiled
def forward_backward(
    sources: Ints, targets: Ints, weights: Floats, nodes: int, maximum: bool
) -> tuple[Floats, Floats]:
    """Of each node the sum (or the best) of all paths to it from node 0, and from it to the last node.

    Args:
        sources, targets: (A,) of arcs, sorted by source; each leads to a higher number.
        weights: (A,) logarithms.
        nodes: how many there are.
        maximum: the best path instead of the sum.

    Returns:
        (nodes,) twice.
    """
    before, after = np.full(nodes, -np.inf), np.full(nodes, -np.inf)
    before[0], after[nodes - 1] = 0.0, 0.0
    for arc in range(len(sources)):
        target = targets[arc]
        before[target] = add(before[target], before[sources[arc]] + weights[arc], maximum)
    for arc in range(len(sources) - 1, -1, -1):
        source = sources[arc]
        after[source] = add(after[source], after[targets[arc]] + weights[arc], maximum)
    return before, after


@_compiled
def align_arcs(
    log_probs: Floats,
    blank: int,
    tokens: Ints,
    begins: Longs,
    first: Ints,
    last: Ints,
    before: Ints,
    end: int,
    maximum: bool,
) -> tuple[Floats, Ints, Longs]:
    """How likely each arc's tokens are in the frames between its nodes, and how they are aligned best.

    An arc begins with the blanks before its first token and ends with its last token; an arc that ends the
    utterance (at `end`) has the blanks after it, too.

    Args:
        log_probs: (T, V).
        blank: its number.
        tokens, begins: those of arc n are tokens[begins[n]:begins[n + 1]].
        first, last: (A,) the frames of each arc, `last` not included.
        before: (A,) the last token before it; the same token again needs a blank between.
        end: T, as a number that `last` can have.
        maximum: the best alignment instead of the sum over all.

    Returns:
        (A,) log-probs, -inf where there is no room; the token of each frame on the best alignment, arc after
        arc; where each begins.
    """
    arcs = len(first)
    scores, places = np.full(arcs, -np.inf), np.zeros(arcs + 1, np.int64)
    longest, widest = 1, 1
    for arc in range(arcs):
        places[arc + 1] = places[arc] + max(0, last[arc] - first[arc])
        longest = max(longest, last[arc] - first[arc])
        widest = max(widest, 2 * (begins[arc + 1] - begins[arc]) + 1)
    path = np.full(places[arcs], blank, np.int32)
    back = np.zeros((longest, widest), np.uint8)
    score, new = np.empty(widest), np.empty(widest)
    mass, new_mass = np.empty(widest), np.empty(widest)
    for arc in range(arcs):
        said, frames = tokens[begins[arc] : begins[arc + 1]], last[arc] - first[arc]
        states = 2 * len(said) + 1
        score[:states], mass[:states] = -np.inf, -np.inf
        score[0], mass[0] = 0.0, 0.0
        for frame in range(frames):
            row = log_probs[first[arc] + frame]
            for state in range(states):
                best, how, label = score[state], 0, state & 1
                total = mass[state]
                token = said[state >> 1] if label else blank
                # Before the first frame state 0 stands for the token before, which the same cannot follow.
                if state > 0 and not (frame == 0 and token == before[arc]):
                    total = add(total, mass[state - 1], False)
                    if score[state - 1] > best:
                        best, how = score[state - 1], 1
                if label and state > 2 and token != said[(state >> 1) - 1]:
                    total = add(total, mass[state - 2], False)
                    if score[state - 2] > best:
                        best, how = score[state - 2], 2
                new[state], new_mass[state] = best + row[token], total + row[token]
                back[frame, state] = how
            score, new = new, score
            mass, new_mass = new_mass, mass
        state = states - 1
        if last[arc] < end or (states > 1 and score[states - 2] > score[states - 1]):
            state = states - 2
        if state < 0 or frames < len(said):
            continue
        scores[arc] = score[state] if maximum else mass[state]
        if not maximum and last[arc] == end and states > 1:
            scores[arc] = add(mass[states - 1], mass[states - 2], False)
        for frame in range(frames - 1, -1, -1):
            path[places[arc] + frame] = said[state >> 1] if state & 1 else blank
            state -= back[frame, state]
    return scores, path, places
