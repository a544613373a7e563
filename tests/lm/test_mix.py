"""Mixing: every n-gram is the weighted mean, by brute force; the weights are those that EM must find."""

from __future__ import annotations

import math

import numpy as np
import pytest

from earwright.errors import EarwrightError
from earwright.lm.estimate import estimate
from earwright.lm.mix import check_weights, common_normalizer, mix, perplexity_on, tune
from earwright.lm.ngrams import END, START, NgramModel
from earwright.lm.storage import Workspace
from earwright.lm.union import union_vocabulary
from lm.test_estimate import check_sums

SPECIAL = ["<unk>", "<s>", "</s>"]


def made(words: list[str], order: int, seed: int, unknown: bool = False) -> NgramModel:
    generator = np.random.default_rng(seed)
    first = 0 if unknown else 3
    text = []
    for _ in range(80):
        ids = generator.integers(first, 3 + len(words), 6)
        text.append(ids[(ids == 0) | (ids > 2)])
    return estimate(text, order, [*SPECIAL, *words], normalizer="basic")


@pytest.fixture(scope="module")
def models() -> list[NgramModel]:
    """Other words, other orders, one with <unk> in its text."""
    return [made(list("abcde"), 3, 1), made(list("edxyz"), 2, 2, unknown=True), made(list("ab"), 4, 3)]


WEIGHTS = (0.5, 0.3, 0.2)


def interpolated(models: list[NgramModel], words: tuple[str, ...]) -> float:
    """The weighted mean of P(last | before), where each model shares out its <unk>."""
    vocabulary = union_vocabulary(models)
    total = 0.0
    for model, weight in zip(models, WEIGHTS, strict=True):
        own = list(model.vocabulary)
        lacking = [word for word in vocabulary if word not in own] + ["<unk>"]
        ids = [own.index(word) if word in own else 0 for word in words]
        share = len(lacking) if words[-1] in lacking else 1
        total += weight * 10 ** model.log_prob(ids) / share
    return total


def test_every_ngram_is_the_mean(models: list[NgramModel]) -> None:
    with Workspace() as workspace:
        mixture = mix(models, WEIGHTS, workspace)
    vocabulary = list(mixture.vocabulary)
    assert mixture.order == 4
    for n in range(1, 5):
        found = {tuple(vocabulary[i] for i in row) for row in mixture.ngrams(n).tolist()}
        expected = {
            tuple(model.vocabulary[i] for i in row)
            for model in models
            if n <= model.order
            for row in model.ngrams(n).tolist()
        }
        assert found == expected
        for words in found - {("<s>",)}:
            ids = [vocabulary.index(word) for word in words]
            assert mixture.log_prob(ids) == pytest.approx(math.log10(interpolated(models, words)), abs=1e-6)
    check_sums(mixture)
    assert mixture.normalizer == "basic"
    assert mixture.notes["mixed"].startswith("0.500000 0.300000")


def test_a_model_with_itself_is_itself(models: list[NgramModel]) -> None:
    with Workspace() as workspace:
        same = mix([models[0], models[0]], (0.25, 0.75), workspace)
    for ours, theirs in zip(same.levels, models[0].levels, strict=True):
        assert ours.log_probs == pytest.approx(theirs.log_probs, abs=1e-6)
        if theirs.backoffs is not None and ours.backoffs is not None:
            contexts = theirs.backoffs != 0
            assert ours.backoffs[contexts] == pytest.approx(theirs.backoffs[contexts], abs=1e-4)


def test_the_weights_are_the_best(models: list[NgramModel]) -> None:
    vocabulary = union_vocabulary(models)
    generator = np.random.default_rng(9)
    # Mostly what the second model was made of; 0 is a word that no model has, and does not count.
    sentences = [
        [vocabulary.index(w) for w in generator.choice([*"edxyz", *"edxyz", *"ab"], 5)] + [END]
        for _ in range(60)
    ]
    ids = np.array([0, *(word for sentence in sentences for word in sentence)], np.int32)
    pieces = [ids[:50], ids[50:]]
    tuned = tune(models, pieces, vocabulary)
    assert sum(tuned.weights) == pytest.approx(1)
    assert (tuned.words, tuned.sentences, tuned.unknown) == (301, 60, 1)
    assert tuned.weights[1] > 0.5

    def perplexity(weights: tuple[float, ...]) -> float:
        logs, before = [], [START]
        for word in ids.tolist():
            names = tuple(vocabulary[i] for i in [*before, word])
            total = 0.0
            for model, weight in zip(models, weights, strict=True):
                own = list(model.vocabulary)
                lacking = sum(w not in own for w in vocabulary) + 1
                told = [own.index(w) if w in own else 0 for w in names]
                total += weight * 10 ** model.log_prob(told) / (lacking if told[-1] == 0 else 1)
            if word:
                logs.append(math.log10(total))
            before = [START] if word == END else [*before, word]
        return float(10 ** -np.mean(logs))

    assert tuned.perplexity == pytest.approx(perplexity(tuned.weights), rel=1e-5)
    for place in range(3):
        alone = tuple(float(place == other) for other in range(3))
        assert tuned.perplexities[place] == pytest.approx(perplexity(alone), rel=1e-5)
    for other in ((0.2, 0.7, 0.1), (0.05, 0.9, 0.05), (1 / 3, 1 / 3, 1 / 3)):
        assert perplexity(other) >= tuned.perplexity - 1e-6
    with Workspace() as workspace:
        static = perplexity_on(mix(models, tuned.weights, workspace), pieces)
    assert static == pytest.approx(tuned.perplexity, rel=0.2)


def test_what_cannot_be(models: list[NgramModel]) -> None:
    for weights, message in (((0.5, 0.5), "3 models and 2 weights"), ((0.9, 0.9, -0.8), "between 0 and 1")):
        with pytest.raises(EarwrightError, match=message):
            check_weights(weights, 3)
    other = estimate([[3]], 2, [*SPECIAL, "a"], normalizer="raw")
    with pytest.raises(EarwrightError, match=r"differ in their normalizer \(a has basic, b has raw\)"):
        common_normalizer([models[0], other], ["a", "b"])
    token = estimate([[3]], 2, [*SPECIAL, "a"], unit="token")
    with pytest.raises(EarwrightError, match="differ in their unit"):
        common_normalizer([models[0], token], ["a", "b"])
    silent = estimate([[3]], 2, [*SPECIAL, "a"])
    assert common_normalizer([silent, models[0]], ["a", "b"]) == ("basic", "word")
    nothing = [np.array([0, END], np.int32)]
    with pytest.raises(EarwrightError, match="no word that one of the models knows"):
        tune(models, nothing, union_vocabulary(models))
