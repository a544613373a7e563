"""Timed transcripts: which recording each belongs to, and times that cannot be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from earwright.data.corpora import BadRow, Row
from earwright.data.corpora.recordings import Recordings
from earwright.data.corpora.timed import (
    Flaw,
    Segment,
    TranscriptError,
    read_text,
    read_transcripts,
    recognize_transcripts,
    rows_of,
    transcripts_of,
)
from earwright.errors import EarwrightError


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def pairs(source: Path) -> dict[str, tuple[str | None, str | None]]:
    """Transcript -> recording and language, by names below the source."""
    recordings = Recordings(source)
    found = {}
    for transcript in transcripts_of(source, ".srt"):
        audio, language = recordings.of_transcript(transcript)
        name = transcript.name if source.is_file() else transcript.relative_to(source).as_posix()
        found[name] = (recordings.name_of(audio) if audio else None, language)
    return found


def rows(*segments: Segment | Flaw) -> list[Row | BadRow]:
    return list(rows_of(segments, Path("/c/talk.srt"), Path("/c/talk.mp3"), "talk.mp3"))


def test_a_recording_of_the_same_name(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("a.srt", "a.mp3", "b c/d.e.SRT", "b c/d.e.wav", "f.srt", "g.flac")))
    touch(tmp_path / "h.wav.srt", tmp_path / "h.wav", tmp_path / "i.mp3.srt", tmp_path / "i.flac")
    assert pairs(tmp_path) == {
        "a.srt": ("a.mp3", None),
        "b c/d.e.SRT": ("b c/d.e.wav", None),
        "f.srt": (None, None),
        "h.wav.srt": ("h.wav", None),
        "i.mp3.srt": ("i.flac", None),
    }
    assert pairs(tmp_path / "a.srt") == {"a.srt": ("a.mp3", None)}


def test_a_language_in_the_name(tmp_path: Path) -> None:
    names = ["a.en.srt", "a.mp3", "b.pt-BR.srt", "b.wav", "c.de.srt", "c.de.wav", "c.wav", "x.en.mp3.srt"]
    touch(*(tmp_path / name for name in [*names, "x.en.mp3", "d.v2.srt", "d.wav", "e.en.srt"]))
    assert pairs(tmp_path) == {
        "a.en.srt": ("a.mp3", "en"),
        "b.pt-BR.srt": ("b.wav", "pt"),
        "c.de.srt": ("c.de.wav", None),
        "d.v2.srt": (None, None),
        "e.en.srt": (None, None),
        "x.en.mp3.srt": ("x.en.mp3", None),
    }


def test_translations_are_not_what_is_said(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("a.mp3", "a.en.srt", "a.de.srt", "b.mp3", "b.srt", "b.fr.srt")))
    found = list(read_transcripts(tmp_path, ".srt", lambda path: [Segment("line 1", 0, 1, path.name)]))
    assert [row.text for row in found if isinstance(row, Row)] == ["b.srt"]
    assert [row.detail for row in found if isinstance(row, BadRow)] == [
        f"{tmp_path}/{one} is of the same recording; keep the one in the language that is spoken"
        for one in ("a.de.srt: a.en.srt", "a.en.srt: a.de.srt", "b.fr.srt: b.srt")
    ]


def test_recordings_in_another_folder(tmp_path: Path) -> None:
    for name in ("texts/a.srt", "audio/a.mp3", "texts/sub/b.srt", "b.mp3"):
        touch(tmp_path / name)
    assert pairs(tmp_path) == {"texts/a.srt": ("audio/a.mp3", None), "texts/sub/b.srt": ("b.mp3", None)}
    # What lies around the source has only the same name, unless the transcript says what it is called.
    texts = tmp_path / "texts"
    assert pairs(texts) == {"a.srt": (None, None), "sub/b.srt": (None, None)}
    recordings = Recordings(texts)
    assert recordings.find(texts, "a", around=True) == tmp_path / "audio/a.mp3"
    assert recordings.find(texts / "sub", "b", around=True) == tmp_path / "b.mp3"
    assert Recordings(texts / "a.srt").find(texts, "a", around=True) == tmp_path / "audio/a.mp3"


def test_names_that_every_folder_has(tmp_path: Path) -> None:
    touch(
        *(
            tmp_path / f"{kind}/{speaker}/001.{end}"
            for kind, end in (("t", "srt"), ("a", "wav"))
            for speaker in "xy"
        )
    )
    touch(tmp_path / "u/z/001.srt")
    assert pairs(tmp_path) == {
        "t/x/001.srt": ("a/x/001.wav", None),
        "t/y/001.srt": ("a/y/001.wav", None),
        "u/z/001.srt": (None, None),  # either would do
    }
    touch(tmp_path / "alone/002.wav", tmp_path / "alone/002.srt", tmp_path / "lost/002.srt")
    assert pairs(tmp_path)["lost/002.srt"] == (None, None)  # that recording has a transcript of its own


def test_one_bad_row_for_a_transcript_without_recording(tmp_path: Path) -> None:
    touch(tmp_path / "a.srt", tmp_path / "b.mp3")
    (row,) = read_transcripts(tmp_path, ".srt", lambda path: [])
    assert row == BadRow(
        f"{tmp_path}/a.srt: there is no recording of the same name", path=f"{tmp_path}/a.srt"
    )


def test_a_transcript_that_cannot_be_read_ends_nothing(tmp_path: Path) -> None:
    touch(tmp_path / "a.srt", tmp_path / "a.mp3", tmp_path / "b.srt", tmp_path / "b.mp3")

    def parse(path: Path) -> list[Segment | Flaw]:
        if path.name == "a.srt":
            raise TranscriptError("this is no text")
        return [Segment("line 1", 0, 1, "hello")]

    bad, good = read_transcripts(tmp_path, ".srt", parse)
    assert isinstance(bad, BadRow) and bad.detail == f"{tmp_path}/a.srt: this is no text"
    assert isinstance(good, Row) and good.id == "b-00000000-00001000" and good.path == f"{tmp_path}/b.mp3"


def test_sources_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="there is no such file or folder"):
        list(transcripts_of(tmp_path / "none", ".srt"))
    touch(tmp_path / "a.mp3")
    with pytest.raises(EarwrightError, match=r"there is no \.srt in it, but 1 \.mp3\."):
        list(transcripts_of(tmp_path, ".srt"))
    assert recognize_transcripts(tmp_path, ".srt", "subtitles") is None
    assert recognize_transcripts(tmp_path / "none", ".srt", "subtitles") is None
    touch(tmp_path / "b.srt")
    assert recognize_transcripts(tmp_path, ".srt", "subtitles") is None
    touch(tmp_path / "a.srt")
    assert recognize_transcripts(tmp_path, ".srt", "subtitles") == "a.srt has subtitles for a.mp3"
    assert recognize_transcripts(tmp_path / "a.srt", ".srt", "subtitles") == "a.srt has subtitles for a.mp3"
    assert recognize_transcripts(tmp_path / "a.mp3", ".srt", "subtitles") is None


def test_all_of_a_segment_is_in_its_row() -> None:
    custom = {"confidence": 0.5}
    segment = Segment("line 3", 1.2, 2.5, "hello", "ann", 1, "female", {**custom})
    identity, path = "talk-00001200-00002500", "/c/talk.mp3"
    assert rows(segment) == [Row(identity, path, "hello", "ann", None, "female", 1.2, 1.3, custom, 1)]


def test_ids_differ() -> None:
    found = rows(*(Segment("line 1", 0, 1, "yes", speaker) for speaker in "abc"))
    assert [row.id for row in found] == [f"talk-00000000-00001000{end}" for end in ("", "-2", "-3")]


@pytest.mark.parametrize(
    ("times", "bad"),
    [
        ([(0, 1), (1, 2), (2.5, 3)], []),
        ([(0, 1.2), (1, 2)], []),  # a fifth of a second is within what people can time
        ([(0, 1.3), (1, 2)], [0, 1]),  # both hold words of the other
        ([(0, 60), (1, 2), (3, 4), (5, 6)], [0, 1]),  # one that is too long does not take all with it
        ([(5, 6), (1, 2), (3, 4)], [0, 1]),  # either may be wrong
        ([(0, 1), (100, 101), (2, 3), (4, 5)], [1, 2]),
        ([(0, 1), (2, 2), (3, 2.5), (4, 5)], [1, 2]),
        ([(0, 1), (float("nan"), 2), (1, float("inf")), (1, 2)], [1, 2]),
    ],
)
def test_times_that_do_not_fit_together(times: list[tuple[float, float]], bad: list[int]) -> None:
    found = rows(*(Segment(f"line {n}", start, end, str(n)) for n, (start, end) in enumerate(times)))
    assert [n for n, row in enumerate(found) if isinstance(row, BadRow)] == bad
    for row in found:
        if isinstance(row, BadRow):
            assert row.detail.startswith(f"/c/talk.srt, line {row.text}: it") and row.path == "/c/talk.mp3"


def test_what_is_said_of_them() -> None:
    late, early, empty = rows(
        Segment("line 1", 5, 6, "a"), Segment("line 9", 4.5, 5.5, "b"), Segment("line 12", 7, 7, "c")
    )
    details = [
        row.detail.removeprefix("/c/talk.srt, ") for row in (late, early, empty) if isinstance(row, BadRow)
    ]
    assert details == [
        "line 1: it lasts from 5.000 to 6.000 s, and after it comes line 9, from 4.500 to 5.500 s",
        "line 9: it lasts from 4.500 to 5.500 s, and before it comes line 1, from 5.000 to 6.000 s",
        "line 12: it starts at 7.000 s and ends at 7.000 s",
    ]


def test_different_speakers_and_channels_may_talk_at_once() -> None:
    found = rows(
        Segment("line 1", 0, 9, "a", "ann"),
        Segment("line 2", 1, 2, "b", "ben"),
        Segment("line 3", 1, 3, "c", "ben", 1),
        Flaw("line 4", "not UTF-8 text", "two\nlines"),
        Segment("line 5", 8, 12, "d", "ann"),
    )
    assert [isinstance(row, Row) for row in found] == [False, True, True, False, False]
    assert found[3] == BadRow("/c/talk.srt, line 4: not UTF-8 text", path="/c/talk.mp3", text="two lines")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_of_unicode(tmp_path: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding.startswith("utf-16-") else ""
    (tmp_path / "a.srt").write_bytes(f"{mark}Grüße, Привет\r\n".encode(encoding))
    assert read_text(tmp_path / "a.srt")[0] == "Grüße, Привет\r\n"


def test_the_encoding_of_western_windows(tmp_path: Path) -> None:
    text = "Où est l’œuvre ? Ça coûte 5 €. ¿Qué? Größe: 3 m², 5½ Ähren"
    (tmp_path / "a.srt").write_bytes(text.encode("cp1252"))
    assert read_text(tmp_path / "a.srt") == (text, "windows-1252")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("00:01 Привет, как дела", "cp1251"),
        ("Γειά σου", "cp1253"),
        ("żółw się wlókł, błąd", "cp1250"),  # ³ and ¹ within words
        ("ni hao 你好吗", "gb2312"),
        ("\0\1\2", "ascii"),
        ("\ufeffab\udc00", "utf-16-surrogates"),
    ],
)
def test_what_would_be_misread_is_refused(tmp_path: Path, text: str, encoding: str) -> None:
    data = b"\xff\xfea\0\0\xdc" if encoding == "utf-16-surrogates" else text.encode(encoding)
    (tmp_path / "a.srt").write_bytes(data)
    with pytest.raises(TranscriptError, match=r"save it as UTF-8|no text|damaged"):
        read_text(tmp_path / "a.srt")
