"""The english normalizer against Whisper's own cases, and against Whisper's code on made-up text."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earwright.text.english import normalize_english
from earwright.text.english_numbers import normalize_numbers


def _cases(path: Path) -> list[tuple[str, str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    return [(kind, text, expected) for kind, text, expected in rows]


CASES = _cases(Path(__file__).parent.parent / "data/text/whisper-cases.tsv")


@pytest.mark.parametrize(("kind", "text", "expected"), CASES, ids=[case[1] for case in CASES])
def test_whisper_cases(kind: str, text: str, expected: str) -> None:
    assert normalize_english(text) == expected
    if kind == "number+text":
        assert normalize_numbers(text) == expected


def test_shared_cases_are_the_ones_kept_here(shared: Path) -> None:
    assert _cases(shared / "vectors/scoring/whisper-normalizer/cases.tsv") == CASES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I uh [laughs] mean, (cough) yes.", "i mean yes"),
        ("Dr.Who and Mrs. Gray's café", "doctor who and missus gray is cafe"),
        ("the colour of 1,234,567 theatres", "the color of 1234567 theaters"),
        ("She's been there; it won't, can't, y'all", "she has been there it will not can not you all"),
        ("one of the ones", "one of the ones"),
        ("", ""),
        ("¢ % . $", "$"),
    ],
)
def test_examples(text: str, expected: str) -> None:
    assert normalize_english(text) == expected


@pytest.fixture(scope="module")
def whisper() -> Any:
    english = pytest.importorskip("whisper_normalizer.english", reason="needs whisper_normalizer (dev extra)")
    normalizer = english.EnglishTextNormalizer()
    # The package adds four words that Whisper's normalizer leaves alone.
    for word in ("kinda", "sorta", "dunno", "cause"):
        normalizer.replacers.pop(rf"\b{word}\b", None)
    return normalizer


WORDS = (
    "o oh zero one two three five eight nine ten eleven twelve nineteen twenty thirty ninety hundred "
    "thousand million billions second third fifth twelfth twentieth fifties sixes hundredth thousands "
    "minus negative plus pound pounds dollars cents euro per percent cent and double triple point cat the "
    "a half 3 3.14 $5 ¢7 0.5 10th b747 - 00 20 o'clock he's won't mr. $ % 50% x. 1,000 £0.36 colour I'd "
    "done (no) [no] uh , . ' Élan 10km"
)


@given(st.lists(st.sampled_from(WORDS.split()), max_size=8))
@settings(max_examples=300)
def test_equals_whisper_on_strings_of_number_words(whisper: Any, words: list[str]) -> None:
    text = " ".join(words)
    assert normalize_english(text) == " ".join(whisper(text).split())


@given(st.text(st.sampled_from("abcdefst'.,$%¢1 230-(é[<>]ß)ñ₂½ÆøŁ–’"), max_size=30))
@settings(max_examples=300)
def test_equals_whisper_on_any_characters(whisper: Any, text: str) -> None:
    assert normalize_english(text) == " ".join(whisper(text).split())
