"""What a model says to running text, be it of n-grams or neural, over words or tokens, alone or mixed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError
from earwright.lm.mix import best_weights, unknown_shares
from earwright.lm.neural import NeuralLanguageModel, is_neural
from earwright.lm.ngrams import END, SPECIAL_WORDS, UNKNOWN
from earwright.lm.numbering import Ids, WordNumbers
from earwright.lm.query import LanguageModel, Scores
from earwright.lm.spelling import Speller, token_vocabulary
from earwright.text import Tokenizer

Model = LanguageModel | NeuralLanguageModel

# Words that are scored at once: the states and numbers of n-grams stay in the processor's cache.
_BLOCK = 1 << 16


def load_model(path: str | os.PathLike[str]) -> Model:
    """Open a model of either kind; what it is shows in its first bytes.

    Raises:
        EarwrightError: it is neither, or damaged.
    """
    return NeuralLanguageModel.load(path) if is_neural(path) else LanguageModel.load(path)


class Scored(NamedTuple):
    """Words of a text, END after each sentence, what each got, and how many tokens spell them."""

    ids: npt.NDArray[np.int64]
    scores: Scores
    tokens: int = 0


class TextScorer(Protocol):
    """Scores texts whose words are numbered by `numbers`."""

    normalizer: str
    order: int

    @property
    def numbers(self) -> WordNumbers:
        """Of the words."""

    def sentence(self, words: Sequence[str]) -> Scores:
        """Of the words of a sentence and, as the last, of </s>."""

    def scored(self, chunks: Iterable[Ids]) -> Iterator[Scored]:
        """Of one text, whose ids come in chunks as a `Numberer` makes them."""


def text_scorer(model: Model | TextScorer, tokenizer: Tokenizer | None = None) -> TextScorer:
    """What scores texts by a model.

    Args:
        model: of either kind.
        tokenizer: whose tokens it foretells. A neural model of tokens has its own with it; without one, an
            n-gram model of tokens takes what stands between blanks for its tokens.

    Raises:
        EarwrightError: the model is not of this tokenizer's tokens.
    """
    if not isinstance(model, LanguageModel | NeuralLanguageModel):
        return model
    own = model.tokenizer if isinstance(model, NeuralLanguageModel) else None
    if tokenizer and (model.unit != "token" or list(model.vocabulary) != token_vocabulary(own or tokenizer)):
        raise EarwrightError("the model does not foretell the tokens of this recognizer; leave --tokens out.")
    if spelling := own or tokenizer:
        return TokenScorer(model, spelling)
    return NgramScorer(model) if isinstance(model, LanguageModel) else NeuralScorer(model)


class NgramScorer:
    """Scores by n-grams, carrying the state along the text."""

    def __init__(self, model: LanguageModel) -> None:
        self.model, self.order, self.normalizer = model, model.order, _name(model)

    @cached_property
    def numbers(self) -> WordNumbers:
        """Of the model's words."""
        return WordNumbers(list(self.model.vocabulary), growing=False)

    def sentence(self, words: Sequence[str]) -> Scores:
        """Of the words of a sentence and of </s>."""
        return self.model.scores(self.model.ids(words))

    def scored(self, chunks: Iterable[Ids]) -> Iterator[Scored]:
        """Of one text."""
        state = self.model.start_state
        for ids in chunks:
            for begin in range(0, len(ids), _BLOCK):
                block = ids[begin : begin + _BLOCK].astype(np.int64)
                scores = self.model.scores(block, state=state, end=False)
                state = scores.state
                yield Scored(block, scores)


class NeuralScorer:
    """Scores by a neural model of words, many sentences at once."""

    order = 0

    def __init__(self, model: NeuralLanguageModel) -> None:
        self.model, self.normalizer = model, _name(model)

    @cached_property
    def numbers(self) -> WordNumbers:
        """Of the model's words."""
        return WordNumbers(list(self.model.vocabulary), growing=False)

    def sentence(self, words: Sequence[str]) -> Scores:
        """Of the words of a sentence and of </s>."""
        return self.model.scores(self.model.ids(words))

    def scored(self, chunks: Iterable[Ids]) -> Iterator[Scored]:
        """Of one text."""
        for ids in whole_sentences(chunks):
            yield Scored(ids, self.model.scores(ids, end=False))


class TokenScorer:
    """Scores words by the tokens that spell them: a word's log-prob is the sum of its tokens'."""

    order = 0

    def __init__(self, model: Model, tokenizer: Tokenizer) -> None:
        self.model, self.normalizer = model, _name(model)
        self.speller = Speller(tokenizer)
        self.numbers = self.speller.numbers

    def sentence(self, words: Sequence[str]) -> Scores:
        """Of the words of a sentence and of </s>."""
        return self._scores(np.array([*(self.numbers[word] for word in words), END], np.int64)).scores

    def scored(self, chunks: Iterable[Ids]) -> Iterator[Scored]:
        """Of one text."""
        for ids in whole_sentences(chunks):
            yield self._scores(ids)

    def _scores(self, ids: npt.NDArray[np.int64]) -> Scored:
        tokens, lengths = self.speller.spell(ids.astype(np.int32))
        scores = self.model.scores(tokens, end=False)
        begins = np.cumsum(lengths) - lengths
        log_probs = np.add.reduceat(scores.log_probs.astype(np.float64), begins).astype(np.float32)
        unknown = np.logical_or.reduceat(scores.unknown, begins)
        nothing = np.zeros(len(ids), np.float32)
        of_words = Scores(log_probs, nothing.astype(np.int8), nothing, unknown, 0)
        # A word of which a character has no token counts as unknown.
        return Scored(np.where(unknown, UNKNOWN, ids), of_words, len(tokens))


class MixedScorer:
    """Scores by two models of words, their probabilities interpolated word by word.

    As in `lm.mix`: a model that lacks a word of the other shares the probability of its <unk> evenly among
    <unk> and all words that it lacks.

    Args:
        models: two.
        weight: of the second.

    Raises:
        EarwrightError: one foretells tokens, or they normalize texts differently.
    """

    order = 0

    def __init__(self, models: tuple[Model, Model], weight: float = 0.5) -> None:
        if any(model.unit != "word" for model in models):
            raise EarwrightError("models of tokens cannot be mixed word by word; mix models of words.")
        normalizers = {model.normalizer for model in models} - {"none"}
        if len(normalizers) > 1:
            raise EarwrightError(
                f"the models differ in their normalizer ({', '.join(sorted(normalizers))}); "
                "mix models that agree."
            )
        self.models, self.weight = models, weight
        self.normalizer = next((_name(model) for model in models if model.normalizer != "none"), "raw")
        union = list(dict.fromkeys(word for model in models for word in (*SPECIAL_WORDS, *model.vocabulary)))
        self.numbers = WordNumbers(union, growing=False)
        self._ids = [model.ids(union) for model in models]
        self._shares = [unknown_shares(ids.astype(np.int32)) for ids in self._ids]

    def sentence(self, words: Sequence[str]) -> Scores:
        """Of the words of a sentence and of </s>."""
        return self._scores(np.array([*(self.numbers[word] for word in words), END], np.int64))

    def scored(self, chunks: Iterable[Ids]) -> Iterator[Scored]:
        """Of one text."""
        for ids in whole_sentences(chunks):
            yield Scored(ids, self._scores(ids))

    def tune(self, chunks: Iterable[Ids]) -> float:
        """Take the weight of the second model with which the two foretell a text best, and return it.

        Raises:
            EarwrightError: the text has no word that one of them knows.
        """
        found = [self._each(ids)[:, ids != UNKNOWN] for ids in whole_sentences(chunks)]
        if not sum(part.shape[1] for part in found):
            raise EarwrightError(
                "the text to tune on has no word that one of the models knows; take another."
            )
        self.weight = float(best_weights(np.power(10.0, np.concatenate(found, axis=1)))[1])
        return self.weight

    def _each(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """(2, n) log10 of each model."""
        rows = np.empty((2, len(ids)))
        for row, model, own, shares in zip(rows, self.models, self._ids, self._shares, strict=True):
            row[:] = model.scores(own[ids], end=False).log_probs - shares[ids]
        return rows

    def _scores(self, ids: npt.NDArray[np.int64]) -> Scores:
        weights = np.array([[1 - self.weight], [self.weight]])
        with np.errstate(divide="ignore"):
            mixed = np.log10((weights * np.power(10.0, self._each(ids))).sum(axis=0))
        nothing = np.zeros(len(ids), np.float32)
        unknown = ids == UNKNOWN
        return Scores(mixed.astype(np.float32), nothing.astype(np.int8), nothing, unknown, 0)


def _name(model: Model) -> str:
    """Of the normalizer that texts go through; where a model does not say, they stay as they are."""
    return "raw" if model.normalizer == "none" else model.normalizer


def whole_sentences(chunks: Iterable[Ids], most: int = _BLOCK) -> Iterator[npt.NDArray[np.int64]]:
    """The same ids in chunks that end with a sentence; one of more than `most` words is cut."""
    rest = np.empty(0, np.int64)
    for chunk in chunks:
        rest = np.concatenate([rest, chunk])
        while len(rest) >= most:
            ends = np.flatnonzero(rest[:most] == END)
            cut = int(ends[-1]) + 1 if len(ends) else most
            yield rest[:cut]
            rest = rest[cut:]
    if len(rest):
        yield rest
