"""A network of words made ready for search: nothing is said silently, and each word leads to one state.

Silent arcs are taken away, and states that are reached by the same words become one (Mohri 1997,
"Finite-State Transducers in Language and Speech Processing", section 3.3: weighted determinization): what
words are worth is the most that any way to say them is worth. Then states after which the same may be said
become one (Moore's refinement).

Where two loops say the same words with different weights, how far one is ahead of the other may grow for
ever, and so would the automaton. There, what has been said is forgotten at each word: what is allowed stays
the same, and what words are worth is that of the best next step of all ways, which is at least as much.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwright.decoding.grammar.network import Arc, Network, useful
from earwright.errors import EarwrightError

_EXACT_LIMIT = 10_000  # states, and four times those of the network, before weights are forgotten
_LIMIT = 100_000  # the same, before a grammar is called too ambiguous
_ROUNDS = 1_000  # of the refinement; a grammar that needs more stays as it is
_DIGITS = 9  # of natural logarithms that count as equal
_LN10 = math.log(10.0)
Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
_Subset = dict[int, float]


@dataclass(frozen=True)
class Automaton:
    """States, of which 0 is the first, and arcs: those of state s are begins[s]:begins[s + 1], by word.

    Attributes:
        vocabulary: the words, sorted.
        begins: (states + 1,).
        words: (arcs,) numbers in the vocabulary.
        targets: (arcs,) states.
        weights: (arcs,) log10 of the probability.
        final: (states,) log10 of the probability to end there; -inf where nothing may end.
        exact: whether words are worth what the grammar says, and not more.
    """

    vocabulary: tuple[str, ...]
    begins: Longs
    words: Longs
    targets: Longs
    weights: Floats
    final: Floats
    exact: bool


def automaton(network: Network) -> Automaton:
    """Make a network ready.

    Raises:
        EarwrightError: it can say nothing, or the same in too many ways.
    """
    arcs = useful(network.arcs, network.start, network.end)
    said = sorted({arc.word for arc in arcs if arc.word is not None})
    if not said:
        why = "the empty text alone" if arcs or network.start == network.end else "nothing at all"
        raise EarwrightError(f"{network.source}: the grammar allows {why}; give it words to say.")
    numbers = {word: number for number, word in enumerate(said)}
    found = _determinize(network, arcs, numbers, _EXACT_LIMIT + 4 * network.states, exact=True)
    exact = found is not None
    if found is None:
        found = _determinize(network, arcs, numbers, _LIMIT + 4 * network.states, exact=False)
    if found is None:
        raise EarwrightError(
            f"{network.source}: the grammar can say the same words in more ways than a search keeps apart; "
            "make its loops and alternatives differ, or its phrases shorter."
        )
    rows, final = found
    table = np.array(rows, np.dtype([("from", "i8"), ("word", "i8"), ("to", "i8"), ("weight", "f8")]))
    table.sort(order=["from", "word"])
    begins = np.searchsorted(table["from"], np.arange(len(final) + 1)).astype(np.int64)
    whole = Automaton(
        tuple(said),
        begins,
        table["word"],
        table["to"],
        table["weight"] / _LN10,
        np.array(final) / _LN10,
        exact,
    )
    return _minimized(whole)


def _determinize(
    network: Network, arcs: Sequence[Arc], numbers: Mapping[str, int], limit: int, exact: bool
) -> tuple[list[tuple[int, int, int, float]], list[float]] | None:
    """Arcs (from, word, to, weight) between sets of states, and what it is worth to end in each set.

    A set knows of its states how far each is behind the best, unless it need not be exact. None: there are
    more sets than the limit.
    """
    silent: dict[int, list[tuple[int, float]]] = {}
    loud: dict[int, list[tuple[int, int, float]]] = {}
    for arc in arcs:
        if arc.word is None:
            silent.setdefault(arc.source, []).append((arc.target, arc.weight))
        else:
            loud.setdefault(arc.source, []).append((arc.target, numbers[arc.word], arc.weight))
    first = _closure({network.start: 0.0}, silent, loud, network.end)
    known = {_key(first): 0}
    waiting, rows, final = [first], [], []
    for source, subset in enumerate(waiting):  # which grows on the way
        final.append(subset.get(network.end, -math.inf))
        reached: dict[int, _Subset] = {}
        for state, left in subset.items():
            for target, word, weight in loud.get(state, ()):
                into = reached.setdefault(word, {})
                into[target] = max(into.get(target, -math.inf), left + weight)
        for word, into in reached.items():
            best = max(into.values())
            after = {state: left - best if exact else 0.0 for state, left in into.items()}
            after = _closure(after, silent, loud, network.end)
            key = _key(after)
            target = known.setdefault(key, len(waiting))
            if target == len(waiting):
                waiting.append(after)
            rows.append((source, word, target, best))
        if len(waiting) > limit:
            return None
    return rows, final


def _closure(
    subset: _Subset,
    silent: Mapping[int, Sequence[tuple[int, float]]],
    loud: Mapping[int, object],
    end: int,
) -> _Subset:
    """All states that are reached silently, best way first (Dijkstra), of which those count that say more."""
    found: _Subset = {}
    heap = [(-left, state) for state, left in subset.items()]
    heapq.heapify(heap)
    while heap:
        cost, state = heapq.heappop(heap)
        if state in found:
            continue
        found[state] = -cost
        for target, weight in silent.get(state, ()):
            if target not in found:
                heapq.heappush(heap, (cost - weight, target))
    return {state: left for state, left in found.items() if state == end or state in loud}


def _key(subset: _Subset) -> frozenset[tuple[int, float]]:
    return frozenset((state, round(left, _DIGITS)) for state, left in subset.items())


def _minimized(whole: Automaton) -> Automaton:
    """The same with states put together after which the same may be said, at the same price."""
    states = len(whole.final)
    sources = np.repeat(np.arange(states), np.diff(whole.begins))
    kinds = _mixed(_mixed(np.uint64(3), whole.words.astype(np.uint64)), _bits(whole.weights))
    classes = np.unique(_bits(whole.final), return_inverse=True)[1]
    count = 0
    for _ in range(_ROUNDS):
        if len(np.unique(classes)) == count:
            break
        count = len(np.unique(classes))
        marks = np.zeros((states, 3), np.uint64)
        marks[:, 0] = classes
        for column in (1, 2):  # two sums of 64 bits each: two different states never look alike
            arcs = _mixed(_mixed(kinds, classes[whole.targets].astype(np.uint64)), np.uint64(column))
            np.add.at(marks[:, column], sources, arcs)
        classes = np.unique(marks, axis=0, return_inverse=True)[1].reshape(-1)
    else:
        return whole
    _, chosen = np.unique(classes, return_index=True)
    order = np.argsort(chosen, kind="stable")  # state 0 stays the first
    numbers = np.empty(len(chosen), np.int64)
    numbers[order] = np.arange(len(chosen))
    kept = np.sort(chosen)
    rows = np.concatenate([np.arange(whole.begins[state], whole.begins[state + 1]) for state in kept])
    sizes = np.diff(whole.begins)[kept]
    return Automaton(
        whole.vocabulary,
        np.append(0, np.cumsum(sizes)),
        whole.words[rows],
        numbers[classes[whole.targets[rows]]],
        whole.weights[rows],
        whole.final[kept],
        whole.exact,
    )


def _bits(values: Floats) -> Keys:
    """Equal for what counts as equal."""
    return (np.round(values, _DIGITS) + 0.0).view(np.uint64)


def _mixed(key: Keys | np.uint64, value: Keys | np.uint64) -> Keys:
    """A hash of a hash and a number (the finisher of splitmix64)."""
    with np.errstate(over="ignore"):
        x = np.asarray(key ^ ((value + np.uint64(11)) * np.uint64(0x9E3779B97F4A7C15)), np.uint64)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)), np.uint64)
