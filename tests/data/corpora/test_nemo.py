"""NeMo's manifests and those that are like them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.data.corpora import BadRow, ReaderOptions, Row
from earwright.data.corpora.nemo import read as read_nemo
from earwright.data.corpora.nemo import recognize
from earwright.errors import EarwrightError


def manifest(folder: Path, *entries: Any, name: str = "train_manifest.json") -> Path:
    path = folder / name
    path.write_text(
        "".join(f"{entry if isinstance(entry, str) else json.dumps(entry)}\n" for entry in entries)
    )
    return path


def rows(source: Path, **columns: str) -> list[Row]:
    found = list(read_nemo(source, ReaderOptions(columns=columns)))
    assert all(isinstance(row, Row) for row in found), found
    return [row for row in found if isinstance(row, Row)]


def test_what_an_entry_says(tmp_path: Path) -> None:
    path = manifest(
        tmp_path,
        {"audio_filepath": "wav/a.wav", "text": "hello", "duration": 2.5},
        {
            "audio_filepath": "/abs/long.flac",
            "text": "part",
            "offset": 10,
            "duration": "2.5",
            "lang": "de",
            "speaker": 17,
            "gender": "F",
            "channel_selector": 1,
            "taskname": "asr",
            "pnc": None,
            "age": float("nan"),
            "tags": {"mood": ["glad"]},
        },
        {"audio_filepath": "b.wav", "text": None, "duration": 1, "source_lang": "en", "target_lang": "fr"},
    )
    first, second, third = rows(path)
    assert first == Row("wav/a", f"{tmp_path}/wav/a.wav", "hello", duration=2.5)
    assert second == Row(
        "/abs/long-00010000-00012500",
        "/abs/long.flac",
        "part",
        "17",
        "de",
        "female",
        10.0,
        2.5,
        {"taskname": "asr", "tags": {"mood": ["glad"]}},
        1,
    )
    assert (third.text, third.language, third.custom) == ("", "fr", {"source_lang": "en"})
    assert recognize(path) == "its lines are JSON with audio_filepath and text"


def test_parts_of_one_file_have_ids_of_their_own(tmp_path: Path) -> None:
    entries = [
        {"audio_filepath": "a.wav", "text": "x", "offset": start, "duration": 1} for start in (0, 1, 2.5)
    ]
    ids = [row.id for row in rows(manifest(tmp_path, *entries))]
    assert ids == ["a-00000000-00001000", "a-00001000-00002000", "a-00002500-00003500"]
    (row,) = rows(manifest(tmp_path, {"id": "u1", "path": "a.wav", "text": "x", "start": 1, "end": 3}))
    assert (row.id, row.start, row.duration) == ("u1", 1.0, 2.0)


@pytest.mark.parametrize(
    ("path", "text"),
    [("audio", "transcript"), ("path", "sentence"), ("file", "text"), ("file_name", "transcription")],
)
def test_other_names(tmp_path: Path, path: str, text: str) -> None:
    source = manifest(tmp_path, {path: "a.wav", text: "hello", "language": "en"}, name="x.jsonl")
    assert rows(source) == [Row("a", f"{tmp_path}/a.wav", "hello", language="en")]
    assert recognize(source) == f"its lines are JSON with {path} and {text}"


def test_names_that_the_user_gives(tmp_path: Path) -> None:
    entry = {"text": "with numbers 2", "normalized": "with numbers two", "clip": "a.wav", "audio": "b.wav"}
    (row,) = rows(manifest(tmp_path, entry), path="clip", text="normalized")
    assert (row.path, row.text) == (f"{tmp_path}/a.wav", "with numbers two")
    assert row.custom == {"text": "with numbers 2", "audio": "b.wav"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["m.json", "m.jsonl.gz"])
def test_packings(tmp_path: Path, encoding: str, name: str) -> None:
    line = json.dumps({"audio_filepath": "größe.wav", "text": "a\u2028b"}, ensure_ascii=False)
    content = f"{line}\r\n\r\n{line}".encode(encoding)
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert [(row.path, row.text) for row in rows(path)] == [(f"{tmp_path}/größe.wav", "a\u2028b")] * 2
    assert recognize(path)


def test_bad_lines(tmp_path: Path) -> None:
    good = {"audio_filepath": "good.wav", "text": "good"}
    path = manifest(
        tmp_path,
        good,
        '{"audio_filepath": "cut o',
        [1, 2],
        '"a string"',
        {"text": "no path"},
        {"audio_filepath": ["a.wav", "b.wav"], "text": "two"},
        {"audio_filepath": "c.wav", "text": 7},
        {"audio_filepath": "c.wav", "text": "x", "duration": "long"},
        '{"audio_filepath": "c.wav", "text": "x", "duration": NaN}',
        {"audio_filepath": "c.wav", "text": "x", "offset": 10**400},
        '{"audio_filepath": "c.wav", "text": "\\ud800"}',
        "[" * 100_000,
        good,
    )
    found = list(read_nemo(path))
    details = [row.detail.removeprefix(f"{path}, line ") for row in found if isinstance(row, BadRow)]
    assert [int(detail.partition(":")[0]) for detail in details] == list(range(2, 13))
    expected = [
        "not a JSON object (Unterminated string",
        "not a JSON object (it is not an object)",
        "not a JSON object",
        "there is no path of audio",
        "there is no path of audio",
        "its text is 7, not a string",
        "duration is 'long', not a number of seconds",
        "duration is 'nan', not a number of seconds",
        "offset is '1000",
        "not UTF-8 text",
        "not a JSON object",
    ]
    assert all(part in detail for part, detail in zip(expected, details, strict=True))
    assert [row.id for row in found if isinstance(row, Row)] == ["good", "good"]


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(
                ["audio_filepath", "text", "duration", "offset", "lang", "speaker", "id", "mood"]
            ),
            values | st.lists(values, max_size=2) | st.dictionaries(st.text(max_size=3), values, max_size=2),
        ),
        max_size=4,
    )
)
def test_any_entry_makes_a_row_or_a_bad_row(
    tmp_path_factory: pytest.TempPathFactory, entries: list[dict[str, Any]]
) -> None:
    found = list(read_nemo(manifest(tmp_path_factory.mktemp("nemo"), *entries)))
    assert len(found) == len(entries)
    for entry, row in zip(entries, found, strict=True):
        if isinstance(row, Row):
            assert row.path.endswith(entry["audio_filepath"]) and row.text == (entry.get("text") or "")
            assert json.dumps(row.custom, ensure_ascii=False).encode()


def test_sources_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="there is no such file"):
        list(read_nemo(tmp_path / "none.json"))
    with pytest.raises(EarwrightError, match=r"this is a folder with nothing in it\.$"):
        list(read_nemo(tmp_path))
    path = manifest(tmp_path, '[{"audio_filepath": "a.wav"}]')
    with pytest.raises(EarwrightError, match=r"a JSON object in each line; its first line is '\[\{"):
        list(read_nemo(path))
    assert recognize(path) is None
    path.write_bytes(b"OggS\0\2")
    with pytest.raises(EarwrightError, match="not a file of text"):
        list(read_nemo(path))
    # lhotse's cuts, and JSON about other things, are none.
    assert recognize(manifest(tmp_path, {"id": "a", "recording": {}, "text": "x"}, name="cuts.jsonl")) is None
    assert recognize(manifest(tmp_path, {"path": "a.wav"}, name="b.jsonl")) is None
    assert recognize(manifest(tmp_path, "{", name="c.json")) is None
    assert recognize(manifest(tmp_path, {"audio_filepath": "a.wav"}, name="d.json"))
