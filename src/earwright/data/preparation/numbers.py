"""Numbers written in digits, spelled out as they are read: English and German, with num2words.

A recognizer learns the words that were said, and "1984" says nothing of them. What a reader makes of a
number depends on what it counts, so this is a set of habits, not the truth: years, ordinals, times, amounts
of money, shares, decimals, strings of digits. Whoever knows better writes the words into the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LONG_STRING = 7  # digits without a separator: a telephone number, read digit by digit
YEARS = range(1100, 2100)

_DATIVE = "am|im|vom|zum|beim|dem|den|des|ab|seit|bis"

Match = re.Match[str]


@dataclass(frozen=True)
class _Language:
    """How a language writes numbers: decimal and thousands separator, and its words for units."""

    decimal: str
    thousands: str
    percent: str
    currencies: dict[str, tuple[str, str]]  # sign -> one, many
    ordinal: str  # what follows the digits of an ordinal, as a pattern
    decade: str  # and of a decade
    clock: str  # hours and minutes as words, {h} and {m}


_LANGUAGES = {
    "en": _Language(
        decimal=".",
        thousands=",",
        percent="percent",
        currencies={"$": ("dollar", "dollars"), "£": ("pound", "pounds"), "€": ("euro", "euros")},
        ordinal=r"(?:st|nd|rd|th)\b",
        decade=r"'?s\b",
        clock="{h} {m}",
    ),
    "de": _Language(
        decimal=",",
        thousands=".",
        percent="Prozent",
        currencies={"$": ("Dollar", "Dollar"), "£": ("Pfund", "Pfund"), "€": ("Euro", "Euro")},
        # A full stop makes an ordinal only where it cannot end a sentence.
        ordinal=r"\.(?=\s(?:Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|"
        r"Dezember|Jahrhundert|[a-zäöü]))",
        decade=r"er\b",
        clock="{h} Uhr {m}",
    ),
}


def languages() -> tuple[str, ...]:
    """The codes of the languages whose numbers can be spelled."""
    return tuple(_LANGUAGES)


def spell_numbers(text: str, language: str) -> str:
    """Replace digits by words.

    Args:
        text: any text.
        language: "en" or "de", or a code that begins so ("en-GB"); other texts come back as they are.

    Raises:
        ModuleNotFoundError: num2words is not installed.
    """
    code = language.lower().replace("_", "-").partition("-")[0]
    if code not in _LANGUAGES or not any(character.isdecimal() for character in text):
        return text
    habits = _LANGUAGES[code]
    # "101B" is a number and a letter; "1st" and "1920s" are one word.
    text = re.sub(rf"(?<=\d)(?!{habits.ordinal}|{habits.decade})(?=[^\W\d_])", " ", text)
    for pattern, say in _rules(habits, _speaker(code)):
        text = re.sub(pattern, say, text)
    return text


def _speaker(code: str) -> Callable[..., str]:
    from num2words import num2words

    def say(number: int | str, to: str = "cardinal") -> str:
        try:
            return str(num2words(int(number), lang=code, to=to)).replace(",", "")
        except OverflowError:  # more digits than there are names for
            return " ".join(str(num2words(int(digit), lang=code)) for digit in str(number))

    return say


def _rules(habits: _Language, say: Callable[..., str]) -> list[tuple[str, Callable[[Match], str]]]:
    """(pattern, what it becomes), the special before the general."""
    comma, point = re.escape(habits.thousands), re.escape(habits.decimal)
    whole = rf"(\d{{1,3}}(?:{comma}\d{{3}})+(?!\d)|\d+)"  # 1,234,567 or 1234567
    number = rf"{whole}(?:{point}(\d+))?"
    signs = "".join(map(re.escape, habits.currencies))
    comma_word = {".": "point", ",": "Komma"}[habits.decimal]

    def plain(digits: str) -> str:
        bare = digits.replace(habits.thousands, "")
        if bare == digits and (len(bare) >= LONG_STRING or (len(bare) > 1 and bare[0] == "0")):
            return " ".join(say(digit) for digit in bare)
        return say(bare)

    def decimal(integer: str, fraction: Any) -> str:
        spoken = plain(integer)
        return f"{spoken} {comma_word} {' '.join(say(d) for d in fraction)}" if fraction else spoken

    def money(sign: str, integer: str, fraction: Any) -> str:
        one, many = habits.currencies[sign]
        unit = one if integer == "1" and not fraction else many
        if fraction and len(fraction) == 2:
            cents = "" if fraction == "00" else f" {say(fraction)}"
            return f"{plain(integer)} {many}{cents}"
        return f"{decimal(integer, fraction)} {unit}"

    def clock(match: Match) -> str:
        hour, minute = say(match[1]), match[2]
        if minute == "00":
            return hour if "Uhr" not in habits.clock else f"{hour} Uhr"
        if minute[0] == "0" and "Uhr" not in habits.clock:
            return f"{hour} oh {say(minute)}"
        return habits.clock.format(h=hour, m=say(minute))

    def ordinal(match: Match) -> str:
        spoken = say(match[2], "ordinal")
        return f"{match[1]} {spoken}n" if match[1] else spoken

    def year_or_number(match: Match) -> str:
        digits = match[0]
        return say(digits, "year") if int(digits) in YEARS else plain(digits)

    return [
        (rf"([{signs}])\s?{number}", lambda m: money(m[1], m[2], m[3])),
        (rf"{number}\s?([{signs}])", lambda m: money(m[3], m[1], m[2])),
        (rf"{number}\s?%", lambda m: f"{decimal(m[1], m[2])} {habits.percent}"),
        (r"\b([01]?\d|2[0-4]):([0-5]\d)(?:\s?Uhr\b)?(?!\d)", clock),
        # "am 3. Mai": after these words German ordinals end in -n.
        (rf"(?i:\b({_DATIVE})\s)?\b(\d+){habits.ordinal}", ordinal),
        (rf"\b(1[1-9]\d0|20\d0|[2-9]0){habits.decade}", lambda m: _decade(say(m[1], "year"), habits)),
        (r"(?<![\d.,])\d{4}(?![.,]?\d)", year_or_number),
        (r"(?<![\d.,])1(?= [^\W\d_])", lambda m: "ein" if comma_word == "Komma" else say(1)),
        (number, lambda m: decimal(m[1], m[2])),
    ]


def _decade(year: str, habits: _Language) -> str:
    if habits.percent == "Prozent":
        return f"{year}er"
    return f"{year[:-1]}ies" if year.endswith("y") else f"{year}s"
