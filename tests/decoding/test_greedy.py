"""Greedy search against the definition, and words with times that make sense whatever the log-probs."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from earwright.decoding import greedy_search, timed_words
from earwright.decoding.words import geometric_mean
from earwright.errors import EarwrightError
from earwright.text import CharTokenizer

TOKENIZER = CharTokenizer(["<blank>", "▁", "a", "b"])


def peaked(path: list[int], vocabulary: int = 4, share: float = 0.9) -> npt.NDArray[np.float32]:
    """Log-probs (T, V) in which frame t gives `share` to path[t]."""
    probabilities = np.full((len(path), vocabulary), (1 - share) / (vocabulary - 1))
    probabilities[np.arange(len(path)), path] = share
    return np.log(probabilities).astype(np.float32)


def by_definition(path: list[int]) -> list[tuple[int, int, int]]:
    """Token, first frame, frame after the last: runs of one token, blanks dropped."""
    frames = enumerate(path)
    runs = [
        (token, [frame for frame, _ in run]) for token, run in itertools.groupby(frames, key=lambda x: x[1])
    ]
    return [(token, run[0], run[-1] + 1) for token, run in runs if token != 0]


log_prob_arrays = npst.arrays(
    np.float32,
    st.tuples(st.integers(0, 40), st.just(4)),
    elements=st.floats(-100, 5, width=32) | st.just(-math.inf),
)


@given(st.lists(st.integers(0, 3), max_size=60))
def test_equals_the_definition(path: list[int]) -> None:
    found = greedy_search(peaked(path) if path else np.zeros((0, 4), np.float32))
    assert list(zip(found.tokens, found.start_frames, found.end_frames, strict=True)) == by_definition(path)
    assert found.confidences == pytest.approx([0.9] * len(found.tokens), rel=1e-5)


def test_confidence_is_the_geometric_mean_over_the_run() -> None:
    log_probs = np.concatenate([peaked([2], share=0.9), peaked([2], share=0.4), peaked([0])])
    assert greedy_search(log_probs).confidences == pytest.approx([math.sqrt(0.9 * 0.4)], rel=1e-5)


def test_another_blank() -> None:
    assert greedy_search(peaked([3, 0, 0, 3, 1]), blank=3).tokens == [0, 1]


@given(
    log_prob_arrays,
    st.floats(0.001, 0.1),
    st.floats(0, 1e5),
    st.floats(0, 5),
)
def test_words_are_in_order_inside_the_audio_and_sure_to_some_degree(
    log_probs: npt.NDArray[np.float32], frame_shift: float, start: float, duration: float
) -> None:
    words = timed_words(greedy_search(log_probs), TOKENIZER, frame_shift, start, start + duration)
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert all(start <= time <= start + duration for time in times)
    assert all(0.0 <= word.confidence <= 1.0 for word in words)
    assert " ".join(word.text for word in words) == TOKENIZER.decode(greedy_search(log_probs).tokens)


def test_a_word_spans_its_tokens() -> None:
    #        0  1  2  3  4  5  6  7  8
    path = [0, 2, 2, 0, 3, 1, 0, 2, 2]
    words = timed_words(greedy_search(peaked(path)), TOKENIZER, 0.04, 10.0, 10.35)
    assert [(word.text, round(word.start, 3), round(word.end, 3)) for word in words] == [
        ("ab", 10.0, 10.2),
        ("a", 10.24, 10.35),
    ]


def test_output_that_is_no_number_is_an_error() -> None:
    log_probs = peaked([0, 2, 0])
    log_probs[1, 3] = np.nan
    with pytest.raises(EarwrightError, match="not a number"):
        greedy_search(log_probs)


@pytest.mark.parametrize("shape", [(3,), (3, 0), (1, 2, 3)])
def test_another_shape_is_refused(shape: Any) -> None:
    with pytest.raises(ValueError, match="must be"):
        greedy_search(np.zeros(shape, np.float32))


@given(st.lists(st.floats(0, 1), max_size=5))
def test_geometric_mean_lies_between(values: list[float]) -> None:
    mean = geometric_mean(values)
    assert 0.0 <= mean <= 1.0
    if values:
        assert min(values) * 0.999999 <= mean <= max(values) * 1.000001
