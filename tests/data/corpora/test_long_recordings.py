"""Long recordings with their whole text become rows, or reasons why not."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from earwright.cli.main import main
from earwright.cuts import read_cut_audio, read_cuts
from earwright.data.corpora import find_format
from earwright.data.corpora.row import BadRow, ReaderOptions, Row
from earwright.errors import EarwrightError
from earwright.recognizer import Recognizer
from runtime_bundle import RATE, say

SAID = ["hello you", "and good day", "to all of you", "who hear this"]


@pytest.fixture
def chapters(tmp_path: Path) -> Path:
    """A chapter of which a word is missing in the text, one that is not audio, one without a text."""
    folder = tmp_path / "book"
    folder.mkdir()
    soundfile.write(folder / "one.wav", np.concatenate([say(text + " ") for text in SAID]), RATE)
    (folder / "one.txt").write_text("Hello you and good day.\nTo all you\n\nwho hear this!")
    (folder / "bad.wav").write_bytes(b"no audio")
    (folder / "bad.txt").write_text("hello")
    soundfile.write(folder / "alone.wav", say("good"), RATE)
    return folder


def test_rows_and_reasons(chapters: Path, runtime_bundle: Path) -> None:
    rows = list(find_format("long").read(chapters, ReaderOptions(model=str(runtime_bundle))))
    good = [row for row in rows if isinstance(row, Row)]
    bad = {row.reason: row for row in rows if isinstance(row, BadRow)}
    assert [row.text for row in good] == ["Hello you and good day.", "who hear this!"]
    assert bad["speech-without-text"].text == "To all you" and "of" in bad["speech-without-text"].detail
    assert sum(isinstance(row, BadRow) and row.reason == "bad-row" for row in rows) == 2
    recognizer = Recognizer.load(runtime_bundle)
    samples, _ = soundfile.read(chapters / "one.wav", dtype="float32")
    for row, text in zip(good, ["hello you and good day", "who hear this"], strict=True):
        assert row.duration is not None
        piece = samples[round(row.start * RATE) : round((row.start + row.duration) * RATE)]
        assert recognizer.transcribe(piece).text == text


def test_the_verb(
    chapters: Path, runtime_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "prepared"
    assert main(["prepare", "long", str(chapters), str(out), "--model", str(runtime_bundle)]) == 0
    cuts = read_cuts(out)
    assert [cut.text for cut in cuts] == ["Hello you and good day.", "who hear this!"]
    assert all(0.3 < cut.custom["alignment_confidence"] <= 1 for cut in cuts)
    recognizer = Recognizer.load(runtime_bundle)
    assert recognizer.transcribe(read_cut_audio(cuts[1], RATE)).text == "who hear this"
    reasons = [json.loads(line)["reason"] for line in (out / "rejected.jsonl").read_text().splitlines()]
    assert sorted(reasons) == ["bad-row", "bad-row", "speech-without-text"]


def test_a_folder_that_cannot_be_listed_is_one_bad_row(
    chapters: Path, runtime_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (chapters / "locked").mkdir()
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    rows = find_format("long").read(chapters, ReaderOptions(model=str(runtime_bundle)))
    assert any("the folder is left out" in row.detail for row in rows if isinstance(row, BadRow))


def test_what_is_missing_is_said(chapters: Path, runtime_bundle: Path, tmp_path: Path) -> None:
    read = find_format("long").read
    with pytest.raises(EarwrightError, match="--model"):
        list(read(chapters))
    with pytest.raises(EarwrightError, match=r"no\.ear"):
        list(read(chapters, ReaderOptions(model="no.ear")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(EarwrightError, match=r"\.txt of the same name"):
        list(read(tmp_path / "empty", ReaderOptions(model=str(runtime_bundle))))
