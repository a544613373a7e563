"""ELAN's annotations: tiers, times, media, and files that mean harm."""

from __future__ import annotations

import contextlib
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.data.corpora import BadRow, ReaderOptions, Row
from earwright.data.corpora.elan import parse, read, recognize
from earwright.data.corpora.timed import Segment, TranscriptError
from earwright.errors import EarwrightError

Annotation = tuple[int | None, int | None, str]  # milliseconds, text
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT FORMAT="3.0" VERSION="3.0">\n'


def document(
    tiers: dict[str, list[Annotation]],
    attributes: dict[str, str] | None = None,
    media: str = "",
    more: str = "",
    units: str = "milliseconds",
) -> str:
    """An .eaf with independent tiers; `attributes` are further ones of a tier, `more` further tiers."""
    slots: list[str] = []
    body: list[str] = []
    number = 0
    for name, held in tiers.items():
        body.append(f"<TIER TIER_ID={quoteattr(name)} {(attributes or {}).get(name, '')}>")
        for start, end, text in held:
            number += 1
            for side, time in (("a", start), ("b", end)):
                value = "" if time is None else f' TIME_VALUE="{time}"'
                slots.append(f'<TIME_SLOT TIME_SLOT_ID="ts{number}{side}"{value}/>')
            body.append(
                f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{number}" TIME_SLOT_REF1="ts{number}a" '
                f'TIME_SLOT_REF2="ts{number}b"><ANNOTATION_VALUE>{escape(text)}</ANNOTATION_VALUE>'
                "</ALIGNABLE_ANNOTATION></ANNOTATION>"
            )
        body.append("</TIER>")
    return (
        f'{HEAD}<HEADER MEDIA_FILE="" TIME_UNITS="{units}">{media}</HEADER>\n<TIME_ORDER>{"".join(slots)}'
        f"</TIME_ORDER>\n{''.join(body)}{more}\n</ANNOTATION_DOCUMENT>\n"
    )


def save(folder: Path, content: str, name: str = "talk") -> Path:
    (folder / f"{name}.eaf").write_text(content, encoding="utf-8")
    (folder / f"{name}.wav").touch()
    return folder


def said(rows: list[Row | BadRow]) -> list[tuple[str | None, float, float | None, str]]:
    assert all(isinstance(row, Row) for row in rows), rows
    return [(row.speaker, row.start, row.duration, row.text) for row in rows if isinstance(row, Row)]


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"], max_codepoint=0xFFFD), max_size=12)


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(1, 10**4), texts), max_size=6))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, int, str]]
) -> None:
    folder = tmp_path_factory.mktemp("elan")
    save(folder, document({"a": [(start, start + length, text) for start, length, text in drawn]}))
    (tier,) = parse(folder / "talk.eaf", dependent=False)
    assert [(each.start, each.end, each.text) for each in tier.segments if isinstance(each, Segment)] == [
        (start / 1000, (start + length) / 1000, " ".join(text.split()))
        for start, length, text in drawn
        if text.strip()
    ]


@given(st.integers(0, 900), st.text(st.sampled_from('<>/="&;TIMEVALUE_ x1'), max_size=20))
def test_any_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, place: int, noise: str
) -> None:
    whole = document({"a": [(0, 1000, "x"), (1000, 2000, "y")], "b": [(0, 500, "z")]})
    path = tmp_path_factory.mktemp("elan") / "a.eaf"
    for text in (noise, whole[:place] + noise + whole[place:], whole[:place] + noise):
        path.write_text(text)
        with contextlib.suppress(TranscriptError):
            parse(path, dependent=True)


def test_a_tier_for_each_participant(tmp_path: Path) -> None:
    tiers: dict[str, list[Annotation]] = {
        "K-Spch": [(5000, 6250, "Third?"), (0, 1500, "First,\nhe said.")],  # in the order of their making
        "W-Spch": [(1400, 3000, "second")],
        "Notes": [(0, 9000, "a dog barks")],
    }
    save(tmp_path, document(tiers, {"K-Spch": 'PARTICIPANT="Karin"'}))
    rows = list(read(tmp_path))
    assert said(rows) == [
        ("Karin", 0, 1.5, "First, he said."),
        ("W-Spch", 1.4, 1.6, "second"),
        ("Karin", 5, 1.25, "Third?"),
    ]
    assert isinstance(rows[0], Row) and rows[0].id == "talk-00000000-00001500"
    assert recognize(tmp_path) == "talk.eaf has tiers for talk.wav"


def test_times_that_are_not_set(tmp_path: Path) -> None:
    save(
        tmp_path,
        document({"a": [(0, 1000, "one"), (None, 2000, "two"), (2500, 3000, "three"), (9, None, "")]}),
    )
    bad, *good = read(tmp_path)
    assert bad == BadRow(
        f"{tmp_path}/talk.eaf, annotation a2: its times are not set in ELAN",
        path=f"{tmp_path}/talk.wav",
        text="two",
    )
    assert [row.text for row in good] == ["one", "three"]


# A tier of references, each with its transcription in words; one of them shared out over two annotations.
DEPENDENT = """
<TIER TIER_ID="tx@Ann" PARENT_REF="ref@Ann" LINGUISTIC_TYPE_REF="tx">
<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="r1" ANNOTATION_REF="a1"><ANNOTATION_VALUE>good</ANNOTATION_VALUE>
</REF_ANNOTATION></ANNOTATION>
<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="r2" ANNOTATION_REF="a1" PREVIOUS_ANNOTATION="r1"><ANNOTATION_VALUE>
day</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="r3" ANNOTATION_REF="a2"><ANNOTATION_VALUE>bye</ANNOTATION_VALUE>
</REF_ANNOTATION></ANNOTATION>
<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="r4" ANNOTATION_REF="r5"><ANNOTATION_VALUE>lost</ANNOTATION_VALUE>
</REF_ANNOTATION></ANNOTATION>
<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="r5" ANNOTATION_REF="r4"><ANNOTATION_VALUE/></REF_ANNOTATION>
</ANNOTATION>
</TIER>
<TIER TIER_ID="tx@Ben" PARENT_REF="ref@Ben" LINGUISTIC_TYPE_REF="tx">
<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="r6" ANNOTATION_REF="a3"><ANNOTATION_VALUE>well</ANNOTATION_VALUE>
</REF_ANNOTATION></ANNOTATION>
</TIER>
"""
REFERENCES: dict[str, list[Annotation]] = {
    "ref@Ann": [(0, 1000, "1"), (2000, 3000, "3")],
    "ref@Ben": [(1000, 1900, "2")],
}


def test_tiers_that_depend_on_others(tmp_path: Path) -> None:
    save(
        tmp_path,
        document(
            REFERENCES, {"ref@Ann": 'PARTICIPANT="Ann"', "ref@Ben": 'PARTICIPANT="Ben"'}, more=DEPENDENT
        ),
    )
    assert [row.text for row in read(tmp_path)] == ["1", "2", "3"]
    bad, *good = read(tmp_path, ReaderOptions(columns={"text": "tx@Ann"}))
    assert isinstance(bad, BadRow) and bad.text == "lost" and "annotation r4" in bad.detail
    assert said(good) == [("Ann", 0, 1, "good day"), ("Ann", 2, 1, "bye")]
    _, *both = read(tmp_path, ReaderOptions(columns={"text": "tx"}))  # the type
    assert said(both) == [("Ann", 0, 1, "good day"), ("Ben", 1, 0.9, "well"), ("Ann", 2, 1, "bye")]
    (none,) = read(tmp_path, ReaderOptions(columns={"text": "mb"}))
    assert (
        isinstance(none, BadRow)
        and "it has no tier 'mb', but ref@Ann, ref@Ben, tx@Ann, tx@Ben" in none.detail
    )


def test_layers_are_for_the_user_to_choose_from(tmp_path: Path) -> None:
    save(tmp_path, document({"deu": [(0, 1000, "Guten Tag")], "eng": [(0, 1000, "Good day")]}))
    with pytest.raises(
        EarwrightError, match=r"talk\.eaf: it cannot be told which of its tiers .*: deu, eng\. "
    ):
        list(read(tmp_path))
    save(tmp_path, document({"deu": [(0, 1000, "Guten Tag")], "eng": []}))
    assert said(list(read(tmp_path))) == [("deu", 0, 1, "Guten Tag")]


def media(url: str, relative: str = "", origin: int | None = None) -> str:
    more = "" if origin is None else f' TIME_ORIGIN="{origin}"'
    return (
        f'<MEDIA_DESCRIPTOR MEDIA_URL="{url}" RELATIVE_MEDIA_URL="{relative}" MIME_TYPE="audio/x-wav"{more}/>'
    )


@pytest.mark.parametrize(
    ("descriptor", "expected"),
    [
        (media("file:///C:/Users/ann/über%20uns.wav", "./sound/%C3%BCber%20uns.wav"), "sound/über uns.wav"),
        (media("file:///C:/Users/ann/moved.wav", "../../moved.wav"), "moved.wav"),
        (media("file:///home/ann/film.mp4", "./film.mp4") + media("file:///home/ann/moved.wav"), "moved.wav"),
        (media("file:///home/ann/gone.wav"), "talk.wav"),
        (media("https://example.org/x.wav", "a\\b\\gone.wav"), "talk.wav"),
        (media(""), "talk.wav"),
    ],
)
def test_the_recording_that_the_file_names(tmp_path: Path, descriptor: str, expected: str) -> None:
    for name in ("sound/über uns.wav", "moved.wav", "film.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (row,) = read(save(tmp_path, document({"a": [(0, 1000, "x")]}, media=descriptor)) / "talk.eaf")
    assert isinstance(row, Row) and Path(row.path).resolve() == tmp_path / expected


def test_an_absolute_place_and_a_shifted_origin(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far/x.wav").touch()
    (tmp_path / "near").mkdir()
    descriptors = media(f"file://{tmp_path}/far/x.wav", origin=2500) + media("file:///gone.mp4", origin=9)
    save(tmp_path / "near", document({"a": [(0, 1000, "x")]}, media=descriptors))
    (row,) = read(tmp_path / "near")
    assert isinstance(row, Row) and row.path == f"{tmp_path}/far/x.wav"
    assert (row.id, row.start, row.duration) == ("x-00002500-00003500", 2.5, 1.0)
    (tmp_path / "near/talk.wav").unlink()
    assert recognize(tmp_path / "near") == "talk.eaf has tiers for x.wav"


LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            HEAD.replace("?>\n", f"?>\n{LAUGHS}", 1) + "&c;</ANNOTATION_DOCUMENT>",
            "it declares a document type",
        ),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "it declares a document type"),
        (HEAD, "this is no XML, or damaged"),
        ("", "this is no XML, or damaged"),
        ('<?xml version="1.0" encoding="klingon"?><x/>', "this is no XML, or damaged"),
        ("<html/>", "this is XML, but none of ELAN's"),
        (document({}, units="PAL-frames"), "its times are in PAL-frames"),
    ],
)
def test_files_that_cannot_be_read_are_one_bad_row(tmp_path: Path, content: str, message: str) -> None:
    (row,) = read(save(tmp_path, content))
    assert isinstance(row, BadRow) and row.detail.startswith(f"{tmp_path}/talk.eaf: {message}")
