"""Hugging Face's data sets: audiofolder, Parquet with audio inside, and data sets saved to disk."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from earwright.data.corpora import BadRow, ReaderOptions, Row
from earwright.data.corpora.huggingface import read as read_huggingface
from earwright.data.corpora.huggingface import recognize
from earwright.errors import EarwrightError

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write(path: Path, content: str | bytes = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def parquet(path: Path, /, features: dict[str, Any] | None = None, rows: int = 100, **columns: Any) -> Path:
    """A Parquet file as `datasets` writes one; `features` is its description of the columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    if features:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path, row_group_size=rows)
    return path


def rows(source: Path, **columns: str) -> list[Row]:
    found = list(read_huggingface(source, ReaderOptions(columns=columns)))
    assert all(isinstance(row, Row) for row in found), found
    return [row for row in found if isinstance(row, Row)]


def clip(level: float, form: str = "WAV") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.full(800, level), 8000, format=form)
    return file.getvalue()


def test_audiofolder_with_a_csv(tmp_path: Path) -> None:
    metadata = 'file_name,transcription,Mood\r\ntrain/a.wav,"yes, ""indeed""",glad\r\ntest/sub/b.mp3,no,\r\n'
    write(tmp_path / "metadata.csv", metadata.encode("utf-8-sig"))
    assert rows(tmp_path) == [
        Row("train/a", f"{tmp_path}/train/a.wav", 'yes, "indeed"', custom={"split": "train", "mood": "glad"}),
        Row("test/sub/b", f"{tmp_path}/test/sub/b.mp3", "no", custom={"split": "test"}),
    ]
    assert recognize(tmp_path) == recognize(tmp_path / "metadata.csv") == "metadata.csv has file_name"
    assert rows(tmp_path / "metadata.csv") == rows(tmp_path)


def test_metadata_in_the_folders_of_splits(tmp_path: Path) -> None:
    for split in ("train", "validation"):
        entry = {"file_name": "0001.wav", "sentence": split, "speaker_id": 7, "extra": [1]}
        write(tmp_path / "data" / split / "metadata.jsonl", json.dumps(entry))
    write(tmp_path / "data/train/0001.wav")
    found = rows(tmp_path)
    assert [(row.id, row.text, row.speaker) for row in found] == [
        ("data/train/0001", "train", "7"),
        ("data/validation/0001", "validation", "7"),
    ]
    assert found[0].custom == {"split": "train", "extra": [1]}
    assert found[0].path == f"{tmp_path}/data/train/0001.wav"
    # Where the user names one split's folder, there is nothing to tell apart.
    assert rows(tmp_path / "data/train")[0].custom == {"extra": [1]}


def test_the_text_that_the_user_names(tmp_path: Path) -> None:
    write(tmp_path / "metadata.csv", "file_name,text,raw\na.wav,one,ONE!\n")
    assert [row.text for row in rows(tmp_path)] == ["one"]
    (row,) = rows(tmp_path, text="raw")
    assert row.text == "ONE!" and row.path.endswith("a.wav")
    write(tmp_path / "metadata.csv", "file_name,words\na.wav,one\n")
    with pytest.raises(
        EarwrightError, match=r"no column of text in the table; it has: file_name, words\. Say"
    ):
        list(read_huggingface(tmp_path))
    assert rows(tmp_path, text="words")[0].text == "one"


def test_parquet_with_audio_inside(tmp_path: Path) -> None:
    clips = [clip(0.1), clip(0.2, "FLAC"), clip(0.3, "OGG"), clip(0.4), b"???"]
    names = ["a.wav", None, "x/audio.ogg", "x/audio", "/home/b.mp3"]
    parquet(
        tmp_path / "data/train.clean-00000-of-00001.parquet",
        {"gender": {"_type": "ClassLabel", "names": ["male", "female"]}, "audio": {"_type": "Audio"}},
        rows=2,
        id=pa.array([1, 1, 2, 3, 4]),
        audio=pa.array(
            [{"bytes": data, "path": name} for data, name in zip(clips, names, strict=True)], AUDIO
        ),
        text=["one", "two", None, "four", "five"],
        gender=pa.array([1, 0, -1, None, 1], pa.int64()),
        speaker_id=["s1", "s1", "s2", "s3", ""],
        locale=pa.array(["en"] * 5).dictionary_encode(),
        loudness=[1.5, float("nan"), None, 2.0, 3.0],
        mel=[[0.0], [0.0], [0.0], [0.0], [0.0]],
    )
    found = rows(tmp_path)
    assert [row.data for row in found] == clips
    above = "data/train.clean-00000-of-00001"
    assert [row.path for row in found] == [
        f"{above}/00000001-a.wav",
        f"{above}/00000002.flac",
        f"{above}/00000003-audio.ogg",
        f"{above}/00000004-audio.wav",
        f"{above}/00000005-b.mp3",
    ]
    assert [row.id for row in found] == [str(Path(row.path).with_suffix("")) for row in found]
    assert [row.text for row in found] == ["one", "two", "", "four", "five"]
    assert [row.gender for row in found] == ["female", "male", None, None, "female"]
    assert [row.speaker for row in found] == ["s1", "s1", "s2", "s3", None]
    assert {row.language for row in found} == {"en"}
    assert found[0].custom == {"split": "train.clean", "id": 1, "loudness": 1.5}
    assert found[1].custom == {"split": "train.clean", "id": 1}
    assert [row.custom["split"] for row in rows(tmp_path / "data")] == ["train.clean"] * 5
    assert recognize(tmp_path) == f"{above}.parquet is a Parquet file"
    samples, rate = soundfile.read(io.BytesIO(found[1].data or b""))
    assert rate == 8000 and samples[0] == pytest.approx(0.2, abs=1e-4)


def test_columns_are_found_by_type(tmp_path: Path) -> None:
    images = pa.array([{"bytes": b"png", "path": "x.png"}], AUDIO)
    audio = pa.array([{"bytes": b"RIFF", "path": None}], AUDIO)
    path = parquet(
        tmp_path / "0.parquet",
        {"picture": {"_type": "Image"}, "recording": {"_type": "Audio"}},
        picture=images,
        path=["not/this.wav"],
        transcript=pa.array([7]),  # numbers are no text
        sentence=["hello"],
        recording=audio,
    )
    (row,) = rows(path)
    assert (row.data, row.path, row.text) == (b"RIFF", "0/00000001.wav", "hello")
    assert row.custom == {"path": "not/this.wav", "transcript": 7}
    # Without a description, and audio as nothing but bytes.
    parquet(path, clip=pa.array([b"fLaC"]), text=["hello"])
    (row,) = rows(path)
    assert (row.data, row.path) == (b"fLaC", "0/00000001.flac")
    parquet(path, a=pa.array([b"RIFF"]), b=pa.array([b"fLaC"]), words=["hello"], text=["x"])
    (row,) = rows(path, path="b", text="words")
    assert (row.data, row.text) == (b"fLaC", "hello")


def test_parquet_with_paths(tmp_path: Path) -> None:
    structs = pa.array([{"bytes": None, "path": "wav/a.wav"}, {"bytes": None, "path": None}, None], AUDIO)
    path = parquet(tmp_path / "test/0000.parquet", audio=structs, text=["one", "two", "three"])
    found = list(read_huggingface(tmp_path))
    assert found[0] == Row("test/wav/a", f"{tmp_path}/test/wav/a.wav", "one", custom={"split": "test"})
    assert [row.detail for row in found if isinstance(row, BadRow)] == [
        f"{path}, row {number}: there is neither audio nor the path of it" for number in (2, 3)
    ]
    path.unlink()
    parquet(tmp_path / "metadata.parquet", file_name=["dev/a.wav"], text=pa.array(["one"], pa.large_string()))
    assert rows(tmp_path) == [Row("dev/a", f"{tmp_path}/dev/a.wav", "one", custom={"split": "dev"})]


def test_a_data_set_saved_to_disk(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write(tmp_path / split / "dataset_info.json", "{}")
        write(tmp_path / split / "state.json", "{}")
        audio = pa.array([{"bytes": b"RIFF", "path": "a.wav"}, {"bytes": b"fLaC", "path": None}], AUDIO)
        table = pa.table({"audio": audio, "text": [split, "more"]})
        path = tmp_path / split / "data-00000-of-00001.arrow"
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table)
    write(tmp_path / "cache.arrow", "nobody said that this is one")
    found = rows(tmp_path)
    name = "data-00000-of-00001"
    assert [(row.path, row.data, row.text, row.custom["split"]) for row in found] == [
        (f"test/{name}/00000001-a.wav", b"RIFF", "test", "test"),
        (f"test/{name}/00000002.flac", b"fLaC", "more", "test"),
        (f"train/{name}/00000001-a.wav", b"RIFF", "train", "train"),
        (f"train/{name}/00000002.flac", b"fLaC", "more", "train"),
    ]
    assert recognize(tmp_path) == f"test/{name}.arrow has dataset_info.json beside it"


def test_damage_costs_what_is_damaged(tmp_path: Path) -> None:
    audio = pa.array([{"bytes": bytes(9999), "path": None}] * 6, AUDIO)
    good = parquet(tmp_path / "a.parquet", audio=audio, text=list("abcdef"))
    path = parquet(tmp_path / "b.parquet", rows=2, audio=audio, text=list("abcdef"))
    about = pq.ParquetFile(path).metadata.row_group(1).column(0)
    content = bytearray(path.read_bytes())
    place = about.dictionary_page_offset or about.data_page_offset
    content[place : place + about.total_compressed_size] = b"\xff" * about.total_compressed_size
    path.write_bytes(content)
    (tmp_path / "c.parquet").write_bytes(good.read_bytes()[:-100])
    (tmp_path / "d.parquet").write_bytes(b"")
    found = list(read_huggingface(tmp_path))
    assert sum(isinstance(row, Row) for row in found) == 6 + 4
    bad = [row.detail for row in found if isinstance(row, BadRow)]
    assert len(bad) == 3 and all("\n" not in detail for detail in bad)
    assert bad[0].startswith(f"{path}, row group 1: the rest of it cannot be read (")
    assert "c.parquet: the table cannot be read (" in bad[1] and "d.parquet" in bad[2]
    with pytest.raises(EarwrightError, match=r"c\.parquet: the table cannot be read"):
        list(read_huggingface(tmp_path / "c.parquet"))


def test_strings_that_are_not_utf8(tmp_path: Path) -> None:
    text = pa.array([b"good", b"caf\xe9", b"good"]).view(pa.string())
    path = parquet(tmp_path / "a.parquet", path=["a.wav", "b.wav", "c.wav"], text=text)
    found = list(read_huggingface(path))
    assert [row.id for row in found] == ["a", "", "c"]
    assert isinstance(found[1], BadRow) and found[1].detail == f"{path}, row 2: not UTF-8 text"


def test_memory_is_bounded_by_pages_and_not_by_files(tmp_path: Path) -> None:
    # 64 MB in one row group, in pages of 2 MB; without buffered reading, all of it would be in memory.
    data = np.random.default_rng(0).bytes(1 << 20)
    path = tmp_path / "a.parquet"
    table = pa.table({"audio": pa.array([{"bytes": data, "path": None}] * 64, AUDIO), "text": ["x"] * 64})
    pq.write_table(table, path, row_group_size=64, write_batch_size=2, use_dictionary=False)
    code = (
        "import sys, pyarrow; from pathlib import Path\n"
        "from earwright.data.corpora.huggingface import read\n"
        "total = sum(len(row.data) for row in read(Path(sys.argv[1])))\n"
        "print(total, pyarrow.default_memory_pool().max_memory())"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    total, peak = map(int, done.stdout.split())
    assert total == 64 << 20 and peak < 20 << 20


def test_without_pyarrow_the_command_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from earwright.cli.main import main

    parquet(tmp_path / "a.parquet", path=["a.wav"], text=["x"])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert recognize(tmp_path)
    assert main(["prepare", "huggingface", str(tmp_path), str(tmp_path / "out")]) == 1
    assert "pip install 'earwright[parquet]'" in capsys.readouterr().err
    # Metadata in CSV needs nothing.
    (tmp_path / "a.parquet").unlink()
    write(tmp_path / "metadata.csv", "file_name,text\na.wav,x\n")
    assert len(rows(tmp_path)) == 1


def test_sources_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="there is no such folder"):
        list(read_huggingface(tmp_path / "none"))
    with pytest.raises(EarwrightError, match=r"no metadata\.csv or metadata\.jsonl .* but nothing\.$"):
        list(read_huggingface(tmp_path))
    write(tmp_path / "metadata.csv", "a|text\n")  # LJSpeech's
    write(tmp_path / "a.wav")
    with pytest.raises(
        EarwrightError, match=r"but 1 \.wav, 1 \.csv\. It looks like `earwright prepare ljspeech`"
    ):
        list(read_huggingface(tmp_path))
    assert recognize(tmp_path) is None
    with pytest.raises(EarwrightError, match=r"huggingface reads a folder, metadata\.csv"):
        list(read_huggingface(tmp_path / "a.wav"))
    path = parquet(tmp_path / "x.parquet", number=[1], name=["x"])
    message = (
        r"no column of audio in the table; it has: number, name\. Say which it is \(--columns path=\.\.\.\)"
    )
    with pytest.raises(EarwrightError, match=message):
        list(read_huggingface(path))
    with pytest.raises(EarwrightError, match=r"no column 'number' of text in the table"):
        list(read_huggingface(path, ReaderOptions(columns={"path": "name", "text": "number"})))
