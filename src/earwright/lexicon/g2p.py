"""Grapheme-to-phoneme conversion: pronunciations for words that no lexicon has.

A joint-sequence model (Bisani & Ney 2008): a word and its pronunciation are a sequence of graphones, letters
with the phones that they stand for, and an n-gram model says how probable such a sequence is. The search goes
through the cuts of a word into graphones, and adds up those that say the same phones. A small network then
looks at the best of them again. The n-gram model reads from the end of a word to its beginning: that way
0.4 % more of cmudict's words are right, since English endings say more about what is before them than
beginnings do about what follows.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError
from earwright.lexicon.network import Network
from earwright.lm import END, START, NgramModel

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Item = TypeVar("Item", str, tuple[str, ...])

SPECIALS = 3  # ids of the n-gram model before its first graphone: <unk>, <s>, </s>
LONGEST_WORD = 200  # letters; a longer one is no word, and would take long
CANDIDATES = 30  # guesses that the network looks at; of 96 % of unknown words the right one is among them
# How much the network's log-probability counts beside the n-gram model's (tried: 0.3, 0.5, 0.7).
NETWORK_WEIGHT = 0.3


@dataclass(frozen=True)
class Guess:
    """A pronunciation that the model made.

    Attributes:
        phones: of the word.
        probability: of these phones among all that the search found for the word.
    """

    phones: tuple[str, ...]
    probability: float


@dataclass(frozen=True)
class G2pModel:
    """A trained model; `train_g2p` makes it, `read_g2p` reads it.

    Attributes:
        graphones: (letters, phones) of each, sorted; graphone i is the word i + 3 of the n-gram model.
        ngrams: over the graphones, the last one of a word first.
        lower: whether it was trained on lower case alone, and words are put into lower case first.
        notes: how it was made.
        network: has a second look; None where there was too little to train it on.

    Example:
        model = train_g2p(default_lexicon("en").entries())
        for guess in model.pronounce("zorkian", n=3):
            print(f"{guess.probability:.3f} {' '.join(guess.phones)}")
    """

    graphones: tuple[tuple[str, tuple[str, ...]], ...]
    ngrams: NgramModel
    lower: bool = True
    notes: Mapping[str, str] = field(default_factory=dict)
    network: Network | None = None

    @cached_property
    def phones(self) -> tuple[str, ...]:
        """All phones that it can say, sorted."""
        return tuple(sorted({phone for _, phones in self.graphones for phone in phones}))

    @cached_property
    def alphabet(self) -> dict[str, int]:
        """The letters that it knows, sorted, and their numbers."""
        return _numbered({letter for letters, _ in self.graphones for letter in letters})

    @cached_property
    def classes(self) -> dict[tuple[str, ...], int]:
        """The phones of its graphones, sorted, and their numbers: what the network tells apart."""
        return _numbered({phones for _, phones in self.graphones})

    def pronounce(self, word: str, n: int = 1, *, beam: int = 60, width: float = 5.0) -> list[Guess]:
        """The most probable pronunciations of a word.

        Args:
            word: as it is written.
            n: how many to return at most.
            beam: hypotheses that the search keeps after each letter.
            width: factors of ten that a hypothesis may be less probable than the best one beside it.

        Raises:
            EarwrightError: the word has a letter that the model never saw, is empty or too long, or has no
                pronunciation by this model.
        """
        from earwright.lexicon.search_kernel import search

        letters = self._spelled(word)
        wanted = n if self.network is None else max(n, CANDIDATES)
        trie = self._trie
        everything, scores, begins, cuts = search(
            *self._fitting(letters), *self._phones_of_graphones, trie.words, trie.begins, trie.log_probs,
            trie.backoffs, trie.suffixes, trie.start, END, beam, width, max(1, beam * self._fan_out),
            wanted + 1,
        )  # fmt: skip
        found: list[tuple[tuple[str, ...], float, IntArray]] = []
        for score, begin, end in zip(scores, begins, begins[1:], strict=False):
            cut = cuts[begin:end] - SPECIALS
            phones = tuple(phone for graphone in cut for phone in self.graphones[graphone][1])
            if phones and len(found) < wanted:
                found.append((phones, score, cut))
        if not found:
            raise EarwrightError(f'the g2p model finds no phones for "{word}".')
        shares = 10.0 ** (np.array([score for _, score, _ in found]) - everything)
        if self.network is not None:
            shares = self._second_look(letters, np.stack([cut for _, _, cut in found]), shares)
        best_first = np.argsort(-shares, kind="stable")[:n]
        return [Guess(found[place][0], float(shares[place])) for place in best_first]

    def _second_look(self, letters: str, cuts: IntArray, shares: FloatArray) -> FloatArray:
        """The probabilities of guesses (K,), given as cuts (K, letters), weighed with the network's."""
        assert self.network is not None
        numbers = np.array([self.alphabet[letter] for letter in letters])
        scores = self.network.score(numbers, self._class_of_graphones[cuts])
        mixed = (1 - NETWORK_WEIGHT) * np.log(np.maximum(shares, 1e-300)) + NETWORK_WEIGHT * scores
        mixed = np.exp(mixed - mixed.max())
        weighed: FloatArray = mixed / mixed.sum() * shares.sum()
        return weighed

    def _spelled(self, word: str) -> str:
        letters = unicodedata.normalize("NFC", word.lower() if self.lower else word)
        unknown = sorted(set(letters) - self.alphabet.keys())
        if not letters:
            raise EarwrightError("the word is empty.")
        if unknown:
            shown = ", ".join(f'"{letter}" (U+{ord(letter):04X})' for letter in unknown[:3])
            raise EarwrightError(
                f'the g2p model was trained on no word with {shown}, so it cannot say "{word[:40]}".'
            )
        if len(letters) > LONGEST_WORD:
            raise EarwrightError(f'"{word[:20]}...": {len(letters):,} letters are more than {LONGEST_WORD}.')
        return letters

    def _fitting(self, letters: str) -> tuple[IntArray, IntArray]:
        """From the last letter on, for graphones of each length: the first id that fits, and the end."""
        firsts = np.zeros((len(letters), self._longest), np.int64)
        lasts = np.zeros((len(letters), self._longest), np.int64)
        for place in range(len(letters)):
            end = len(letters) - place
            for n in range(1, min(self._longest, end) + 1):
                fitting = self._ranges.get(letters[end - n : end], (0, 0))
                firsts[place, n - 1], lasts[place, n - 1] = fitting
        return firsts, lasts

    @cached_property
    def _ranges(self) -> dict[str, tuple[int, int]]:
        ranges: dict[str, tuple[int, int]] = {}
        for number, (letters, _) in enumerate(self.graphones, SPECIALS):
            ranges[letters] = (ranges.get(letters, (number, 0))[0], number + 1)
        return ranges

    @cached_property
    def _longest(self) -> int:
        return max(len(letters) for letters, _ in self.graphones)

    @cached_property
    def _fan_out(self) -> int:
        """At most so many graphones of all lengths together can end at one letter."""
        widest = dict.fromkeys(range(1, self._longest + 1), 0)
        for letters, (first, last) in self._ranges.items():
            widest[len(letters)] = max(widest[len(letters)], last - first)
        return sum(widest.values())

    @cached_property
    def _phones_of_graphones(self) -> tuple[IntArray, IntArray]:
        """The phones of each word of the n-gram model, the last one first as the search goes."""
        number = {phone: place for place, phone in enumerate(self.phones)}
        lists = [()] * SPECIALS + [phones[::-1] for _, phones in self.graphones]
        begins = np.zeros(len(lists) + 1, np.int64)
        np.cumsum([len(phones) for phones in lists], out=begins[1:])
        return begins, np.array([number[phone] for phones in lists for phone in phones], np.int64)

    @cached_property
    def _class_of_graphones(self) -> IntArray:
        return np.array([self.classes[phones] for _, phones in self.graphones])

    @cached_property
    def _trie(self) -> Trie:
        return build_trie(self.ngrams)


def _numbered(items: set[Item]) -> dict[Item, int]:
    return {item: number for number, item in enumerate(sorted(items))}


@dataclass(frozen=True)
class Trie:
    """An n-gram model as the search reads it: all levels in one, the root first.

    Attributes:
        words: (nodes,) the last word of each.
        begins: (nodes + 1,) the children of node i lie in begins[i]:begins[i + 1].
        log_probs, backoffs: (nodes,) log10.
        suffixes: (nodes,) where the search goes when it backs off.
        start: the node of <s>.
    """

    words: IntArray
    begins: IntArray
    log_probs: FloatArray
    backoffs: FloatArray
    suffixes: IntArray
    start: int


def build_trie(ngrams: NgramModel) -> Trie:
    """Lay the levels of a model one after another, and link each n-gram to its longest suffix."""
    from earwright.lexicon.search_kernel import link_suffixes

    sizes = [1, *ngrams.counts]
    offsets = np.cumsum([0, *sizes])
    nodes = int(offsets[-1])
    words, parents = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64)
    log_probs, backoffs = np.zeros(nodes), np.zeros(nodes)
    begins = np.full(nodes + 1, nodes, np.int64)
    for order, level in enumerate(ngrams.levels, 1):
        here = slice(offsets[order], offsets[order + 1])
        words[here], log_probs[here] = level.words, level.log_probs
        if level.backoffs is not None:
            backoffs[here] = level.backoffs
        parents[here] = level.parents() + offsets[order - 1]
        begins[offsets[order - 1] : offsets[order]] = level.begins[:-1] + offsets[order]
    suffixes = link_suffixes(words, begins, parents)
    return Trie(words, begins, log_probs, backoffs, suffixes, int(offsets[1]) + START)
