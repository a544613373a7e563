"""Spelled-out English numbers to digits, by the rules of Whisper's normalizer (MIT licence; see `english`).

"twenty twenty one" is 2021, "nine double one" 911, "two point five million dollars" $2500000; "one" and
"ones" alone stay words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum, auto
from fractions import Fraction
from typing import NamedTuple


class _Kind(Enum):
    ZERO = auto()
    ONES = auto()  # one to nineteen
    TENS = auto()
    MULTIPLIER = auto()
    SIGN = auto()  # before a number
    CURRENCY = auto()  # after a number
    PERCENT = auto()
    SPECIAL = auto()


class _Word(NamedTuple):
    kind: _Kind
    value: int = 0
    ending: str = ""  # "s" of plurals, "th" of ordinals: such a word ends its number
    sign: str = ""


_ONES = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ILLIONS = (
    "million billion trillion quadrillion quintillion sextillion septillion octillion nonillion decillion"
)
_IRREGULAR = {
    1: ("first", "st"),
    2: ("second", "nd"),
    3: ("third", "rd"),
    5: ("fifth", "th"),
    12: ("twelfth", "th"),
}


def _vocabulary() -> dict[str, _Word]:
    words = {name: _Word(_Kind.ZERO) for name in ("o", "oh", "zero")}
    words["zeroth"] = _Word(_Kind.ONES, 0, "th")
    for value, name in enumerate(_ONES.split(), 1):
        regular = name + ("h" if name.endswith("t") else "th")
        ordinal, ending = _IRREGULAR.get(value, (regular, "th"))
        words[name] = _Word(_Kind.ONES, value)
        words["sixes" if name == "six" else name + "s"] = _Word(_Kind.ONES, value, "s")
        words[ordinal] = _Word(_Kind.ONES, value, ending)
    for value, name in enumerate(_TENS.split(), 2):
        words[name] = _Word(_Kind.TENS, 10 * value)
        words[name.replace("y", "ies")] = _Word(_Kind.TENS, 10 * value, "s")
        words[name.replace("y", "ieth")] = _Word(_Kind.TENS, 10 * value, "th")
    powers = {"hundred": 2, "thousand": 3} | {name: 6 + 3 * i for i, name in enumerate(_ILLIONS.split())}
    for name, power in powers.items():
        for ending in ("", "s", "th"):
            words[name + ending] = _Word(_Kind.MULTIPLIER, 10**power, ending)
    for name, sign in {"minus": "-", "negative": "-", "plus": "+", "positive": "+"}.items():
        words[name] = _Word(_Kind.SIGN, sign=sign)
    for name, sign in {"pound": "£", "euro": "€", "dollar": "$", "cent": "¢"}.items():
        words[name] = words[name + "s"] = _Word(_Kind.CURRENCY, sign=sign)
    words["per"] = words["percent"] = _Word(_Kind.PERCENT)
    for name in ("and", "double", "triple", "point"):
        words[name] = _Word(_Kind.SPECIAL)
    return words


_WORDS = _vocabulary()
_SIGNS = frozenset(word.sign for word in _WORDS.values() if word.sign)
_DIGITS = re.compile(r"\d+(?:\.\d+)?")


def normalize_numbers(text: str) -> str:
    """Write spelled-out numbers in digits.

    Args:
        text: lower-case words without punctuation other than `.%$¢€£` (in numbers).

    Returns:
        the text with numbers, money ("$2.07"), percentages ("90%") and ordinals ("33rd") in digits.
    """
    text = _point_five(text)
    text = re.sub(r"([a-z])([0-9])", r"\1 \2", text)
    text = re.sub(r"([0-9])([a-z])", r"\1 \2", text)
    text = re.sub(r"([0-9])\s+(st|nd|rd|th|s)\b", r"\1\2", text)
    text = " ".join(_NumberReader().read(text.split()))
    text = re.sub(
        r"([€£$])([0-9]+) (?:and )?¢([0-9]{1,2})\b", lambda m: f"{m[1]}{m[2]}.{int(m[3]):02d}", text
    )
    text = re.sub(r"[€£$]0.([0-9]{1,2})\b", lambda m: f"¢{int(m[1])}", text)
    return re.sub(r"\b1(s?)\b", r"one\1", text)


def _point_five(text: str) -> str:
    """Write "three and a half" as "three point five"; after anything but a number the words stay."""
    *segments, rest = re.split(r"\band\s+a\s+half\b", text)
    parts: list[str] = []
    for segment in segments:
        if segment.strip():
            word = _WORDS.get(segment.split()[-1])
            countable = word is not None and not word.ending and word.kind in _COUNTABLE
            parts += [segment, "point five" if countable else "and a half"]
    return " ".join([*parts, rest] if rest.strip() else parts)


_COUNTABLE = (_Kind.ZERO, _Kind.ONES, _Kind.TENS, _Kind.MULTIPLIER)
_DECIMALS = (_Kind.ZERO, _Kind.ONES, _Kind.TENS)


class _NumberReader:
    """Reads words from left to right and gathers a number until a word does not continue it.

    `value` is an int while arithmetic still applies ("thirty" "one"), and a string once digits have been
    strung together ("nineteen" "ninety" "nine") or a decimal point was seen.
    """

    def __init__(self) -> None:
        self.output: list[str] = []
        self.prefix = ""
        self.value: int | str | None = None

    def read(self, words: Sequence[str]) -> list[str]:
        """The words with the numbers among them in digits."""
        skip = False
        for index, text in enumerate(words):
            if skip:
                skip = False
                continue
            previous = _WORDS.get(words[index - 1]) if index else None
            following = words[index + 1] if index + 1 < len(words) else ""
            word = _WORDS.get(text)
            if word is None:
                self._read_other(text)
            elif word.kind is _Kind.ZERO:
                self.value = f"{self.value or ''}0"
            elif word.kind in (_Kind.ONES, _Kind.TENS):
                self._read_small(word, previous)
            elif word.kind is _Kind.MULTIPLIER:
                self._read_multiplier(word)
            elif word.kind is _Kind.SPECIAL:
                skip = self._read_special(text, previous, following)
            else:
                skip = self._read_sign(text, word, following)
        self._flush()
        return self.output

    def _emit(self, text: int | str) -> None:
        self.output.append(f"{self.prefix}{text}")
        self.prefix = ""
        self.value = None

    def _flush(self) -> None:
        if self.value is not None:
            self._emit(self.value)

    def _read_other(self, text: str) -> None:
        """Digits begin a number of their own, except after a decimal point; other words end one."""
        sign, digits = (text[0], text[1:]) if text[0] in _SIGNS else ("", text)
        if not _DIGITS.fullmatch(digits):
            self._flush()
            self._emit(text)
            return
        if isinstance(self.value, str) and self.value.endswith("."):
            self.value += text
            return
        self._flush()
        self.prefix = sign or self.prefix
        number = Fraction(digits)
        self.value = number.numerator if number.denominator == 1 else digits

    def _read_small(self, word: _Word, previous: _Word | None) -> None:
        """Add ones and tens where there is room ("thirty one"); where not, string them together."""
        kind = previous.kind if previous is not None and not previous.ending else None
        number, value = word.value, self.value
        joined: int | str
        if value is None:
            joined = number
        elif isinstance(value, str):
            # "nineteen ninety nine": the last zero of the tens gives way.
            joined = value[:-1] + str(number) if kind is _Kind.TENS and number < 10 else f"{value}{number}"
        elif kind is _Kind.ONES and word.kind is _Kind.ONES:
            joined = f"{value}{number}"
        else:
            joined = value + number if value % (10 if number < 10 else 100) == 0 else f"{value}{number}"
        if word.ending:
            self._emit(f"{joined}{word.ending}")
        else:
            self.value = joined

    def _read_multiplier(self, word: _Word) -> None:
        product: int | None
        if self.value is None:
            product = word.value
        elif isinstance(self.value, str):
            product = _whole(self.value, word.value)
        else:
            # Only what follows the last thousand is multiplied: 43000 + 2 (hundred).
            product = self.value // 1000 * 1000 + self.value % 1000 * word.value
        if product is None:
            self._flush()
            product = word.value
        if word.ending:
            self._emit(f"{product}{word.ending}")
        else:
            self.value = product

    def _read_sign(self, text: str, word: _Word, following: str) -> bool:
        """Signs, currencies and percent; true when the following word is used up with this one."""
        if word.kind is _Kind.SIGN:
            self._flush()
            if _may_be_number(following):
                self.prefix = word.sign
            else:
                self._emit(text)
            return False
        if self.value is None:
            self._emit(text)
            return False
        if word.kind is _Kind.CURRENCY:
            self.prefix = word.sign
            self._flush()
            return False
        if text == "percent" or following == "cent":
            self._emit(f"{self.value}%")
            return text == "per"
        self._flush()
        self._emit(text)
        return False

    def _read_special(self, text: str, previous: _Word | None, following: str) -> bool:
        """And, double, triple, point; true when the following word is used up with this one."""
        after = _WORDS.get(following)
        if not _may_be_number(following):
            self._flush()
            self._emit(text)
        elif text == "and":
            # "two hundred and six" is one number.
            if previous is None or previous.kind is not _Kind.MULTIPLIER or previous.ending:
                self._flush()
                self._emit(text)
        elif text == "point":
            if after is None or (after.kind in _DECIMALS and not after.ending):
                self.value = f"{self.value or ''}."
        elif after is not None and after.kind in (_Kind.ZERO, _Kind.ONES) and not after.ending:
            self.value = f"{self.value or ''}{str(after.value) * (2 if text == 'double' else 3)}"
            return True
        else:
            self._flush()
            self._emit(text)
        return False


def _may_be_number(text: str) -> bool:
    return text in _WORDS or _DIGITS.fullmatch(text) is not None


def _whole(value: str, multiplier: int) -> int | None:
    """`value` times `multiplier` if that is a whole number."""
    try:
        product = Fraction(value) * multiplier
    except ValueError:
        return None
    return product.numerator if product.denominator == 1 else None
