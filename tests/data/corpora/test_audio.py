"""Folders of audio without texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from earwright.data.corpora import FORMATS, Row
from earwright.data.corpora.audio import read as read_audio_folder
from earwright.data.corpora.audio import recognize
from earwright.errors import EarwrightError


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_every_audio_file_and_its_folder(tmp_path: Path) -> None:
    touch(
        tmp_path, "a.wav", "rain/heavy rain/b é.mp3", "rain/c.OPUS", "rain/c.m4a", "rain/README.txt", ".x.wav"
    )
    found = list(read_audio_folder(tmp_path))
    assert found == [
        Row("a", f"{tmp_path}/a.wav", "", custom={"folder": "."}),
        Row("rain/c", f"{tmp_path}/rain/c.OPUS", "", custom={"folder": "rain"}),
        Row("rain/c.m4a", f"{tmp_path}/rain/c.m4a", "", custom={"folder": "rain"}),
        Row(
            "rain/heavy rain/b é",
            f"{tmp_path}/rain/heavy rain/b é.mp3",
            "",
            custom={"folder": "rain/heavy rain"},
        ),
    ]
    assert not FORMATS["audio"].transcribed and list(FORMATS)[-1] == "audio"
    assert recognize(tmp_path) == "audio (4 files) is all there is in it, without texts"


@pytest.mark.parametrize(
    "name", ["a.csv", "x/a.TextGrid", "transcripts.txt", "x/prompts", "a.jsonl", "a.srt"]
)
def test_where_there_may_be_texts_nobody_says_that_there_are_none(tmp_path: Path, name: str) -> None:
    touch(tmp_path, "a.wav", "LICENSE", "README.md", "ATTRIBUTION.txt")
    assert recognize(tmp_path)
    touch(tmp_path, name)
    assert recognize(tmp_path) is None


def test_sources_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="there is no such folder"):
        list(read_audio_folder(tmp_path / "none"))
    touch(tmp_path, "a.txt", "b.csv")
    with pytest.raises(EarwrightError, match=r"no audio in it, but 1 \.txt, 1 \.csv\. It looks like .* csv"):
        list(read_audio_folder(tmp_path))
    with pytest.raises(EarwrightError, match="read from a folder, and this is a file"):
        list(read_audio_folder(tmp_path / "a.txt"))
    assert recognize(tmp_path) is None


@pytest.mark.parametrize(("name", "count", "folders"), [("noise", 393, 14), ("music", 16, 1), ("rir", 23, 2)])
def test_the_shared_corpora(shared: Path, name: str, count: int, folders: int) -> None:
    found = list(read_audio_folder(shared / "corpora" / name))
    assert len({row.id for row in found}) == len(found) == count
    assert all(isinstance(row, Row) and Path(row.path).is_file() and row.text == "" for row in found)
    assert len({row.custom["folder"] for row in found if isinstance(row, Row)}) == folders
