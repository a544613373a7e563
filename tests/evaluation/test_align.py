"""Alignments against brute force, and counts against jiwer and its own cases."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.errors import EarwrightError
from earwright.evaluation.align import (
    GAP_COST,
    SUBSTITUTION_COST,
    Counts,
    Pair,
    Weights,
    align,
    count,
    count_errors,
)
from earwright.evaluation.score import score

# Few different words, so that there are many alignments of equal cost.
WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=9)
COSTS: dict[Weights, tuple[int, int]] = {"unit": (1, 1), "sclite": (SUBSTITUTION_COST, GAP_COST)}


def least_cost(reference: Sequence[str], hypothesis: Sequence[str], substitution: int, gap: int) -> int:
    """The cost of the best alignment, by trying all of them."""

    @functools.cache
    def cost(i: int, j: int) -> int:
        if i == len(reference) or j == len(hypothesis):
            return gap * (len(reference) - i + len(hypothesis) - j)
        pair = 0 if reference[i] == hypothesis[j] else substitution
        return min(cost(i + 1, j + 1) + pair, cost(i + 1, j) + gap, cost(i, j + 1) + gap)

    return cost(0, 0)


@pytest.mark.parametrize("weights", ["unit", "sclite"])
@given(WORDS, WORDS)
def test_cost_equals_brute_force(weights: Weights, reference: list[str], hypothesis: list[str]) -> None:
    pairs = align(reference, hypothesis, weights)
    counts = count(pairs)
    substitution, gap = COSTS[weights]
    cost = substitution * counts.substitutions + gap * (counts.deletions + counts.insertions)
    assert cost == least_cost(reference, hypothesis, substitution, gap)
    assert [pair.reference for pair in pairs if pair.operation != "insertion"] == reference
    assert [pair.hypothesis for pair in pairs if pair.operation != "deletion"] == hypothesis
    for pair in pairs:
        assert (pair.operation == "correct") == (pair.reference == pair.hypothesis)
    assert count_errors(reference, hypothesis, weights) == counts
    assert counts.reference == len(reference)


@given(WORDS, WORDS)
def test_unit_errors_are_never_more(reference: list[str], hypothesis: list[str]) -> None:
    unit, sclite = (count_errors(reference, hypothesis, weights) for weights in ("unit", "sclite"))
    assert unit.errors <= sclite.errors


def test_ties_as_sclite_breaks_them() -> None:
    # Three substitutions cost 12, as do two deletions and two insertions around the one match.
    assert count_errors("abc", "cxy", "sclite") == Counts(0, 3, 0, 0)
    assert align("abc", "ax", "sclite") == [
        Pair("correct", "a", "a"),
        Pair("deletion", "b", ""),
        Pair("substitution", "c", "x"),
    ]


def test_empty_sides() -> None:
    for weights in COSTS:
        assert align([], [], weights) == []
        assert count_errors([], ["a", "b"], weights) == Counts(insertions=2)
        assert count_errors(["a", "b"], [], weights) == Counts(deletions=2)
    assert Counts().rate == 0.0
    assert Counts(insertions=3).rate == 3.0
    assert (Counts(1, 2, 3, 4) + Counts(1, 1, 1, 1)) == Counts(2, 3, 4, 5)


def test_too_long_for_the_table_of_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[align.__module__], "MAX_CELLS", 100)
    with pytest.raises(EarwrightError, match=r"20 against 20 tokens .* without --sclite"):
        align(["a"] * 20, ["b"] * 20, "sclite")
    assert len(align(["a"] * 20, ["b"] * 20)) == 20


@pytest.fixture(scope="module")
def jiwer() -> Any:
    return pytest.importorskip("jiwer", reason="needs jiwer (dev extra)")


@given(st.lists(st.tuples(WORDS.filter(len), WORDS), min_size=1, max_size=5))
def test_counts_equal_jiwer(jiwer: Any, texts: list[tuple[list[str], list[str]]]) -> None:
    references, hypotheses = ([" ".join(words) for words in side] for side in zip(*texts, strict=True))
    evaluation = score(references, hypotheses, "raw")
    words = jiwer.process_words(references, hypotheses)
    characters = jiwer.process_characters(references, hypotheses)
    for ours, theirs in ((evaluation.words, words), (evaluation.characters, characters)):
        assert ours == Counts(theirs.hits, theirs.substitutions, theirs.deletions, theirs.insertions)
    assert evaluation.wer == pytest.approx(words.wer)
    assert evaluation.cer == pytest.approx(characters.cer)


def test_jiwer_cases(shared: Path) -> None:
    cases = json.loads((shared / "vectors/scoring/jiwer/cases.json").read_text("utf-8"))
    assert len(cases["words_default"]) > 5
    for case in cases["words_default"]:
        assert score(case["ref"], case["hyp"], "raw").wer == pytest.approx(case["wer"]), case
    for case in cases["words_contiguous (all sentences joined)"]:
        assert score([" ".join(case["ref"])], [" ".join(case["hyp"])], "raw").wer == pytest.approx(
            case["wer"]
        )
    for case in cases["cer"]:
        sides = [[side] if isinstance(side, str) else side for side in (case["ref"], case["hyp"])]
        assert score(*sides, "raw").cer == pytest.approx(case["cer"]), case
