"""What can be said of a text without its audio: its script, and what in it will trouble a recognizer."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from earwright.data.preparation.characters import writing_system
from earwright.text import normalize

# In these a character is a syllable or a word: that one occurs once is no sign of an error.
SCRIPTS_OF_MANY = frozenset(
    {"Japanese", "Hangul", "Ethiopic", "Yi"}
)  # Japanese and Chinese, see characters.py
_SHOWN = 12  # characters in a sentence about them


def main_script(text: str) -> str:
    """The writing system of most of a text's letters ("Latin", "Cyrillic"); "" if it has none."""
    counts: dict[str, int] = {}
    for character in text:
        if found := writing_system(character):
            counts[found] = counts.get(found, 0) + 1
    return max(counts, key=lambda name: counts[name]) if counts else ""


def count_spoken(text: str) -> int:
    """Letters, digits and vowel signs: the characters that take time to say."""
    return sum(unicodedata.category(character)[0] in "LNM" for character in text)


def text_key(text: str) -> str:
    """What two texts have in common that say the same: their words in lower case, without punctuation."""
    return normalize(text, "basic")


def text_warnings(text: str) -> Iterator[tuple[str, str]]:
    """What in a text has to be read out in words, or was hardly meant: (name of the warning, particulars).

    Args:
        text: as the corpus has it.

    Yields:
        "digits", "symbols", "mixed-scripts", "control-characters": each at most once.
    """
    if text.isascii() and not any(character in _ASCII_TO_LOOK_AT for character in text):
        return  # nearly all English texts; the rest costs ten times as much
    digits = [character for character in text if unicodedata.category(character) == "Nd"]
    if digits:
        yield "digits", f"it has {_shown(digits)}: how they are read is not written"
    symbols = [character for character in text if _is_symbol(character)]
    if symbols:
        yield "symbols", f"it has {_shown(symbols)}: if they are said, write them in words"
    mixed = [word for word in text.split() if _mixes(word)]
    if mixed:
        names = " and ".join(sorted({writing_system(character) for character in mixed[0]} - {""}))
        yield "mixed-scripts", f"{mixed[0][:40]!r} mixes {names} letters"
    control = [character for character in text if _is_control(character)]
    if control:
        yield "control-characters", f"it has {_shown(control)}: damage, or a wrong encoding"


_ASCII_TO_LOOK_AT = frozenset("0123456789#$%&*+/<=>@\\^_`{|}~[]" + "".join(map(chr, range(32))) + "\x7f")


@lru_cache(maxsize=65536)
def _is_symbol(character: str) -> bool:
    # Of the punctuation, what is read out as a word; commas, quotes and brackets are not.
    if character in "#%&*/@\\_§†‡•":
        return True
    category = unicodedata.category(character)
    return category in ("Sm", "Sc") or (category == "So" and character != "\ufffd") or character in "^`"


def _is_control(character: str) -> bool:
    # U+FFFD stands for bytes that could not be decoded.
    return unicodedata.category(character) in ("Cc", "Co", "Cn") or character == "\ufffd"


def _mixes(word: str) -> bool:
    """Whether letters of several alphabets stand in one word, such as a Cyrillic а in a Latin one."""
    found = {writing_system(character) for character in word} - {""}
    # Languages without spaces have names in Latin letters in the middle of anything.
    return len(found) > 1 and not found & {"Japanese", "Hangul", "Thai", "Lao", "Khmer", "Myanmar"}


def _shown(characters: list[str]) -> str:
    once = list(dict.fromkeys(characters))
    shown = " ".join(
        character if character.isprintable() and not character.isspace() else f"U+{ord(character):04X}"
        for character in once[:_SHOWN]
    )
    return shown + (" …" if len(once) > _SHOWN else "")
