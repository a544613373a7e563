"""The words of a text: as it has them, and as a recognizer spells them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from earwright.errors import EarwrightError
from earwright.text import Tokenizer, normalize


@dataclass(frozen=True)
class TextWord:
    """What stands between two blanks in a text.

    Attributes:
        text: as it stands there.
        line: on which, from 1 on.
        spoken: the words that the recognizer would write for it: none for a dash, two for "twenty-one".
    """

    text: str
    line: int
    spoken: tuple[str, ...]


def read_words(path: str | os.PathLike[str], normalizer: str) -> list[TextWord]:
    """The words of a file.

    Raises:
        EarwrightError: it cannot be read, is no UTF-8 text, or nothing in it can be said.
    """
    try:
        text = Path(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise EarwrightError(f"{path}: cannot be read as UTF-8 text ({error}).") from error
    words = split_words(text, normalizer)
    if not any(word.spoken for word in words):
        raise EarwrightError(f"{path}: there is nothing in it that could be said.")
    return words


def split_words(text: str, normalizer: str) -> list[TextWord]:
    """The words of a text.

    Args:
        text: of any layout.
        normalizer: of the recognizer.
    """
    return [
        TextWord(word, number, tuple(normalize(word, normalizer).split()))
        for number, line in enumerate(text.splitlines(), 1)
        for word in line.split()
    ]


def token_spellings(words: list[str], tokenizer: Tokenizer) -> list[list[int]]:
    """The tokens of each word; none where it has a character that the tokens lack, such as a digit."""
    known: dict[str, list[int]] = {}
    for word in words:
        if word not in known:
            known[word] = [] if tokenizer.unknown_characters(word) else tokenizer.encode(word)
    return [known[word] for word in words]
