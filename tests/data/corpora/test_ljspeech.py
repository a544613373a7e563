"""LJSpeech's layout and its relatives."""

from __future__ import annotations

import csv
import unicodedata
from pathlib import Path

import pytest

from earwright.data.corpora import BadRow, Row
from earwright.data.corpora.ljspeech import read as read_ljspeech
from earwright.data.corpora.ljspeech import recognize
from earwright.errors import EarwrightError


def corpus(folder: Path, metadata: str | bytes, *audio: str) -> Path:
    (folder / "wavs").mkdir(exist_ok=True)
    (folder / "metadata.csv").write_bytes(metadata if isinstance(metadata, bytes) else metadata.encode())
    for name in audio:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def rows(source: Path) -> list[Row]:
    found = list(read_ljspeech(source))
    assert all(isinstance(row, Row) for row in found), found
    return [row for row in found if isinstance(row, Row)]


def test_two_and_three_columns(tmp_path: Path) -> None:
    metadata = (
        'a|"He owes £5," she said.|"He owes five pounds," she said.\r\n'
        "b|One column of text\r\n"
        "c|Only this one|\r\n"
        "d||only that one\r\n"
        "e|\r\n"
        "\r\n"
        "f|five| | |\r\n"
    ).encode("utf-8-sig")
    corpus(tmp_path, metadata, *(f"wavs/{name}.wav" for name in "abcdef"))
    found = rows(tmp_path)
    assert [(row.id, row.text) for row in found] == [
        ("a", '"He owes five pounds," she said.'),
        ("b", "One column of text"),
        ("c", "Only this one"),
        ("d", "only that one"),
        ("e", ""),
        ("f", "five"),
    ]
    assert [row.custom for row in found[:2]] == [{"transcription": '"He owes £5," she said.'}, {}]
    assert all(row.path == f"{tmp_path}/wavs/{row.id}.wav" and row.speaker is None for row in found)


def test_a_speaker_in_the_middle_does_not_become_the_text(tmp_path: Path) -> None:
    (row,) = rows(corpus(tmp_path, "a|anna|Good morning\n", "wavs/a.wav"))
    assert (row.text, row.speaker, row.custom) == ("Good morning", None, {"transcription": "anna"})


def test_any_ending_form_and_place(tmp_path: Path) -> None:
    metadata = "a.wav|one\nwavs/b|two\nsub\\c|three\n./d.1|four\nGröße e|five\nnone|six\n"
    decomposed = unicodedata.normalize("NFD", "wavs/Größe e.mp3")
    corpus(tmp_path, metadata, "wavs/a.opus", "wavs/b.FLAC", "wavs/sub/c.m4a", "wavs/d.1.ogg", decomposed)
    corpus(tmp_path, metadata, "wavs/a.aac")  # the one that can be read is taken
    found = {row.id: row for row in rows(tmp_path)}
    assert list(found) == ["a", "b", "sub/c", "d.1", "Größe e", "none"]
    names = {row.path.removeprefix(f"{tmp_path}/wavs/") for row in found.values()}
    assert names == {"a.opus", "b.FLAC", "sub/c.m4a", "d.1.ogg", decomposed[5:], "none.wav"}
    assert not Path(found["none"].path).exists()


def test_audio_that_no_line_names(tmp_path: Path) -> None:
    corpus(tmp_path, "a|one\n", "wavs/a.wav", "wavs/b.wav", "wavs/sub/c.wav", "wavs/._a.wav")
    assert [(row.id, row.text) for row in rows(tmp_path)] == [("a", "one"), ("b", ""), ("sub/c", "")]
    # A table that the user named is a choice among the audio.
    assert [row.id for row in rows(tmp_path / "metadata.csv")] == ["a"]
    (tmp_path / "metadata.csv").rename(tmp_path / "val.txt")
    assert [row.id for row in rows(tmp_path / "val.txt")] == ["a"]
    assert recognize(tmp_path / "val.txt")


def test_audio_beside_the_table(tmp_path: Path) -> None:
    corpus(tmp_path, "x/a|one\n", "x/a.flac")
    (tmp_path / "wavs").rmdir()
    (row,) = rows(tmp_path)
    assert row.path == f"{tmp_path}/x/a.flac" and recognize(tmp_path)


def test_bad_lines(tmp_path: Path) -> None:
    metadata = b"a|one\nno bar here\n|no id\nb|caf\xe9\nc|one|two|three\nd|four\n"
    found = list(read_ljspeech(corpus(tmp_path, metadata, "wavs/a.wav", "wavs/b.wav", "wavs/c.wav")))
    table = tmp_path / "metadata.csv"
    assert [row.detail for row in found if isinstance(row, BadRow)] == [
        f"{table}, line 2: there is no bar between id and text",
        f"{table}, line 3: the id is empty",
        f"{table}, line 4: not UTF-8 text; save the table as UTF-8",
        f"{table}, line 5: 4 columns where there are at most 3",
    ]
    assert [row.id for row in found if isinstance(row, Row)] == ["a", "d"]


def test_sources_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="there is no such folder"):
        list(read_ljspeech(tmp_path / "none"))
    with pytest.raises(EarwrightError, match=r"no metadata\.csv in it, but nothing\.$"):
        list(read_ljspeech(tmp_path))
    corpus(tmp_path, "path,text\na.wav,hello\n", "wavs/a.wav")
    with pytest.raises(EarwrightError, match=r"first one here is 'path,text'.*`earwright prepare csv`"):
        list(read_ljspeech(tmp_path / "metadata.csv"))
    with pytest.raises(EarwrightError, match=r"first one here is 'path,text'"):
        list(read_ljspeech(tmp_path))
    corpus(tmp_path, b"RIFF\0\0")
    with pytest.raises(EarwrightError, match=r"metadata\.csv: this is not a file of text"):
        list(read_ljspeech(tmp_path))
    assert recognize(tmp_path) is None


@pytest.mark.parametrize(("name", "count", "columns"), [("ljspeech", 386, 3), ("german-kerstin", 700, 2)])
def test_the_shared_corpora(shared: Path, name: str, count: int, columns: int) -> None:
    folder = shared / "corpora" / name
    with open(folder / "metadata.csv", encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE))
    found = rows(folder)
    assert len(found) == len(lines) == count
    assert [(row.id, row.text) for row in found] == [(line[0], line[-1]) for line in lines]
    assert all(Path(row.path).is_file() and row.text for row in found)
    expected = [{"transcription": line[1]} if columns == 3 else {} for line in lines]
    assert [row.custom for row in found] == expected
    assert rows(folder / "metadata.csv") == found
    assert recognize(folder) and recognize(folder / "metadata.csv")
