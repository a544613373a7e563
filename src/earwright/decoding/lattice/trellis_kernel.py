"""The best path through everything that a search has tried, compiled: what of it belongs into a lattice.

A search that takes notes leaves behind the tree of what was said, for how long each prefix was a hypothesis,
and which of them became one. Those cells (prefix, frame) are gone through once more, with the best alignment
instead of the sum, forward and backward.
"""

# To the compiler the integers of Python and of numpy are one kind.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

import numpy as np

from earwright.compiling import Kernel, compile_kernel
from earwright.decoding.beam_arrays import (
    Floats,
    Ints,
    Longs,
    Notes,
    Traces,
)
from earwright.lm.kernels import compiled


def _compiled(function: Kernel) -> Kernel:
    return compile_kernel(function, nogil=True)


@_compiled
def forward(
    traces: Traces, notes: Notes, used: int, merges: int, log_probs: Floats, blank: int, start: float
) -> tuple[Longs, Floats, Floats, Ints, Floats]:
    """The best way to each cell, in the search or by way of a merge.

    A loser has the smaller sum over alignments, and may have the better best one: then it is the winner's.

    Args:
        traces, notes, used, merges: of a search.
        log_probs: (T, V), as the search had them.
        blank: its number.
        start: score of the prefix that has said nothing.

    Returns:
        (used + 1,) where the cells of each trace begin; cell `begins[n] + t - frame[n]` is that of frame t.
        (cells,) twice: log-prob and score of ways that end in a blank, and in the last token.
        (cells,) of the first, the frame after the last one of the token.
        (T + 1,) of the prefix that has said nothing, after so many frames.
    """
    frames = len(log_probs)
    begins = np.zeros(used + 1, np.int64)
    for trace in range(used):
        begins[trace + 1] = begins[trace] + notes.last[trace] - traces.frame[trace] + 1
    in_blank, in_label = np.full(begins[used], -np.inf), np.full(begins[used], -np.inf)
    silent = np.zeros(begins[used], np.int32)
    nothing = np.zeros(frames + 1)
    nothing[0] = start
    made, merge, count = 0, 0, 0
    active = np.empty(used, np.int64)
    for t in range(frames):
        nothing[t + 1] = nothing[t] + log_probs[t, blank]
        while made < used and traces.frame[made] == t:
            active[count] = made
            count += 1
            made += 1
        kept = 0
        for at in range(count):
            trace = active[at]
            cell = begins[trace] + t - traces.frame[trace]
            label = entry(traces, notes, begins, in_blank, in_label, nothing, start, trace, t)
            if t > traces.frame[trace]:
                before = cell - 1
                in_blank[cell] = max(in_blank[before], in_label[before]) + log_probs[t, blank]
                silent[cell] = silent[before] if in_blank[before] > in_label[before] else t
                label = max(label, in_label[before])
            in_label[cell] = label + log_probs[t, traces.token[trace]]
            if notes.last[trace] > t:
                active[kept] = trace
                kept += 1
        count = kept
        while merge < merges and notes.frame[merge] == t:
            loser, winner = notes.loser[merge], notes.winner[merge]
            one, other = begins[loser] + t - traces.frame[loser], begins[winner] + t - traces.frame[winner]
            if in_blank[one] > in_blank[other]:
                in_blank[other], silent[other] = in_blank[one], silent[one]
            in_label[other] = max(in_label[other], in_label[one])
            merge += 1
    return begins, in_blank, in_label, silent, nothing


@compiled
def entry(
    traces: Traces, notes: Notes, begins: Longs, in_blank: Floats, in_label: Floats, nothing: Floats,
    start: float, trace: int, t: int,
) -> float:  # fmt: skip
    """The best way to begin a trace's token in frame t."""
    parent = traces.parent[trace]
    if parent < 0:
        return nothing[t] + notes.score[trace] - start
    if t - 1 < traces.frame[parent] or t - 1 > notes.last[parent]:
        return -np.inf
    cell = begins[parent] + t - 1 - traces.frame[parent]
    come = in_blank[cell]
    if traces.token[parent] != traces.token[trace]:
        come = max(come, in_label[cell])
    return come + notes.score[trace] - notes.score[parent]


@_compiled
def backward(
    traces: Traces, notes: Notes, used: int, merges: int, log_probs: Floats, blank: int, begins: Longs,
    by_last: Longs, ends: Ints, gains: Floats,
) -> Floats:  # fmt: skip
    """The best that can follow each cell, in the search or by way of a merge.

    Args:
        merges: how many there are.
        begins: where the cells of traces begin.
        by_last: the traces in the order of their last frames.
        ends, gains: traces that may end the utterance (-1: none), and what that adds.

    Returns:
        (cells,) after those that end in a trace's token.
    """
    frames = len(log_probs)
    after_blank, after_label = np.full(begins[used], -np.inf), np.full(begins[used], -np.inf)
    for at in range(len(ends)):
        if ends[at] >= 0:
            cell = begins[ends[at] + 1] - 1  # of the last frame
            after_blank[cell] = max(after_blank[cell], gains[at])
            after_label[cell] = max(after_label[cell], gains[at])
    left, merge = used - 1, merges - 1
    active, count = np.empty(used, np.int64), 0
    for t in range(frames - 1, -1, -1):
        while left >= 0 and notes.last[by_last[left]] >= t:
            active[count] = by_last[left]
            count += 1
            left -= 1
        while merge >= 0 and notes.frame[merge] >= t:
            loser, winner = notes.loser[merge], notes.winner[merge]
            from_cell = begins[loser] + t - traces.frame[loser]
            to_cell = begins[winner] + t - traces.frame[winner]
            after_blank[from_cell] = max(after_blank[from_cell], after_blank[to_cell])
            after_label[from_cell] = max(after_label[from_cell], after_label[to_cell])
            merge -= 1
        kept = 0
        for at in range(count):
            trace = active[at]
            cell = begins[trace] + t - traces.frame[trace]
            b = log_probs[t, blank] + after_blank[cell]
            l = log_probs[t, traces.token[trace]] + after_label[cell]  # noqa: E741
            if t > traces.frame[trace]:
                after_blank[cell - 1] = max(after_blank[cell - 1], b)
                after_label[cell - 1] = max(after_label[cell - 1], max(b, l))
                active[kept] = trace
                kept += 1
            parent = traces.parent[trace]
            if parent >= 0 and traces.frame[parent] < t <= notes.last[parent] + 1:
                cell = begins[parent] + t - 1 - traces.frame[parent]
                l += notes.score[trace] - notes.score[parent]  # noqa: E741
                after_blank[cell] = max(after_blank[cell], l)
                if traces.token[parent] != traces.token[trace]:
                    after_label[cell] = max(after_label[cell], l)
        count = kept
    return after_label


@_compiled
def through(
    traces: Traces, notes: Notes, used: int, log_probs: Floats, start: float, begins: Longs,
    in_blank: Floats, in_label: Floats, silent: Ints, nothing: Floats, after_label: Floats,
) -> tuple[Floats, Ints, Floats]:  # fmt: skip
    """What the best path through each trace is worth, and when its parent's token ends on it.

    Returns:
        (used,) and (used,): the frame after the last one of the parent's token. And (used,) once more what
        paths are worth, but no less than those that have said more.
    """
    worth, ended = np.full(used, -np.inf), np.zeros(used, np.int32)
    for trace in range(used):
        first, best = traces.frame[trace], -1
        for t in range(first, notes.last[trace] + 1):
            cell = begins[trace] + t - first
            come = entry(traces, notes, begins, in_blank, in_label, nothing, start, trace, t)
            value = come + log_probs[t, traces.token[trace]] + after_label[cell]
            if value > worth[trace]:
                worth[trace], best = value, t
        parent = traces.parent[trace]
        if best < 0 or parent < 0:
            continue
        cell = begins[parent] + best - 1 - traces.frame[parent]
        if traces.token[parent] == traces.token[trace] or in_blank[cell] > in_label[cell]:
            best = silent[cell]
        ended[trace] = best
    most = worth.copy()
    for trace in range(used - 1, -1, -1):
        if traces.parent[trace] >= 0:
            most[traces.parent[trace]] = max(most[traces.parent[trace]], most[trace])
    return worth, ended, most


@_compiled
def losses(
    traces: Traces, notes: Notes, merges: int, begins: Longs, in_blank: Floats, in_label: Floats
) -> Floats:
    """(merges,) how much is lost at least by having said what a loser said instead of what its winner did."""
    found = np.full(merges, np.inf)
    for merge in range(merges):
        loser, winner, t = notes.loser[merge], notes.winner[merge], notes.frame[merge]
        one = begins[loser] + t - traces.frame[loser]
        other = begins[winner] + t - traces.frame[winner]
        if in_blank[one] > -np.inf:
            found[merge] = in_blank[other] - in_blank[one]
        if in_label[one] > -np.inf:
            found[merge] = min(found[merge], in_label[other] - in_label[one])
    return found
