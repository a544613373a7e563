"""Corpora that lhotse reads, in small made-up trees of their own layouts."""

from __future__ import annotations

import inspect
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np
import pytest
import soundfile

from earwright.cli.main import main
from earwright.cuts import read_cuts
from earwright.data.corpora import BadRow, ReaderOptions, Row, find_format
from earwright.data.corpora.lhotse_corpus import _parts, bind, convert, find_reader
from earwright.errors import EarwrightError

lhotse = pytest.importorskip("lhotse")


def sound(path: Path, seconds: float = 1.0, rate: int = 8000, channels: int = 1, **how: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(0).uniform(-0.3, 0.3, (round(seconds * rate), channels))
    soundfile.write(path, samples, rate, **how)
    return path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def read(name: str, source: Path, **arguments: str) -> list[Row | BadRow]:
    return list(find_format(f"lhotse:{name}").read(source, ReaderOptions(arguments=arguments)))


@pytest.fixture
def switchboard(tmp_path: Path) -> Path:
    """Two calls of two sides each, in NIST's SPHERE, and the transcripts of Mississippi State."""
    for call in ("2001", "2005"):
        audio = tmp_path / f"LDC97S62/swb1_d1/data/sw0{call}.sph"
        sound(audio, 5.0, channels=2, format="NIST", subtype="ULAW")
        for side in "AB":
            name = f"sw{call}{side}-ms98-a"
            lines = [
                "0.000000 0.977625 [silence]",
                f"0.977625 2.5 hi side {side.lower()} of {call}",
                "2.5 4.125 yeah",
            ]
            text = "".join(f"{name}-{number:04d} {line}\n" for number, line in enumerate(lines, 1))
            write(tmp_path / f"swb_ms98_transcriptions/{call[:2]}/{call}/{name}-trans.text", text)
    return tmp_path


def test_switchboard(switchboard: Path) -> None:
    rows = read(
        "switchboard", switchboard / "LDC97S62", transcripts_dir=f"{switchboard}/swb_ms98_transcriptions"
    )
    assert len(rows) == 8
    row = next(row for row in rows if row.id == "sw2001B-ms98-a-0002")
    path = f"{switchboard}/LDC97S62/swb1_d1/data/sw02001.sph"
    assert isinstance(row, Row) and (row.path, row.channel, row.text) == (path, 1, "hi side b of 2001")
    assert (row.start, row.duration, row.language) == (0.977625, 1.522375, "English")
    assert {row.channel for row in rows if isinstance(row, Row)} == {0, 1}
    # lhotse leaves silences out unless it is told not to.
    both = {"transcripts_dir": f"{switchboard}/swb_ms98_transcriptions", "omit_silence": "no"}
    assert len(read("switchboard", switchboard / "LDC97S62", **both)) == 12


def test_switchboards_download(switchboard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    message = (
        r"lhotse's reader of switchboard wants to download http://\S+/switchboard_word_alignments\.tar\.gz "
        r"to switchboard_word_alignments\.tar\.gz, which is not done here: get it yourself and name its "
        r"folder with the argument transcripts_dir"
    )
    with pytest.raises(EarwrightError, match=message):
        read("switchboard", switchboard / "LDC97S62")
    assert os.listdir(tmp_path / "here") == []
    with pytest.raises(EarwrightError, match=r"cannot read this \(AssertionError: .* expects the corpus as"):
        read("switchboard", tmp_path / "here", transcripts_dir=f"{switchboard}/swb_ms98_transcriptions")


def test_librispeech(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "dev-clean/84/121123"
    sound(folder / "84-121123-0000.flac", 2.0, 16000)
    write(folder / "84-121123.trans.txt", "84-121123-0000 GO DO YOU HEAR\n84-121123-0001 NOT THERE\n")
    lost, row = read("librispeech", tmp_path)
    assert row == Row(
        "84-121123-0000",
        f"{folder}/84-121123-0000.flac",
        "GO DO YOU HEAR",
        "84",
        "English",
        custom={"split": "dev-clean"},
    )
    assert lost == BadRow(
        f"{tmp_path}: lhotse's reader of librispeech warns: No such file: {folder}/84-121123-0001.flac"
    )
    assert capfd.readouterr() == ("", "")  # lhotse draws progress bars
    with pytest.raises(EarwrightError, match="cannot read this"):
        read("librispeech", tmp_path / "dev-clean")
    _, row = read("librispeech", tmp_path, normalize_text="lower", dataset_parts="dev-clean,")
    assert isinstance(row, Row) and row.text == "go do you hear"


def test_timit(tmp_path: Path) -> None:
    # A training speaker, one of the development set, and one of the core test set.
    for place in ("TRAIN/DR1/FCJF0", "TEST/DR1/FAKS0", "TEST/DR1/MDAB0"):
        stem = tmp_path / "data" / place / "SX37"
        sound(stem.with_suffix(".WAV"), 1.0, 16000, format="NIST", subtype="PCM_16")
        write(stem.with_suffix(".TXT"), "0 16000 Critical equipment.\n")
        write(stem.with_suffix(".WRD"), "0 8000 critical\n8000 16000 equipment\n")
        write(stem.with_suffix(".PHN"), "0 8000 k\n8000 16000 ih\n")
    rows = read("timit", tmp_path)
    assert {
        (row.id, row.text, row.speaker, row.gender, row.custom["split"])
        for row in rows
        if isinstance(row, Row)
    } == {
        ("FCJF0-SX37", "Critical equipment.", "FCJF0", "female", "TRAIN"),
        ("FAKS0-SX37", "Critical equipment.", "FAKS0", "female", "DEV"),
        ("MDAB0-SX37", "Critical equipment.", "MDAB0", "male", "TEST"),
    }
    assert len(rows) == 3


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(60):
        sound(tmp_path / "waves" / f"{'_'.join(f'{number:08b}')}.wav", 2.0)
    out = tmp_path / "out"
    assert main(["prepare", "lhotse:yesno", f"{tmp_path}/waves", str(out), "--jobs", "1"]) == 0
    assert "kept        60" in capsys.readouterr().out
    cuts = {cut.id: cut for cut in read_cuts(out)}
    assert cuts["0_0_0_0_0_1_0_1"].text == "NO NO NO NO NO YES NO YES"
    assert {cut.custom["split"] for cut in cuts.values()} == {"train", "test"}
    assert main(["prepare", "lhotse:switchbord", str(tmp_path), str(out)]) == 2
    assert "lhotse has no corpus 'switchbord'; did you mean lhotse:switchboard" in capsys.readouterr().err


def test_names() -> None:
    assert find_reader("librispeech").__name__ == "prepare_librispeech"
    assert find_reader("Fisher-English").__name__ == "prepare_fisher_english"
    assert find_reader("aishell2").__name__ == "prepare_aishell2"  # not among those that lhotse hands on
    assert find_reader("babel").__name__ == "prepare_single_babel_language"
    with pytest.raises(EarwrightError, match="no corpus 'libri-speech'; did you mean lhotse:librispeech or "):
        find_reader("libri-speech")
    for name in ("", "utils", "__init__", "../x", "os"):
        with pytest.raises(EarwrightError, match="lhotse has no corpus"):
            find_reader(name)
    with pytest.raises(EarwrightError, match="there is no such folder"):
        read("yesno", Path("no such place"))
    assert find_format("lhotse:yesno").recognize(Path(__file__).parent) is None


def test_every_reader_can_be_called_or_says_what_it_needs(tmp_path: Path) -> None:
    import lhotse.recipes

    names = [name.removeprefix("prepare_") for name in vars(lhotse.recipes) if name.startswith("prepare_")]
    assert len(names) > 80
    needing = {}
    for name in names:
        reader = find_reader(name)
        try:
            values = bind(reader, name, tmp_path, {}, "/scratch")
        except EarwrightError as error:
            needing[name] = str(error).partition(" needs the argument")[2].partition(", too")[0]
            continue
        inspect.signature(reader).bind(**values)
        assert tmp_path in values.values() or [tmp_path] in values.values()
        assert values.get("num_jobs", 1) == 1
    assert needing["heroico"] == " transcript_dir"
    assert needing["librimix"] == "s wham_recset_root_path, librimix_metadata_path, workdir"
    assert needing["speechcommands"] == " speechcommands_version"
    assert len(needing) < 20


def test_arguments(tmp_path: Path) -> None:
    def reader(
        corpus_dir: Path,
        language: str,
        parts: Sequence[str] = ("a",),
        num_jobs: int = 4,
        output_dir: Path | None = None,
    ) -> None:
        pass

    assert bind(reader, "x", tmp_path, {"language": "de", "parts": "b,c"}, "/scratch") == {
        "corpus_dir": tmp_path,
        "num_jobs": 1,
        "language": "de",
        "parts": ["b", "c"],
    }
    assert bind(
        reader, "x", tmp_path, {"language": "de", "num_jobs": "3", "output_dir": "/o"}, "/scratch"
    ) == {
        "corpus_dir": tmp_path,
        "num_jobs": 3,
        "language": "de",
        "output_dir": "/o",
    }
    with pytest.raises(
        EarwrightError, match=r"reader of x needs the argument language, too \(corpus_dir is "
    ):
        bind(reader, "x", tmp_path, {}, "/scratch")
    with pytest.raises(EarwrightError, match="has no argument 'lang'; did you mean language"):
        bind(reader, "x", tmp_path, {"lang": "de"}, "/scratch")
    with pytest.raises(EarwrightError, match="the argument num_jobs is a number, not 'many'"):
        bind(reader, "x", tmp_path, {"language": "de", "num_jobs": "many"}, "/scratch")

    def insisting(audio_dirs: list[str], output_dir: Path) -> None:
        pass

    assert bind(insisting, "x", tmp_path, {}, "/scratch") == {
        "audio_dirs": [tmp_path],
        "output_dir": Path("/scratch"),
    }


@pytest.mark.parametrize(
    ("text", "hint", "value"),
    [
        ("a,b", str, "a,b"),
        ("train", Union[str, Sequence[str]], "train"),  # noqa: UP007 (as lhotse writes it)
        ("train, dev", str | Sequence[str] | None, ["train", "dev"]),
        ("train", Sequence[str], ["train"]),
        ("train", tuple[str, ...], ["train"]),
        ("4", int | None, 4),
        ("4", int, 4),
        ("0.5", float, 0.5),
        ("yes", Optional[bool], True),  # noqa: UP045
        ("False", bool, False),
        ("/a,b", str | Path, "/a,b"),
    ],
)
def test_values(text: str, hint: Any, value: Any) -> None:
    assert convert(text, hint) == value


def test_what_readers_return(tmp_path: Path) -> None:
    audio = lhotse.Recording.from_file(sound(tmp_path / "a.wav"), recording_id="r")
    recordings = lhotse.RecordingSet.from_recordings([audio])
    supervisions = lhotse.SupervisionSet.from_segments([lhotse.SupervisionSegment("s", "r", 0, 1, text="x")])
    cuts = lhotse.CutSet.from_manifests(recordings, supervisions)
    pair = {"recordings": recordings, "supervisions": supervisions}
    for result, expected in (
        (pair, {"": {*pair}}),
        ((recordings, supervisions), {"": {*pair}}),
        (
            {"train": pair, "dev": {"recordings": recordings}, "none": None},
            {"train": {*pair}, "dev": {"recordings"}},
        ),
        ({"en": {"train": pair}}, {"en/train": {*pair}}),
        (cuts, {"": {"cuts"}}),
        ({"a": cuts}, {"": {"cuts"}}),
        (None, {}),
    ):
        assert {split: set(found) for split, found in _parts(result, ())} == expected


def test_rows_of_cuts_and_of_recordings_without_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import lhotse.recipes

    audio = lhotse.Recording.from_file(sound(tmp_path / "a.wav", 2.0), recording_id="r")
    recordings = lhotse.RecordingSet.from_recordings([audio])
    segment = lhotse.SupervisionSegment("s", "r", 0.5, 1, text="x")
    cuts = lhotse.CutSet.from_manifests(recordings, lhotse.SupervisionSet.from_segments([segment]))
    results: dict[str, Any] = {"cuts": {"train": {"cuts": cuts}}, "silent": {"recordings": recordings}}

    def reader(corpus_dir: Path, kind: str = "cuts") -> Any:
        return results[kind]

    monkeypatch.setattr(lhotse.recipes, "prepare_made_up", reader, raising=False)
    path = f"{tmp_path}/a.wav"
    assert read("made_up", tmp_path) == [
        Row("s", path, "x", start=0.5, duration=1.0, custom={"split": "train"})
    ]
    assert read("made_up", tmp_path, kind="silent") == [Row("r", path, "")]


def test_a_reader_that_makes_audio_or_runs_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import lhotse.recipes

    def reader(corpus_dir: Path, output_dir: Path, command: str = "") -> Any:
        if command:
            os.system(f"{command} {corpus_dir}")
        audio = lhotse.Recording.from_file(sound(Path(output_dir) / "a.wav"), recording_id="r")
        return {"recordings": lhotse.RecordingSet.from_recordings([audio])}

    monkeypatch.setattr(lhotse.recipes, "prepare_made_up", reader, raising=False)
    with pytest.raises(
        EarwrightError, match=r"makes audio files of its own; say in which folder .*output_dir"
    ):
        read("made_up", tmp_path)
    (row,) = read("made_up", tmp_path, output_dir=f"{tmp_path}/kept")
    assert row.path == f"{tmp_path}/kept/a.wav"
    with pytest.raises(EarwrightError, match="wants to run the command touch"):
        read("made_up", tmp_path, command=f"touch {tmp_path}/ran;")
    assert not (tmp_path / "ran").exists()
