"""The characters of texts: which of them are odd, and what they are called."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from earwright.data.preparation.characters import code_point, writing_system
from earwright.text.visible import JOINERS

# What Unicode's general categories that letters and digits do not have are, in a word or three.
KINDS = {
    "Cc": "control character",
    "Cf": "invisible",
    "Co": "private use",
    "Cs": "half a character",
    "Cn": "not assigned",
    "Zs": "not the plain space",
    "Zl": "line end",
    "Zp": "line end",
    "Mn": "combining mark",
    "Mc": "combining mark",
    "Me": "combining mark",
}
PLAIN = " '-.,?!:;\"()"  # what texts are punctuated with everywhere
OTHER_SCRIPT = 0.01  # of the letters: a script with a smaller share does not belong to the corpus
RARE = 1e-5  # of the characters: 1 in 100,000
COMMON = 1e-3  # of the characters: punctuation that occurs so often belongs to the script
TYPOGRAPHY = range(0x2000, 0x2070)  # dashes, quotes and dots that are written in ASCII as well
LETTERS_OF_ALPHABET = 300  # with more letters than this it is Chinese or the like, where many are rare


@dataclass(frozen=True)
class Character:
    """A character of the texts.

    Attributes:
        character: itself.
        count: how often it occurs.
        first: id of the first cut that it is in.
        oddity: why it is worth a look; "" if it is not.
    """

    character: str
    count: int
    first: str
    oddity: str = ""

    @property
    def code_point(self) -> str:
        """As "U+00E9"."""
        return code_point(self.character)

    @property
    def name(self) -> str:
        """Its name in Unicode, or else what kind it is of."""
        kind = KINDS.get(unicodedata.category(self.character), "without a name")
        return unicodedata.name(self.character, kind)


def characters(counts: Mapping[str, int], first: Mapping[str, str]) -> list[Character]:
    """Every character, most frequent first, the odd ones marked.

    Odd are characters that are seen like another or not at all, symbols, letters of a script that the corpus
    is not written in, and very rare letters: typing errors and broken encodings gather there.

    Args:
        counts: character -> how often it occurs.
        first: character -> id of the first cut that it is in.
    """
    letters = {character: count for character, count in counts.items() if character.isalpha()}
    scripts: Counter[str] = Counter()
    for character, count in letters.items():
        scripts[writing_system(character)] += count
    least = OTHER_SCRIPT * sum(letters.values())
    foreign = {script for script, count in scripts.items() if count < least}
    marks_belong = any(_is_written_with_marks(character) for character in letters)
    total = sum(counts.values())
    rare = RARE * total if len(letters) <= LETTERS_OF_ALPHABET else 0.0

    def oddity(character: str, count: int) -> str:
        category = unicodedata.category(character)
        if character in PLAIN or (category == "Nd" and character.isascii()):
            return ""
        if character.isalpha():
            return (
                "another script" if writing_system(character) in foreign else "rare" if count < rare else ""
            )
        if marks_belong and (category in ("Mn", "Mc") or character in JOINERS):
            return ""
        if category == "Nd":
            return "digit of another script"
        if category.startswith("P"):
            own = count >= COMMON * total and ord(character) not in TYPOGRAPHY
            return "" if own else "punctuation"
        return KINDS.get(category, "symbol")

    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [Character(char, count, first.get(char, ""), oddity(char, count)) for char, count in ordered]


def _is_written_with_marks(character: str) -> bool:
    """Whether a letter is of a script whose vowels are marks: none that has capitals is."""
    return unicodedata.category(character) == "Lo" and writing_system(character) not in (
        "Japanese",
        "Hangul",
        "Latin",
    )
