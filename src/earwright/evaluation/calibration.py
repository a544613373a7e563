"""Confidence that means what it says: of the words with confidence 0.8, four of five should be right.

A temperature brings it there: the logarithm of each word's confidence is divided by it (`decoding.words`). It
changes no word and no order of words by confidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwright.evaluation.align import align
from earwright.evaluation.confidence import BINS
from earwright.transcript import Word

COLDEST, HOTTEST = 0.05, 20.0
LEAST_WORDS = 30  # recognized ones: with fewer, or with all right or all wrong, nothing can be fitted
_NEVER = 1e-4  # a confidence below counts as this: one sure error shall not decide alone


@dataclass(frozen=True)
class Calibration:
    """A temperature and what it does.

    Attributes:
        temperature: 1 where there were too few words to find one.
        words: recognized ones that it was fitted to.
        error_before, error: the expected calibration error on these words, without it and with it.
    """

    temperature: float
    words: int
    error_before: float
    error: float


def calibrate(
    heard: Iterable[Sequence[Word]], texts: Iterable[str], normalize: Callable[[str], str]
) -> Calibration:
    """Fit a temperature to recognized words.

    Args:
        heard: the words of each utterance, with a temperature of 1.
        texts: what was said.
        normalize: what both go through before they are compared.
    """
    confidences, correct = [], []
    for words, text in zip(heard, texts, strict=True):
        parts = [(part, word.confidence) for word in words for part in normalize(word.text).split()]
        place = 0
        for pair in align(normalize(text).split(), [part for part, _ in parts]):
            if pair.hypothesis:
                confidences.append(parts[place][1])
                correct.append(pair.operation == "correct")
                place += 1
    sure, right = np.array(confidences, np.float64), np.array(correct, np.bool_)
    before = expected_error(sure, right)
    if len(right) < LEAST_WORDS or right.all() or not right.any():
        return Calibration(1.0, len(right), before, before)
    temperature = fit_temperature(sure, right)
    return Calibration(temperature, len(right), before, expected_error(sure ** (1 / temperature), right))


def fit_temperature(confidences: npt.NDArray[np.float64], correct: npt.NDArray[np.bool_]) -> float:
    """The temperature with which what was correct is likeliest; by golden sections of its logarithm."""
    sure = np.clip(confidences, _NEVER, 1 - _NEVER)

    def surprise(logarithm: float) -> float:
        found = np.clip(sure ** np.exp(-logarithm), _NEVER, 1 - _NEVER)
        return float(-np.where(correct, np.log(found), np.log1p(-found)).mean())

    low, high = np.log(COLDEST), np.log(HOTTEST)
    golden = (np.sqrt(5) - 1) / 2
    while high - low > 1e-4:
        left, right = high - golden * (high - low), low + golden * (high - low)
        if surprise(left) <= surprise(right):
            high = right
        else:
            low = left
    return round(float(np.exp((low + high) / 2)), 4)


def expected_error(confidences: npt.NDArray[np.float64], correct: npt.NDArray[np.bool_]) -> float:
    """The expected calibration error, over bins of equal width; 0 where there are no words."""
    bins = np.minimum((confidences * BINS).astype(int), BINS - 1)
    apart = [abs(confidences[bins == b].sum() - correct[bins == b].sum()) for b in range(BINS)]
    return float(sum(apart)) / max(1, len(correct))
