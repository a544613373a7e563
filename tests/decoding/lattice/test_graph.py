"""Sums over the paths of a lattice against all paths written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoding.lattice.examples import all_paths, lattices, path_posteriors, score_of
from earwright.decoding.lattice import Lattice, assemble, empty_lattice
from earwright.errors import EarwrightError


@given(lattices(), st.sampled_from([1.0, 0.3]))
def test_posteriors_equal_enumeration(lattice: Lattice, scale: float) -> None:
    expected = np.zeros(lattice.arcs)
    for path, share in path_posteriors(lattice, scale).items():
        expected[list(path)] += share
    assert lattice.posteriors(scale) == pytest.approx(expected, abs=1e-9)


@given(lattices())
def test_best_paths_through_nodes_equal_enumeration(lattice: Lattice) -> None:
    before, after = lattice.sums(maximum=True)
    best = np.full(lattice.nodes, -np.inf)
    for path in all_paths(lattice):
        for node in {0, *lattice.targets[list(path)].tolist()}:
            best[node] = max(best[node], score_of(lattice, path))
    assert before + after == pytest.approx(best)


@given(lattices(), st.floats(0, 12))
def test_pruning_keeps_arcs_of_good_paths_alone(lattice: Lattice, beam: float) -> None:
    worth = {path: score_of(lattice, path) for path in all_paths(lattice)}
    good = {path for path, value in worth.items() if value >= max(worth.values()) - beam - 1e-6}
    sure = {path for path, value in worth.items() if value >= max(worth.values()) - beam + 1e-6}
    kept = lattice.pruned(beam)
    assert len({arc for path in sure for arc in path}) <= kept.arcs <= len({a for p in good for a in p})
    assert max(score_of(kept, path) for path in all_paths(kept)) == pytest.approx(max(worth.values()))


@given(lattices())
def test_nodes_and_arcs_are_in_order(lattice: Lattice) -> None:
    assert (lattice.sources < lattice.targets).all()
    assert (np.diff(lattice.sources) >= 0).all()
    assert (np.diff(lattice.times) >= 0).all()
    assert lattice.leaving[-1] == lattice.arcs


def test_what_leads_nowhere_is_left_out() -> None:
    lattice = assemble(
        [0, 1, 2, 1], [0, 1, 0, 3], [1, 2, 3, 1], ["a", "b", "c", "d"], np.zeros(4), np.zeros(4), np.zeros(4),
        [()] * 4, lm_weight=1.0, start=0, end=3,
    )  # fmt: skip
    assert (lattice.nodes, lattice.words) == (2, ("c",))


def test_a_circle_is_said() -> None:
    zeros = np.zeros(3)
    with pytest.raises(EarwrightError, match="circle"):
        assemble(
            [0, 1, 2], [0, 1, 1], [1, 2, 1], ["a", "b", "c"], zeros, zeros, zeros, [()] * 3,
            lm_weight=1.0, start=0, end=2,
        )  # fmt: skip


def test_an_empty_lattice_stays_empty() -> None:
    lattice = empty_lattice()
    assert (lattice.nodes, lattice.arcs, lattice.frames) == (0, 0, 0)
    assert lattice.pruned(1.0).arcs == 0
    assert lattice.posteriors().size == 0


@pytest.mark.parametrize("beam", [-1.0, float("nan")])
def test_a_bad_beam_is_said(beam: float) -> None:
    with pytest.raises(EarwrightError, match="beam"):
        empty_lattice().pruned(beam)
