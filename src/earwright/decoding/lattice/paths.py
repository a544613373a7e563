"""The best paths through a lattice, with different words each; and the one nearest to a known text."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from earwright.decoding.lattice.graph import Lattice

# How a path has come to a node: what it is worth, and (arc, the way before it).
_Way = tuple[float, tuple[int, "_Way"] | None]


@dataclass(frozen=True)
class LatticePath:
    """A path from the first node of a lattice to the last.

    Attributes:
        words: that it says.
        arcs: that it takes, those without a word among them.
        score: what it is worth, a natural logarithm.
        acoustic_score, lm_score: natural logarithm and log10 (unweighted): the sums over its arcs.
    """

    words: tuple[str, ...]
    arcs: tuple[int, ...]
    score: float
    acoustic_score: float
    lm_score: float

    @property
    def text(self) -> str:
        """The words, separated by single blanks."""
        return " ".join(self.words)


def nbest_paths(lattice: Lattice, count: int = 1) -> list[LatticePath]:
    """The best paths, best first; of those with the same words the best alone.

    Beginnings of texts are taken up in the order of what their best ends are worth: each is the set of nodes
    that its words can lead to, so no text is met twice however many paths say it.

    Args:
        lattice: any; an empty one has no paths.
        count: how many at most.
    """
    if not lattice.nodes or count < 1:
        return []
    last = lattice.nodes - 1
    left = lattice.sums(maximum=True)[1].tolist()
    following = _followers(lattice)
    ticket = itertools.count()
    # (- worth of the best end, ticket, words, nodes with the best way to each; None: it ends)
    begin = _without_words({0: (0.0, None)}, following)
    waiting: list[tuple[float, int, tuple[str, ...], dict[int, _Way] | _Way]] = []
    waiting.append((-max(way[0] + left[node] for node, way in begin.items()), next(ticket), (), begin))
    found: list[LatticePath] = []
    while waiting and len(found) < count:
        _, _, words, ways = heapq.heappop(waiting)
        if isinstance(ways, tuple):
            found.append(_path(lattice, words, ways))
            continue
        if last in ways:
            heapq.heappush(waiting, (-ways[last][0], next(ticket), words, ways[last]))
        by_word: dict[str, dict[int, _Way]] = {}
        for node, way in ways.items():
            for arc, target, word, score in following[node]:
                if word:
                    _improve(by_word.setdefault(word, {}), target, (way[0] + score, (arc, way)))
        for word, reached in by_word.items():
            closed = _without_words(reached, following)
            worth = max(way[0] + left[node] for node, way in closed.items())
            heapq.heappush(waiting, (-worth, next(ticket), (*words, word), closed))
    return found


def oracle_path(lattice: Lattice, reference: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """The fewest word errors that any path makes, and the words of one that makes so few.

    Args:
        lattice: not empty.
        reference: the words that were said.
    """
    size = len(reference) + 1
    # costs[n][r]: errors of the best way to node n that has used up r words of the reference.
    costs = np.full((lattice.nodes, size), np.iinfo(np.int32).max // 2, np.int32)
    back = np.full((lattice.nodes, size), -2, np.int64)  # arc * 2 + (1: a word of the reference); -1: deleted
    costs[0] = np.arange(size)
    back[0, 1:] = -1
    for arc, (source, target) in enumerate(zip(lattice.sources, lattice.targets, strict=True)):
        word = lattice.words[arc]
        stay = costs[source] + (word != "")
        better = stay < costs[target]
        costs[target][better], back[target][better] = stay[better], 2 * arc
        if word:
            used = costs[source][:-1] + np.array([word != one for one in reference], np.int32)
            better = used < costs[target][1:]
            costs[target][1:][better], back[target][1:][better] = used[better], 2 * arc + 1
        for place in range(1, size):
            if costs[target][place - 1] + 1 < costs[target][place]:
                costs[target][place], back[target][place] = costs[target][place - 1] + 1, -1
    node, place, words = lattice.nodes - 1, size - 1, []
    while node > 0 or place > 0:
        how = int(back[node, place])
        if how == -1:
            place -= 1
            continue
        words.append(lattice.words[how >> 1])
        node, place = int(lattice.sources[how >> 1]), place - (how & 1)
    return int(costs[-1, -1]), tuple(word for word in reversed(words) if word)


def _followers(lattice: Lattice) -> list[list[tuple[int, int, str, float]]]:
    """Of each node its arcs: number, target, word, score."""
    following: list[list[tuple[int, int, str, float]]] = [[] for _ in range(lattice.nodes)]
    rows = zip(
        lattice.sources.tolist(),
        lattice.targets.tolist(),
        lattice.words,
        lattice.scores.tolist(),
        strict=True,
    )
    for arc, (source, target, word, score) in enumerate(rows):
        following[source].append((arc, target, word, score))
    return following


def _improve(ways: dict[int, _Way], node: int, way: _Way) -> None:
    if node not in ways or way[0] > ways[node][0]:
        ways[node] = way


def _without_words(
    ways: dict[int, _Way], following: Sequence[Sequence[tuple[int, int, str, float]]]
) -> dict[int, _Way]:
    """With the nodes that arcs without a word lead to."""
    waiting = list(ways)
    heapq.heapify(waiting)  # nodes are in order, so each is done when it is taken up
    while waiting:
        node = heapq.heappop(waiting)
        for arc, target, word, score in following[node]:
            if not word:
                if target not in ways:
                    heapq.heappush(waiting, target)
                _improve(ways, target, (ways[node][0] + score, (arc, ways[node])))
    return ways


def _path(lattice: Lattice, words: tuple[str, ...], way: _Way) -> LatticePath:
    arcs: list[int] = []
    score, before = way
    while before is not None:
        arcs.append(before[0])
        before = before[1][1]
    arcs.reverse()
    acoustic, lm = math.fsum(lattice.acoustic[arcs]), math.fsum(lattice.lm[arcs])
    return LatticePath(words, tuple(arcs), score, acoustic, lm)
