"""The expected edit distance of a lattice to a sequence of words; and what stands in its places. Compiled.

Source: Xu, Povey, Mangu and Zhu, "Minimum Bayes Risk decoding and system combination based on a recursion for
edit distance", Computer Speech and Language 2011, algorithms 1 and 2 (as Kaldi's lattice-mbr-decode).
"""

# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

import numpy as np

from earwright.compiling import Kernel, compile_kernel
from earwright.decoding.beam_arrays import Floats, Ints, Longs

# What a word that is in the lattice and not in the sequence costs above 1, so that of alignments that cost
# the same the one is taken that gives it a place.
_TIE = 1e-5
EMPTY = 0  # the number of no word


def _compiled(function: Kernel) -> Kernel:
    return compile_kernel(function, nogil=True)


@_compiled
def align_arc(above: Floats, word: int, said: Ints, costs: Floats, ways: Ints) -> None:
    """Errors up to the end of an arc, for each beginning of the sequence; `costs` and `ways` are filled.

    Args:
        above: (Q + 1,) expected errors where the arc begins.
        word: of the arc.
        said: (Q,) the sequence.
        costs, ways: (Q + 1,); a way is 1: both go on, 2: the arc alone, 3: the sequence alone.
    """
    costs[0], ways[0] = above[0] + (word != EMPTY) * (1.0 + _TIE), 2
    for q in range(1, len(said) + 1):
        both = above[q - 1] + (word != said[q - 1])
        arc = above[q] + (word != EMPTY) * (1.0 + _TIE)
        alone = costs[q - 1] + (said[q - 1] != EMPTY)
        if both <= arc:
            costs[q], ways[q] = both, 1
        else:
            costs[q], ways[q] = arc, 2
        if alone < costs[q]:
            costs[q], ways[q] = alone, 3


@_compiled
def expected_errors(
    sources: Ints,
    order: Longs,
    coming: Longs,
    words: Ints,
    shares: Floats,
    times: Ints,
    said: Ints,
    kinds: int,
) -> tuple[float, Floats, Floats, Floats]:
    """The expected number of errors of a sequence, and what stands in its places.

    Args:
        sources: (A,) of arcs.
        order, coming: those into node n are order[coming[n]:coming[n + 1]].
        words: (A,) numbers of words, EMPTY where there is none.
        shares: (A,) of all that comes to an arc's target the part that comes by it.
        times: (N,) of nodes.
        said: (Q,) the sequence, EMPTY among it where a word may be missing.
        kinds: how many words there are.

    Returns:
        The expected errors; (Q, kinds) probabilities of words at places; and of each the expected begin and
        end, times its probability.
    """
    nodes, size = len(coming) - 1, len(said)
    errors, back = np.zeros((nodes, size + 1)), np.zeros((nodes, size + 1))
    costs, ways = np.zeros(size + 1), np.zeros(size + 1, np.int32)
    for q in range(1, size + 1):
        errors[0, q] = errors[0, q - 1] + (said[q - 1] != EMPTY)
    for node in range(1, nodes):
        for place in range(coming[node], coming[node + 1]):
            arc = order[place]
            align_arc(errors[sources[arc]], words[arc], said, costs, ways)
            for q in range(size + 1):
                errors[node, q] += shares[arc] * costs[q]
    found = np.zeros((size, kinds))
    begins, ends = np.zeros((size, kinds)), np.zeros((size, kinds))
    mass = np.zeros(size + 1)
    back[nodes - 1, size] = 1.0
    for node in range(nodes - 1, 0, -1):
        for place in range(coming[node], coming[node + 1]):
            arc = order[place]
            source = sources[arc]
            align_arc(errors[source], words[arc], said, costs, ways)
            for q in range(size + 1):
                mass[q] = shares[arc] * back[node, q]
            for q in range(size, 0, -1):
                if ways[q] == 2:
                    back[source, q] += mass[q]
                    continue
                word = words[arc] if ways[q] == 1 else EMPTY
                begin = times[source] if ways[q] == 1 else times[node]
                found[q - 1, word] += mass[q]
                begins[q - 1, word] += mass[q] * begin
                ends[q - 1, word] += mass[q] * times[node]
                if ways[q] == 1:
                    back[source, q - 1] += mass[q]
                else:
                    mass[q - 1] += mass[q]
            back[source, 0] += mass[0]
    for q in range(size, 0, -1):
        found[q - 1, EMPTY] += back[0, q]
        back[0, q - 1] += back[0, q]
    return errors[nodes - 1, size], found, begins, ends
