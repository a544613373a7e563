"""`earwright lexicon` as it is typed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from earwright.cli.main import main
from earwright.lexicon import read_g2p

LEXICON = "".join(
    f"{word} {phones}\n"
    for word, phones in (
        ("knit", "N IH1 T"), ("nit", "N IH1 T"), ("ink", "IH1 NG K"), ("tin", "T IH1 N"), ("kin", "K IH1 N"),
        ("tint", "T IH1 N T"), ("kit", "K IH1 T"), ("in", "IH0 N"), ("nik", "N IH1 K"), ("it", "IH0 T"),
    )
)  # fmt: skip


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "small.txt").write_text(LEXICON)
    return tmp_path


def test_train_and_apply(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lexicon", "g2p", "train", "small.txt", "-o", "g2p.bin", "--order", "3"]) == 0
    assert "pairs                              10" in capsys.readouterr().out
    assert main(["lexicon", "g2p", "apply", "g2p.bin", "Tink", "nint"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["Tink", "nint"]
    assert lines[1][1] == "N IH1 N T" and lines[1][2].startswith("g2p  0.")


def test_a_bulk_job_goes_on(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lexicon", "g2p", "train", "small.txt", "-o", "g2p.bin", "--order", "2"]) == 0
    (workplace / "words.txt").write_text("kint\n\nzoo\ntink\n")
    capsys.readouterr()
    assert main(["lexicon", "g2p", "apply", "g2p.bin", "nit", "--file", "words.txt", "--n-best", "2"]) == 1
    captured = capsys.readouterr()
    assert [line.split("\t")[0] for line in captured.out.splitlines()] == [
        "nit",
        "nit",
        "kint",
        "kint",
        "tink",
        "tink",
    ]
    assert captured.err == (
        'earwright: the g2p model was trained on no word with "o" (U+006F), "z" (U+007A), '
        'so it cannot say "zoo".\n'
    )
    assert main(["lexicon", "g2p", "apply", "g2p.bin", "--file", "words.txt", "--json"]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["word"] for row in rows] == ["kint", "zoo", "tink"]
    assert rows[1]["source"] is None and "trained on no word" in rows[1]["problem"]
    assert 0 < rows[0]["pronunciations"][0]["probability"] <= 1


def test_words_from_a_pipe(
    workplace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"knit\ntin\n")
    os.close(writer)
    with open(reader, encoding="utf-8") as pipe:
        monkeypatch.setattr("sys.stdin", pipe)
        assert main(["lexicon", "pronounce", "--lexicon", "small.txt", "--file", "-"]) == 0
    assert capsys.readouterr().out == "knit\tN IH1 T\tlexicon\ntin\tT IH1 N\tlexicon\n"


def test_hold_out(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["lexicon", "g2p", "train", "small.txt", "-o", "g2p.bin", "--hold-out", "0.2", "--no-stress"]
    assert main([*command, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["held_out_words"] == 2 and result["words"] == "8"
    assert 0 <= result["phone_error_rate"] <= 1 and 0 <= result["word_error_rate"] <= 1
    assert not any(phone[-1].isdigit() for phone in read_g2p("g2p.bin").phones)
    assert main(command) == 0
    assert "word error rate" in capsys.readouterr().out
    assert main(["lexicon", "g2p", "train", "small.txt", "-o", "x", "--hold-out", "1"]) == 1
    assert "--hold-out is a share" in capsys.readouterr().err


def test_pronounce_says_which(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lexicon", "g2p", "train", "small.txt", "-o", "g2p.bin"]) == 0
    (workplace / "mine.txt").write_text("tomato T OW1 M\nearwright IH1 R AY2 T\n")
    capsys.readouterr()
    command = ["lexicon", "pronounce", "--additions", "mine.txt", "--g2p", "g2p.bin"]
    assert main([*command, "Earwright", "tomato", "either", "tinkkit"]) == 0
    lines = [tuple(line.split("\t")) for line in capsys.readouterr().out.splitlines()]
    assert lines[:2] == [("Earwright", "IH1 R AY2 T", "additions"), ("tomato", "T OW1 M", "additions")]
    assert lines[2:4] == [("either", "IY1 DH ER0", "lexicon"), ("either", "AY1 DH ER0", "lexicon")]
    assert lines[4][0] == "tinkkit" and lines[4][2].startswith("g2p")
    assert main([*command, "--no-stress", "--json", "either"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert [each["phones"] for each in row["pronunciations"]] == ["IY DH ER", "AY DH ER"]


def test_a_lexicon_of_ones_own_has_no_model(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lexicon", "pronounce", "--lexicon", "small.txt", "knit", "knack"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "knit\tN IH1 T\tlexicon\n"
    assert captured.err == 'earwright: "knack" is not in the lexicon.\n'


def test_check(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lexicon", "check", "small.txt"]) == 0
    assert (
        "small.txt: 10 words, 10 pronunciations, 6 phones, 4 letters, 0 problems" in capsys.readouterr().out
    )
    (workplace / "bad.txt").write_text("knit N IH1 T\nnit\nknit N QQ\n")
    assert main(["lexicon", "check", "bad.txt", "--additions-to", "en", "--json"]) == 1
    survey = json.loads(capsys.readouterr().out)
    assert [problem["line"] for problem in survey["problems"]] == [2, 3]
    assert main(["lexicon", "check", "bad.txt"]) == 1
    assert 'bad.txt, line 2: the word "nit" has no phones after it.' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["pronounce"], "there are no words to say"),
        (["pronounce", "--language", "xx", "a"], 'there is no lexicon for "xx"'),
        (["pronounce", "--n-best", "0", "a"], "--n-best must be at least 1"),
        (["pronounce", "--additions", "none.txt", "a"], "none.txt: there is no such file"),
        (["pronounce", "--file", "none.txt"], "none.txt: there is no such file"),
        (["g2p", "apply", "none.bin", "a"], "none.bin: there is no such file"),
        (["g2p", "apply", "small.txt", "a"], "small.txt: this is no g2p model"),
        (["g2p", "train", "small.txt", "-o", "x", "--order", "0"], "the order is 0"),
        (["check", "small.txt", "--phones", "small.txt", "--additions-to", "en"], "give one of them"),
    ],
)
def test_one_sentence(
    workplace: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert main(["lexicon", *arguments]) == 1
    captured = capsys.readouterr()
    assert sentence in captured.err and captured.err.count("\n") == 1 and captured.out == ""


def test_the_default_model_is_trained_once_and_kept(
    workplace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from earwright.lexicon import defaults

    small = defaults.read_lexicon("small.txt")
    monkeypatch.setattr(defaults, "default_lexicon", lambda language: small)
    assert main(["lexicon", "pronounce", "tinkkit"]) == 0
    first = capsys.readouterr()
    [kept] = (workplace / "cache" / "earwright").glob("g2p-en-*.bin")
    assert "a g2p model is trained, once" in first.err
    assert main(["lexicon", "pronounce", "tinkkit"]) == 0
    assert capsys.readouterr() == (first.out, "")
    kept.write_bytes(b"damaged")
    assert main(["lexicon", "pronounce", "tinkkit"]) == 0
    assert capsys.readouterr().out == first.out and read_g2p(kept)
