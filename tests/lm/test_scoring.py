"""Scores of sentences and perplexities of files: by the definition of backing off, and as KenLM counts."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from earwright.cli.main import main
from earwright.errors import EarwrightError
from earwright.lm.arpa import read_arpa
from earwright.lm.ngrams import NgramModel
from earwright.lm.query import LanguageModel, load_ngrams, save_ngrams
from earwright.lm.scoring import measure, score_lines, total
from small_models import Ngrams, arpa_text, chain, random_ngrams

TEXT = "A b, never c!\nd\n\nÄ a said\n"
WORDS = [["a", "b", "never", "c"], ["d"], ["ä", "a", "said"]]  # after the normalizer "basic"


@pytest.fixture
def ngrams() -> Ngrams:
    return random_ngrams(21, 3, 80)


@pytest.fixture
def model(tmp_path: Path, ngrams: Ngrams) -> Path:
    """A model that normalizes by "basic"."""
    path = tmp_path / "model.arpa"
    path.write_text(arpa_text(ngrams, 3), encoding="utf-8")
    read = read_arpa(path)
    save_ngrams(tmp_path / "model.bin", NgramModel(read.vocabulary, read.levels, "basic"))
    return tmp_path / "model.bin"


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def expected(ngrams: Ngrams, words: list[str]) -> list[float]:
    return chain(ngrams, 3, ["<s>", *words, "</s>"])[1:]


def test_lines(ngrams: Ngrams, model: Path, text: Path) -> None:
    scored = list(score_lines(LanguageModel.load(model), str(text)))
    assert [list(sentence.words) for sentence in scored] == [WORDS[0], WORDS[1], [], WORDS[2]]
    for sentence in scored:
        assert sentence.log_prob == pytest.approx(sum(expected(ngrams, list(sentence.words))), abs=1e-4)
    assert [sentence.unknown for sentence in scored] == [1, 0, 0, 1]


def test_perplexity(ngrams: Ngrams, model: Path, text: Path, tmp_path: Path) -> None:
    more = tmp_path / "more.txt.gz"
    more.write_bytes(gzip.compress(b"b b a\n"))
    parts = list(measure(LanguageModel.load(model), [str(text), str(more)], layout="lines"))
    each = [list(zip([*words, "</s>"], expected(ngrams, words), strict=True)) for words in WORDS]
    all_words = [pair for sentence in each for pair in sentence]
    known = [score for word, score in all_words if (word,) in ngrams]
    found = parts[0]
    assert (found.words, found.sentences, found.unknown) == (8, 3, 2)
    assert found.with_unknown == pytest.approx(10 ** (-sum(s for _, s in all_words) / 11), rel=1e-4)
    assert found.without_unknown == pytest.approx(10 ** (-sum(known) / 9), rel=1e-4)
    assert found.without_ends == pytest.approx(10 ** (-sum(known) / 6), rel=1e-4)
    assert sum(found.matched) == 11
    together = total(parts)
    assert (together.words, together.sentences, together.unknown) == (11, 4, 2)
    assert together.log_prob == pytest.approx(
        found.log_prob + sum(expected(ngrams, ["b", "b", "a"])), abs=1e-4
    )


def test_perplexity_as_kenlm(ngrams: Ngrams, model: Path, tmp_path: Path) -> None:
    kenlm = pytest.importorskip("kenlm")
    theirs = kenlm.Model(str(tmp_path / "model.arpa"))
    lines = [" ".join(words) for words in WORDS]
    (tmp_path / "plain.txt").write_text("\n".join(lines), encoding="utf-8")
    [found] = measure(LanguageModel.load(model), [str(tmp_path / "plain.txt")], layout="lines")
    log_prob = sum(theirs.score(line) for line in lines)
    count = sum(len(line.split()) + 1 for line in lines)
    assert found.with_unknown == pytest.approx(10 ** (-log_prob / count), rel=1e-4)


def test_text_that_will_not_do(model: Path, tmp_path: Path) -> None:
    loaded = LanguageModel.load(model)
    with pytest.raises(EarwrightError, match="none"):
        list(measure(loaded, [str(tmp_path / "none.txt")]))
    (tmp_path / "empty.txt").write_text("\n ... \n")
    with pytest.raises(EarwrightError, match="no words"):
        list(measure(loaded, [str(tmp_path / "empty.txt")]))
    (tmp_path / "binary.txt").write_bytes(bytes(range(256)) * 10)
    with pytest.raises(EarwrightError):
        list(score_lines(loaded, str(tmp_path / "binary.txt")))


def test_score_verb(ngrams: Ngrams, model: Path, text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lm", "score", str(model), str(text)]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[1:] for line in lines] == [["1", "a b never c"], ["0", "d"], ["0", ""], ["1", "ä a said"]]
    assert float(lines[1][0]) == pytest.approx(sum(expected(ngrams, ["d"])), abs=1e-4)

    assert main(["lm", "score", str(model), str(text), "--words", "--json"]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert [word["word"] for word in first["each"]] == [*WORDS[0], "</s>"]
    assert [word["log10"] for word in first["each"]] == pytest.approx(expected(ngrams, WORDS[0]), abs=1e-4)
    assert [word["oov"] for word in first["each"]] == [False, False, True, False, False]

    assert main(["lm", "score", str(model), str(text), "--words"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[2].endswith("\tnever\toov") and shown[4].endswith("\t</s>") and shown[6] == ""


def test_perplexity_verb(model: Path, text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lm", "perplexity", str(model), str(text), str(text), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [part["words"] for part in told["texts"]] == [8, 8] and told["all"]["words"] == 16
    assert told["all"]["perplexity"] == told["texts"][0]["perplexity"]
    assert told["normalizer"] == "basic"
    assert main(["lm", "perplexity", str(model), str(text)]) == 0
    shown = capsys.readouterr().out
    assert "2 (25.00 %)" in shown and "normalizer basic" in shown


def test_convert_verb(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small, back = tmp_path / "small.bin", tmp_path / "back.arpa.gz"
    assert main(["lm", "convert", str(model), str(small), "--quantize", "--unit", "token", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["quantize"] == 8 and told["bytes"] == small.stat().st_size
    assert main(["lm", "convert", str(small), str(back), "--normalizer", "english"]) == 0
    assert "3-grams" in capsys.readouterr().out
    again = load_ngrams(back)
    assert (again.normalizer, again.unit) == ("english", "token")
    assert again.counts == load_ngrams(model).counts


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["convert", "MODEL", "x.txt"], "choose one"),
        (["convert", "MODEL", "x.arpa", "--quantize"], "only .bin files"),
        (["convert", "MODEL", "x.bin", "--quantize", "99"], "4 to 16 bits, not 99"),
        (["convert", "none.arpa", "x.bin"], "no such file"),
        (["convert", "MODEL", "x.bin", "--normalizer", "basics"], 'did you mean "basic"'),
        (["score", "TEXT", "TEXT"], "no ARPA file"),
        (["perplexity", "MODEL", "none.txt"], "none.txt"),
    ],
)
def test_bad_arguments(
    model: Path,
    text: Path,
    arguments: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(model.parent)
    given = [{"MODEL": str(model), "TEXT": str(text)}.get(argument, argument) for argument in arguments]
    assert main(["lm", *given]) == 1
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
