"""`earwright lm report`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from earwright.cli.main import main

TEXT = "The cat sat on the mat. The yak sat on the zebra's mat all day long. The dog sat.\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("books.txt").write_text("The cat sat on the mat. The dog sat on the cat. A day on the mat.\n" * 5)
    Path("talk.txt").write_text(TEXT)
    Path("lexicon.txt").write_text(
        "the DH AH\ncat K AE T\nsat S AE T\non AA N\nmat M AE T\nday D EY\nall AO L\ndog D AO G\n"
    )
    Path("bad.txt").write_text("word\n")
    Path("mine.txt").write_text("yak M AE K\n")
    assert main(["lm", "train", "books.txt", "-o", "books.bin"]) == 0
    return tmp_path


def test_what_is_lacking(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["lm", "report", "talk.txt", "--model", "books.bin", "--lexicon", "lexicon.txt"]) == 0
    shown = capsys.readouterr().out
    assert "The model lacks 4 of 11 different words: 4 of all that is said, 21.05 %." in shown
    assert "The lexicon lacks 3 of 11 different words" in shown
    assert "the yak sat on the zebra's mat all day long" in shown


def test_pronunciations_and_json(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = ["lexicon", "g2p", "train", "lexicon.txt", "-o", "g2p.bin", "--order", "2", "--epochs", "0"]
    assert main(train) == 0
    capsys.readouterr()
    words = ["--lexicon", "lexicon.txt", "--additions", "mine.txt", "--g2p", "g2p.bin"]
    assert main(["lm", "report", "talk.txt", "--model", "books.bin", *words, "--json", "--worst", "1"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert set(table["lacking_in_model"]["counts"]) == {"yak", "zebra's", "all", "long"}
    assert set(table["lacking_in_lexicon"]["counts"]) == {"zebra's", "long"}
    assert set(table["pronunciations"]) <= {"zebra's", "long"}
    assert [one["unknown"] for one in table["worst"]] == [4]
    assert table["all"]["words"] == 19


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.txt", "--model", "books.bin"], "nothing.txt"),
        (["talk.txt", "--model", "talk.txt"], "talk.txt"),
        (["talk.txt", "--model", "books.bin", "--language", "xx"], 'no lexicon for "xx"'),
        (["talk.txt", "--model", "books.bin", "--no-lexicon", "--g2p", "x"], "--no-lexicon"),
        (["talk.txt", "--model", "books.bin", "--top", "-1"], "0 or more"),
        (["talk.txt", "--model", "books.bin", "--lexicon", "bad.txt"], "bad.txt, line 1"),
    ],
)
def test_bad_input(place: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    capsys.readouterr()
    assert main(["lm", "report", *words]) == 1
    error = capsys.readouterr().err
    assert message in error and error.startswith("earwright: ") and "Traceback" not in error
