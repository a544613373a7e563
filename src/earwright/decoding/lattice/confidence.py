"""How sure a search is of its words: their posteriors among all that it has thought possible."""

from __future__ import annotations

from collections.abc import Sequence

from earwright.decoding.lattice.graph import Lattice
from earwright.decoding.lattice.sausage import word_posteriors
from earwright.decoding.spellings import BOUNDARY, Units

# Of scores of the search. The best by normalized cross entropy after calibration, on dev sentences of the
# five-hour recognizer (docs/results/lattice.json); it tells right from wrong as well as 1 does.
CONFIDENCE_SCALE = 0.5
_LEAST = 0.01  # a lattice that was pruned cannot be surer than this that a word was not said


def word_confidences(lattice: Lattice, words: Sequence[str], scale: float = CONFIDENCE_SCALE) -> list[float]:
    """A number from 0.01 to 0.99 for each word of a text; what is more than a guess is above that of others.

    Args:
        lattice: of the utterance.
        words: as the search has found them.
        scale: see `Lattice.posteriors`.
    """
    return [min(max(sure, _LEAST), 1 - _LEAST) for sure in word_posteriors(lattice, words, scale)]


def spread_over_tokens(units: Units, tokens: Sequence[int], words: Sequence[float]) -> list[float] | None:
    """A number for each token: that of its word. A token between words belongs to the next one.

    Args:
        units: that tokens are made of, with a sign for spaces.
        tokens: of a text.
        words: a number for each of its words.

    Returns:
        None where the tokens do not make so many words.
    """
    begins, kinds = units.spellings.begins, units.spellings.units
    numbers: list[int] = []
    word, spoken = 0, False
    for token in tokens:
        parts = kinds[begins[token] : begins[token + 1]]
        if spoken and BOUNDARY in parts:
            word, spoken = word + 1, False
        spoken = spoken or bool((parts != BOUNDARY).any())
        numbers.append(word)
    if word + spoken != len(words):
        return None
    return [words[min(number, len(words) - 1)] for number in numbers] if words else [0.0] * len(numbers)
