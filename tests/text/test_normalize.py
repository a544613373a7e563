"""raw and basic: what stays of the writing systems of the world, and what goes."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.errors import EarwrightError
from earwright.text.normalize import NORMALIZERS, normalize


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don’t STOP—me, now!!", "don't stop me now"),
        ("'tis rock 'n' roll, the dogs' ball", "tis rock n roll the dogs ball"),
        ("हिन्दी में, क़लम।", "हिन्दी में क़लम"),
        ("தமிழ் நாடு!", "தமிழ் நாடு"),
        ("น้ำ ภาษาไทย", "น้ำ ภาษาไทย"),
        ("می‌خواهم «این»", "می‌خواهم این"),
        ("كِتَـــاب؟", "كِتَاب"),
        ("İstanbul’da ILIK", "istanbul'da ilik"),
        ("ΟΔΟΣ", "οδος"),
        ("Straße, STRASSE", "straße strasse"),
        ("日本語、ｶﾞｲﾄﾞ。ー", "日本語 ガイド ー"),
        ("ｆｕｌｌ ｗｉｄｔｈ", "full width"),
        ("e\u0301te\u0301 = été", "été été"),
        ("soft\u00adly zero\u200bwidth", "softly zero width"),
        ("smile ☺️ 1️⃣ $5.00 50%", "smile 1 5 00 50"),
        ("a''b 'ʻ' -- …", "a'b"),
        ("\t \n", ""),
        ("", ""),
    ],
)
def test_basic(text: str, expected: str) -> None:
    assert normalize(text, "basic") == unicodedata.normalize("NFC", expected)


def test_basic_keeps_every_letter_and_mark_of_every_language() -> None:
    lines = (Path(__file__).parent.parent / "data/text/characters.tsv").read_text("utf-8").splitlines()[1:]
    for language, characters in (line.split("\t") for line in lines):
        for character in characters:
            if unicodedata.category(character)[0] not in "LM" or character in "ʻ":
                continue
            word = f"क{character}क" if unicodedata.category(character)[0] == "M" else character
            kept = normalize(word, "basic")
            assert kept == unicodedata.normalize("NFKC", word.replace("İ", "i").lower()).replace(
                "\u0e4d\u0e32", "\u0e33"
            ), f"{language}: {character!r}"


def test_raw_only_collapses_white_space() -> None:
    assert normalize("  Don’t\tSTOP—me,\n now!! ", "raw") == "Don’t STOP—me, now!!"


@given(st.text(max_size=60), st.sampled_from(sorted(NORMALIZERS)))
def test_spaces_are_single_and_never_at_the_ends(text: str, name: str) -> None:
    normalized = normalize(text, name)
    assert normalized == " ".join(normalized.split())


@given(st.text(max_size=60))
def test_basic_twice_is_basic_once(text: str) -> None:
    once = normalize(text, "basic")
    assert normalize(once, "basic") == once


@given(st.text(max_size=60))
def test_basic_leaves_no_punctuation_symbols_or_capitals(text: str) -> None:
    for character in normalize(text, "basic"):
        category = unicodedata.category(character)
        assert category[0] in "LMN" or character in " '\u200c\u200d"
        assert category != "Lu" or character.lower() == character


def test_unknown_name_is_one_sentence_with_the_nearest() -> None:
    with pytest.raises(EarwrightError, match='no normalizer "englsh"; did you mean "english"') as caught:
        normalize("text", "englsh")
    assert "\n" not in str(caught.value)
