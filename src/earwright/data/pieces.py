"""What byte-pair encoding would make of the training texts: which pieces, and how many a second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from earwright.data.frames import frames_needed
from earwright.data.tokens import TokenFigures, token_figures
from earwright.errors import EarwrightError
from earwright.text import BpeTokenizer, train_bpe_tokenizer

SAMPLES = 5
SEED = 1  # a recipe's own, unless it says another; sentencepiece's byte-pair training draws nothing today


@dataclass(frozen=True)
class PieceSurvey:
    """A BPE tokenizer and what it does to the texts it was trained on.

    Attributes:
        size: of the vocabulary that was asked for.
        counts: piece -> how often it is used, the most frequent first, those never used at the end.
        samples: a few texts in pieces.
    """

    size: int
    tokenizer: BpeTokenizer
    figures: TokenFigures
    counts: dict[str, int]
    samples: list[list[str]]


def survey_pieces(texts: Sequence[str], seconds: Sequence[float], size: int) -> PieceSurvey:
    """Train a tokenizer as training does, and cut all texts with it.

    Args:
        texts: normalized, none empty.
        seconds: of each utterance.
        size: of the vocabulary, the blank included.

    Raises:
        EarwrightError: the size is too small for the characters, or larger than the texts can fill.
    """
    tokenizer = train_bpe_tokenizer(texts, size, SEED)
    used: Counter[int] = Counter()
    lengths, needed, kept = [], [], []
    for text, second in zip(texts, seconds, strict=True):
        if tokenizer.unknown_characters(text):
            continue
        tokens = tokenizer.encode(text)
        used.update(tokens)
        lengths.append(len(tokens))
        needed.append(frames_needed(tokens))
        kept.append(second)
    if not kept:
        raise EarwrightError(f"no text can be written with the {size} pieces learned from them.")
    numbers = sorted(range(1, tokenizer.vocab_size), key=lambda number: (-used[number], number))
    places = np.linspace(0, len(texts) - 1, min(SAMPLES, len(texts))).astype(int).tolist()
    samples = [texts[place] for place in places if not tokenizer.unknown_characters(texts[place])]
    return PieceSurvey(
        size=size,
        tokenizer=tokenizer,
        figures=token_figures(tokenizer, lengths, needed, kept, sum(not used[n] for n in numbers)),
        counts={tokenizer.tokens[number]: used[number] for number in numbers},
        samples=[[tokenizer.tokens[number] for number in tokenizer.encode(text)] for text in samples],
    )
