"""Digits become the words that are said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.data.preparation.numbers import spell_numbers

pytest.importorskip("num2words", reason="needs earwright[numbers]")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("In 1984 he paid $5.50.", "In nineteen eighty-four he paid five dollars fifty."),
        ("the 21st of May 2011", "the twenty-first of May twenty eleven"),
        ("50% of 1,234", "fifty percent of one thousand two hundred and thirty-four"),
        ("3.14 and 007", "three point one four and zero zero seven"),
        ("at 5:30, 5:05, 5:00", "at five thirty, five oh five, five"),
        ("call 5551234567", "call five five five one two three four five six seven"),
        ("the 1920s, the 90s", "the nineteen twenties, the nineties"),
        ("$1, £1,000, €2", "one dollar, one thousand pounds, two euros"),
        ("room 101B, 40-year", "room one hundred and one B, forty-year"),
        ("10 20 30.", "ten twenty thirty."),
        ("no numbers", "no numbers"),
    ],
)
def test_english(written: str, said: str) -> None:
    assert spell_numbers(written, "en") == said
    assert spell_numbers(written, "en-GB") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("1984 zahlte er 5,50 € dafür.", "neunzehnhundertvierundachtzig zahlte er fünf Euro fünfzig dafür."),
        ("am 3. Mai, der 3. Mai", "am dritten Mai, der dritte Mai"),
        ("Es waren 3. Dann ging er.", "Es waren drei. Dann ging er."),
        ("50 % von 1.234", "fünfzig Prozent von eintausendzweihundertvierunddreißig"),
        ("um 17:30 Uhr, um 8:00 Uhr", "um siebzehn Uhr dreißig, um acht Uhr"),
        ("3,14", "drei Komma eins vier"),
        ("die 1920er Jahre", "die neunzehnhundertzwanziger Jahre"),
        ("1 Kind", "ein Kind"),
    ],
)
def test_german(written: str, said: str) -> None:
    assert spell_numbers(written, "de") == said


def test_other_languages_stay() -> None:
    assert spell_numbers("le 14 juillet", "fr") == "le 14 juillet"


@given(text=st.text(max_size=60), language=st.sampled_from(["en", "de"]))
def test_no_text_is_too_odd(text: str, language: str) -> None:
    """And no digit that a number is written with is left."""
    spelled = spell_numbers(text, language)
    assert not any(character in "0123456789" for character in spelled)


@given(number=st.integers(0, 10**6 - 1))
def test_whole_numbers_as_num2words_has_them(number: int) -> None:
    from num2words import num2words

    wanted = num2words(number, to="year" if 1100 <= number < 2100 else "cardinal").replace(",", "")
    assert spell_numbers(f"x {number} y", "en") == f"x {wanted} y"
