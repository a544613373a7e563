"""SubRip subtitles: files of all makes, and what of a caption is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.data.corpora import BadRow, Row
from earwright.data.corpora.captions import read_cues, segments_of
from earwright.data.corpora.srt import read, recognize
from earwright.data.corpora.timed import Flaw, Segment, TranscriptError
from earwright.transcript import Segment as Heard
from earwright.transcript import Transcript
from earwright.writers import Layout, to_srt, to_vtt


def parse(text: str) -> list[Segment | Flaw]:
    return list(segments_of(read_cues(text, blank_line_ends=False)))


def said(*lines: str) -> str | None:
    """What is said in one caption; None if nothing is."""
    (segment,) = parse("1\n00:00:01,000 --> 00:00:02,000\n" + "\n".join(lines))
    return segment.text if isinstance(segment, Segment) else None


def cue(number: int, start: float, end: float, text: str) -> str:
    return f"{number}\n{_clock(start)} --> {_clock(end)}\n{text}\n\n"


def _clock(seconds: float) -> str:
    return f"00:{int(seconds) // 60:02d}:{seconds % 60:06.3f}".replace(".", ",")


def texts(segments: list[Segment | Flaw]) -> list[tuple[float, float, str]]:
    return [(each.start, each.end, each.text) for each in segments if isinstance(each, Segment)]


# Words that are no marks: letters, digits and the punctuation that subtitles have no use for.
words = st.text("AbcXyzäß你é09'.,!?%", min_size=1, max_size=8).filter(lambda word: not word.isdigit())
timed = st.lists(
    st.tuples(st.integers(1, 5000), st.lists(words, min_size=1, max_size=6)), min_size=1, max_size=8
)


@given(timed, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_what_our_writer_writes_is_read(
    pieces: list[tuple[int, list[str]]], line_end: str, as_vtt: bool
) -> None:
    segments, clock = [], 0
    for length, spoken in pieces:
        segments.append(Heard(" ".join(spoken), clock / 1000, (clock + length) / 1000))
        clock += length + 1000
    transcript = Transcript("", tuple(segments), clock / 1000)
    content = (to_vtt if as_vtt else to_srt)(transcript, Layout()).replace("\n", line_end)
    found = list(segments_of(read_cues(content, blank_line_ends=as_vtt)))
    assert texts(found) == [(each.start, each.end, each.text) for each in segments]


@given(st.text(st.sampled_from("0123456789:,.-> \n\r\t{}<>/i\\N[]()♪&;vA—"), max_size=120), st.booleans())
def test_any_text_gives_segments_flaws_or_one_error(text: str, blank_line_ends: bool) -> None:
    try:
        found = list(segments_of(read_cues(text, blank_line_ends)))
    except TranscriptError:
        assert "-->" not in text
    else:
        for each in found:
            assert each.where.startswith("line ") and (each.text or isinstance(each, Flaw))


@given(st.binary(max_size=80), st.booleans())
def test_any_file_gives_rows(tmp_path_factory: pytest.TempPathFactory, data: bytes, begun: bool) -> None:
    folder = tmp_path_factory.mktemp("srt")
    (folder / "a.wav").touch()
    (folder / "a.srt").write_bytes((b"1\n00:00:01,000 --> 00:00:02,000\n" if begun else b"") + data)
    assert all(isinstance(row, Row | BadRow) for row in read(folder))


def test_a_file_and_what_becomes_of_it(tmp_path: Path) -> None:
    content = cue(1, 1, 2.5, "<i>Hello</i> there,\nAnn &amp; Ben.") + cue(2, 3, 4.25, "Good\nmorning!")
    (tmp_path / "talk.srt").write_bytes(content.replace("\n", "\r\n").encode("utf-8-sig"))
    (tmp_path / "talk.mp3").touch()
    first, second = read(tmp_path)
    text, path = "Hello there, Ann & Ben.", f"{tmp_path}/talk.mp3"
    assert first == Row("talk-00001000-00002500", path, text, start=1.0, duration=1.5)
    assert isinstance(second, Row) and (second.text, second.start, second.duration) == (
        "Good morning!",
        3,
        1.25,
    )
    assert list(read(tmp_path / "talk.srt")) == [first, second]
    assert recognize(tmp_path) == "talk.srt has subtitles for talk.mp3"


def test_the_encoding_is_named_where_it_was_guessed(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "a.srt").write_bytes(cue(1, 1, 2, "Où est le café ?").encode("cp1252"))
    (row,) = read(tmp_path)
    assert (
        isinstance(row, Row) and row.text == "Où est le café ?" and row.custom == {"encoding": "windows-1252"}
    )


@pytest.mark.parametrize(
    "content",
    [
        "1\n00:00:01,000 --> 00:00:02,500\none\n\n2\n00:00:03,000 --> 00:00:04,000\ntwo\n",
        "1\n00:00:01,000 --> 00:00:02,500\none\n2\n00:00:03,000 --> 00:00:04,000\ntwo",  # no empty lines
        "00:00:01,000 --> 00:00:02,500\none\n\n00:00:03,000 --> 00:00:04,000\ntwo\n",  # no counters
        "00:00:01,000 --> 00:00:02,500\none\n00:00:03,000 --> 00:00:04,000\ntwo\n",  # neither
        "7\n0:0:1.0 --> 0:0:2.5\none\n\n\n\n7\n00:03,000 --> 00:04,000\ntwo\n\n\n",  # times as they come
        "1\n00: 00: 01, 000 --> 00: 00: 02, 500\none\n\n2\n00:00:03-->00:00:04\ntwo",
        "1\n00:00:01,000 --> 00:00:02,500 X1:53 X2:303\none\n\n2\n00:00:03,000  -->  00:00:04,000  \ntwo",
        "\ufeffa title\n\n1\n00:00:01,000 --> 00:00:02,500\n\none\n\n2\n00:00:03,000 --> 00:00:04,000\ntwo",
        "1\n00:00:01,000 --> 00:00:02,500\n <b> \n\none\n\n 2 \n00:00:03,000 --> 00:00:04,000\ntwo",
    ],
)
def test_layouts(content: str) -> None:
    assert texts(parse(content)) == [(1.0, 2.5, "one"), (3.0, 4.0, "two")]


def test_numbers_that_are_said() -> None:
    lines = enumerate(["how many?", "42", "no"])
    content = "\n\n".join(f"00:00:0{n},000 --> 00:00:0{n},900\n{text}" for n, text in lines)
    assert [text for _, _, text in texts(parse(content))] == ["how many?", "42", "no"]
    assert said("42") == "42"


def test_a_counter_that_counts_nothing() -> None:
    assert [text for _, _, text in texts(parse(cue(1, 1, 2, "one") + "2\n\n"))] == ["one"]
    assert [text for _, _, text in texts(parse(cue(1, 1, 2, "one\n2") + "\n"))] == ["one 2"]


def test_bad_times_name_their_line() -> None:
    content = "1\n00:00:xx,000 --> 00:00:02,500\none\n\n" + cue(2, 3, 4, "two").strip() + "\n3\n--> 5\nthree"
    found = parse(content)
    assert found[0] == Flaw("line 2", "its times cannot be read: 00:00:xx,000 --> 00:00:02,500", "one\n")
    assert isinstance(found[1], Segment) and found[1].text == "two"
    assert isinstance(found[2], Flaw) and found[2].where == "line 9"
    with pytest.raises(TranscriptError, match="there are no times in it"):
        parse("just text\n")


@pytest.mark.parametrize(
    ("caption", "text"),
    [
        ("<i>Hi</i>, <b>you</b> <u>there</u>", "Hi, you there"),
        ("<font color=\"#ffff00\" face='Arial'>yellow</font>", "yellow"),
        ("{\\an8}{\\pos(192,210)}up {b}here{/b} {y:i}now", "up here now"),
        ("line\\Ntwo\\hmore", "line two more"),
        ("a &lt; b &amp;&nbsp;c &#39;d&#x27; AT&T &unknown; R&D", "a < b & c 'd' AT&T &unknown; R&D"),
        ("- Who?\n- Me.", "Who? Me."),
        ("-Who?\n–Me.\n—— You.", "Who? Me. You."),
        ("-5 degrees, well-known - as ever", "-5 degrees, well-known - as ever"),
        ("&gt;&gt; Good evening.\n>>> And now:", "Good evening. And now:"),
        ("\u200e\u202bשלום\u202c", "שלום"),
        ("JOHN: I see.", "I see."),
        ("DR. SMITH #2: [sighs] No.", "No."),
        ("NOTE: ALL IN CAPITALS", "NOTE: ALL IN CAPITALS"),
        ("At 10:30: stop", "At 10:30: stop"),
        ("[applause]", None),
        ("(laughs)", None),
        ("[Music]\n(door\nslams)", None),
        ("♪", None),
        ("♪ We are the champions ♪", None),
        ("♪ We are\nthe champions ♪", None),
        ("♪ We are\n♪ the champions", None),
        ("Listen! ♪ la la ♪", "Listen!"),
        ("I [coughs] know. (laughs) (sighs)", "I know."),
        ("(sighs) I know.", "I know."),
        ("- (sighs) Five\n- ANN: (whispers) Six", "Five Six"),
        ("five milligrams (a small dose) a day", "five milligrams (a small dose) a day"),
        ("I'm [", "I'm ["),
    ],
)
def test_what_is_said_in_a_caption(caption: str, text: str | None) -> None:
    assert said(caption) == text


def test_a_caption_without_speech_is_a_bad_row_and_an_empty_one_is_none() -> None:
    found = parse(cue(1, 1, 2, "[applause]") + cue(2, 3, 4, " <i></i> ") + cue(3, 5, 6, "Thanks."))
    assert found[0] == Flaw("line 2", "it holds a sound or a song, and no speech", "[applause]")
    assert texts(found) == [(5, 6, "Thanks.")] and len(found) == 2


def test_who_speaks() -> None:
    found = parse(
        cue(1, 1, 2, "JOHN: Yes.") + cue(2, 3, 4, "ANN: Who?\nBEN: Me.") + cue(3, 5, 6, "He said\nANN: Me.")
    )
    assert [(each.speaker, each.text) for each in found if isinstance(each, Segment)] == [
        ("JOHN", "Yes."),
        (None, "Who? Me."),
        (None, "He said Me."),
    ]


def test_names_before_most_captions() -> None:
    lines = [
        "Ann Lee: Good morning: all.",
        "Ben: Hi.",
        "and so on",
        "Dr. Max (guest): Yes.",
        "张三: 你好",
        "Ben: So he said: no.",
        "Ben: Who?\nAnn Lee: Me.\nBut: who?",
    ]
    content = "".join(cue(n, n, n + 1, text) for n, text in enumerate(lines))
    assert [(each.speaker, each.text) for each in parse(content) if isinstance(each, Segment)] == [
        ("Ann Lee", "Good morning: all."),
        ("Ben", "Hi."),
        (None, "and so on"),
        ("Dr. Max (guest)", "Yes."),
        ("张三", "你好"),
        ("Ben", "So he said: no."),
        (None, "Who? Me. But: who?"),
    ]
    few = "".join(cue(n, n, n + 1, text) for n, text in enumerate(["Remember: no.", "Why?", "Because."]))
    assert [each.text for each in parse(few)] == ["Remember: no.", "Why?", "Because."]


def test_lines_that_roll() -> None:
    content = "".join(
        cue(n, n, n + 1, text)
        for n, text in enumerate(
            ["so today", "so today\nwe will look", "we will look\nat birds", "at birds", "Birds!"]
        )
    )
    assert texts(parse(content)) == [
        (0, 1, "so today"),
        (1, 2, "we will look"),
        (2, 3, "at birds"),
        (4, 5, "Birds!"),
    ]


def test_lines_that_grow() -> None:
    lines = ["so", "so today", "so today we", "so today we\nwill", "will look"]
    content = "".join(cue(n, n, n + 1, text) for n, text in enumerate(lines))
    assert [text for _, _, text in texts(parse(content))] == ["so", "today", "we", "will", "look"]


def test_what_people_say_twice_stays() -> None:
    lines = ["No.", "No.", "No, I said.", "I said that.", "Why?", "Because.", "Because of what?", "Of you."]
    content = "".join(cue(n, n, n + 1, text) for n, text in enumerate(lines))
    assert [text for _, _, text in texts(parse(content))] == lines


def test_captions_that_linger_end_where_the_next_begins() -> None:
    content = cue(1, 0, 4, "so today") + cue(2, 2.5, 6, "we will look") + cue(3, 5, 8, "at birds")
    assert texts(parse(content)) == [(0, 2.5, "so today"), (2.5, 5, "we will look"), (5, 8, "at birds")]


def test_a_single_overlap_is_no_habit(tmp_path: Path) -> None:
    content = "".join(cue(n, n, n + (1.5 if n == 2 else 1), str(n)) for n in range(1, 9))
    (tmp_path / "a.srt").write_text(content)
    (tmp_path / "a.wav").touch()
    assert [isinstance(row, Row) for row in read(tmp_path)] == [True, False, False, *[True] * 5]


def test_webvtt_by_another_name(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text(
        "WEBVTT\n\n00:01.000 --> 00:02.000\none\n\nNOTE not said\n\n00:03.000 --> 00:04.000\ntwo\n"
    )
    (tmp_path / "a.wav").touch()
    assert [row.text for row in read(tmp_path)] == ["one", "two"]
