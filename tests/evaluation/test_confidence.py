"""Words at their times: against alignments whose times are known, and a brute-force calibration error."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.evaluation.align import align
from earwright.evaluation.confidence import Placed, calibration_error, confidence_bins, place_pairs
from earwright.evaluation.score import score
from earwright.text import normalize
from earwright.transcript import Word


def spoken(text: str) -> list[Word]:
    """A word each second, as long as half of one, less and less sure."""
    return [Word(word, n, n + 0.5, 0.9 - 0.1 * n) for n, word in enumerate(text.split())]


def placed(reference: str, hypothesis: str, normalizer: str = "basic") -> tuple[Placed, ...]:
    (utterance,) = score([reference], [hypothesis], normalizer).scored
    return place_pairs(utterance.pairs, spoken(hypothesis), normalizer)


def shown(rows: tuple[Placed, ...]) -> list[tuple[str, str, str, float, float, float | None]]:
    return [(*row.pair, row.start, row.end, row.confidence) for row in rows]


def test_every_operation_has_its_time() -> None:
    assert shown(placed("the cat sat on it", "the hat on it mat")) == [
        ("correct", "the", "the", 0, 0.5, 0.9),
        ("substitution", "cat", "hat", 1, 1.5, pytest.approx(0.8)),
        ("deletion", "sat", "", 1.75, 1.75, None),  # between the end of "hat" and "on"
        ("correct", "on", "on", 2, 2.5, pytest.approx(0.7)),
        ("correct", "it", "it", 3, 3.5, pytest.approx(0.6)),
        ("insertion", "", "mat", 4, 4.5, pytest.approx(0.5)),
    ]


def test_at_the_ends_and_with_nothing() -> None:
    assert [row.start for row in placed("oh the cat", "the cat")] == [0.0, 0, 1]
    assert [row.start for row in placed("the cat sat", "the cat")] == [0, 1, 1.5]
    assert [row[3:] for row in shown(placed("a b", ""))] == [(0.0, 0.0, None)] * 2
    assert placed("", "") == ()


def test_words_left_out_are_spread_between_their_neighbours() -> None:
    pairs = align(["a", "b", "c", "d", "e"], ["a", "d"])
    words = [Word("a", 0.0, 1.0, 0.9), Word("d", 4.0, 5.0, 0.9)]
    assert [row.start for row in place_pairs(pairs, words, "basic", 9.0)] == [0, 2, 3, 4, 7]
    assert [row.start for row in place_pairs(align(["a", "b", "c"], []), [], "basic", 8.0)] == [2, 4, 6]


def test_a_word_that_becomes_two_shares_its_time() -> None:
    rows = shown(placed("it is fine", "it's fine", "english"))
    assert rows == [
        ("correct", "it", "it", 0, 0.25, 0.9),
        ("correct", "is", "is", 0.25, 0.5, 0.9),
        ("correct", "fine", "fine", 1, 1.5, pytest.approx(0.8)),
    ]


def test_two_words_that_become_one_have_no_confidence() -> None:
    rows = shown(placed("we saw 21 cats", "we saw twenty one cats", "english"))
    assert [row[2] for row in rows] == ["we", "saw", "21", "cats"]
    assert [row[5] for row in rows] == [0.9, pytest.approx(0.8), None, pytest.approx(0.5)]
    assert 1.5 <= rows[2][3] == rows[2][4] <= 4  # between its neighbours


words = st.lists(st.sampled_from(["a", "b", "it's", "twenty", "one", "Mr.", "-", "é"]), max_size=12)


@given(words, words, st.sampled_from(["raw", "basic", "english"]))
def test_times_run_forward_whatever_the_normalizer_does(
    reference: list[str], hypothesis: list[str], normalizer: str
) -> None:
    said, heard = (normalize(" ".join(text), normalizer).split() for text in (reference, hypothesis))
    pairs = align(said, heard)
    rows = place_pairs(pairs, spoken(" ".join(hypothesis)), normalizer)
    assert [row.pair for row in rows] == pairs
    assert all(row.start <= row.end for row in rows)
    assert [row.start for row in rows] == sorted(row.start for row in rows)
    assert all(row.confidence is None for row in rows if not row.pair.hypothesis)
    if normalizer != "english":  # each word by itself: all of them have their confidence
        assert all(row.confidence is not None for row in rows if row.pair.hypothesis)


def test_bins_and_their_error() -> None:
    draw = random.Random(0)
    rows = []
    for _ in range(2000):
        sure = draw.choice([1.0, 0.0, draw.random()])
        right = draw.random() < sure
        (pair,) = align(["a"], ["a" if right else "b"])
        rows.append(Placed(pair, 0.0, 1.0, sure))
    rows.append(Placed(align(["a"], [])[0], 0.0, 0.0, None))
    bins = confidence_bins(rows)
    assert [each.low for each in bins] == [n / 10 for n in range(10)] and sum(b.words for b in bins) == 2000
    expected = 0.0
    for number, each in enumerate(bins):
        inside = [r for r in rows if r.confidence is not None and min(int(10 * r.confidence), 9) == number]
        right = sum(r.pair.operation == "correct" for r in inside)
        sure = sum(r.confidence or 0.0 for r in inside)
        assert (each.words, each.correct) == (len(inside), right)
        assert each.confidence == pytest.approx(sure / len(inside))
        expected += abs(right - sure) / 2000
    assert calibration_error(bins) == pytest.approx(expected) and expected < 0.05
    assert calibration_error(confidence_bins([])) == 0.0
