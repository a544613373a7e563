"""N-grams over a recognizer's tokens: a word gets what its tokens get together."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from earwright.cli.main import main
from earwright.lm.ngrams import END
from earwright.lm.query import LanguageModel
from earwright.text import build_char_tokenizer, train_bpe_tokenizer

SAID = ["the cat sat", "the dog sat on the mat", "a cat on a mat", "the hat"] * 20


@pytest.fixture(params=["char", "bpe"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("said.txt").write_text("".join(f"{line}\n" for line in SAID))
    Path("new.txt").write_text("the cat on the hat\na dog\nzzz the mat\n")
    tokenizer = build_char_tokenizer(SAID) if request.param == "char" else train_bpe_tokenizer(SAID, 24)
    Path("tokens").mkdir()
    tokenizer.save(Path("tokens"))
    train = ["lm", "train", "said.txt", "--lines", "--order", "4", "--tokens", "tokens", "-o", "tokens.bin"]
    assert main(train) == 0
    return tmp_path


def test_words_are_the_sum_of_their_tokens(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from earwright.text import load_tokenizer

    tokenizer = load_tokenizer(Path("tokens"))
    model = LanguageModel.load("tokens.bin")
    assert model.unit == "token" and list(model.vocabulary)[3:] == list(tokenizer.tokens)[1:]
    capsys.readouterr()
    assert main(["lm", "score", "tokens.bin", "new.txt", "--tokens", "tokens", "--json", "--words"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for line, text in zip(lines[:2], ("the cat on the hat", "a dog"), strict=True):
        ids = np.array([token + 2 for token in tokenizer.encode(text)] + [END])
        whole = model.scores(ids, end=False).log_probs.sum()
        assert line["log10"] == pytest.approx(float(whole), abs=1e-4)
        assert [word["word"] for word in line["each"]] == [*text.split(), "</s>"] and line["oov"] == 0
    assert lines[2]["oov"] == 1

    capsys.readouterr()
    command = ["lm", "perplexity", "tokens.bin", "new.txt", "--layout", "lines", "--tokens", "tokens"]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["all"]
    assert (found["words"], found["sentences"], found["oov"]) == (10, 3, 1)
    assert found["log10"] == pytest.approx(sum(line["log10"] for line in lines), abs=1e-3)
    assert found["tokens"] > found["words"]


def test_bad_input(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lm", "train", "said.txt", "-o", "words.bin"]) == 0
    Path("none").mkdir()
    for command, message in (
        (["train", "said.txt", "--tokens", "none", "-o", "x.bin"], "none"),
        (["train", "said.txt", "--tokens", "tokens", "--max-words", "9", "-o", "x.bin"], "--tokens says"),
        (["perplexity", "words.bin", "new.txt", "--tokens", "tokens"], "does not foretell the tokens"),
    ):
        capsys.readouterr()
        assert main(["lm", *command]) == 1
        assert message in capsys.readouterr().err
