"""Words in log-probs, some of them not said: against all paths of tiny grids."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earwright.alignment.words import WordCosts, place_words, runs
from earwright.alignment.words_kernel import best_words
from earwright.decoding import align_tokens
from earwright.errors import EarwrightError

COSTS = WordCosts(word=0.7, token=0.4, extra=0.9, anything=0.3)
GAP = "gap"


def grid(seed: int, frames: int, tokens: int = 4) -> npt.NDArray[np.float32]:
    values = np.random.default_rng(seed).normal(size=(frames, tokens)) * 2
    return np.asarray(values - np.logaddexp.reduce(values, axis=1, keepdims=True), np.float32)


def worth_of_labels(labels: Sequence[object], spelled: Sequence[Sequence[int]]) -> bool:
    """Whether labels of frames (GAP, (word, place), or "blank" inside of a word) say these words in order."""
    merged = [label for label, _ in itertools.groupby(labels)]
    said = [label for label in merged if label not in (GAP, "blank")]
    return said == [(word, place) for word, tokens in enumerate(spelled) for place in range(len(tokens))]


def brute_force(values: npt.NDArray[np.float32], words: list[list[int]]) -> float:
    """The best worth over all subsets of the words and all ways to label the frames."""
    quiet = values[:, [0, 1]].max(axis=1)
    gap = np.maximum(quiet, values[:, 2:].max(axis=1) - COSTS.extra)
    best = -math.inf
    for kept in itertools.product((False, True), repeat=len(words)):
        cost = sum(
            COSTS.word + COSTS.token * len(word) for word, keep in zip(words, kept, strict=True) if not keep
        )
        spelled = [word for word, keep in zip(words, kept, strict=True) if keep]
        places = [(word, place) for word, tokens in enumerate(spelled) for place in range(len(tokens))]
        for path in itertools.product([GAP, "blank", *places], repeat=len(values)):
            if not worth_of_labels(path, spelled) or not _blanks_are_inside(path, spelled):
                continue
            if any(
                isinstance(a, tuple) and isinstance(b, tuple) and a != b
                and spelled[a[0]][a[1]] == spelled[b[0]][b[1]]
                for a, b in itertools.pairwise(path)
            ):  # fmt: skip
                continue
            worth = -cost
            for frame, label in enumerate(path):
                if label == GAP:
                    worth += gap[frame]
                elif isinstance(label, tuple):
                    worth += values[frame, spelled[label[0]][label[1]]]
                else:
                    worth += values[frame, 0]
            best = max(best, worth)
    return float(best)


def _blanks_are_inside(path: Sequence[object], spelled: Sequence[Sequence[int]]) -> bool:
    """A gap between words, a blank between the tokens of one."""
    for index, label in enumerate(path):
        before = next((other for other in reversed(path[:index]) if isinstance(other, tuple)), None)
        after = next((other for other in path[index:] if isinstance(other, tuple)), None)
        inside = before is not None and after is not None and before[0] == after[0]
        if label in (GAP, "blank") and (label == "blank") != inside:
            return False
    return True


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(1, 5),
    st.lists(st.lists(st.integers(2, 3), min_size=1, max_size=2), min_size=1, max_size=2),
)
def test_the_best_path_of_all(seed: int, frames: int, words: list[list[int]]) -> None:
    values = grid(seed, frames)
    quiet, loud = values[:, :2].max(axis=1).astype(float), values[:, 2:].max(axis=1).astype(float)
    begins = np.cumsum([0, *map(len, words)]).astype(np.int32)
    tokens = np.array([token for word in words for token in word], np.int32)
    passing = COSTS.word + COSTS.token * np.diff(begins).astype(float)
    gap = np.maximum(quiet, loud - COSTS.extra)
    _, worth = best_words(values, tokens, begins, passing, gap, loud, 0)
    assert worth == pytest.approx(brute_force(values, words), abs=1e-4)


@given(st.integers(0, 10_000), st.lists(st.lists(st.integers(2, 3), min_size=1, max_size=3), max_size=4))
def test_words_come_in_order_and_do_not_overlap(seed: int, words: list[list[int]]) -> None:
    found = place_words(grid(seed, 12), words, 0, 1, COSTS)
    spans = [(word.start, word.end) for word in found.words if word is not None]
    edges = [frame for span in spans for frame in span]
    assert len(found.words) == len(words)
    assert edges == sorted(edges) and all(start < end for start, end in spans)
    assert all(0 <= word.confidence <= 1 for word in found.words if word is not None)
    inside = {frame for start, end in spans for frame in range(start, end)}
    assert not any(frame in inside for start, end in found.extra for frame in range(start, end))


def test_where_nothing_may_be_left_out_it_is_forced_alignment() -> None:
    values = grid(3, 40)
    words = [[2, 3], [3, 2, 2], [2]]
    strict = WordCosts(word=1e6, token=0.0, extra=1e6)
    found = place_words(values, words, 0, -1, strict)
    alone = align_tokens(values, [2, 3, 3, 2, 2, 2])
    assert alone is not None
    starts = [alone.start_frames[place] for place in (0, 2, 5)]
    assert [word.start for word in found.words if word is not None] == starts


def test_a_word_that_was_not_said_and_speech_that_is_no_word() -> None:
    sure = np.full((30, 4), -12.0, np.float32)
    path = [0, 2, 3, 0, 1, 0, 0, 3, 0, 3, 0, 2, 0, 3, 0, 1, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    sure[np.arange(30), path] = 0.0
    found = place_words(sure, [[2, 3], [2, 2, 2, 2], [2, 2]], 0, 1, WordCosts(1.0, 1.0, 2.0, 0.5))
    first, missing, last = found.words
    assert missing is None and first is not None and last is not None
    assert (first.start, first.end, last.start, last.end) == (1, 3, 16, 19)
    assert found.extra and found.extra[0][0] >= 7 and found.extra[-1][1] <= 14


def test_a_word_that_cannot_be_spelled_may_be_anything() -> None:
    sure = np.full((9, 4), -12.0, np.float32)
    sure[np.arange(9), [0, 2, 0, 3, 3, 3, 0, 2, 0]] = 0.0
    found = place_words(sure, [[2], [], [2]], 0, 1, WordCosts())
    middle = found.words[1]
    assert middle is not None and (middle.start, middle.end) == (3, 6)


@pytest.mark.parametrize(("frames", "words"), [(0, [[2]]), (4, []), (0, [])])
def test_nothing(frames: int, words: list[list[int]]) -> None:
    found = place_words(grid(0, frames) if frames else np.zeros((0, 4), np.float32), words)
    assert found.words == [None] * len(words)
    assert found.extra == []


def test_a_text_that_is_longer_than_the_audio() -> None:
    found = place_words(grid(1, 3), [[2, 3]] * 50, 0, 1)
    assert sum(word is not None for word in found.words) <= 1


def test_not_a_number() -> None:
    values = grid(1, 4)
    values[2, 1] = np.nan
    with pytest.raises(EarwrightError, match="NaN"):
        place_words(values, [[2]])


def test_runs() -> None:
    flags = np.array([0, 1, 1, 0, 0, 1, 0, 1], bool)
    assert runs(flags) == [(1, 3), (5, 6), (7, 8)]
    assert runs(flags, 1) == [(1, 3), (5, 8)]
    assert runs(np.zeros(0, bool)) == []
