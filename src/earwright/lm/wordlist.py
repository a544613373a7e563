"""Which words a model has: those of a file, or the frequent ones of a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError
from earwright.lm.documents import read_document
from earwright.lm.ngrams import SPECIAL_WORDS, UNKNOWN
from earwright.text import normalize


class Chosen(NamedTuple):
    """A vocabulary, and what becomes of the ids that words had while the text was read."""

    vocabulary: list[str]
    new_ids: npt.NDArray[np.int32]


def read_vocabulary(path: str, normalizer: str) -> list[str]:
    """The words of a file, one a line, after the three that every vocabulary begins with.

    Args:
        path: UTF-8, gzipped or not; <unk>, <s> and </s> may be among its words.
        normalizer: that the text goes through: a word that it would change could never be found.

    Raises:
        EarwrightError: a line is blank, holds a word that was there before, more than one word, or a word
            that no text has after the normalizer.
    """
    lines: dict[str, int] = {}
    number = 0
    rest = ""
    for piece in read_document(path):
        *complete, rest = (rest + piece).split("\n")
        for line in complete:
            number += 1
            _add_word(lines, path, number, line.strip(), normalizer)
    if rest:
        _add_word(lines, path, number + 1, rest.strip(), normalizer)
    words = [word for word in lines if word not in SPECIAL_WORDS]
    if not words:
        raise EarwrightError(f"{path}: has no words; a vocabulary has one on each line.")
    return [*SPECIAL_WORDS, *words]


def _add_word(lines: dict[str, int], path: str, number: int, word: str, normalizer: str) -> None:
    if not word:
        raise EarwrightError(f"{path}, line {number}: is blank; a vocabulary has one word on each line.")
    if len(word.split()) > 1:
        raise EarwrightError(f'{path}, line {number}: "{word[:60]}" is more than one word; give each a line.')
    if word in lines:
        raise EarwrightError(
            f'{path}, line {number}: "{word[:60]}" is on line {lines[word]} already; take one of them out.'
        )
    if word not in SPECIAL_WORDS and (changed := normalize(word, normalizer)) != word:
        raise EarwrightError(
            f'{path}, line {number}: "{word[:60]}" is "{changed[:60]}" after the normalizer {normalizer} '
            "that the text goes through; write it so, or choose another --normalizer."
        )
    lines[word] = number


def choose_vocabulary(
    words: Sequence[str], counts: npt.NDArray[np.int64], max_words: int | None, min_count: int
) -> Chosen:
    """The frequent words of a text, the most frequent first; of equals, the first in the alphabet.

    Args:
        words: by the ids they had while the text was read; the first three are <unk>, <s>, </s>.
        counts: (n,) how often each was said.
        max_words: the most, without those three; None: all.
        min_count: words that were said less often are left out.

    Raises:
        EarwrightError: no word is left.
    """
    special = len(SPECIAL_WORDS)
    fit = [place for place in range(special, len(words)) if counts[place] >= min_count]
    fit.sort(key=lambda place: (-int(counts[place]), words[place]))
    chosen = fit if max_words is None else fit[:max_words]
    if len(words) > special and not chosen:
        raise EarwrightError(
            f"no word of the text is said {min_count} times or more; choose a smaller --min-count."
        )
    new_ids = np.full(len(words), UNKNOWN, np.int32)
    new_ids[:special] = range(special)
    new_ids[chosen] = np.arange(special, special + len(chosen), dtype=np.int32)
    return Chosen([*SPECIAL_WORDS, *(words[place] for place in chosen)], new_ids)
