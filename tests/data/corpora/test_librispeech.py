"""LibriSpeech's layout, whatever the audio's ending."""

from __future__ import annotations

from pathlib import Path

import pytest

from earwright.data.corpora import BadRow, Row
from earwright.data.corpora.librispeech import read as read_librispeech
from earwright.data.corpora.librispeech import read_genders
from earwright.errors import EarwrightError

CLIPS = Path(__file__).parents[1] / "librispeech"


def chapter(root: Path, lines: bytes, *audio: str) -> Path:
    folder = root / "19" / "227"
    folder.mkdir(parents=True)
    (folder / "19-227.trans.txt").write_bytes(lines)
    for name in audio:
        (folder / name).write_bytes(b"")
    return folder


def test_real_clips() -> None:
    rows = list(read_librispeech(CLIPS))
    assert all(isinstance(row, Row) and Path(row.path).is_file() for row in rows)
    assert [row.id for row in rows] == [
        "2830-3980-0000",
        "2830-3980-0001",
        "4446-2271-0000",
        "672-122797-0000",
    ]
    last = rows[3]
    assert isinstance(last, Row)
    assert last.text == "OUT IN THE WOODS STOOD A NICE LITTLE FIR TREE"
    assert (last.speaker, last.gender, last.custom) == ("672", "male", {"chapter": "122797"})
    assert rows[2].gender == "female"


@pytest.mark.parametrize("part", ["672", "672/122797"])
def test_a_part_finds_the_speakers_above(part: str) -> None:
    (row,) = read_librispeech(CLIPS / part)
    assert isinstance(row, Row) and row.gender == "male"


def test_any_ending_and_each_fault_its_own_row(tmp_path: Path) -> None:
    lines = (
        b"\xef\xbb\xbf19-227-0000 ONE\r\n19-227-0001\tTWO WORDS \r\n\r\n"
        b"19-227-0002\n19-227-0003 \xff\n19-227-0004 X"
    )
    folder = chapter(
        tmp_path,
        lines,
        "19-227-0000.mp3",
        "19-227-0001.WAV",
        "19-227-0002.flac",
        "19-227-0005.ogg",
        "._19-227-0001.wav",
        "19-227-0000.m4a",
    )
    rows = list(read_librispeech(tmp_path))
    texts = [(row.id, Path(row.path).name, row.text.strip()) for row in rows]
    assert texts == [
        ("19-227-0000", "19-227-0000.mp3", "ONE"),
        ("19-227-0001", "19-227-0001.WAV", "TWO WORDS"),
        ("19-227-0002", "19-227-0002.flac", ""),
        ("", "", ""),
        ("19-227-0004", "19-227-0004.flac", "X"),  # no such file; the checks will say so
        ("19-227-0005", "19-227-0005.ogg", ""),  # no line of text
    ]
    assert isinstance(rows[3], BadRow)
    assert rows[3].detail == f"{folder}/19-227.trans.txt, line 5: not UTF-8 text"


def test_no_speakers_file(tmp_path: Path) -> None:
    chapter(tmp_path, b"19-227-0000 ONE")
    assert read_genders(tmp_path) == {}
    (row,) = read_librispeech(tmp_path)
    assert isinstance(row, Row) and row.speaker == "19" and row.gender is None


def test_linked_folders_are_followed_once(tmp_path: Path) -> None:
    chapter(tmp_path / "real", b"19-227-0000 ONE", "19-227-0000.wav")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/link").symlink_to(tmp_path / "real")
    (tmp_path / "real/ring").symlink_to(tmp_path / "corpus")
    assert [row.id for row in read_librispeech(tmp_path / "corpus")] == ["19-227-0000"]


def test_sources_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="no such folder"):
        list(read_librispeech(tmp_path / "none"))
    with pytest.raises(EarwrightError, match=r"no \.trans\.txt below it, but nothing\.$"):
        list(read_librispeech(tmp_path))
    (tmp_path / "a.wav").touch()
    (tmp_path / "a.txt").touch()
    with pytest.raises(EarwrightError, match=r"but 1 \.txt, 1 \.wav\. .*`earwright prepare folder`"):
        list(read_librispeech(tmp_path))
    with pytest.raises(EarwrightError, match="read from a folder, and this is a file"):
        list(read_librispeech(tmp_path / "a.txt"))


def test_all_of_the_shared_corpus(shared: Path) -> None:
    counts = {"train-clean-5": 1519, "train-clean-100": 825, "dev": 746, "test": 820, "dev-clean-mp3": 496}
    speakers = {"train-clean-5": 28, "train-clean-100": 7, "dev": 10, "test": 11, "dev-clean-mp3": 8}
    for part, count in counts.items():
        rows = list(read_librispeech(shared / "corpora/librispeech" / part))
        assert len(rows) == count
        assert all(isinstance(row, Row) and row.text and row.gender for row in rows)
        assert len({row.speaker for row in rows if isinstance(row, Row)}) == speakers[part]
