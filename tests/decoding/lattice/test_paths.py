"""N-best lists and oracle paths against all paths written out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoding.lattice.examples import (
    all_paths,
    best_by_words,
    edit_distance,
    lattices,
    score_of,
    words_of,
)
from earwright.decoding.lattice import Lattice, empty_lattice, nbest_paths, oracle_path


@given(lattices(), st.integers(1, 12))
def test_nbest_equals_enumeration(lattice: Lattice, count: int) -> None:
    found, expected = nbest_paths(lattice, count), best_by_words(lattice)
    assert [path.score for path in found] == pytest.approx([score for _, score in expected[:count]])
    assert len({path.words for path in found}) == len(found)
    scores = dict(expected)
    for path in found:
        assert path.score == pytest.approx(scores[path.words])
        assert words_of(lattice, path.arcs) == path.words
        assert score_of(lattice, path.arcs) == pytest.approx(path.score)
        assert lattice.sources[path.arcs[0]] == 0
        assert lattice.targets[path.arcs[-1]] == lattice.nodes - 1


@given(lattices(), st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=5))
def test_the_oracle_equals_enumeration(lattice: Lattice, reference: list[str]) -> None:
    errors, words = oracle_path(lattice, reference)
    assert errors == min(edit_distance(words_of(lattice, path), reference) for path in all_paths(lattice))
    assert words in {words_of(lattice, path) for path in all_paths(lattice)}
    assert edit_distance(words, reference) == errors


def test_many_paths_of_few_texts_are_no_trouble() -> None:
    """2 ** 40 paths say the same."""
    from earwright.decoding.lattice import assemble

    count = 40
    sources = [node for node in range(count) for _ in range(2)]
    lattice = assemble(
        range(count + 1), sources, [node + 1 for node in sources], ["a"] * 2 * count,
        [-0.1 * (place % 2) for place in range(2 * count)], [0.0] * 2 * count, [0.0] * 2 * count,
        [()] * 2 * count, lm_weight=1.0, start=0, end=count,
    )  # fmt: skip
    (path,) = nbest_paths(lattice, 5)
    assert (path.text, path.score) == (" ".join("a" * count), 0.0)


def test_an_empty_lattice_has_no_paths() -> None:
    assert nbest_paths(empty_lattice(), 3) == []
