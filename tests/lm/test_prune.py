"""Entropy pruning: Stolcke's criterion by brute force, and models that stay whole."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from earwright.errors import EarwrightError
from earwright.lm.estimate import estimate
from earwright.lm.ngrams import END, START, Level, NgramModel
from earwright.lm.prune import prune_by_entropy
from earwright.lm.trie import suffix_links
from earwright.lm.union import complete, is_closed
from lm.test_estimate import check_sums

WORDS = 14
VOCABULARY = ["<unk>", "<s>", "</s>", *(f"w{number}" for number in range(WORDS - 3))]


@pytest.fixture(scope="module")
def model() -> NgramModel:
    generator = np.random.default_rng(11)
    text = [np.minimum(generator.zipf(1.4, 9), WORDS - 3) + 2 for _ in range(300)]
    return estimate(text, 3, VOCABULARY)


def loss_without(model: NgramModel, ngram: tuple[int, ...]) -> float:
    """exp(D) - 1, where D is the divergence of the model without one n-gram, in the n-gram's context."""
    *context, gone = ngram
    words = [word for word in range(WORDS) if word != START]
    before = {word: 10 ** model.log_prob([*context, word]) for word in words}
    lower = {word: 10 ** model.log_prob([*context[1:], word]) for word in words}
    explicit = {word for word in words if model.node([*context, word]) >= 0} - {gone}
    left = 1 - sum(before[word] for word in explicit)
    low_left = 1 - sum(lower[word] for word in explicit)
    after = {word: before[word] if word in explicit else left / low_left * lower[word] for word in words}
    history = 1.0
    for end in range(1, len(context) + 1):
        part = context[:end]
        history *= 10 ** model.log_prob([END] if part == [START] else part)
    return math.expm1(history * sum(p * math.log(p / after[word]) for word, p in before.items()))


def test_the_criterion(model: NgramModel) -> None:
    threshold = 2e-4
    pruned = prune_by_entropy(model, threshold)
    assert sum(pruned.counts) < 0.8 * sum(model.counts)
    decided = 0
    for row in map(tuple, model.ngrams(3).tolist()):
        loss = loss_without(model, row)
        if abs(loss / threshold - 1) > 0.01:
            assert (pruned.node(row) >= 0) == (loss >= threshold), row
            decided += 1
    assert decided > 100
    kept = set(map(tuple, pruned.ngrams(3).tolist()))
    needed = {row[:-1] for row in kept} | {row[1:] for row in kept}
    for row in map(tuple, model.ngrams(2).tolist()):
        loss = loss_without(model, row)
        if abs(loss / threshold - 1) > 0.01:
            assert (pruned.node(row) >= 0) == (row in needed or loss >= threshold), row


def test_it_stays_whole(model: NgramModel) -> None:
    for threshold in (1e-6, 1e-4, 1e-2):
        pruned = prune_by_entropy(model, threshold)
        check_sums(pruned)
        assert is_closed(pruned)
        for row in pruned.ngrams(pruned.order)[:50].tolist():
            assert pruned.log_prob(row) == model.log_prob(row)
    assert pruned.notes["pruned entropy"] == "0.01"


def test_nothing_and_everything(model: NgramModel) -> None:
    same = prune_by_entropy(model, 1e-30)
    assert same.counts == model.counts
    for ours, theirs in zip(same.levels, model.levels, strict=True):
        assert (ours.log_probs == theirs.log_probs).all()
    words = prune_by_entropy(model, 1e9)
    assert words.order == 1
    assert words.levels[0].backoffs is None
    check_sums(words)


def test_a_suffix_that_is_missing_is_put_in(model: NgramModel) -> None:
    """As SRILM leaves them out: bigrams that begin no trigram."""
    bigrams, trigrams = model.levels[1], model.levels[2]
    childless = np.diff(trigrams.begins) == 0
    gone = childless & (np.arange(len(bigrams)) % 2 == 0)
    before = np.concatenate([[0], np.cumsum(~gone)])
    assert bigrams.backoffs is not None
    holed = replace(
        model,
        levels=(
            model.levels[0],
            Level(
                bigrams.words[~gone],
                before[bigrams.begins],
                bigrams.log_probs[~gone],
                bigrams.backoffs[~gone],
            ),
            replace(trigrams, begins=np.append(trigrams.begins[:-1][~gone], len(trigrams))),
        ),
    )
    assert (suffix_links(holed.levels)[2] < 0).any()
    whole = complete(holed)
    assert is_closed(whole)
    for row in model.ngrams(3).tolist():
        for words in (row, row[1:]):
            assert whole.log_prob(words) == pytest.approx(holed.log_prob(words), abs=1e-6)


@pytest.mark.parametrize("threshold", [0.0, -1.0, float("nan")])
def test_a_share_that_cannot_be(model: NgramModel, threshold: float) -> None:
    with pytest.raises(EarwrightError, match="above 0"):
        prune_by_entropy(model, threshold)


def test_what_is_pruned_goes_through_a_file(model: NgramModel, tmp_path: Path) -> None:
    from earwright.lm.query import load_ngrams, save_ngrams

    pruned = prune_by_entropy(model, 1e-4)
    save_ngrams(tmp_path / "x.bin", pruned)
    assert load_ngrams(tmp_path / "x.bin").counts == pruned.counts
