"""Texts to be said: the lines of files as they are, or sentences drawn from books."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from earwright.cuts import iterate_cuts
from earwright.data.preparation.texts import text_key
from earwright.errors import EarwrightError
from earwright.lm.documents import check_readable, read_document
from earwright.lm.sentences import BREAK_TOKEN, find_ends, laid_out, split_tokens, token_flags

SHORTEST, LONGEST = 4, 35  # words of a sentence that is drawn: 2 to 15 seconds
SHARED_WORDS = 8  # in a row that two texts hardly have in common by chance
_PLAIN = re.compile(r"(?:[^\W\d_]|[\s'’‘\"“”,;:!?.…—–-])*")  # words, and what stands between them


def read_lines(path: Path) -> list[str]:
    """The lines of a file that are not empty, with single spaces.

    Raises:
        EarwrightError: it is not there, is no UTF-8, or is empty.
    """
    if not path.is_file():
        raise EarwrightError(f"{path}: there is no such file; name a text file with one sentence a line.")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise EarwrightError(f"{path}: this is not UTF-8 text (byte {error.start}).") from error
    texts = [" ".join(line.split()) for line in lines if line.strip()]
    if not texts:
        raise EarwrightError(f"{path}: there is no text in it.")
    return texts


def draw_sentences_of(
    paths: Sequence[str | os.PathLike[str]],
    count: int,
    seed: int,
    unlike: Collection[str | os.PathLike[str]] = (),
) -> list[str]:
    """Draw sentences from books, or from files of sentences.

    Sentences of 4 to 35 words in plain letters are drawn from, each once: those with digits, abbreviations
    and the like are not written as they are said.

    Args:
        paths: text files as `earwright lm train` takes them.
        count: how many sentences.
        seed: the same seed draws the same sentences of the same files.
        unlike: prepared folders; a sentence that shares eight words in a row with a text of theirs, or is one
            of them, is not drawn.

    Raises:
        EarwrightError: a file cannot be read, or there are fewer sentences.
    """
    names = [os.fspath(path) for path in paths]
    check_readable(names)
    barred = {run for folder in unlike for cut in iterate_cuts(folder) for run in _runs(text_key(cut.text))}
    found: dict[str, None] = {}  # keeps the order, and each once
    for name in names:
        for sentence in sentences(read_document(name)):
            if sayable(sentence):
                found[sentence] = None
    left = [text for text in found if not barred or barred.isdisjoint(_runs(text_key(text)))]
    if len(left) < count:
        raise EarwrightError(
            f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''}: only {len(left):,} sentences can be "
            f"drawn from, not {count:,}; name more texts, or fewer --sentences."
        )
    chosen = np.random.default_rng((seed, 7)).permutation(len(left))[:count]
    return [left[number] for number in chosen.tolist()]


def sentences(pieces: Iterable[str]) -> Iterator[str]:
    """The sentences of a text, found as `earwright lm train` finds them.

    Args:
        pieces: of the text; each ends with a line or at a space.
    """
    layout, rest = laid_out(pieces)
    flags_of = lru_cache(1 << 17)(token_flags)
    state = np.zeros(1, bool)
    words: list[str] = []
    for piece in rest:
        tokens = split_tokens(piece, layout)
        flags = np.fromiter(map(flags_of, tokens), np.uint8, len(tokens))
        ends = find_ends(np.arange(len(tokens)), flags, layout, state)
        for token, ended in zip(tokens, ends.tolist(), strict=True):
            if ended and words:
                yield " ".join(words)
                words = []
            if token != BREAK_TOKEN:
                words.append(token)
    if words:
        yield " ".join(words)


def sayable(sentence: str) -> bool:
    """Whether a sentence is neither short nor long, and is written as it is said."""
    words = sentence.split()
    return (
        SHORTEST <= len(words) <= LONGEST
        and _PLAIN.fullmatch(sentence) is not None
        and sentence != sentence.upper()  # headings
        # "Mr.", "St.", "J. P.": a full stop within a sentence is that of an abbreviation.
        and not any(word.rstrip("\"'”’,;:").endswith(".") for word in words[:-1])
    )


def _runs(key: str) -> Iterator[str]:
    """Every eight words in a row, or all of fewer."""
    words = key.split()
    for first in range(max(1, len(words) - SHARED_WORDS + 1)):
        yield " ".join(words[first : first + SHARED_WORDS])
