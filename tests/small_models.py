"""Small n-gram models as ARPA text, and what the definition of backing off says to them."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from earwright.lm.estimate import estimate
from earwright.lm.ngrams import SPECIAL_WORDS, NgramModel

Ngrams = dict[tuple[str, ...], tuple[float, float]]

WORDS = ["<unk>", "<s>", "</s>", "a", "b", "c", "d", "ä", "▁e", "f'f"]


def random_ngrams(
    seed: int, order: int = 3, size: int = 40, *, suffixes: bool = True, prefixes: bool = True
) -> Ngrams:
    """N-grams with made-up numbers; with `suffixes` and `prefixes`, those of every n-gram are there too."""
    draw = random.Random(seed)
    found = {(word,) for word in WORDS}
    for _ in range(size if order > 1 else 0):
        ngram = tuple(draw.choice(WORDS) for _ in range(draw.randint(2, order)))
        for begin in range(len(ngram)):
            for end in range(begin + 1, len(ngram) + 1):
                if end - begin == len(ngram) or (suffixes if begin else prefixes):
                    found.add(ngram[begin:end])
    if suffixes and prefixes:
        assert all(ngram[1:] in found and ngram[:-1] in found for ngram in found if len(ngram) > 1)
    ngrams: Ngrams = {}
    for ngram in sorted(found, key=lambda ngram: (len(ngram), draw.random())):
        backoff = draw.choice([0.0, round(draw.uniform(-2, 0.3), 6)]) if len(ngram) < order else 0.0
        ngrams[ngram] = (-99.0 if ngram == ("<s>",) else round(-draw.uniform(0.001, 6), 6), backoff)
    return ngrams


def arpa_text(ngrams: Ngrams, order: int, gap: str = "\t") -> str:
    """As an ARPA file, the n-grams in the order in which they are."""
    by_order = [[ngram for ngram in ngrams if len(ngram) == n] for n in range(1, order + 1)]
    lines = ["\\data\\", *(f"ngram {n}={len(these)}" for n, these in enumerate(by_order, 1))]
    for n, these in enumerate(by_order, 1):
        lines += ["", f"\\{n}-grams:"]
        for ngram in these:
            log_prob, backoff = ngrams[ngram]
            fields = [f"{log_prob}", " ".join(ngram), *([f"{backoff}"] if n < order and backoff else [])]
            lines.append(gap.join(fields))
    return "\n".join([*lines, "", "\\end\\", ""])


def backed_off(ngrams: Ngrams, words: Sequence[str]) -> float:
    """log10 P(last word | the words before it) by the definition of backing off; unknown words are <unk>."""
    ngram = tuple(word if (word,) in ngrams else "<unk>" for word in words)
    if ngram in ngrams:
        return ngrams[ngram][0]
    return ngrams.get(ngram[:-1], (0.0, 0.0))[1] + backed_off(ngrams, ngram[1:])


def chain(ngrams: Ngrams, order: int, words: Sequence[str]) -> list[float]:
    """log10 of each word after those before it."""
    return [backed_off(ngrams, words[max(0, end - order) : end]) for end in range(1, len(words) + 1)]


def random_words(seed: int, count: int) -> list[str]:
    """A text, some words of which no model knows."""
    draw = random.Random(seed)
    return [draw.choice([*WORDS[2:], *WORDS[2:], "never", "said"]) for _ in range(count)]


def random_model(words: Sequence[str], order: int = 2, seed: int = 0) -> NgramModel:
    """A model of sixty random sentences over words; <unk> is among them."""
    rng = np.random.default_rng(seed)
    vocabulary = [*SPECIAL_WORDS, *words]
    choices = [0, *range(3, len(vocabulary))]
    sentences = [rng.choice(choices, rng.integers(1, 5)).tolist() for _ in range(60)]
    return estimate(sentences, order, vocabulary)
