"""Speakers' turns in RTTM."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from earwright.data.corpora import FORMATS, BadRow, Row
from earwright.data.corpora.rttm import read as read_rttm
from earwright.data.corpora.rttm import recognize
from earwright.errors import EarwrightError


def turn(
    file_id: str, start: str = "0.5", duration: str = "1.25", speaker: str = "anna", channel: str = "1"
) -> str:
    return f"SPEAKER {file_id} {channel} {start} {duration} <NA> <NA> {speaker} <NA> <NA>\n"


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def touch(*paths: Path) -> None:
    for path in paths:
        write(path, b"")


def test_turns(tmp_path: Path) -> None:
    content = (
        ";; a comment\r\n"
        "SPKR-INFO a 1 <NA> <NA> <NA> adult_female anna <NA>\r\n"
        + turn("a")
        + "LEXEME a 1 0.5 0.2 hello lex anna 0.9\n\n"
        + turn("a", "1e1", "2", "<NA>", "2").replace(" <NA> <NA>\n", " <NA>\n")
        + turn("a", "3", "1", "bob", "<NA>").replace(" ", "\t")
    )
    write(tmp_path / "x.rttm", "\ufeff" + content)
    touch(tmp_path / "a.wav")
    path = f"{tmp_path}/a.wav"
    assert list(read_rttm(tmp_path)) == [
        Row("a-anna-00000500-00001750", path, "", "anna", start=0.5, duration=1.25, channel=0),
        Row("a-<NA>-00010000-00012000", path, "", start=10.0, duration=2.0, channel=1),
        Row("a-bob-00003000-00004000", path, "", "bob", start=3.0, duration=1.0),
    ]
    assert recognize(tmp_path) == recognize(tmp_path / "x.rttm") == "x.rttm is a list of speakers' turns"
    assert not FORMATS["rttm"].transcribed


def test_where_the_audio_lies(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    table = write(
        corpus / "labels/rttm/all.RTTM",
        "".join(turn(name) for name in ("here", "below", "above", "beside", "größe", "no.ne", "two.1")),
    )
    there = {
        "here": table.parent / "here.wav",
        "below": table.parent / "x/y/below.opus",
        "above": corpus / "above.flac",
        "beside": corpus / "wav/beside.MP3",
        "größe": corpus / unicodedata.normalize("NFD", "größe.wav"),
        "two.1": corpus / "labels/two.1.wav",
    }
    touch(*there.values(), corpus / "here.wav", corpus / "wav/deep/none.wav")
    for source in (corpus, table.parent, table):
        found = {row.id.partition("-")[0]: row.path for row in read_rttm(source)}
        expected = {key: str(path) for key, path in there.items()}
        assert found == {**expected, "no.ne": f"{table.parent}/no.ne.wav"}


def test_bad_lines_and_files(tmp_path: Path) -> None:
    content = turn("a", "soon").encode() + b"SPEAKER a 1 0.5 1\n" + turn("a", "1", "nan").encode()
    content += b"SPEAKER a 1 0 1 <NA> <NA> caf\xe9 <NA>\n" + turn("good").encode()
    table = write(tmp_path / "a.rttm", content)
    write(tmp_path / "b.rttm", b"\0\0")
    found = list(read_rttm(tmp_path))
    assert [row.detail for row in found if isinstance(row, BadRow)] == [
        f"{table}, line 1: start soon and duration 1.25 are not both seconds",
        f"{table}, line 2: 5 fields where a turn has at least 8",
        f"{table}, line 3: start 1 and duration nan are not both seconds",
        f"{table}, line 4: not UTF-8 text",
        f"{tmp_path}/b.rttm: this is not a file of text",
    ]
    assert [row.speaker for row in found if isinstance(row, Row)] == ["anna"]


def test_sources_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="there is no such folder"):
        list(read_rttm(tmp_path / "none"))
    touch(tmp_path / "a.wav")
    with pytest.raises(EarwrightError, match=r"end in \.rttm; found 1 \.wav\. .*`earwright prepare audio`"):
        list(read_rttm(tmp_path))
    with pytest.raises(EarwrightError, match=r"end in \.rttm; this is a\.wav"):
        list(read_rttm(tmp_path / "a.wav"))
    assert recognize(write(tmp_path / "b.rttm", "something else\n")) is None


def test_lhotse_reads_the_same_of_the_shared_corpus(shared: Path) -> None:
    lhotse = pytest.importorskip("lhotse")
    folder = shared / "corpora/conversation"
    theirs = lhotse.SupervisionSet.from_rttm(sorted(folder.rglob("*.rttm")))
    found = list(read_rttm(folder))
    assert all(isinstance(row, Row) and Path(row.path).is_file() for row in found)
    assert len(found) == len({row.id for row in found}) == 134
    ours = {
        (Path(row.path).stem, row.speaker, row.start, row.duration) for row in found if isinstance(row, Row)
    }
    assert ours == {(turn.recording_id, turn.speaker, turn.start, turn.duration) for turn in theirs}
    assert len({row.path for row in found}) == 16
