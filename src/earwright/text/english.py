"""The `english` normalizer: what the Whisper paper scores with, so that figures can be laid side by side.

The rules are those of OpenAI's Whisper (Radford et al. 2022, arXiv:2212.04356, appendix C; MIT licence), with
their quirks ("oh" is a zero, "he's" is always "he is"), since a better rule would make another measure.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from importlib import resources

from earwright.text.english_numbers import normalize_numbers

_FILLERS = re.compile(r"\b(?:hmm|mm|mhm|mmm|uh|um)\b")
_BRACKETS = re.compile(r"[<\[][^>\]]*[>\]]")
_PARENTHESES = re.compile(r"\([^)]+?\)")

_WORDS = {
    "won't": "will not",
    "can't": "can not",
    "let's": "let us",
    "ain't": "aint",
    "y'all": "you all",
    "wanna": "want to",
    "gotta": "got to",
    "gonna": "going to",
    "i'ma": "i am going to",
    "imma": "i am going to",
    "woulda": "would have",
    "coulda": "could have",
    "shoulda": "should have",
    "ma'am": "madam",
    # Titles; the space parts them from a name that follows a full stop at once ("mr.park").
    "mr": "mister ",
    "mrs": "missus ",
    "st": "saint ",
    "dr": "doctor ",
    "prof": "professor ",
    "capt": "captain ",
    "gov": "governor ",
    "ald": "alderman ",
    "gen": "general ",
    "sen": "senator ",
    "rep": "representative ",
    "pres": "president ",
    "rev": "reverend ",
    "hon": "honorable ",
    "asst": "assistant ",
    "assoc": "associate ",
    "lt": "lieutenant ",
    "col": "colonel ",
    "jr": "junior ",
    "sr": "senior ",
    "esq": "esquire ",
}
_WORD = re.compile(r"\b(?:" + "|".join(_WORDS) + r")\b")

# In this order: the perfect tenses that can be told from "is" and "would" by the participle, then the rest.
_CONTRACTIONS = [
    (re.compile(pattern + r"\b"), replacement)
    for pattern, replacement in (
        (r"'d been", " had been"),
        (r"'s been", " has been"),
        (r"'d gone", " had gone"),
        (r"'s gone", " has gone"),
        (r"'d done", " had done"),
        (r"'s got", " has got"),
        (r"n't", " not"),
        (r"'re", " are"),
        (r"'s", " is"),
        (r"'d", " would"),
        (r"'ll", " will"),
        (r"'t", " not"),
        (r"'ve", " have"),
        (r"'m", " am"),
    )
]

# Letters that NFKD leaves whole.
_FOLDED = {"œ": "oe", "ø": "o", "æ": "ae", "ß": "ss", "đ": "d", "ð": "d", "þ": "th", "ł": "l"}
_NUMERIC_SYMBOLS = ".%$¢€£"


def normalize_english(text: str) -> str:
    """English words in lower case with contractions, numbers, titles and British spellings made one.

    Args:
        text: any English text; what stands in brackets and fillers ("uh", "mm") are left out.

    Returns:
        words separated by single spaces; numbers in digits, money as "$2.50".
    """
    text = _PARENTHESES.sub("", _BRACKETS.sub("", text.lower()))
    text = _FILLERS.sub("", text)
    text = re.sub(r"\s+'", "'", text)
    text = _WORD.sub(lambda match: _WORDS[match[0]], text)
    if "'" in text:
        for pattern, replacement in _CONTRACTIONS:
            text = pattern.sub(replacement, text)
    text = re.sub(r"(\d),(\d)", r"\1\2", text)
    text = re.sub(r"\.([^0-9]|$)", r" \1", text)
    text = normalize_numbers(_without_symbols(text))
    spellings = _spellings()
    text = " ".join(spellings.get(word, word) for word in text.split())
    # Signs of money and full stops count before a number only, a percent sign only after one.
    text = re.sub(r"[.$¢€£]([^0-9])", r" \1", text)
    text = re.sub(r"([^0-9])%", r"\1 ", text)
    return " ".join(text.split())


def _without_symbols(text: str) -> str:
    """Take off accents, and put a space for every symbol that is no part of a number."""
    return "".join(_fold(character) for character in unicodedata.normalize("NFKD", text))


@lru_cache(maxsize=4096)
def _fold(character: str) -> str:
    if character in _NUMERIC_SYMBOLS:
        return character
    if character in _FOLDED:
        return _FOLDED[character]
    category = unicodedata.category(character)
    if category == "Mn":
        return ""
    return " " if category[0] in "MSP" else character


@lru_cache(maxsize=1)
def _spellings() -> dict[str, str]:
    lines = resources.files("earwright.text").joinpath("spellings.tsv").read_text("utf-8").splitlines()
    pairs = (line.split("\t", 1) for line in lines if line and not line.startswith("#"))
    return dict(pairs)
