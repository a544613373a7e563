"""Confidences that are as high as the share of what is right."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.evaluation.calibration import calibrate, expected_error, fit_temperature
from earwright.evaluation.confidence import BINS
from earwright.transcript import Word


@pytest.mark.parametrize("temperature", [0.2, 0.7, 1.0, 3.0])
def test_a_temperature_is_found_again(temperature: float) -> None:
    chance = np.random.default_rng(0)
    honest = chance.uniform(0.01, 0.99, 20_000)
    correct = chance.uniform(size=20_000) < honest
    shown = honest**temperature
    found = fit_temperature(shown, correct)
    assert found == pytest.approx(temperature, rel=0.05)
    assert expected_error(shown ** (1 / found), correct) < 0.02


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=60))
def test_the_error_is_that_of_its_definition(pairs: list[tuple[float, bool]]) -> None:
    total = 0.0
    for low in range(BINS):
        inside = [(c, r) for c, r in pairs if min(int(c * BINS), BINS - 1) == low]
        if inside:
            apart = sum(c for c, _ in inside) / len(inside) - sum(r for _, r in inside) / len(inside)
            total += len(inside) * abs(apart)
    sure, right = np.array([c for c, _ in pairs]), np.array([r for _, r in pairs], bool)
    assert expected_error(sure, right) == pytest.approx(total / max(1, len(pairs)))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=60))
def test_a_fit_is_no_less_likely_than_none(pairs: list[tuple[float, bool]]) -> None:
    sure, right = np.array([c for c, _ in pairs]), np.array([r for _, r in pairs], bool)

    def surprise(temperature: float) -> float:
        found = np.clip(np.clip(sure, 1e-4, 1 - 1e-4) ** (1 / temperature), 1e-4, 1 - 1e-4)
        return float(-np.where(right, np.log(found), np.log(1 - found)).mean())

    found = fit_temperature(sure, right)
    assert 0 < found < np.inf
    assert all(surprise(found) <= surprise(other) + 1e-3 for other in (0.1, 0.5, 1.0, 2.0, 10.0))


def words(text: str, sure: float) -> list[Word]:
    return [Word(word, n, n + 1.0, sure) for n, word in enumerate(text.split())]


def test_words_are_judged_by_their_alignment() -> None:
    chance = random.Random(0)
    heard, texts = [], []
    for _ in range(200):
        right = chance.random() < 0.25
        heard.append(words("the cat sat" if right else "the hat sat", 0.5 if right else 0.9))
        texts.append("The cat sat!")
    found = calibrate(heard, texts, lambda text: text.lower().strip("!"))
    assert found.words == 600
    assert found.error < found.error_before
    assert calibrate([words("a", 0.5)], ["a"], str).temperature == 1.0  # too few
    assert calibrate([words("a " * 100, 0.5)], ["a " * 100], str).temperature == 1.0  # all right
    assert calibrate([], [], str).words == 0
