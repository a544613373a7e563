"""What an n-gram model is in memory: a trie in sorted arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.integer]
FloatArray = npt.NDArray[np.floating]

# Every vocabulary begins with these three.
UNKNOWN, START, END = 0, 1, 2
SPECIAL_WORDS = ("<unk>", "<s>", "</s>")

# The log10 probability of <s>, which is never predicted: what ARPA files say.
NEVER = -99.0


@dataclass(frozen=True)
class Level:
    """The n-grams of one order, sorted by their word ids, the first word first: one floor of a trie.

    Attributes:
        words: (n,) int32, the last word of each n-gram.
        begins: (n of the order below + 1,) int64: the n-grams that continue the n-gram i of the order below
            lie in begins[i]:begins[i + 1]. Of order 1: [0, n], and words are 0 to n - 1.
        log_probs: (n,) float32, log10.
        backoffs: (n,) float32, log10; None at the highest order.
    """

    words: IntArray
    begins: IntArray
    log_probs: FloatArray
    backoffs: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.words)

    def parents(self) -> IntArray:
        """(n,) int64: the n-gram of the order below that each n-gram continues."""
        return np.repeat(np.arange(len(self.begins) - 1, dtype=np.int64), np.diff(self.begins))


@dataclass(frozen=True)
class NgramModel:
    """A back-off n-gram model: a node of the trie is an n-gram, its children are what may follow it.

    Every prefix of an n-gram is in it; in models that others pruned, a suffix may be missing. The arrays may
    be views of a mapped file.

    Attributes:
        vocabulary: id -> word; 0, 1 and 2 are <unk>, <s> and </s>. A list, or a view of a mapped file.
        levels: order 1 first.
        normalizer: the normalizer of `earwright.text` that its text went through; "none": as it came.
        unit: "word", or "token" for a model over a recognizer's tokens.
        notes: how it was made: command, counts of words, discounts, pruning.

    Example:
        model = estimate([[3, 4, 3]], order=2, vocabulary=["<unk>", "<s>", "</s>", "ja", "nein"])
        model.log_prob((1, 3))  # log10 P(ja | <s>)
    """

    vocabulary: Sequence[str]
    levels: tuple[Level, ...]
    normalizer: str = "none"
    unit: str = "word"
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def order(self) -> int:
        """Words of the longest n-grams."""
        return len(self.levels)

    @property
    def counts(self) -> tuple[int, ...]:
        """N-grams of each order."""
        return tuple(len(level) for level in self.levels)

    def node(self, ids: Sequence[int]) -> int:
        """The place of an n-gram in the level of its length, -1 where the model lacks it.

        Args:
            ids: 1 to `order` word ids.
        """
        place = 0
        for level, word in zip(self.levels, ids, strict=False):
            begin, end = int(level.begins[place]), int(level.begins[place + 1])
            place = begin + int(np.searchsorted(level.words[begin:end], word))
            if place == end or int(level.words[place]) != word:
                return -1
        return place

    def log_prob(self, ids: Sequence[int]) -> float:
        """log10 P(last word | the words before it), backing off where it must: slow, for looking at a few.

        Args:
            ids: 1 or more word ids; of more than `order` the last count.
        """
        ids = list(ids)[-self.order :]
        total = 0.0
        while (place := self.node(ids)) < 0:
            context = self.node(ids[:-1])
            backoffs = self.levels[len(ids) - 2].backoffs
            if context >= 0 and backoffs is not None:
                total += float(backoffs[context])
            ids = ids[1:]
        return total + float(self.levels[len(ids) - 1].log_probs[place])

    def ngrams(self, order: int) -> npt.NDArray[np.int32]:
        """(n, order) int32: the word ids of all n-grams of an order, in the order of its level."""
        level = self.levels[order - 1]
        columns = np.empty((len(level), order), np.int32)
        rows = np.arange(len(level), dtype=np.int64)
        for column in range(order - 1, -1, -1):
            level = self.levels[column]
            columns[:, column] = level.words[rows]
            rows = np.searchsorted(level.begins, rows, side="right") - 1
        return columns
