"""`earwright tokens`: what is shown in a narrow and in a wide terminal, as JSON, and written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from earwright.cli.main import main
from earwright.cuts import Cut, write_cuts
from earwright.text import load_tokenizer

TEXTS = {
    "en": ["The cat sat on the mat, they said.", "A cat!", "The naïve \u0645an", "the hat"],
    "fa": ["سلام دنیا می\u200cخواهم", "دنیا"],
    "hi": ["हिन्दी में", "में"],
}


@pytest.fixture
def cuts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return write(
        tmp_path / "prepared",
        [
            Cut(
                f"a-rather-long-name-of-an-utterance-{language}-{number}",
                "/a.wav",
                0.0,
                2.0,
                16000,
                text=text,
                language=language,
            )
            for language, texts in TEXTS.items()
            for number, text in enumerate([*texts, "..."])
        ],
    )


def write(folder: Path, cuts: list[Cut]) -> Path:
    folder.mkdir()
    with open(folder / "cuts.jsonl.gz", "wb") as file:
        write_cuts(cuts, file)
    return folder


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, invisible marks left out."""
    return capsys.readouterr().out.replace("\u200e", "")


@pytest.mark.parametrize("width", [80, 160])
def test_nothing_is_wider_than_the_terminal(
    cuts: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["tokens", "prepared", "--bpe", "50"]) == 0
    printed = shown(capsys)
    assert all(cell_len(line) <= width for line in printed.splitlines())
    assert printed.startswith("8 utterances, 0.3 min; normalizer basic; 3 more have no text\n")
    assert re.search(r"^U\+0645 +م +ARABIC LETTER MEEM +4 +2 +0\.1 min", printed, re.MULTILINE)
    assert re.search(r"^U\+093F +◌ि +DEVANAGARI VOWEL SIGN I +1 ", printed, re.MULTILINE)
    assert re.search(r"^U\+200C +ZERO WIDTH NON-JOINER +1 ", printed.replace("\u200c", ""), re.MULTILINE)
    assert re.search(r"^U\+00EF +ï +1 +…me-of-an-utterance-en-2 +the naïve", printed, re.MULTILINE)
    assert re.search(r"^U\+0021 +! +EXCLAMATION MARK +1 +a space", printed, re.MULTILINE)
    assert "2 capitals become small letters, 3 times: A T" in printed
    assert re.search(r"^Latin +14 ", printed, re.MULTILINE) and re.search(r"^en +4 ", printed, re.MULTILINE)
    assert re.search(r"^bpe 50 +50 ", printed, re.MULTILINE)
    assert re.search(r"^for example  ▁", printed, re.MULTILINE)


def test_rows(cuts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def codes(*options: str) -> tuple[list[str], str]:
        assert main(["tokens", "prepared", *options]) == 0
        printed = shown(capsys)
        table = printed.partition("Characters: ")[2].partition("\n\n")[0]
        return re.findall(r"^U\+[0-9A-F]{4}", table, re.MULTILINE), table

    every, _ = codes("--rows", "0")
    some, table = codes("--rows", "6")
    assert some == every[:2] + every[-3:]  # beside the space, which has no code here
    assert f"{len(every) + 1 - 6} more (--rows 0 lists all)" in table


def test_several_folders_are_one_set(cuts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(cuts.parent / "more", [Cut("x", "/x.wav", 0.0, 3600.0, 16000, text="z [red]", language="en")])
    assert main(["tokens", "prepared", "more", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["utterances"] == 9 and told["hours"] == pytest.approx(1 + 16 / 3600, abs=1e-4)
    assert told["cuts"] == ["prepared", "more"] and told["frames_per_second"] == 25
    assert main(["tokens", "prepared", "more", "--normalizer", "raw"]) == 0
    assert re.search(r"^U\+007A +z +1 +x +z \[red\]", shown(capsys), re.MULTILINE)  # brackets are no markup


def test_min_count(cuts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tokens", "prepared", "--min-count", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    once = {each["character"] for each in told["characters"] if each["count"] == 1}
    assert {"ï", "v", "\u200c", "\u093f"} <= once == set(told["left_out"]["characters"])
    assert told["tokens"]["char"]["vocabulary"] == len(told["characters"]) - len(once) + 1
    assert told["left_out"]["utterances"] + told["tokens"]["char"]["utterances"] == told["utterances"] == 8
    assert told["characters"][0] == {
        "character": " ",
        "code": "U+0020",
        "name": "SPACE",
        "script": "signs",
        "count": 14,
        "utterances": 6,
        "hours": 0.0033,
        "example": {
            "id": "a-rather-long-name-of-an-utterance-en-0",
            "text": "the cat sat on the mat they said",
        },
    }
    assert told["languages"]["fa"]["utterances"] == 2 and "ï" in told["languages"]["en"]["only_here"]
    assert main(["tokens", "prepared", "--min-count", "2"]) == 0
    printed = shown(capsys)
    assert re.search(r"^U\+00EF .* left out *$", printed, re.MULTILINE)


def test_what_is_written(cuts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tokens", "prepared", "--out", "char", "--normalizer", "english", "--min-count", "2"]) == 0
    assert load_tokenizer("char").decode(load_tokenizer("char").encode("the hat")) == "the hat"
    assert main(["tokens", "prepared", "--out", "bpe", "--bpe", "50"]) == 0
    assert load_tokenizer("bpe").vocab_size == 50
    capsys.readouterr()
    assert main(["tokens", "prepared", "--out", "bpe"]) == 1
    assert "bpe/tokenizer.model: an earlier tokenizer lies here" in capsys.readouterr().err
    assert load_tokenizer("bpe").vocab_size == 50


def test_a_size_that_cannot_be_does_not_hide_the_others(
    cuts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tokens", "prepared", "--bpe", "50,9999", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told["tokens"]) == ["char", "bpe 50"] and list(told["pieces"]) == ["50"]
    assert "9999 tokens cannot be learned" in told["problems"]["9999"]
    assert main(["tokens", "prepared", "--bpe", "50,9999"]) == 0
    assert "bpe 9999: a BPE vocabulary of 9999 tokens cannot be learned" in shown(capsys)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--normalizer", "basik"], 'no normalizer "basik"; did you mean "basic"?'),
        (["--min-count", "0"], "--min-count must be at least 1, not 0."),
        (["--min-count", "999"], "the training texts hold no characters"),
        (["--bpe", "1"], "--bpe 1: '1' is no number of pieces from 2 up."),
        (["--bpe", "64,x"], "'x' is no number of pieces"),
        (["--bpe", "9999"], "a BPE vocabulary of 9999 tokens cannot be learned"),
        (["--bpe", "50,60", "--out", "o"], "--out is for one tokenizer"),
    ],
)
def test_faults(cuts: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    assert main(["tokens", "prepared", *words]) == 1
    printed = capsys.readouterr()
    assert message in printed.err and printed.err.count("\n") == 1 and printed.out == ""
    assert not Path("o").exists()


def test_nothing_to_survey(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases: dict[str, tuple[Callable[[], Any], str]] = {
        "none": (lambda: None, "there is no such file; make it with earwright prepare"),
        "empty": (lambda: write(tmp_path / "empty", []), "there are no cuts in it"),
        "silent": (
            lambda: write(tmp_path / "silent", [Cut("a", "/a.wav", 0.0, 1.0, 16000, text="…")]),
            "none of 1 cuts has a text (normalizer basic)",
        ),
    }
    for name, (prepare, message) in cases.items():
        prepare()
        assert main(["tokens", str(tmp_path / name)]) == 1
        assert message in capsys.readouterr().err
