"""Words as the tokens of a recognizer, for models that foretell those."""

from __future__ import annotations

from array import array
from itertools import islice

import numpy as np
import numpy.typing as npt

from earwright.lm.ngrams import END, SPECIAL_WORDS, UNKNOWN
from earwright.lm.numbering import Ids, WordNumbers
from earwright.text import Tokenizer
from earwright.text.tokenizers import WORD_START

# A model has <unk>, <s> and </s> where a tokenizer has the blank.
SHIFT = len(SPECIAL_WORDS) - 1


def token_vocabulary(tokenizer: Tokenizer) -> list[str]:
    """The vocabulary of a model over a tokenizer's tokens: the three special ones, then its tokens."""
    return [*SPECIAL_WORDS, *tokenizer.tokens[1:]]


class Speller:
    """Spells texts of numbered words, each different word once.

    A character without a token is <unk>; a byte-pair tokenizer makes <unk> of the whole word.

    Args:
        tokenizer: of a recognizer.

    Attributes:
        numbers: of the words, to read texts with; every word gets one.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.numbers = WordNumbers()
        separators = [WORD_START] if WORD_START in tokenizer.tokens else []
        # Between characters' words stands a token of its own; a byte-pair token that opens a word holds it.
        self._between = [tokenizer.tokens.index(token) + SHIFT for token in separators]
        self._between = self._between if tokenizer.kind == "char" else []
        self._tokens = array("i", range(len(SPECIAL_WORDS)))
        self._ends = array("q", range(1, len(SPECIAL_WORDS) + 1))

    def spell(self, words: Ids, begins: bool = True) -> tuple[Ids, npt.NDArray[np.int64]]:
        """The tokens of words.

        Args:
            words: (n,) ids of `numbers`, END after each sentence.
            begins: whether a sentence begins with the first of them.

        Returns:
            The tokens, END after each sentence, and (n,) how many each word has.
        """
        for word in islice(self.numbers, len(self._ends), None):
            self._tokens.extend(self._between + self._spell_word(word))
            self._ends.append(len(self._tokens))
        tokens, ends = np.array(self._tokens, np.int32), np.array(self._ends, np.int64)
        first = np.concatenate([[begins], words[:-1] == END])[: len(words)]
        # A sentence does not begin with a separator.
        skipped = len(self._between) * (first & (words >= len(SPECIAL_WORDS)))
        starts = np.concatenate([[0], ends])[words] + skipped
        lengths = ends[words] - starts
        places = np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
        return tokens[places], lengths

    def _spell_word(self, word: str) -> list[int]:
        unknown = self.tokenizer.unknown_characters(word)
        if not unknown:
            return [token + SHIFT for token in self.tokenizer.encode(word)]
        if self.tokenizer.kind == "bpe":
            return [UNKNOWN]
        return [
            UNKNOWN if character in unknown else self.tokenizer.encode(character)[0] + SHIFT
            for character in word
        ]
