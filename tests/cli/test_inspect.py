"""`earwright inspect`: tables in any window, figures as JSON, the page, and refusals."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from earwright.cli.main import main
from earwright.cuts import cut_to_dict, read_cuts, write_cuts
from earwright.data.inspection.inspect import inspect_cuts
from earwright.data.inspection.report import print_figures
from earwright.data.preparation.options import PrepareOptions
from earwright.data.preparation.prepare import prepare

CLIPS = Path(__file__).parent.parent / "data/librispeech"


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """Three good utterances, one whose file has gone, and a rejected row."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    source = next(CLIPS.rglob("*.opus"))
    for name in ("a", "b", "c", "gone"):
        (folder / f"{name}.opus").write_bytes(source.read_bytes())
    (folder / "table.csv").write_text(
        "path,text,speaker,accent\n"
        "a.opus,hello there,anna,scottish\n"
        "b.opus,it\u2019s me,bert,welsh\n"
        "c.opus,[bold]hello[/bold] again,bert,\n"
        "gone.opus,here and away,bert,\n"
        "none.opus,never there,bert,\n"
    )
    prepare("csv", folder / "table.csv", tmp_path / "out", PrepareOptions(language="en", jobs=1))
    (folder / "gone.opus").unlink()
    return tmp_path / "out"


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the width of the window."""
    return lambda width: monkeypatch.setenv("COLUMNS", str(width))


@pytest.mark.parametrize("width", [80, 160])
def test_the_tables_fit_the_window(
    prepared: Path, wide: Callable[[int], None], capsys: pytest.CaptureFixture[str], width: int
) -> None:
    wide(width)
    assert main(["inspect", str(prepared), "--jobs", "1"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    lines = shown.out.splitlines()
    assert max(map(cell_len, lines)) <= width
    for words in (
        "cuts        4",
        "speakers    2",
        "Duration (s)",
        "Bandwidth (Hz)",
        "language: en",
        "scottish",
        "U+2019",
        "right single quotation mark",
        "measured: 3 of 4 cuts",
        "there is no such file.",
        "missing-audio",
        "• 1 of 4 cuts in the sample cannot be decoded.",
    ):
        assert words in shown.out, words
    assert any("█" in line for line in lines)
    histograms = next(line for line in lines if "Duration (s)" in line)
    assert ("Characters a second" in histograms) == (width == 160)


def test_texts_are_shown_as_they_are(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cuts = [
        replace(
            cut, id=f"\x1b[31m{cut.id}", speaker="[red]\x1b]0;title\x07", text=f"{cut.text} [/bold]\u202e"
        )
        for cut in read_cuts(prepared)
    ]
    with open(prepared / "cuts.jsonl.gz", "wb") as file:
        write_cuts(cuts, file)
    assert main(["inspect", str(prepared), "--jobs", "1"]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown and "\x07" not in shown and "\u202e" not in shown
    assert "[red]" in shown


def test_json_has_the_figures(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(prepared), "--jobs", "1", "--json", "--sample", "2"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["cuts"], figures["sample"], figures["speakers"]) == (4, 2, 2)
    assert figures["rejected"] == {"missing-audio": 1}
    assert [share["name"] for share in figures["columns"]["custom: accent"]] == [
        "scottish",
        "welsh",
        "not given",
    ]
    (odd,) = [entry for entry in figures["characters"] if entry["character"] == "\u2019"]
    assert (odd["code_point"], odd["oddity"]) == ("U+2019", "punctuation")
    assert sum(figures["distributions"]["duration"]["counts"]) == 4


def test_half_a_character_is_json_too(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut = cut_to_dict(replace(read_cuts(prepared)[0], text="\ud800"))
    (prepared / "other.jsonl").write_text(json.dumps(cut))
    assert main(["inspect", str(prepared / "other.jsonl"), "--jobs", "1", "--json"]) == 0
    (character,) = json.loads(capsys.readouterr().out)["characters"]
    assert (character["character"], character["oddity"]) == ("\ud800", "half a character")


def test_the_page(prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "new folder" / "page.html"
    assert main(["inspect", str(prepared), "--jobs", "2", "--html", str(page), "--clips", "2"]) == 0
    shown = capsys.readouterr()
    assert f"The page: {page} (" in shown.err and "speakers" in shown.out
    content = page.read_text("utf-8")
    assert content.startswith("<!DOCTYPE html>") and content.endswith("</html>\n")
    assert content.count('<article aria-labelledby="clip-') == 2
    assert content.count('<article aria-labelledby="rejected-') == 1
    assert main(["inspect", str(prepared), "--html", str(page), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cuts"] == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none"], "none: there is no such file; make it with earwright prepare."),
        (["empty.jsonl"], "empty.jsonl: there is no cut in it."),
        (["bad.jsonl"], "bad.jsonl, line 1: this is not a lhotse cut"),
        (["good.jsonl", "--sample", "-1"], "--sample -1 makes no sense; it is at least 0."),
        (["good.jsonl", "--clips", "1000"], "--clips 1000 makes no sense; it is from 0 to 100."),
        (["good.jsonl", "--jobs", "0"], "--jobs 0 makes no sense; it is at least 1."),
        (["good.jsonl", "--html", "bad.jsonl/page.html"], "bad.jsonl/page.html: "),
        (["good.jsonl", "--html", "."], ".: this is a folder; name a file for the page."),
    ],
)
def test_refusals_are_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.jsonl").touch()
    Path("bad.jsonl").write_text("[]\n")
    Path("good.jsonl").touch()
    assert main(["inspect", *arguments]) == 1
    shown = capsys.readouterr()
    assert words in shown.err and shown.err.count("\n") == 1 and shown.out == ""
    assert sorted(path.name for path in Path().iterdir()) == ["bad.jsonl", "empty.jsonl", "good.jsonl"]


def test_usage_errors_exit_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect"]) == 2
    assert main(["inspect", "cuts", "--sample", "many"]) == 2


def test_a_very_narrow_window_is_no_reason_to_fail(prepared: Path) -> None:
    figures = inspect_cuts(prepared, jobs=1).figures
    for width in (1, 20, 40, 1000):
        console = Console(file=io.StringIO(), width=width)
        print_figures(console, figures)
