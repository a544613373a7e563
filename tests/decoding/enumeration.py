"""The search without a search: every path of a small grid, every sum written out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from earwright.lm.query import LanguageModel


def token_sequences(
    log_probs: npt.NDArray[np.float64], blank: int, maximum: bool = False
) -> dict[tuple[int, ...], float]:
    """log P of each token sequence: the sum (or the largest) over all V ** T paths that collapse to it."""
    found: dict[tuple[int, ...], float] = {}
    frames, size = log_probs.shape
    for path in itertools.product(range(size), repeat=frames):
        prob = math.exp(sum(log_probs[frame, token] for frame, token in enumerate(path)))
        kept = tuple(token for token, _ in itertools.groupby(path) if token != blank)
        found[kept] = max(found.get(kept, 0.0), prob) if maximum else found.get(kept, 0.0) + prob
    return {tokens: math.log(prob) for tokens, prob in found.items() if prob > 0}


def lm_log10(lm: LanguageModel, words: Sequence[str]) -> float:
    """Of a sentence, its end included; words that the model lacks are <unk>."""
    return float(np.sum(lm.scores(lm.ids(words)).log_probs, dtype=np.float64)) if lm.order else 0.0


def best_by_words(
    sequences: Mapping[tuple[int, ...], float],
    words_of: Callable[[tuple[int, ...]], list[tuple[str, ...]]],
    worth: Callable[[tuple[str, ...], tuple[int, ...]], float],
) -> list[tuple[tuple[str, ...], float]]:
    """Each sequence of words with what its best spelling is worth, best first.

    Args:
        sequences: log P of token sequences.
        words_of: the ways to read tokens as words; none if they are none.
        worth: what words (and the tokens that spell them) add.
    """
    found: dict[tuple[str, ...], float] = {}
    for tokens, log_prob in sequences.items():
        for words in words_of(tokens):
            score = log_prob + worth(words, tokens)
            if score > found.get(words, -math.inf):
                found[words] = score
    return sorted(found.items(), key=lambda item: -item[1])


__all__ = ["best_by_words", "lm_log10", "token_sequences"]
