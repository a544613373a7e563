"""Following a grammar: which word may be said next, and which beginnings lead to one. Compiled.

What is here is compiled into `beam_kernel.advance`.
"""

# To the compiler the integers of Python and of numpy are one kind.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

import numpy as np

from earwright.decoding.beam_arrays import ROOT, Arcs, Tree
from earwright.lm.kernels import inlined, inner


@inner
def arc_of(arcs: Arcs, state: int, word: int) -> tuple[float, int]:
    """log10 of a word in a state, and the state after it; -inf if it may not be said there."""
    low, high = arcs.begins[state], arcs.begins[state + 1]
    while low < high:
        middle = (low + high) >> 1
        if arcs.words[middle] < word:
            low = middle + 1
        else:
            high = middle
    if low < arcs.begins[state + 1] and arcs.words[low] == word:
        return arcs.weights[low], arcs.targets[low]
    return -np.inf, state


@inlined
def may_lead(tree: Tree, boundaries: bool, state: int, place: int) -> bool:
    """Whether a node of the tree is the beginning of a word that a state allows, or no word is open."""
    arcs = tree.arcs
    if place <= ROOT:
        return place == ROOT
    first = arcs.first[place]
    if not boundaries:  # a word that ended here would have ended already
        first += tree.word_begins[place + 1] - tree.word_begins[place]
    low, high = arcs.rank_begins[state], arcs.rank_begins[state + 1]
    while low < high:
        middle = (low + high) >> 1
        if arcs.ranks[middle] < first:
            low = middle + 1
        else:
            high = middle
    return low < arcs.rank_begins[state + 1] and arcs.ranks[low] < arcs.last[place]
