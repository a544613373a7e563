"""From a corpus to cuts, whole: the files written, the figures, faults, and being stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from earwright.cli.main import main
from earwright.cli.prepare import FORMATS
from earwright.cuts import read_cut_audio, read_cuts
from earwright.data.preparation.checks import REASONS
from earwright.data.preparation.options import PrepareOptions
from earwright.data.preparation.prepare import prepare
from earwright.errors import EarwrightError

CLIPS = Path(__file__).parents[1] / "librispeech"
FILES = ["cuts.jsonl.gz", "rejected.jsonl", "warnings.jsonl", "summary.json"]
JOBS2 = PrepareOptions(jobs=2)


def write(path: Path, seconds: float, rate: int = 16000, channels: int = 1, level: float = 0.3) -> Path:
    samples = np.random.default_rng(0).uniform(-level, level, (round(seconds * rate), channels))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


def rejected(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "rejected.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A table with a row for each way to fail, good rows between them, and the count of each."""
    folder = tmp_path / "my corpus"
    write(folder / "good.wav", 2.0, 44100, 2)
    write(folder / 'größe 8 "kHz".wav', 1.0, 8000)
    write(folder / "many.wav", 0.5, 192000, 8)
    write(folder / "silent.wav", 1.0, level=0.0)
    write(folder / "short.wav", 0.01)
    write(folder / "long.wav", 70.0, 8000)
    write(folder / "none.wav", 0.0)
    nan = np.zeros(16000)
    nan[5] = np.nan
    soundfile.write(folder / "nan.wav", nan, 16000, subtype="FLOAT")
    (folder / "text.wav").write_text("not audio")
    cut = write(folder / "cut.wav", 2.0)
    cut.write_bytes(cut.read_bytes()[:50_000])
    lines = [
        "path,text,id,speaker,language,mood,start,end",
        "good.wav,a  good\u00a0one ,u1,anna,de,glad,,",
        "good.wav,again,u1,anna,,,,",  # duplicate-id
        "missing.wav,hello,u2,,,,,",
        '"größe 8 ""kHz"".wav",Grüße aus Köln,,bert,,,,',
        "many.wav,eight,u4,,,,,",
        "silent.wav,hello,u5,,,,,",
        "short.wav,h,u6,,,,,",
        "long.wav,whole,u7,,,,,",
        "long.wav,a part,u8,cleo,,,10,12.5",
        "long.wav,beyond,u9,,,,69,75",
        "none.wav,hello,u10,,,,,",
        "nan.wav,hello,u11,,,,,",
        "text.wav,hello,u12,,,,,",
        "cut.wav,hello,u13,,,,,",
        "good.wav,,u14,,,,,",
        f"good.wav,{'long ' * 1000},u15,,,,,",
        "good.wav,hello",  # bad-row
    ]
    table = folder / "table.csv"
    table.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8-sig")
    return table


def test_every_fault_is_found_and_ends_nothing(mixed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    summary = prepare("csv", mixed, out, PrepareOptions(language="en", jobs=2))
    assert {row["id"] or "bad": row["reason"] for row in rejected(out)} == {
        "u1": "duplicate-id",
        "u2": "missing-audio",
        "u5": "silent",
        "u6": "too-short",
        "u7": "too-long",
        "u9": "outside-audio",
        "u10": "empty-audio",
        "u11": "nan-samples",
        "u12": "unreadable",
        "u13": "truncated",
        "u14": "empty-text",
        "u15": "text-too-long",
        "bad": "bad-row",
    }
    assert summary is not None
    elsewhere = {"two-sides", "all-but-silent", "text-not-said", "speech-without-text", "unsure", "no-pause"}
    assert set(summary.rejected) == set(REASONS) - elsewhere  # those are tested there
    assert all(
        set(row) - {"start", "duration"} == {"id", "path", "reason", "detail", "text"} and row["detail"]
        for row in rejected(out)
    )
    assert (summary.rows, summary.kept) == (17, 4)
    cuts = {cut.id: cut for cut in read_cuts(out)}
    assert list(cuts) == ["u1", 'größe 8 "kHz"', "u4", "u8"]
    good, part, many = cuts["u1"], cuts["u8"], cuts["u4"]
    assert (good.text, good.speaker, good.language, good.custom) == (
        "a good one",
        "anna",
        "de",
        {"mood": "glad"},
    )
    assert (good.sample_rate, good.channels, good.duration) == (44100, (0, 1), 2.0)
    assert (part.start, part.duration, part.language, part.recording_samples) == (10.0, 2.5, "en", 70 * 8000)
    assert many.channels == tuple(range(8)) and len(read_cut_audio(many, 16000)) == 8000
    assert len(read_cut_audio(part, 16000)) == 40000


def test_lhotse_reads_and_validates(mixed: Path, tmp_path: Path) -> None:
    lhotse = pytest.importorskip("lhotse")
    from lhotse.qa import validate

    prepare("csv", mixed, tmp_path / "out", PrepareOptions(jobs=1))
    cuts = lhotse.CutSet.from_file(tmp_path / "out/cuts.jsonl.gz").to_eager()
    validate(cuts, read_data=True)
    assert len(cuts) == 4
    for ours in read_cuts(tmp_path / "out"):
        theirs = cuts[ours.id]
        assert theirs.num_samples == len(read_cut_audio(ours, None))
        assert np.allclose(theirs.load_audio().mean(axis=0), read_cut_audio(ours, None), atol=1e-6)
        assert theirs.supervisions[0].text == ours.text and theirs.supervisions[0].speaker == ours.speaker


def test_librispeech(tmp_path: Path) -> None:
    summary = prepare("librispeech", CLIPS, tmp_path, PrepareOptions(language="en", jobs=1))
    assert summary is not None
    assert (summary.rows, summary.kept, summary.speakers, summary.rejected) == (4, 4, 3, {})
    cuts = read_cuts(tmp_path)
    assert [cut.id for cut in cuts][-1] == "672-122797-0000"
    assert [(cut.gender, cut.language) for cut in cuts] == [
        (g, "en") for g in ("male", "male", "female", "male")
    ]
    assert all(
        Path(cut.path).is_absolute() and cut.recording_samples == len(read_cut_audio(cut)) for cut in cuts
    )
    assert summary.hours == pytest.approx(sum(cut.duration for cut in cuts) / 3600, abs=1e-4)
    assert summary.durations["100"] == 4.07 and summary.durations["0"] == 3.495
    assert (
        summary.sample_rates == {"16000": 4}
        and summary.channels == {"1": 4}
        and summary.languages == {"en": 4}
    )
    words = [word for cut in cuts for word in cut.text.split()]
    assert summary.words == len(words) == 44
    assert summary.characters["A"] == sum(word.count("A") for word in words)
    assert json.loads((tmp_path / "summary.json").read_text()) == summary.to_dict()


def test_folder_and_tsv(tmp_path: Path) -> None:
    write(tmp_path / "in/a b/c.wav", 1.0)
    (tmp_path / "in/a b/c.txt").write_text("two\nlines\n")
    prepare("folder", tmp_path / "in", tmp_path / "out", PrepareOptions(jobs=1))
    assert [(cut.id, cut.text) for cut in read_cuts(tmp_path / "out")] == [("a b/c", "two lines")]
    (tmp_path / "in/t.tsv").write_text("path\ttext\na b/c.wav\thello, you\n")
    prepare("tsv", tmp_path / "in/t.tsv", tmp_path / "out", PrepareOptions(jobs=1))
    assert [cut.text for cut in read_cuts(tmp_path / "out")] == ["hello, you"]


def test_the_number_of_processes_changes_nothing(mixed: Path, tmp_path: Path) -> None:
    for jobs in (1, 2, 4):
        prepare("csv", mixed, tmp_path / str(jobs), PrepareOptions(jobs=jobs))
    for name in FILES:
        contents = {(tmp_path / jobs / name).read_bytes() for jobs in ("1", "2", "4")}
        assert len(contents) == 1


def test_progress_counts_files(mixed: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    prepare("csv", mixed, tmp_path / "out", JOBS2, lambda done, total: told.append((done, total)))
    assert told[0] == (0, 11) and told[-1] == (11, 11)  # long.wav is in three rows, good.wav in three


def test_nothing_usable_leaves_the_old_files(tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare("librispeech", CLIPS, out, PrepareOptions(jobs=1))
    (out / "notes.txt").write_text("mine")
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    table = tmp_path / "t.csv"
    table.write_text("path,text\nnone.wav,a\nnone2.wav,b\nx.wav,\n")
    message = (
        r"none of its 3 rows can be used \(2 missing-audio, 1 empty-text\); the first: .*none\.wav: there"
    )
    with pytest.raises(EarwrightError, match=message):
        prepare("csv", table, out)
    table.write_text("path,text\n")
    with pytest.raises(EarwrightError, match="there is no row in it"):
        prepare("csv", table, out)
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EarwrightError, match="this is a file; name a folder"):
        prepare("librispeech", CLIPS, tmp_path / "file")
    if os.geteuid() != 0:  # root may write anywhere
        (tmp_path / "locked").mkdir(mode=0o500)
        with pytest.raises(EarwrightError, match="no permission"):
            prepare("librispeech", CLIPS, tmp_path / "locked/out")


def test_a_full_disk_keeps_the_old_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare("librispeech", CLIPS, tmp_path, PrepareOptions(jobs=1))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("earwright.data.preparation.prepared.json.dump", full)  # the last of the four files
    with pytest.raises(EarwrightError, match="the disk is full"):
        prepare("librispeech", CLIPS / "672", tmp_path, PrepareOptions(jobs=1))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    good = write(tmp_path / "in/good.wav", 1.0)
    good.with_suffix(".txt").write_text("hello")
    odd = os.fsencode(tmp_path / "in") + b"/caf\xe9"
    try:
        for ending in (b".wav", b".txt"):
            with open(odd + ending, "wb") as file:
                file.write(b"hello")
    except OSError:
        pytest.skip("this file system takes no such names")
    summary = prepare("folder", tmp_path / "in", tmp_path / "out", PrepareOptions(jobs=1))
    assert summary is not None
    assert (summary.kept, summary.rejected) == (1, {"unreadable": 1})
    assert "not UTF-8" in rejected(tmp_path / "out")[0]["detail"]


def test_the_command(mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    assert main(["prepare", "csv", str(mixed), out, "--jobs", "1", "--language", "en"]) == 0
    printed = capsys.readouterr()
    assert "kept        4" in printed.out and "silent 1" in printed.out and "de 1" in printed.out
    assert "rejected.jsonl" in printed.err
    assert main(["prepare", "csv", str(mixed), out, "--jobs", "1", "--json", "--max-duration", "100"]) == 0
    assert json.loads(capsys.readouterr().out)["kept"] == 5


def test_the_commands_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    assert main(["prepare", "librispeech", str(tmp_path / "none"), out]) == 1
    assert capsys.readouterr().err == f"earwright: {tmp_path}/none: there is no such folder.\n"
    assert main(["prepare", "csv", str(CLIPS), out]) == 1
    assert "`earwright prepare librispeech`" in capsys.readouterr().err
    assert main(["prepare", "kalid", str(CLIPS), out]) == 2
    assert main(["prepare", "librispeech", str(CLIPS), out, "--jobs", "0"]) == 1
    assert not os.path.exists(out)


def test_the_command_lists_every_format() -> None:
    with pytest.raises(EarwrightError, match=r"no format 'kalid'; there are commonvoice, kaldi.*mean kaldi"):
        prepare("kalid", CLIPS, "out")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_a_reader(name: str) -> None:
    with pytest.raises(EarwrightError, match="there is no such"):
        list(FORMATS[name].read(Path("no such place")))
    assert FORMATS[name].recognize(Path("no such place")) is None
    assert FORMATS[name].recognize(Path(__file__)) is None


# The command, telling on stdout how many files are done.
TELLING = """
import sys
import earwright.cli.main, earwright.data.preparation.prepare
prepare = earwright.data.preparation.prepare.prepare
tell = lambda done, total: print(done, flush=True)
earwright.data.preparation.prepare.prepare = lambda *args, **kwargs: prepare(*args[:4], tell)
sys.exit(earwright.cli.main.main())
"""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_control_c_leaves_nothing_half_written(tmp_path: Path, jobs: str) -> None:
    long = write(tmp_path / "in/0.wav", 100.0)
    for number in range(1000):
        if number:
            os.link(long, tmp_path / f"in/{number}.wav")
        (tmp_path / f"in/{number}.txt").write_text("hello")
    command = ["prepare", "folder", str(tmp_path / "in"), str(tmp_path / "out"), "--max-duration", "1000"]
    with subprocess.Popen(
        [sys.executable, "-c", TELLING, *command, "--jobs", jobs],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # What runs in a background without job control ignores Ctrl-C, and so would this.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        text=True,
    ) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) == 0:
            pass
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process of the command
        _, error = process.communicate(timeout=120)
    assert (process.returncode, error) == (130, "earwright: stopped.\n")
    # What was heard is kept, and nothing else.
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".prepare"]
    assert [path.name for path in (tmp_path / "out/.prepare").iterdir()] == ["heard.sqlite"]
