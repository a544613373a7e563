"""Small lattices, and everything that is in them written out path by path."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from earwright.decoding.lattice import Lattice, assemble

_LN10 = math.log(10.0)


@st.composite
def lattices(draw: st.DrawFn, words: Sequence[str] = ("a", "b", "c", ""), most: int = 5) -> Lattice:
    """Lattices of a few nodes, each of which lies on a path; some arcs have no word."""
    nodes = draw(st.integers(2, most))
    times = [0, *itertools.accumulate(draw(st.integers(1, 3)) for _ in range(nodes - 1))]
    pairs = [(one, other) for one in range(nodes) for other in range(one + 1, nodes)]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=8))
    arcs = [*((node, node + 1) for node in range(nodes - 1)), *chosen]
    scores = st.floats(-5, 0, allow_nan=False, width=32)
    said = [draw(st.sampled_from(words)) for _ in arcs]
    return assemble(
        times,
        [one for one, _ in arcs],
        [other for _, other in arcs],
        said,
        [draw(scores) for _ in arcs],
        [draw(scores) for _ in arcs],
        [draw(scores) for _ in arcs],
        [tuple(draw(st.integers(0, 9)) for _ in range(times[other] - times[one])) for one, other in arcs],
        lm_weight=draw(st.sampled_from([0.0, 0.5, 1.0])),
        start=0,
        end=nodes - 1,
    )


def all_paths(lattice: Lattice) -> list[tuple[int, ...]]:
    """The arcs of every path."""
    found: list[tuple[int, ...]] = []

    def go(node: int, arcs: tuple[int, ...]) -> None:
        if node == lattice.nodes - 1:
            found.append(arcs)
        for arc in range(lattice.arcs):
            if lattice.sources[arc] == node:
                go(int(lattice.targets[arc]), (*arcs, arc))

    if lattice.nodes:
        go(0, ())
    return found


def words_of(lattice: Lattice, path: Sequence[int]) -> tuple[str, ...]:
    """What a path says."""
    return tuple(lattice.words[arc] for arc in path if lattice.words[arc])


def score_of(lattice: Lattice, path: Sequence[int]) -> float:
    """What a path is worth, by the definition."""
    return math.fsum(
        lattice.acoustic[arc] + lattice.lm_weight * _LN10 * lattice.lm[arc] + lattice.other[arc]
        for arc in path
    )


def best_by_words(lattice: Lattice) -> list[tuple[tuple[str, ...], float]]:
    """Each text with its best path's score, best first."""
    best: dict[tuple[str, ...], float] = {}
    for path in all_paths(lattice):
        words = words_of(lattice, path)
        best[words] = max(best.get(words, -math.inf), score_of(lattice, path))
    return sorted(best.items(), key=lambda item: -item[1])


def path_posteriors(lattice: Lattice, scale: float = 1.0) -> dict[tuple[int, ...], float]:
    """Of each path its share of the sum over all."""
    paths = all_paths(lattice)
    worth = np.array([scale * score_of(lattice, path) for path in paths])
    shares = np.exp(worth - worth.max())
    return dict(zip(paths, (shares / shares.sum()).tolist(), strict=True))


def edit_distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Of two texts, the plain recursion."""
    row = list(range(len(other) + 1))
    for place, word in enumerate(one, 1):
        last, row = row, [place]
        for column, same in enumerate(other, 1):
            row.append(min(last[column] + 1, row[-1] + 1, last[column - 1] + (word != same)))
    return row[-1]
