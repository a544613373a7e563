"""`earwright align`, as a user calls it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from earwright.alignment.formats import FORMATS as WRITERS
from earwright.cli.align import FORMATS
from earwright.cli.main import main
from runtime_bundle import RATE, say

Align = Callable[..., tuple[int, str, str]]


@pytest.fixture
def align(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], runtime_bundle: Path
) -> Align:
    """Call `earwright align` where there are a recording and texts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EARWRIGHT_MODEL", str(runtime_bundle))
    soundfile.write("talk.wav", say("hello you and good day"), RATE)
    Path("talk.txt").write_text("Hello you, wonderful!\nAnd good day.\n")
    Path("silent.txt").write_text("-- ...\n")
    Path("bad.txt").write_bytes(b"\xff\xfe\xfa")

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(["align", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_ctm_on_stdout_and_the_rest_on_stderr(align: Align) -> None:
    code, out, err = align("talk.wav", "talk.txt")
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert [line[4] for line in lines] == ["Hello", "you,", "And", "good", "day."]
    assert all(line[:2] == ["talk", "1"] for line in lines)
    assert "5 of 6 words found" in err and "wonderful! (line 1)" in err


def test_every_format_into_a_folder(align: Align) -> None:
    code, out, _ = align("talk.wav", "talk.txt", "-o", "out")
    assert (code, out) == (0, "")
    names = {path.name for path in Path("out").iterdir()}
    assert names == {"talk.ctm", "talk.TextGrid", "talk.json", "talk.srt", "talk.vtt"}
    found = json.loads(Path("out/talk.json").read_text())
    assert [word["word"] for word in found["words"] if word.get("missing")] == ["wonderful!"]
    assert Path("out/talk.srt").read_text().startswith("1\n00:00:00,2")


def test_all_formats_are_offered() -> None:
    assert set(FORMATS) == set(WRITERS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("talk.wav", "silent.txt"), "nothing in it that could be said"),
        (("talk.wav", "bad.txt"), "UTF-8"),
        (("talk.wav", "no.txt"), "no.txt"),
        (("no.wav", "talk.txt"), "no.wav"),
        (("talk.txt", "talk.txt"), "talk.txt"),
        (("talk.wav", "talk.txt", "-f", "all"), "-o DIR"),
        (("talk.wav", "talk.txt", "-m", "no.ear"), "no.ear"),
    ],
)
def test_what_is_wrong_is_said(align: Align, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = align(*arguments)
    assert (code, out) == (1, "")
    assert said in err and err.count("\n") == 1


def test_no_model(align: Align, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EARWRIGHT_MODEL")
    code, _, err = align("talk.wav", "talk.txt")
    assert code == 1 and "--model" in err
