"""Normalizers: the named rules that make two spellings of the same speech equal, printed with every score."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from earwright.errors import EarwrightError

# Everything that people type for an apostrophe; U+02BB and U+02BC are letters to Unicode, the acute and grave
# accents are what keyboards without a typographic apostrophe offer.
_APOSTROPHES = dict.fromkeys(
    map(ord, "\u2019\u2018\u02bb\u02bc\u02b9\u2032\uff07\u00b4\u0060\u201b\u05f3"), "'"
)

# Joiners are spelling in Persian (ZWNJ) and Sinhala (ZWJ); they count only between two parts of a word.
_JOINERS = "\u200c\u200d"
_INSIDE_WORDS = "'" + _JOINERS

# NFKC takes Thai and Lao SARA AM apart, which no typist and no font expects; this puts it back.
_SARA_AM = (("\u0e4d\u0e32", "\u0e33"), ("\u0ecd\u0eb2", "\u0eb3"))

_TATWEEL = "\u0640"  # stretches a line of Arabic, says nothing
_KEEP, _SPACE, _NOTHING = range(3)


def normalize_raw(text: str) -> str:
    """The text as it is, with runs of white space made one space and none at the ends."""
    return " ".join(text.split())


def normalize_basic(text: str) -> str:
    """Lower-case words of any language without punctuation and symbols, for scores and for training targets.

    NFKC; lower case (not case folding, which would rewrite the German sharp s); letters, numbers and the
    marks that belong to letters (the vowel signs of Hindi, Tamil, Thai) stay; apostrophes and joiners stay
    inside words; all else becomes a space. No language is assumed: a Turkish capital I becomes a dotted i.

    Args:
        text: any text.

    Returns:
        words separated by single spaces; applying the rule again changes nothing.
    """
    text = text.translate(_APOSTROPHES)
    text = unicodedata.normalize("NFKC", text).replace("\u0130", "i").lower()
    # Lower-casing can undo a little of NFKC (some Greek and Lithuanian letters), hence twice.
    text = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES)
    for apart, together in _SARA_AM:
        text = text.replace(apart, together)
    kept: list[str] = []
    for character in text:
        kind = _kind(character)
        if kind == _SPACE:
            kept.append(" ")
        elif kind == _KEEP:
            kept.append(character)
    return " ".join(word for word in map(_trim, "".join(kept).split()) if word)


@lru_cache(maxsize=8192)
def _kind(character: str) -> int:
    if character in _INSIDE_WORDS:
        return _KEEP
    category = unicodedata.category(character)
    if category in ("Mn", "Mc"):
        # Variation selectors only choose a picture (of an emoji, of an ideograph).
        code = ord(character)
        return _NOTHING if 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF else _KEEP
    if category[0] in "LN":
        return _NOTHING if character == _TATWEEL else _KEEP
    # A zero-width space parts words (Thai, Khmer); other format characters (soft hyphens and such) vanish.
    return _NOTHING if category == "Cf" and character != "\u200b" else _SPACE


def _trim(word: str) -> str:
    """Take off a word's edges what only counts inside: apostrophes, joiners, marks with no letter before."""
    start = 0
    while start < len(word) and (word[start] in _INSIDE_WORDS or unicodedata.category(word[start])[0] == "M"):
        start += 1
    word = word[start:].rstrip(_INSIDE_WORDS)
    return re.sub(r"(['\u200c\u200d])['\u200c\u200d]+", r"\1", word)


def normalize_english(text: str) -> str:
    """English with contractions, numbers, titles and British spellings made one; see `text.english`."""
    from earwright.text.english import normalize_english as english

    return english(text)


NORMALIZERS: dict[str, Callable[[str], str]] = {
    "raw": normalize_raw,
    "english": normalize_english,
    "basic": normalize_basic,
}


def normalize(text: str, name: str) -> str:
    """Apply the normalizer called `name`.

    Args:
        text: any text.
        name: "raw", "english" or "basic".

    Returns:
        words separated by single spaces.

    Raises:
        EarwrightError: there is no normalizer of that name.
    """
    try:
        normalizer = NORMALIZERS[name]
    except KeyError:
        near = difflib.get_close_matches(name, NORMALIZERS, n=1, cutoff=0.0)[0]
        known = ", ".join(NORMALIZERS)
        raise EarwrightError(
            f'there is no normalizer "{name}"; did you mean "{near}"? There are {known}.'
        ) from None
    return normalizer(text)
