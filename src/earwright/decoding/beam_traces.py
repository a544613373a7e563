"""What all hypotheses of a search share, compiled: it need not be kept as a tree."""

# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

from earwright.decoding.beam_arrays import Ints, Traces
from earwright.lm.kernels import compiled


@compiled
def shared_trace(parent: Ints, used: int, ends: Ints, counts: Ints) -> int:
    """The last trace that the paths of all hypotheses go through; -1 if there is none.

    Args:
        parent: of traces, each of which comes after its parent.
        used: how many traces there are.
        ends: (B,) the last trace of each hypothesis, -1 if it has said nothing.
        counts: (used,) to work with.
    """
    for trace in range(used):
        counts[trace] = 0
    for end in ends:
        if end < 0:
            return -1
        counts[end] += 1
    for trace in range(used - 1, -1, -1):
        if counts[trace] == len(ends):
            return trace
        if counts[trace] > 0 and parent[trace] >= 0:
            counts[parent[trace]] += counts[trace]
    return -1


@compiled
def close_gaps(traces: Traces, used: int, shared: int, ends: Ints, places: Ints) -> int:
    """Keep those traces alone that lead from `shared` (not included) to hypotheses; returns how many.

    Args:
        traces, used: all of them.
        shared: as `shared_trace` has found it; -1: nothing is shared, and only what no path uses goes.
        ends: (B,) the last trace of each hypothesis; changed in place.
        places: (used,) to work with.
    """
    for trace in range(used):
        places[trace] = -1
    for end in ends:
        if end >= 0 and end != shared:
            places[end] = 0
    for trace in range(used - 1, shared, -1):
        above = traces.parent[trace]
        if places[trace] == 0 and above >= 0 and above != shared:
            places[above] = 0
    kept = 0
    for trace in range(shared + 1, used):
        if places[trace] < 0:
            continue
        above = traces.parent[trace]
        traces.parent[kept] = -1 if above < 0 or above == shared else places[above]
        traces.token[kept], traces.word[kept] = traces.token[trace], traces.word[trace]
        traces.frame[kept] = traces.frame[trace]
        places[trace] = kept
        kept += 1
    for this in range(len(ends)):
        ends[this] = -1 if ends[this] < 0 or ends[this] == shared else places[ends[this]]
    return kept
