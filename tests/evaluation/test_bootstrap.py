"""The bootstrap: the same for a seed, as wide as it should be, and it draws speakers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.evaluation import bootstrap
from earwright.evaluation.bootstrap import bootstrap_interval

COUNTS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=12)


@given(COUNTS, st.integers(0, 3))
def test_deterministic_by_seed_and_ordered(counts: list[tuple[int, int]], seed: int) -> None:
    errors, lengths = zip(*counts, strict=True)
    low, high = bootstrap_interval(errors, lengths, seed=seed, draws=200)
    assert (low, high) == bootstrap_interval(errors, lengths, seed=seed, draws=200)
    assert 0 <= low <= high <= len(errors) * max(errors)


def test_another_seed_another_interval() -> None:
    errors, lengths = np.arange(50) % 7, np.full(50, 10)
    assert bootstrap_interval(errors, lengths, seed=1) != bootstrap_interval(errors, lengths, seed=2)


def test_width_is_that_of_the_mean() -> None:
    generator = np.random.default_rng(5)
    errors, lengths = generator.binomial(20, 0.1, 2000), np.full(2000, 20)
    low, high = bootstrap_interval(errors, lengths)
    expected = 2 * 1.96 * np.sqrt(0.1 * 0.9 / (2000 * 20))
    assert high - low == pytest.approx(expected, rel=0.15)
    assert low < errors.sum() / lengths.sum() < high


def test_speakers_that_differ_widen_the_interval() -> None:
    speakers = [f"s{index // 50}" for index in range(400)]
    errors = np.array([1 if index // 50 % 2 else 5 for index in range(400)])
    lengths = np.full(400, 20)
    by_utterance = bootstrap_interval(errors, lengths)
    by_speaker = bootstrap_interval(errors, lengths, speakers)
    assert by_speaker[1] - by_speaker[0] > 3 * (by_utterance[1] - by_utterance[0])


def test_clusters_of_one_are_utterances() -> None:
    errors, lengths = np.arange(30) % 4, np.full(30, 10)
    assert bootstrap_interval(errors, lengths, list(range(30))) == bootstrap_interval(errors, lengths)


def test_defined_at_the_edges() -> None:
    assert bootstrap_interval([], []) == (0.0, 0.0)
    assert bootstrap_interval([3], [10]) == (0.3, 0.3)
    assert bootstrap_interval([3, 4], [10, 4], ["one", "one"]) == (0.5, 0.5)
    assert bootstrap_interval([0, 2], [0, 0]) == (0.0, 4.0)


def test_large_sets_are_drawn_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    errors, lengths = np.arange(40) % 5, np.full(40, 10)
    whole = bootstrap_interval(errors, lengths)
    monkeypatch.setattr(bootstrap, "_CHUNK", 100)
    parts = bootstrap_interval(errors, lengths)
    assert parts == pytest.approx(whole, rel=0.05)
