"""How good a g2p model is: error rates on words that it was not trained on."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from earwright.errors import EarwrightError
from earwright.lexicon.g2p import G2pModel
from earwright.lexicon.pronunciations import Phones, without_stress


@dataclass(frozen=True)
class G2pScore:
    """Error rates of a model, as fractions.

    Attributes:
        errors: of each word, the substitutions, deletions and insertions against the nearest of its listed
            pronunciations.
        lengths: of each word, the phones of that pronunciation.
        failed: words that the model could not say at all; all their phones count as deleted.
    """

    errors: tuple[int, ...]
    lengths: tuple[int, ...]
    failed: int

    @property
    def words(self) -> int:
        """How many were tried."""
        return len(self.errors)

    @property
    def word_error_rate(self) -> float:
        """Words whose best pronunciation is none of the listed ones, of all."""
        return sum(count > 0 for count in self.errors) / max(self.words, 1)

    @property
    def phone_error_rate(self) -> float:
        """Errors in phones, of all phones of the nearest pronunciations."""
        return sum(self.errors) / max(sum(self.lengths), 1)


def split_words(words: Iterable[str], share: float, seed: int) -> tuple[list[str], list[str]]:
    """Words to train on and words held out; the same words and seed give the same split, in any order.

    Args:
        words: each once.
        share: of the words that are held out, 0 to 1.
        seed: of the draw.
    """
    drawn = sorted(words)
    random.Random(seed).shuffle(drawn)
    held_out = round(share * len(drawn))
    return sorted(drawn[held_out:]), sorted(drawn[:held_out])


def score_g2p(
    model: G2pModel,
    words: Mapping[str, Sequence[Phones]],
    *,
    stress: bool = False,
    report: Callable[[int], None] = lambda done: None,
) -> G2pScore:
    """Let a model say words whose pronunciations are known; any listed pronunciation of a word counts.

    Args:
        model: to be tried.
        words: word -> its pronunciations, one at least.
        stress: whether digits for stress count; without, AH0 and AH1 are one phone.
        report: called with the number of words done.
    """
    from rapidfuzz.distance import Levenshtein

    errors, lengths, failed = [], [], 0
    for done, (word, listed) in enumerate(words.items(), 1):
        try:
            said = best_phones(model, word, stress)
        except EarwrightError:
            said, failed = (), failed + 1
        listed = [each if stress else without_stress(each) for each in listed]
        distance, length = min(
            ((Levenshtein.distance(said, each), len(each)) for each in listed),
            key=lambda pair: (pair[0] / pair[1], -pair[1]),  # nearest by the share of its phones
        )
        errors.append(distance)
        lengths.append(length)
        report(done)
    return G2pScore(tuple(errors), tuple(lengths), failed)


def best_phones(model: G2pModel, word: str, stress: bool) -> Phones:
    """What the model says; without stress the pronunciations that differ in it alone count together."""
    if stress:
        return model.pronounce(word)[0].phones
    shares: dict[Phones, float] = {}
    for guess in model.pronounce(word, 20):
        phones = without_stress(guess.phones)
        shares[phones] = shares.get(phones, 0.0) + guess.probability
    return max(shares, key=shares.__getitem__)
