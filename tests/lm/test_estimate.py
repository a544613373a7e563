"""Estimating: equal to the textbook's definition for every n-gram, whatever memory there is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.errors import EarwrightError
from earwright.lm.estimate import estimate
from earwright.lm.ngrams import START, NgramModel
from earwright.lm.storage import Workspace
from lm.textbook import Textbook

LETTERS = "abcd"
VOCABULARY = ["<unk>", "<s>", "</s>", *LETTERS, "unsaid"]

texts = st.lists(st.text(LETTERS, max_size=9), min_size=1, max_size=25)


def ids_of(sentences: Sequence[Sequence[str]]) -> list[list[int]]:
    return [[VOCABULARY.index(word) for word in sentence] for sentence in sentences]


def histories(order: int) -> list[tuple[str, ...]]:
    """All that can stand before a word."""
    short = [h for n in range(order) for h in itertools.product(LETTERS, repeat=n)]
    return [*short, *(("<s>", *h) for h in short if len(h) < order - 1), ("<unk>",), ("unsaid", "a")]


def check_sums(model: NgramModel) -> None:
    """P(w | h) over all words is 1, for every history of the model and for some that it lacks."""
    words = [word for word in range(len(model.vocabulary)) if word != START]
    for number in range(model.order):
        some = model.ngrams(number)[:60].tolist() if number else [[]]
        for history in [*some, [3, 3, 4][:number]]:
            total = sum(10 ** model.log_prob([*history, word]) for word in words)
            assert total == pytest.approx(1.0, abs=2e-6), history


@given(texts, st.integers(1, 4), st.sampled_from([(), (0, 1), (0, 0, 1), (0, 1, 2, 4)]))
def test_it_is_the_definition(sentences: list[str], order: int, prune: tuple[int, ...]) -> None:
    prune = prune[:order]
    model = estimate(ids_of(sentences), order, VOCABULARY, prune=prune)
    reference = Textbook(sentences, order, VOCABULARY, prune)
    said = {n: reference.kept[n] | ({("<s>",)} if n == 1 else set()) for n in reference.kept}
    for n in range(1, order + 1):
        rows = model.ngrams(n).tolist() if n <= model.order else []
        found = {tuple(VOCABULARY[i] for i in row) for row in rows}
        assert found == (said[n] if n > 1 else {(word,) for word in VOCABULARY})
    for history in histories(order):
        for word in reference.words:
            ids = [VOCABULARY.index(w) for w in (*history, word)]
            expected = math.log10(reference.probability(word, history))
            assert model.log_prob(ids) == pytest.approx(expected, abs=2e-6), (history, word)
    check_sums(model)


def test_a_long_text_and_the_discounts() -> None:
    generator = np.random.default_rng(7)
    words = [f"w{number}" for number in range(60)]
    vocabulary = ["<unk>", "<s>", "</s>", *words]
    sentences = [
        [words[min(int(z), 60) - 1] for z in generator.zipf(1.5, int(n))]
        for n in generator.integers(0, 9, 400)
    ]
    model = estimate([[vocabulary.index(w) for w in s] for s in sentences], 3, vocabulary)
    reference = Textbook(sentences, 3, vocabulary)
    for n in (1, 2, 3):
        shown = " ".join(f"{d:.4f}" for d in reference.discounts[n][1:])
        assert model.notes[f"discounts {n}"].startswith(shown)
    assert "fallback" not in model.notes["discounts 3"]
    for row in model.ngrams(3)[::7].tolist():
        a, b, c = (vocabulary[i] for i in row)
        assert model.log_prob(row) == pytest.approx(math.log10(reference.probability(c, (a, b))), abs=2e-6)


def long_text(sentences: int = 30_000) -> list[list[int]]:
    generator = np.random.default_rng(3)
    lengths = generator.integers(1, 20, sentences)
    ids = np.minimum(generator.zipf(1.3, int(lengths.sum())), 400) + 2
    return [part.tolist() for part in np.split(ids, np.cumsum(lengths)[:-1])]


@pytest.mark.parametrize("order", [1, 3, 8])
def test_what_goes_to_disk_is_the_same(order: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary = ["<unk>", "<s>", "</s>", *(f"w{number}" for number in range(400))]
    text = long_text(30_000 if order == 3 else 6_000)
    whole = estimate(text, order, vocabulary, prune=[0, 0, 1][:order])
    monkeypatch.setattr("earwright.lm.storage._LEAST", 1 << 16)
    with Workspace(1 << 18, tmp_path) as small:
        pieces = estimate(text, order, vocabulary, prune=[0, 0, 1][:order], workspace=small)
        assert small.spilled > 1e5 or order == 1
        assert pieces.counts == whole.counts
        for ours, theirs in zip(pieces.levels, whole.levels, strict=True):
            assert (np.asarray(ours.words) == theirs.words).all()
            assert (np.asarray(ours.begins) == theirs.begins).all()
            assert (ours.log_probs == theirs.log_probs).all()
            assert theirs.backoffs is None or (ours.backoffs == theirs.backoffs).all()
    assert list(tmp_path.iterdir()) == []


def test_a_sentence_without_words_is_one_and_a_high_order_does_no_harm() -> None:
    model = estimate([[], [3], [3, 4]], 6, VOCABULARY)
    assert model.counts == (len(VOCABULARY), 5, 3, 1)
    check_sums(model)
    assert model.levels[-1].backoffs is None
    assert model.levels[0].log_probs[START] == -99


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], 2, VOCABULARY), "no text"),
        (([[3]], 0, VOCABULARY), "the order is 0"),
        (([[3]], 99, VOCABULARY), "between 1 and 20"),
        (([[3], [99]], 2, VOCABULARY), "sequence 1 has an id"),
        (([[3, START]], 2, VOCABULARY), "sequence 0 has an id"),
        (([[3]], 2, ["a", "b", "c"]), "must begin with <unk>, <s>, </s>"),
    ],
)
def test_what_cannot_be(arguments: tuple[list[list[int]], int, list[str]], message: str) -> None:
    with pytest.raises(EarwrightError, match=message):
        estimate(*arguments)


@pytest.mark.parametrize(
    ("prune", "message"),
    [([0, 2, 1], "falls"), ([1, 1], "--min-count"), ([0, 0, 0, 1], "4 numbers for a model of order 3")],
)
def test_prune_that_cannot_be(prune: list[int], message: str) -> None:
    with pytest.raises(EarwrightError, match=message):
        estimate([[3]], 3, VOCABULARY, prune=prune)


def test_kenlm_reads_it(tmp_path: Path) -> None:
    kenlm = pytest.importorskip("kenlm")
    from earwright.lm.query import save_ngrams

    generator = np.random.default_rng(5)
    sentences = [generator.integers(3, 7, 8).tolist() for _ in range(60)]
    model = estimate(sentences, 3, VOCABULARY)
    save_ngrams(tmp_path / "x.arpa", model)
    other = kenlm.Model(str(tmp_path / "x.arpa"))
    for sentence in sentences[:10]:
        ids = [START, *sentence, 2]
        ours = [model.log_prob(ids[max(0, end - 3) : end]) for end in range(2, len(ids) + 1)]
        theirs = other.full_scores(" ".join(VOCABULARY[i] for i in sentence))
        assert ours == pytest.approx([score[0] for score in theirs], abs=1e-5)
