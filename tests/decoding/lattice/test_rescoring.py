"""Lattices with another model's scores against sentences scored one by one."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoding.enumeration import lm_log10
from decoding.lattice.examples import all_paths, lattices, score_of, words_of
from decoding.test_beam import random_lm
from earwright.decoding.lattice import Lattice, empty_lattice, rescore_lattice
from earwright.errors import EarwrightError

MODELS = [random_lm(("a", "b"), order, seed) for order, seed in ((1, 0), (2, 1), (3, 2), (4, 3))]


@given(lattices(words=("a", "b", "never")), st.sampled_from(MODELS), st.sampled_from([None, 0.3, 2.0]))
def test_each_path_has_the_score_of_its_sentence(lattice: Lattice, lm: object, weight: float | None) -> None:
    from earwright.lm.query import LanguageModel

    assert isinstance(lm, LanguageModel)
    if set(lattice.words) == {"never"}:
        return
    found = rescore_lattice(lattice, lm, weight)
    used = lattice.lm_weight if weight is None else weight
    expected = sorted(
        (
            words_of(lattice, path),
            math.fsum(lattice.acoustic[list(path)])
            + math.fsum(lattice.other[list(path)])
            + used * math.log(10) * lm_log10(lm, words_of(lattice, path)),
        )
        for path in all_paths(lattice)
    )
    got = sorted((words_of(found, path), score_of(found, path)) for path in all_paths(found))
    assert [words for words, _ in got] == [words for words, _ in expected]
    assert [score for _, score in got] == pytest.approx([score for _, score in expected], abs=1e-5)
    assert found.frames == lattice.frames


@given(lattices(words=("a", "b", "")))
def test_the_same_model_again_changes_nothing(lattice: Lattice) -> None:
    once = rescore_lattice(lattice, MODELS[2]) if any(lattice.words) else lattice
    if any(lattice.words):
        twice = rescore_lattice(once, MODELS[2])
        assert sorted(twice.lm) == pytest.approx(sorted(once.lm))
        assert (twice.nodes, twice.words) == (once.nodes, once.words)


def test_models_that_do_not_fit_are_said() -> None:
    words = random_lm(("x", "y"), 2, 0)
    lattice = rescore_lattice(example(), MODELS[1])
    with pytest.raises(EarwrightError, match="none of the lattice's 2 words, such as 'a'"):
        rescore_lattice(lattice, words)
    with pytest.raises(EarwrightError, match="of tokens"):
        rescore_lattice(lattice, replace(words, unit="token"))
    assert rescore_lattice(empty_lattice(), words).nodes == 0


def example() -> Lattice:
    """One of two words."""
    from earwright.decoding.lattice import assemble

    zeros = [0.0] * 2
    return assemble(
        [0, 2, 4], [0, 1], [1, 2], ["a", "b"], zeros, zeros, zeros, [()] * 2, lm_weight=1.0, start=0, end=2
    )
