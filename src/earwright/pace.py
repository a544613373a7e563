"""How fast letters come in speech, and so whether words were spoken at all.

A recognizer that takes a note for a vowel writes letters over music: here one, there one, seconds apart. In
speech they come close together, even where noise hides half of them. So words that a recognizer is not sure
of are held against the pace of the speech that it was trained on. That helps a recognizer that was trained
with noise in which nobody speaks, too; one that was not is sure of what it invents, and is left alone. Words
are those of a greedy search: with a language model, letters over music become words as they are spoken. Where
words are not parted by spaces, a piece is one word, and is judged as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from earwright.decoding.words import geometric_mean
from earwright.transcript import Word

SLOWEST = 0.05  # the share of training utterances that may be slower, or have shorter words, than is noted
SURE = 0.5  # words with at least this confidence were spoken, however slowly: somebody spells, or counts
# Words less like speech than this were not spoken. It was chosen between what is lost of noisy speech and
# what is left of music: see "Words that nobody spoke" in docs/results.md.
LEAST = 0.35


@dataclass(frozen=True)
class Pace:
    """Of slow speech: 19 of 20 training utterances have more of each.

    Attributes:
        letters_per_second: over whole utterances.
        letters_per_word: on average over an utterance.
    """

    letters_per_second: float
    letters_per_word: float

    @classmethod
    def of(cls, texts: Sequence[str], seconds: Sequence[float]) -> Pace | None:
        """That of utterances, as the tokenizer writes them; None if none has words and a length."""
        known = [
            (text, length) for text, length in zip(texts, seconds, strict=True) if text.split() and length > 0
        ]
        if not known:
            return None
        paces = [letters(text) / length for text, length in known]
        sizes = [letters(text) / len(text.split()) for text, _ in known]
        return cls(float(np.quantile(paces, SLOWEST)), float(np.quantile(sizes, SLOWEST)))

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Pace | None:
        """The inverse of `to_dict`; None if a number is missing, or none that could be."""
        values: list[float] = []
        for name in ("letters_per_second", "letters_per_word"):
            value = table.get(name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
                return None
            if value > 1e6:  # no letters come so fast, and no word has so many
                return None
            values.append(float(value))
        return cls(*values)

    def to_dict(self) -> dict[str, float]:
        """Ready for bundle.toml."""
        return {name: round(value, 3) for name, value in asdict(self).items()}

    def fits(self, words: Sequence[Word]) -> bool:
        """Whether these words, at least one and without a long pause between two, can have been spoken.

        They were not if the recognizer is unsure of them (the geometric mean of their confidences is below
        SURE) and they are less like speech than LEAST.
        """
        return geometric_mean(word.confidence for word in words) >= SURE or self.likeness(words) >= LEAST

    def likeness(self, words: Sequence[Word]) -> float:
        """How much like speech words come, from 0 to 1: the product of three shares, each at most 1.

        How fast all letters come, pauses between words included; how fast they come within words of more than
        one; how many a word has: each as a share of what slow speech has. Of one word of more than one letter
        ("no") only the first counts.
        """
        counts = [letters(word.text) for word in words]
        whole = self._speed(sum(counts), [words[-1].end - words[0].start])
        if len(counts) == 1 and counts[0] > 1:
            return min(1.0, whole)
        long = [(count, word) for count, word in zip(counts, words, strict=True) if count > 1]
        within = self._speed(sum(count for count, _ in long), [word.end - word.start for _, word in long])
        size = sum(counts) / len(counts) / self.letters_per_word
        return min(1.0, whole) * (min(1.0, within) if long else 1.0) * min(1.0, size)

    def _speed(self, count: int, stretches: Sequence[float]) -> float:
        """Letters in stretches of so many seconds, as a share of those that slow speech has there.

        Seconds run from a first letter to a last one; each stretch is longer by the time of a letter.
        """
        return count / max(1.0, sum(self.letters_per_second * length + 1 for length in stretches))


def letters(text: str) -> int:
    """Characters that are no spaces."""
    return len(text) - text.count(" ")
