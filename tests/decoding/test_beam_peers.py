"""The beam search on other decoders' own test cases."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from decoding.enumeration import token_sequences
from earwright.decoding import BeamSearch, SearchOptions
from earwright.lm.query import LanguageModel

PLAIN = SearchOptions(beam=1000, beam_threshold=math.inf, token_threshold=math.inf, blank_skip=1.0)


def cases(shared: Path, name: str) -> dict[str, Any]:
    """What a project's tests assert."""
    found: dict[str, Any] = json.loads((shared / "vectors/decoder" / name / "cases.json").read_text())
    return found


def log(values: Any) -> npt.NDArray[np.float64]:
    """Log-probs of probabilities."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.asarray(values, np.float64)))


def read_rows(path: Path) -> npt.NDArray[np.float64]:
    """Log-probs of the network outputs that CTCDecoder and CTCWordBeamSearch keep."""
    rows = [[float(cell) for cell in line.split(";") if cell] for line in path.read_text().splitlines()]
    values = np.array(rows)
    return np.asarray(values - np.log(np.exp(values).sum(axis=1, keepdims=True)))


def test_pyctcdecode_with_its_language_model(shared: Path) -> None:
    known = cases(shared, "pyctcdecode")
    lm = LanguageModel.load(shared / "vectors/decoder/pyctcdecode/bugs_bunny_kenlm.arpa")
    names, logits = known["labels"], np.array(known["TEST_LOGITS"])
    options = SearchOptions(lm_weight=0.5, word_bonus=1.5, unknown_penalty=10.0)
    search = BeamSearch(names, blank=7, lm=lm, options=options)
    best = search.decode(logits)[0]
    expected = next(case for case in known["cases"] if "logit_score" in case)
    assert best.text == expected["text"]
    # Theirs follows one alignment where ours adds them up, and it cuts what is unlikely.
    assert best.acoustic_score >= expected["logit_score"] - 1e-6
    assert best.score - best.acoustic_score + expected["logit_score"] == pytest.approx(
        expected["lm_score"], abs=1e-6
    )
    assert BeamSearch(names, blank=7).decode(logits)[0].text == "bunny bunny"
    for weight, text in ((0.0, "bunny bunny"), (1.0, "bugs bunny")):
        other = SearchOptions(lm_weight=weight, word_bonus=1.5)
        assert search.decode(logits, options=other)[0].text == text


@pytest.mark.parametrize(
    ("lm", "terms", "text"),
    [
        (True, ["bunny"], "bunny bunny"),
        (True, ["bugs", "bunny"], "bugs bunny"),
        (True, ["bugs bunny"], "bugs bunny"),
        (False, ["bugs"], "bugs bunny"),
    ],
)
def test_pyctcdecode_with_its_hotwords(shared: Path, lm: bool, terms: list[str], text: str) -> None:
    known = cases(shared, "pyctcdecode")
    path = shared / "vectors/decoder/pyctcdecode/bugs_bunny_kenlm.arpa"
    search = BeamSearch(known["labels"], blank=7, lm=LanguageModel.load(path) if lm else None)
    options = SearchOptions(lm_weight=0.5, word_bonus=1.5, keyterm_boost=5.0)
    logits = np.array(known["TEST_LOGITS"])
    assert search.decode(logits, 1, options, search.keyterms(terms))[0].text == text
    for splits in known["chunked"]["splits"]:
        cuts = splits if isinstance(splits, list) else [splits]
        stream = search.stream(options, search.keyterms(terms))
        for part in np.split(logits, cuts):
            stream.advance(part)
        assert stream.finish()[0].text == text


def test_pyctcdecode_on_librispeech(shared: Path) -> None:
    known = cases(shared, "pyctcdecode")["libri"]
    logits = np.array(json.loads((shared / "vectors/decoder/pyctcdecode" / known["file"]).read_text()))
    search = BeamSearch(known["labels"], blank=known["labels"].index(""))
    assert search.decode(logits)[0].text == known["text"]


def test_pyctcdecode_with_pieces(shared: Path) -> None:
    known = cases(shared, "pyctcdecode")["bpe"]
    names = known["labels"]
    probs = np.array([[float(name == token) for name in names] for token in known["one_hot"]])
    found = BeamSearch(names, blank=names.index("")).decode(log(probs))[0]
    assert (found.text, found.score) == (known["text"], pytest.approx(0.0))


def test_ctcdecode(shared: Path) -> None:
    known = cases(shared, "ctcdecode")
    search = BeamSearch(known["vocab"], blank=6, options=PLAIN)
    for probs, theirs in zip(known["probs"], known["beam"], strict=True):
        exact = token_sequences(log(probs), 6)
        found = search.decode(log(probs))[0]
        assert found.score == pytest.approx(exact[found.tokens])
        assert found.score == pytest.approx(max(exact.values()))
        assert exact[found.tokens] >= exact[tuple(known["vocab"].index(letter) for letter in theirs)]
    lm = LanguageModel.load(shared / "vectors/decoder/kenlm/test.arpa")
    options = SearchOptions(lm_weight=0.0, unknown_penalty=math.inf, token_threshold=math.inf, blank_skip=1.0)
    with_words = BeamSearch(known["vocab"], blank=6, lm=lm, options=options)
    found = with_words.decode(log(known["probs"][1]))[0]
    exact = token_sequences(log(known["probs"][1]), 6)
    texts = {tokens: "".join(known["vocab"][token] for token in tokens).split() for tokens in exact}
    fit = {tokens: exact[tokens] for tokens, words in texts.items() if all(map(lm.id, words))}
    assert (found.tokens, found.score) == (max(fit, key=fit.__getitem__), pytest.approx(max(fit.values())))
    assert found.score >= max(fit[tokens] for tokens in fit if texts[tokens] == ["a", "a"])


def test_ctcdecoder(shared: Path) -> None:
    known = cases(shared, "ctcdecoder")
    folder = shared / "vectors/decoder/ctcdecoder"
    names = [*known["chars"], ""]
    line = read_rows(folder / known["line"]["mat"])
    open_search = BeamSearch(names, blank=len(names) - 1, options=PLAIN)
    assert open_search.decode(line)[0].text == known["line"]["beam_search"]
    words = (folder / "word/corpus.txt").read_text().split()
    options = SearchOptions(unknown_penalty=math.inf, beam=500)
    closed = BeamSearch(names, blank=len(names) - 1, lexicon=words, options=options)
    found = closed.decode(read_rows(folder / known["word"]["mat"]))[0]
    assert found.text == known["word"]["lexicon_search(word/corpus.txt, tolerance 4)"]
    mini = known["mini"]
    (first, *_) = BeamSearch(["a", "b", ""], blank=2).decode(log(mini["probs"]))
    assert first.text == mini["prefix_search"]
    assert math.exp(first.score) == pytest.approx(mini["probability_of_a"])


def test_wordbeamsearch(shared: Path) -> None:
    known = cases(shared, "wordbeamsearch")["mini"]
    search = BeamSearch([*known["chars"], ""], blank=len(known["chars"]), lexicon=known["corpus"].split())
    options = SearchOptions(unknown_penalty=math.inf)
    assert search.decode(log(known["probs"]), options=options)[0].text == known["text"]
