"""The best paths of a lattice as the search's own hypotheses, for a second look."""

from __future__ import annotations

from itertools import groupby

from earwright.decoding.hypothesis import Hypothesis
from earwright.decoding.keyterm_writing import Writing
from earwright.decoding.lattice.graph import Lattice
from earwright.decoding.lattice.paths import LatticePath, nbest_paths


def lattice_hypotheses(
    lattice: Lattice,
    count: int,
    blank: int,
    writing: Writing = Writing(),  # noqa: B008
) -> list[Hypothesis]:
    """The best paths, best first, with different words each.

    They differ far more than what is left in a beam at the end: a lattice has what was given up on the way.

    Args:
        lattice: of a search, with the tokens of its frames.
        count: how many at most.
        blank: its number.
        writing: how key terms are written.
    """
    return [_hypothesis(lattice, path, blank, writing) for path in nbest_paths(lattice, count)]


def _hypothesis(lattice: Lattice, path: LatticePath, blank: int, writing: Writing) -> Hypothesis:
    frames = [token for arc in path.arcs for token in lattice.alignments[arc]]
    runs = [(token, next(run)[0]) for token, run in groupby(enumerate(frames), key=lambda pair: pair[1])]
    said = [(token, first) for token, first in runs if token != blank]
    written = tuple(word for piece, _, _ in writing.spans(path.words) for word in piece)
    return Hypothesis(
        " ".join(written),
        written,
        tuple(token for token, _ in said),
        tuple(first for _, first in said),
        path.score,
        path.acoustic_score,
        path.lm_score,
        heard=path.words,
    )
