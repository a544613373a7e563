"""NIST's STM, made up and real."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.data.corpora import BadRow, Row
from earwright.data.corpora.nist import channels_of, numbered_lines, plain_words
from earwright.data.corpora.stm import parse, read, recognize
from earwright.data.corpora.timed import Flaw, Segment

words = st.text("abcXYZäß你0'-.", min_size=1, max_size=6)


def entries(text: str) -> list[tuple[str, str, Segment | Flaw]]:
    return list(parse((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()))


def one(line: str) -> Segment | Flaw:
    ((_, _, what),) = entries(line)
    return what


@given(
    st.lists(
        st.tuples(
            words,
            st.sampled_from("12AB"),
            words,
            st.integers(0, 10**6),
            st.integers(0, 10**6),
            st.lists(words),
        ),
        max_size=5,
    ),
    st.sampled_from(["", " <o,f0,male>", " <O>"]),
)
def test_what_is_written_is_read(
    segments: list[tuple[str, str, str, int, int, list[str]]], labels: str
) -> None:
    text = "\n".join(
        f"{name} {channel} {speaker} {start / 1000} {end / 1000}{labels} {' '.join(said)}"
        for name, channel, speaker, start, end, said in segments
    )
    assert [
        (name, channel, what.speaker, what.start, what.end, what.text)
        for name, channel, what in entries(text)
        if isinstance(what, Segment)
    ] == [
        (name, channel, speaker, start / 1000, end / 1000, " ".join(said))
        for name, channel, speaker, start, end, said in segments
        if said
    ]


@given(st.binary(max_size=60))
def test_any_file_gives_rows(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("stm")
    (folder / "a.wav").touch()
    (folder / "a.stm").write_bytes(b"a 1 s 0 1 hello\n" + data + b"\na 1 s 1 2 bye\n")
    assert all(isinstance(row, Row | BadRow) for row in read(folder))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i've;tag1 { um;tag1; / uh;;tag2 } a\\;s;tag1 far", "i've um a;s far"),
        ("{ age-old / age old } x { -a / @ } y { @ / a } z", "age-old x -a y z"),
        ("{ a b / { c / d } } e", "a b e"),
        ("(uh) the (%hesitation) two(2) cats (a dog)", "uh the %hesitation two cats a dog"),
        ("<unk> 1/2 { open", "<unk> 1/2 { open"),
    ],
)
def test_marks_of_the_scorer(text: str, expected: str) -> None:
    assert plain_words(text) == expected


def test_labels_are_no_words() -> None:
    segment = one("a 1 s 0.5 2 <o,f0,FEMALE> hello <unk>")
    assert segment == Segment("line 1", 0.5, 2.0, "hello <unk>", "s", gender="female")
    assert one("a 1 s 0 1 <NA> hello") == Segment("line 1", 0, 1, "hello", "s")
    assert one("a 1 s 0 1 <unk> hello") == Segment("line 1", 0, 1, "<unk> hello", "s")
    ((_, _, declared),) = entries(';; LABEL "LONG" "a" "b"\na 1 s 0 1 <LONG> hello')
    assert declared == Segment("line 2", 0, 1, "hello", "s")


def test_what_is_passed_over() -> None:
    text = (
        ";; a comment\n\na 1 s 0 1 ignore_time_segment_in_scoring\n"
        "a 1 s 1 2 <o,,> IGNORE_TIME_SEGMENT_IN_SCORING\na 1 inter_segment_gap 2 3 <o,,unknown>\na 1 s 3 4\n"
        "a 1 s 4 5 <O> \na 1 excluded_region 5 6 <o> x\n"
    )
    assert entries(text) == []


def test_bad_lines(tmp_path: Path) -> None:
    content = (
        b"talk 1 s 0 1 one\ntalk 1 s x 2 two\ntalk 1 s 2\ntalk 1 s 3 4 caf\xe9\ntalk 1 s 5 nan five\n"
        b"talk 1 s 6 7 what (()) then\ntalk 1 s 9 8 nine\ntalk 1 s 10 11 ten\n"
    )
    (tmp_path / "talk.stm").write_bytes(content)
    (tmp_path / "talk.flac").touch()
    rows = list(read(tmp_path))
    assert [row.text for row in rows if isinstance(row, Row)] == ["one", "ten"]
    assert [
        row.detail.removeprefix(f"{tmp_path}/talk.stm, line ") for row in rows if isinstance(row, BadRow)
    ] == [
        "2: 'x' is not a number of seconds",
        "3: a segment has file, channel, speaker, start, end and text",
        "4: not UTF-8 text",
        "5: 'nan' is not a number of seconds",
        "6: part of it was not understood by who wrote it down",
        "7: it starts at 9.000 s and ends at 8.000 s",
    ]


def test_recordings_and_channels(tmp_path: Path) -> None:
    (tmp_path / "stm").mkdir()
    (tmp_path / "sph").mkdir()
    for name in ("two.sph", "left.wav", "right.wav", "zero.wav"):
        (tmp_path / "sph" / name).touch()
    lines = ["two A ann 0 1 a", "two B ben 0 1 b", "gone 1 s 0 1 c", "left 1 s 0 1 d", "right.wav 2 s 0 1 e"]
    lines += ["gone 1 s 2 3 f", "zero 0 s 0 1 g", "zero 1 t 0 1 h", "two A ann 2 3 i"]
    (tmp_path / "stm/all.stm").write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    rows = list(read(tmp_path))
    assert {row.text: (Path(row.path).name, row.channel) for row in rows if isinstance(row, Row)} == {
        "a": ("two.sph", 0),
        "b": ("two.sph", 1),
        "d": ("left.wav", None),  # perhaps mono
        "e": ("right.wav", 1),
        "g": ("zero.wav", 0),
        "h": ("zero.wav", 1),
        "i": ("two.sph", 0),
    }
    assert [row for row in rows if isinstance(row, BadRow)] == [
        BadRow(f"{tmp_path}/stm/all.stm: there is no recording gone", id="gone")
    ]
    assert rows[0] == Row(
        "sph/two-00000000-00001000", f"{tmp_path}/sph/two.sph", "a", "ann", duration=1.0, channel=0
    )
    ids = [row.id for row in rows if isinstance(row, Row)]
    assert len(set(ids)) == len(ids)
    assert recognize(tmp_path) == "all.stm has segments of two.sph"
    assert next(read(tmp_path / "stm/all.stm")).text == "a"  # the folder beside it
    assert recognize(tmp_path / "sph") is None


def test_real_files(shared: Path) -> None:
    folder = shared / "vectors/scoring/sclite"
    found = list(parse(numbered_lines(folder / "lvc_ref.stm")))
    assert channels_of(found) == {name: {"a": 0, "b": 1} for name in ("2347", "3129")}
    segments = [what for _, _, what in found if isinstance(what, Segment)]
    assert len(segments) == len(found)
    lines = [
        line.split(None, 5) for line in (folder / "lvc_ref.stm").read_text().splitlines() if line[0] != ";"
    ]
    assert [segment.start for segment in segments] == [
        float(line[3]) for line in lines if re.sub(r"^<[A-Z,]*>", "", "".join(line[5:]).strip())
    ]
    said = " ".join(segment.text for segment in segments)
    assert not re.search(r"[{}/@;<>]", said.replace("a;s", "")) and "i've um a;s far as i'm concerned" in said
    scored = list(parse(numbered_lines(folder / "lvc_refe.stm")))
    assert len(scored) < len(found)  # some is to be ignored
    cantonese = [what for _, _, what in parse(numbered_lines(folder / "test.cantonese.stm"))]
    assert cantonese[0].text.startswith("食 左 啦") and len(cantonese) == 3
    mandarin = [what for _, _, what in parse(numbered_lines(folder / "mand_ref.stm"))]  # in GB2312
    assert sum(isinstance(what, Flaw) and what.detail == "not UTF-8 text" for what in mandarin) == 8
    for path in sorted((shared / "vectors/scoring").rglob("*.stm")):
        assert any(isinstance(what, Segment) for _, _, what in parse(numbered_lines(path))), path
