"""A neural language model in the search: against the enumeration of all paths, and not asked needlessly."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("torch")

from decoding.enumeration import best_by_words, token_sequences
from earwright.decoding import BeamSearch, ModelScorer, SearchOptions
from earwright.errors import EarwrightError
from earwright.lm.neural import NeuralLanguageModel, States
from earwright.text import CharTokenizer
from tiny_transformer import random_transformer

CHARACTERS = ("<blank>", "\u2581", "a", "b")
WIDE = SearchOptions(
    lm_weight=0.7,
    word_bonus=0.3,
    unknown_penalty=2.0,
    beam=4000,
    beam_threshold=math.inf,
    token_threshold=math.inf,
    blank_skip=1.0,
)


@pytest.fixture(scope="module")
def lm(tmp_path_factory: pytest.TempPathFactory) -> NeuralLanguageModel:
    return random_transformer(tmp_path_factory.mktemp("lm") / "tiny.onnx", CharTokenizer(CHARACTERS))


def grid(frames: int, seed: int, sharpness: float = 2.0) -> npt.NDArray[np.float64]:
    """Random log-probs (T, 4)."""
    values = np.random.default_rng(seed).normal(0, sharpness, (frames, len(CHARACTERS)))
    return np.asarray(values - np.log(np.exp(values).sum(axis=1, keepdims=True)))


def words_of(tokens: tuple[int, ...]) -> tuple[str, ...]:
    """What tokens spell."""
    return tuple("".join(CHARACTERS[token] for token in tokens).replace("\u2581", " ").split())


@pytest.mark.parametrize("lexicon", [None, ("a", "ab")])
@pytest.mark.parametrize("maximum", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_fusion_equals_enumeration(
    lm: NeuralLanguageModel, lexicon: tuple[str, ...] | None, maximum: bool, seed: int
) -> None:
    log_probs, options = grid(6, seed), replace(WIDE, maximum=maximum)

    def log10(tokens: tuple[int, ...]) -> float:
        return float(lm.scores([token + 2 for token in tokens]).log_probs.sum(dtype=np.float64))

    def worth(words: tuple[str, ...], tokens: tuple[int, ...]) -> float:
        unknown = 0 if lexicon is None else sum(word not in lexicon for word in words)
        return (
            options.lm_weight * math.log(10) * log10(tokens)
            + options.word_bonus * len(words)
            - options.unknown_penalty * unknown
        )

    expected = best_by_words(token_sequences(log_probs, 0, maximum), lambda tokens: [words_of(tokens)], worth)
    found = BeamSearch(CHARACTERS, lexicon=lexicon, lm=lm).decode(log_probs, nbest=10, options=options)
    assert [one.words for one in found] == [words for words, _ in expected[:10]]
    assert [one.score for one in found] == pytest.approx([score for _, score in expected[:10]], abs=1e-4)
    assert [one.lm_score for one in found] == pytest.approx([log10(one.tokens) for one in found], abs=1e-4)


@pytest.mark.parametrize("chunk", [1, 7])
def test_a_stream_finds_what_the_whole_finds(lm: NeuralLanguageModel, chunk: int) -> None:
    search = BeamSearch(CHARACTERS, lexicon=("a", "ab", "ba"), lm=lm, options=SearchOptions(beam=12))
    log_probs = grid(60, 3, sharpness=5.0)
    stream = search.stream()
    for begin in range(0, 60, chunk):
        stream.advance(log_probs[begin : begin + chunk])
        assert stream.stable_words <= len(stream.finish()[0].words)  # looking changes nothing
    assert stream.finish(5) == search.decode(log_probs, 5)


def test_a_batch_finds_what_each_alone_finds(lm: NeuralLanguageModel) -> None:
    search = BeamSearch(CHARACTERS, lm=lm, options=SearchOptions(beam=8))
    grids = [grid(20 + seed, seed) for seed in range(6)]
    assert search.decode_batch(grids, 3, threads=3) == [search.decode(one, 3) for one in grids]


class Counted:
    """A model whose runs are counted."""

    def __init__(self, lm: NeuralLanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[int] = []
        predict = NeuralLanguageModel.predict

        def counted(model: NeuralLanguageModel, states: States) -> Any:
            self.batches.append(len(states))
            return predict(model, states)

        monkeypatch.setattr(NeuralLanguageModel, "predict", counted)


def test_the_model_is_asked_for_what_is_new_alone(
    lm: NeuralLanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(lm, monkeypatch)
    stream = BeamSearch(CHARACTERS, lm=lm, options=SearchOptions(beam=10)).stream()
    nearly_blank = np.log([[0.99997, 1e-5, 1e-5, 1e-5]])
    stream.advance(nearly_blank)  # skipped
    stream.advance(np.log([[0.9, 1e-9, 1e-9, 0.1]] * 2))
    # The first of the two asks after the empty prefix; after "b" only the token "b" may follow, which takes
    # a blank between, and that was in the second.
    asked = list(counted.batches)
    assert sum(asked) <= 2 and asked[0] == 1
    stream.advance(nearly_blank)
    stream.advance(np.log(np.array([[1.0, 0.0, 0.0, 0.0]]) + 1e-300))
    assert counted.batches == asked
    stream.advance(grid(20, 5, sharpness=6.0))
    assert len(counted.batches) <= len(asked) + 2 * 20  # one batch a frame, two where one leads to another
    assert max(counted.batches) <= 10
    stream.finish()
    assert len(stream._prefixes.known) <= 10  # type: ignore[union-attr]


def test_a_damaged_model_is_said(lm: NeuralLanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    predict = NeuralLanguageModel.predict

    def broken(model: NeuralLanguageModel, states: States) -> Any:
        log_probs, heard = predict(model, states)
        return log_probs * np.float32(np.nan), heard

    monkeypatch.setattr(NeuralLanguageModel, "predict", broken)
    with pytest.raises(EarwrightError, match="NaN for log-probs"):
        BeamSearch(CHARACTERS, lm=lm).decode(grid(3, 1))


def test_a_model_of_other_tokens_is_for_rescoring(lm: NeuralLanguageModel, tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match=r"of other tokens .*'c'.*--rescore"):
        BeamSearch((*CHARACTERS, "c"), lm=lm)
    with pytest.raises(EarwrightError, match=r"of other tokens .*'b'.*--rescore"):
        BeamSearch(CHARACTERS[:-1], lm=lm)
    words = random_transformer(tmp_path / "words.onnx", ["<unk>", "<s>", "</s>", "a"])
    with pytest.raises(EarwrightError, match=r"is of words.*--rescore.*--tokens"):
        BeamSearch(CHARACTERS, lm=words)
    # And it is: what it says of a text is what its own tokens say.
    texts = ["ab a", "", "b"]
    expected = [lm.scores(ids).log_probs.sum() for ids in ([4, 5, 3, 4], [], [5])]
    assert ModelScorer.load(lm.where).log10(texts) == pytest.approx(expected, abs=1e-5)
