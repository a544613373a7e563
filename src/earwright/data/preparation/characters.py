"""Characters as people can tell them apart: code point, Unicode name, script, and a form that shows."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

DOTTED_CIRCLE = "\u25cc"  # what Unicode's own charts put under a mark that needs a letter
LEFT_TO_RIGHT = "\u200e"  # invisible; what stands between two of them is laid out by itself
RIGHT_TO_LEFT = ("R", "AL", "AN")
JOINERS = "\u200c\u200d"  # spelling in Persian and Sinhala: they shape the letters beside them
CATEGORIES = {"Cc": "control character", "Co": "private use", "Cs": "half of a surrogate pair"}
# Scripts whose characters' names do not begin with what the script is called.
SCRIPTS = {"CJK": "Han", "IDEOGRAPHIC": "Han", "KATAKANA-HIRAGANA": "Katakana"}
# Texts mix these as a matter of course.
_TOGETHER = {"Hiragana": "Japanese", "Katakana": "Japanese", "Han": "Japanese", "Fullwidth": "Latin"}
# First words of names of letters and marks that many scripts use.
COMMON = {"COMBINING", "MODIFIER", "VARIATION", "FEMININE", "MASCULINE", "MICRO", "ZERO"}


def code_point(character: str) -> str:
    """U+0061 for "a"."""
    return f"U+{ord(character):04X}"


@lru_cache(maxsize=8192)
def character_name(character: str) -> str:
    """Its name in Unicode, or what kind of thing it is where it has none."""
    kind = CATEGORIES.get(unicodedata.category(character), "not assigned")
    return unicodedata.name(character, kind)


@lru_cache(maxsize=8192)
def script(character: str) -> str:
    """The script that a letter or a mark is of ("Latin", "Arabic", "Han"), or "digits" or "signs".

    Unicode's names say it in their first word; a table of scripts is not in Python's library.
    """
    category = unicodedata.category(character)
    if category[0] == "N":
        return "digits"
    first = character_name(character).partition(" ")[0]
    if category[0] not in "LM" or first in COMMON:
        return "signs"
    return SCRIPTS.get(first, first.capitalize())


def writing_system(character: str) -> str:
    """The script of a letter as texts mix them: Japanese is one of three; "" for all that is no letter."""
    if unicodedata.category(character)[0] != "L":
        return ""
    found = script(character)
    return "" if found == "signs" else _TOGETHER.get(found, found)


def readable(text: str) -> str:
    """A text for a terminal: marks without a letter get a dotted circle, what has no form its code point.

    Text from right to left is fenced in, so that a terminal that turns it around turns nothing beside it.
    """
    shown = []
    letter = False  # something that a mark can sit on
    for character in text:
        category = unicodedata.category(character)
        if category[0] == "M" and not letter:
            shown.append(DOTTED_CIRCLE)
        if category in ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp") and character not in JOINERS:
            shown.append(f"<{code_point(character)}>")
        else:
            shown.append(character)
        letter = category[0] in "LNM"
    readable = "".join(shown)
    if any(unicodedata.bidirectional(character) in RIGHT_TO_LEFT for character in text):
        return f"{LEFT_TO_RIGHT}{readable}{LEFT_TO_RIGHT}"
    return readable
