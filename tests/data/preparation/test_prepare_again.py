"""Preparing in several goes: what is new, what has changed, shards put together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import earwright.data.preparation.prepare as module
from earwright.cli.main import main
from earwright.cuts import read_cut_audio, read_cuts
from earwright.data.preparation.copies import CopyOptions
from earwright.data.preparation.ledger import Shard
from earwright.data.preparation.options import PrepareOptions
from earwright.data.preparation.prepare import prepare
from earwright.errors import EarwrightError

ONE_JOB = PrepareOptions(jobs=1)
FILES = ("cuts.jsonl.gz", "rejected.jsonl", "warnings.jsonl", "summary.json")


def clip(path: Path, seed: int, seconds: float = 1.0, channels: int = 1) -> Path:
    samples = np.random.default_rng(seed).uniform(-0.3, 0.3, (int(seconds * 16000), channels))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, 16000)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten recordings with a text beside each."""
    for number in range(10):
        clip(tmp_path / f"in/{number}.wav", number).with_suffix(".txt").write_text(f"text {number}")
    return tmp_path / "in"


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are listened to."""
    names: list[str] = []
    real = module.listen

    def listen(path: str, stretches: Any) -> Any:
        names.append(Path(path).name)
        return real(path, stretches)

    monkeypatch.setattr(module, "listen", listen)
    return names


def contents(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in FILES}


def test_a_second_run_listens_only_to_what_is_new_or_changed(
    folder: Path, tmp_path: Path, heard: list[str]
) -> None:
    out = tmp_path / "out"
    prepare("folder", folder, out, ONE_JOB)
    assert len(heard) == 10
    before = contents(out)
    heard.clear()
    prepare("folder", folder, out, ONE_JOB)
    assert heard == [] and contents(out) == before
    clip(folder / "new.wav", 99).with_suffix(".txt").write_text("text")
    clip(folder / "3.wav", 98, 2.0)
    (folder / "5.wav").unlink()
    summary = prepare("folder", folder, out, ONE_JOB)
    assert sorted(heard) == ["3.wav", "5.wav", "new.wav"]
    assert summary is not None and summary.rejected == {"missing-audio": 1}
    cuts = {cut.id: cut for cut in read_cuts(out)}
    assert cuts["3"].duration == 2.0 and "new" in cuts and "5" not in cuts


def test_a_killed_run_goes_on(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    real, names = module.listen, []

    def listen(path: str, stretches: Any) -> Any:
        if len(names) == 6:
            raise KeyboardInterrupt
        names.append(path)
        return real(path, stretches)

    monkeypatch.setattr(module, "listen", listen)
    with pytest.raises(KeyboardInterrupt):
        prepare("folder", folder, out, ONE_JOB)
    assert not (out / "cuts.jsonl.gz").exists()
    names[:] = [""] * 7  # never six again
    prepare("folder", folder, out, ONE_JOB)
    assert len(names) == 7 + 4
    whole = tmp_path / "whole"
    prepare("folder", folder, whole, ONE_JOB)
    assert contents(out) == contents(whole)


def test_shards_give_what_one_run_gives(folder: Path, tmp_path: Path, heard: list[str]) -> None:
    prepare("folder", folder, tmp_path / "whole", ONE_JOB)
    heard.clear()
    out = tmp_path / "out"
    for number in (1, 2, 3):
        assert prepare("folder", folder, out, PrepareOptions(shard=Shard(number, 3), jobs=1)) is None
        assert not (out / "cuts.jsonl.gz").exists()
    assert sorted(heard) == sorted(f"{number}.wav" for number in range(10))  # each once
    prepare("folder", folder, out, PrepareOptions(merge=True, jobs=1))
    assert len(heard) == 10
    assert contents(out) == contents(tmp_path / "whole")


def test_a_missing_shard_is_named(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(EarwrightError, match="no shard has been made here"):
        prepare("folder", folder, out, PrepareOptions(merge=True))
    prepare("folder", folder, out, PrepareOptions(shard=Shard(2, 4), jobs=1))
    with pytest.raises(EarwrightError, match=r"of 10 files .* the shards 1/4, 3/4, 4/4 are missing"):
        prepare("folder", folder, out, PrepareOptions(merge=True))
    for bad in ("0/4", "5/4", "1", "a/b", "1/0"):
        assert main(["prepare", "folder", str(folder), str(out), "--shard", bad]) == 1


def test_a_damaged_ledger_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare("folder", folder, out, ONE_JOB)
    (out / ".prepare/heard.sqlite").write_bytes(b"no database " * 1000)
    with pytest.raises(
        EarwrightError, match=r"\.prepare: cannot be used .*; remove this folder to begin anew"
    ):
        prepare("folder", folder, out, ONE_JOB)


def test_copies_are_made_once_and_made_again_when_they_must(
    folder: Path, tmp_path: Path, heard: list[str]
) -> None:
    out = tmp_path / "out"
    options = PrepareOptions(copy=CopyOptions("flac", 8000), jobs=1)
    prepare("folder", folder, out, options)
    cuts = read_cuts(out)
    assert {(cut.sample_rate, cut.start, cut.duration) for cut in cuts} == {(8000, 0.0, 1.0)}
    assert all(Path(cut.path).parent == out / "audio" for cut in cuts)
    original = soundfile.read(folder / "0.wav", dtype="float32")[0]
    from earwright.audio.read import resample

    np.testing.assert_allclose(read_cut_audio(cuts[0], 8000), resample(original, 16000, 8000), atol=1e-4)
    times = {cut.path: os.stat(cut.path).st_mtime_ns for cut in cuts}
    prepare("folder", folder, out, options)
    assert {path: os.stat(path).st_mtime_ns for path in times} == times
    clip(folder / "3.wav", 98, 2.0)
    prepare("folder", folder, out, options)
    again = {cut.id: cut for cut in read_cuts(out)}
    assert again["3"].duration == 2.0 and again["3"].path not in times
    assert again["4"].path in times


def test_opus_copies_of_parts(tmp_path: Path) -> None:
    clip(tmp_path / "long.wav", 0, 10.0, channels=2)
    (tmp_path / "t.csv").write_text("path,text,start,end\nlong.wav,one,1,3\nlong.wav,two,5,6.5\n")
    prepare("csv", tmp_path / "t.csv", tmp_path / "out", PrepareOptions(copy=CopyOptions("opus"), jobs=2))
    cuts = read_cuts(tmp_path / "out")
    assert [(cut.duration, cut.channels, Path(cut.path).suffix) for cut in cuts] == [
        (2.0, (0,), ".opus"),
        (1.5, (0,), ".opus"),
    ]
    assert all(len(read_cut_audio(cut)) == cut.duration * 16000 for cut in cuts)


@pytest.mark.parametrize(("kind", "rate"), [("mp3", 16000), ("opus", 44100), ("flac", 10)])
def test_copies_that_cannot_be(kind: str, rate: int) -> None:
    with pytest.raises(EarwrightError):
        CopyOptions(kind, rate)


def test_sides_of_a_conversation(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sides = np.stack([rng.uniform(-0.3, 0.3, 32000), 0.1 * np.sin(np.arange(32000) / 3)], axis=1)
    soundfile.write(tmp_path / "call.wav", sides, 16000, subtype="FLOAT")
    (tmp_path / "t.csv").write_text("path,text\ncall.wav,hello\n")
    out = tmp_path / "out"
    prepare("csv", tmp_path / "t.csv", out, PrepareOptions(channels="1", jobs=1))
    (cut,) = read_cuts(out)
    assert cut.channels == (1,)
    np.testing.assert_allclose(read_cut_audio(cut), sides[:, 1], atol=1e-6)
    with pytest.raises(EarwrightError, match=r"1 two-sides"):
        prepare("csv", tmp_path / "t.csv", out, PrepareOptions(channels="split", jobs=1))
    with pytest.raises(EarwrightError, match="there is no channel 2; it has 2"):
        prepare("csv", tmp_path / "t.csv", out, PrepareOptions(channels="2", jobs=1))


def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    import tracemalloc

    clip(tmp_path / "a.wav", 0, 3.0)
    peaks = []
    for count in (1_000, 4_000):
        table = tmp_path / f"{count}.csv"
        lines = (f"a.wav,the text of row number {row},{row}\n" for row in range(count))
        table.write_text("path,text,id\n" + "".join(lines))
        tracemalloc.start()
        summary = prepare("csv", table, tmp_path / str(count), ONE_JOB)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert summary is not None and summary.kept == count
    assert peaks[1] < peaks[0] + 500_000  # durations and the like, 8 bytes a row


@pytest.mark.parametrize("which", ["heard", "rows"])
def test_a_full_disk_is_one_sentence_and_keeps_what_was_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard: list[str], which: str
) -> None:
    import sqlite3

    for number in range(300):
        clip(tmp_path / f"in/{number}.wav", number, 0.2).with_suffix(".txt").write_text("no")
    out = tmp_path / "out"
    real = sqlite3.connect

    def full(path: Any, *args: Any, **kwargs: Any) -> Any:
        database = real(path, *args, **kwargs)
        if Path(path).name.startswith(which):
            database.execute("PRAGMA max_page_count = 24")  # what SQLite says on a full disk, at 96 KiB
        return database

    monkeypatch.setattr(sqlite3, "connect", full)
    with pytest.raises(EarwrightError, match=r"\.prepare: the disk is full; what was checked so far is kept"):
        prepare("folder", tmp_path / "in", out, ONE_JOB)
    assert [path.name for path in (out / ".prepare").iterdir()] in (["heard.sqlite"], [])
    monkeypatch.setattr(sqlite3, "connect", real)
    before = len(heard)
    summary = prepare("folder", tmp_path / "in", out, ONE_JOB)
    assert summary is not None and summary.kept == 300
    assert len(heard) - before <= 250  # the rest was kept
