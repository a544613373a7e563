"""`earwright lm train`, `prune` and `mix`: files in, files out, and the sentences for what cannot be."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from earwright.cli.main import main
from earwright.lm.query import load_ngrams
from earwright.text import normalize

BOOK = """CHAPTER I

Emma Woodhouse, handsome, clever, and rich, seemed to unite some of the best blessings. She was the youngest \
of two daughters. "Dear me!" said Mr. Knightley. He was a sensible man.

Her mother had died too long ago. She was sixteen; Miss Taylor was a friend. It was Emma's day.

"""
LINES = "ja nein\nnein ja ja\nja\nnein nein ja\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    Path("book.txt").write_text(BOOK * 3, encoding="utf-8")
    with gzip.open("lines.txt.gz", "wt", encoding="utf-8") as file:
        file.write(LINES)
    return tmp_path


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["lm", *arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err


def test_train(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lm", "train", "book.txt", "-o", "book.arpa", "--order", "2"]) == 0
    lines = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert lines["files"] == "1 as paragraphs; normalizer basic"
    words = normalize(BOOK * 3, "basic").split()
    assert lines["text"] == f"{len(words)} words, 24 sentences, {len(set(words))} different words"
    assert lines["vocabulary"] == f"{3 + len(set(words))}; unknown: 0 (0.00%)"
    assert lines["1-grams"].startswith(f"{3 + len(set(words))}; discounts ")
    assert lines["model"] == "book.arpa"
    model = load_ngrams("book.arpa")
    assert model.normalizer == "basic"
    assert model.order == 2
    assert "\n-99\t<s>" in Path("book.arpa").read_text(encoding="utf-8")


def test_figures_as_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = type("Stdin", (), {"buffer": io.BufferedReader(io.BytesIO(LINES.encode()))})
    monkeypatch.setattr(sys, "stdin", stdin)
    arguments = [
        "train",
        "-",
        "book.txt",
        "-o",
        "x.bin",
        "--max-words",
        "3",
        "--prune",
        "0",
        "0",
        "1",
        "--json",
    ]
    assert main(["lm", *arguments]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["words"] == 156 + 9
    assert figures["vocabulary"] == 6
    assert figures["layouts"] == {"lines": 1, "paragraphs": 1}
    assert figures["unknown"] > 100
    assert figures["unknown_share"] == pytest.approx(figures["unknown"] / 165)
    assert figures["ngrams"] == list(load_ngrams("x.bin").counts)
    assert set(figures["seconds"]) == {"read", "estimate"}


def test_a_given_vocabulary_and_lines(capsys: pytest.CaptureFixture[str]) -> None:
    Path("words.txt").write_text("ja\nvielleicht\n", encoding="utf-8")
    arguments = ["train", "lines.txt.gz", "-o", "x.arpa.gz", "--vocab", "words.txt", "--lines", "--json"]
    assert main(["lm", *arguments]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["words"], figures["sentences"], figures["unknown"]) == (9, 4, 4)
    assert list(load_ngrams("x.arpa.gz").vocabulary) == ["<unk>", "<s>", "</s>", "ja", "vielleicht"]


def test_prune(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lm", "train", "book.txt", "-o", "book.bin", "--json"]) == 0
    before = json.loads(capsys.readouterr().out)["ngrams"]
    assert main(["lm", "prune", "book.bin", "--entropy", "1e-3", "-o", "small.arpa", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["before"] == before
    assert sum(figures["ngrams"]) < sum(before)
    assert main(["lm", "prune", "book.bin", "--entropy", "1e9", "-o", "small.arpa"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        f"1-grams      {before[0]} of {before[0]}",
        f"2-grams      0 of {before[1]}",
    ]
    # The same in one go.
    arguments = ["train", "book.txt", "-o", "at-once.bin", "--prune-entropy", "1e-3", "--json"]
    assert main(["lm", *arguments]) == 0
    assert json.loads(capsys.readouterr().out)["ngrams"] == figures["ngrams"]


def test_mix(capsys: pytest.CaptureFixture[str]) -> None:
    for source, out in (("book.txt", "a.bin"), ("lines.txt.gz", "b.arpa")):
        assert main(["lm", "train", source, "-o", out]) == 0
    capsys.readouterr()
    Path("dev.txt").write_text("ja ja nein\nnein\nEmma Woodhouse was Emma\nunbekannt\n", encoding="utf-8")
    assert main(["lm", "mix", "a.bin", "b.arpa", "--dev", "dev.txt", "-o", "ab.bin", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert sum(figures["weights"].values()) == pytest.approx(1)
    assert min(figures["weights"].values()) > 0.1
    assert figures["dev"] == {"words": 9, "sentences": 4, "unknown": 1}
    perplexities = figures["perplexities"]
    assert perplexities["interpolated"] < min(perplexities["a.bin"], perplexities["b.arpa"])
    # What `lm perplexity` says of the result.
    assert main(["lm", "perplexity", "ab.bin", "dev.txt", "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)["all"]["perplexity_without_oov"]
    assert measured == pytest.approx(perplexities["ab.bin"], rel=1e-3)
    assert main(["lm", "mix", "a.bin", "b.arpa", "--weights", "0.25", "0.75", "-o", "c.arpa"]) == 0
    assert "0.7500" in capsys.readouterr().out
    assert main(["lm", "mix", "a.bin", "b.arpa", "--dev", "dev.txt", "-o", "ab.bin"]) == 0
    assert "1 words are in no model" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train nowhere.txt -o x.bin", "nowhere.txt: No such file"),
        ("train book.txt -o x.txt", "x.txt: language models are written as"),
        ("train book.txt -o x.bin --order 0", "the order is 0"),
        ("train book.txt -o x.bin --normalizer basik", 'did you mean "basic"'),
        ("train book.txt -o x.bin --prune 1 1", "--min-count"),
        ("train book.txt -o x.bin --memory lots", "no amount of memory"),
        ("train book.txt -o x.bin --min-count 999", "said 999 times or more"),
        ("train book.txt -o x.bin --vocab words.txt", "words.txt, line 2: is blank"),
        ("train book.txt -o x.bin --vocab w --max-words 3", "give one"),
        ("train empty.txt -o x.bin", "empty.txt: there are no words"),
        ("train binary.bin -o x.bin", "binary.bin, line 1: this is binary"),
        ("train book.txt -o x.bin --max-words 0", "--max-words"),
        ("prune nowhere.arpa --entropy 1e-8 -o x.bin", "nowhere.arpa: "),
        ("mix a.bin --weights 1 -o x.bin", "a.bin is one model"),
    ],
)
def test_what_cannot_be(arguments: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty.txt").touch()
    Path("words.txt").write_text("a\n\nb\n", encoding="utf-8")
    Path("binary.bin").write_bytes(b"\0\1\2")
    assert message in error_of(capsys, *arguments.split())
    assert not Path("x.bin").exists()


def test_a_disk_that_fills(folder: Path) -> None:
    """For real: the system lets no file of this process grow beyond 64 KB."""
    resource = pytest.importorskip("resource")
    words = [f"w{number}" for number in range(3000)]
    text = "\n".join(" ".join(words[i % 3000] for i in range(s, s + 40)) for s in range(0, 90000, 7))
    Path("long.txt").write_text(text, encoding="utf-8")
    program = (
        "import sys, earwright.lm.storage as storage; storage._LEAST = 1; "
        "from earwright.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "lm", "train", "long.txt", "-o", "x.bin", "--memory", "100K"]
    Path("rest").mkdir()
    done = subprocess.run(
        [*command, "--temporary", "rest"],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16)),
    )
    assert done.returncode == 1
    assert done.stderr.startswith("earwright: rest: the disk is full")
    assert done.stderr.count("\n") == 1
    assert list(Path("rest").iterdir()) == []
    assert not Path("x.bin").exists()
