"""Grapheme-to-phoneme conversion: pronunciations for words that no lexicon has.

A joint-sequence model (Bisani & Ney 2008): a word and its pronunciation are a sequence of graphones, letters
with the phones that they stand for, and an n-gram model says how probable such a sequence is. The search goes
through the cuts of a word into graphones, and adds up those that say the same phones.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError
from earwright.lm import END, START, NgramModel

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

SPECIALS = 3  # ids of the n-gram model before its first graphone: <unk>, <s>, </s>
LONGEST_WORD = 200  # letters; a longer one is no word, and would take long


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
        ngrams: over the graphones.
        lower: whether it was trained on lower case alone, and words are put into lower case first.
        notes: how it was made.

    Example:
        model = train_g2p(default_lexicon("en").entries())
        for guess in model.pronounce("zorkian", n=3):
            print(f"{guess.probability:.3f} {' '.join(guess.phones)}")
    """

    graphones: tuple[tuple[str, tuple[str, ...]], ...]
    ngrams: NgramModel
    lower: bool = True
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def phones(self) -> tuple[str, ...]:
        """All phones that it can say, sorted."""
        return tuple(sorted({phone for _, phones in self.graphones for phone in phones}))

    @property
    def letters(self) -> frozenset[str]:
        """All letters that it knows."""
        return frozenset(letter for letters, _ in self.graphones for letter in letters)

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
        firsts, lasts = self._fitting(letters)
        trie = self._trie
        everything, scores, begins, phones = search(
            firsts, lasts, *self._phones_of_graphones, trie.words, trie.begins, trie.log_probs, trie.backoffs,
            trie.suffixes, trie.start, END, beam, width,
            max(1, beam * self._fan_out), n + 1,
        )  # fmt: skip
        names = self.phones
        guesses = [
            Guess(tuple(names[phone] for phone in phones[begin:end]), float(10 ** (score - everything)))
            for score, begin, end in zip(scores, begins, begins[1:], strict=False)
            if end > begin
        ]
        if not guesses:
            raise EarwrightError(f'the g2p model finds no phones for "{word}".')
        return guesses[:n]

    def _spelled(self, word: str) -> str:
        letters = unicodedata.normalize("NFC", word.lower() if self.lower else word)
        unknown = sorted(set(letters) - self._alphabet)
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
        """At each letter, for graphones of each length: the first id that fits and the one after the last."""
        longest = self._longest
        firsts = np.zeros((len(letters), longest), np.int64)
        lasts = np.zeros((len(letters), longest), np.int64)
        for place in range(len(letters)):
            for n in range(1, min(longest, len(letters) - place) + 1):
                firsts[place, n - 1], lasts[place, n - 1] = self._ranges.get(
                    letters[place : place + n], (0, 0)
                )
        return firsts, lasts

    @cached_property
    def _alphabet(self) -> frozenset[str]:
        return self.letters

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
        number = {phone: place for place, phone in enumerate(self.phones)}
        lists = [()] * SPECIALS + [phones for _, phones in self.graphones]
        begins = np.zeros(len(lists) + 1, np.int64)
        np.cumsum([len(phones) for phones in lists], out=begins[1:])
        return begins, np.array([number[phone] for phones in lists for phone in phones], np.int64)

    @cached_property
    def _trie(self) -> Trie:
        return build_trie(self.ngrams)


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


def train_g2p(
    entries: Iterable[tuple[str, Sequence[str]]],
    order: int = 8,
    *,
    prune: Sequence[int] = (),
    report: Callable[[str], None] = lambda doing: None,
) -> G2pModel:
    """Train a model on words and their pronunciations.

    Args:
        entries: (word, phones), a word as often as it has pronunciations.
        order: graphones of the longest n-grams.
        prune: of each order, how often an n-gram may have been seen to be left out, as in `estimate`.
        report: called with what is being done.

    Raises:
        EarwrightError: there is nothing to train on.
    """
    from earwright.lexicon.alignment import align, make_pairs
    from earwright.lm.estimate import estimate

    pairs = [
        (unicodedata.normalize("NFC", word), tuple(phones))
        for word, phones in entries
        if word and phones and len(word) <= LONGEST_WORD
    ]
    if not pairs:
        raise EarwrightError("there are no words with phones to train a g2p model on.")
    lower = all(word == word.lower() for word, _ in pairs)
    report("aligning")
    alignment = align(make_pairs(pairs))
    report("counting")
    cuts = [cut for cut in np.split(alignment.ids + SPECIALS, alignment.begins[1:-1]) if len(cut)]
    vocabulary = ["<unk>", "<s>", "</s>", *map(graphone_name, alignment.graphones)]
    ngrams = estimate(cuts, order, vocabulary, prune=prune, unit="graphone")
    notes = {
        "pairs": str(len(pairs)),
        "pairs that could not be aligned": str(len(pairs) - len(cuts)),
        "words": str(len({word for word, _ in pairs})),
    }
    return G2pModel(alignment.graphones, ngrams, lower, notes)


def graphone_name(graphone: tuple[str, Sequence[Any]]) -> str:
    """A graphone as a word of the n-gram model: `ph|F`, `x|K_S`, `e|`."""
    return f"{graphone[0]}|{'_'.join(graphone[1])}"
