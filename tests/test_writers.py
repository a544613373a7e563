"""The writers, byte for byte as openai/whisper lays its files out."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.errors import EarwrightError
from earwright.transcript import Segment, Transcript, Word
from earwright.writers import WRITERS, Layout, format_time, to_whisper_dict, write_transcript


def transcript(*segments: tuple[float, str]) -> Transcript:
    """Segments of words half a second long, each beginning at its time."""
    made = []
    for start, text in segments:
        words = tuple(
            Word(word, start + 0.5 * number, start + 0.5 * number + 0.4, 0.9)
            for number, word in enumerate(text.split())
        )
        made.append(Segment(text, words[0].start, words[-1].end, words, 0.9))
    return Transcript(" ".join(text for _, text in segments), tuple(made), 3700.0, "talk.wav", "en")


TALK = transcript((0.25, "the cat sat"), (3600.0, "on the mat"))


def test_txt() -> None:
    assert WRITERS["txt"](TALK, Layout()) == "the cat sat\non the mat\n"


def test_srt() -> None:
    assert WRITERS["srt"](TALK, Layout()) == (
        "1\n00:00:00,250 --> 00:00:01,650\nthe cat sat\n\n2\n01:00:00,000 --> 01:00:01,400\non the mat\n\n"
    )


def test_vtt() -> None:
    assert WRITERS["vtt"](TALK, Layout()) == (
        "WEBVTT\n\n00:00.250 --> 00:01.650\nthe cat sat\n\n01:00:00.000 --> 01:00:01.400\non the mat\n\n"
    )


def test_tsv() -> None:
    assert WRITERS["tsv"](TALK, Layout()) == (
        "start\tend\ttext\n250\t1650\tthe cat sat\n3600000\t3601400\ton the mat\n"
    )


def test_json_has_whispers_keys() -> None:
    text = WRITERS["json"](TALK, Layout())
    assert text.endswith("}\n") and text.count("\n") == 1
    table = json.loads(text)
    assert table["text"] == "the cat sat on the mat"
    assert table["language"] == "en"
    assert [segment["id"] for segment in table["segments"]] == [0, 1]
    first = table["segments"][0]
    assert (first["start"], first["end"], first["text"]) == (0.25, 1.65, "the cat sat")
    assert first["words"][0] == {"word": " the", "start": 0.25, "end": 0.65, "probability": 0.9}
    without = json.loads(WRITERS["json"](TALK, Layout(word_timestamps=False)))
    assert "words" not in without["segments"][0]


def test_a_line_break_where_the_line_is_full_keeps_segments() -> None:
    assert WRITERS["srt"](TALK, Layout(max_line_width=7)) == (
        "1\n00:00:00,250 --> 00:00:01,650\nthe cat\nsat\n\n2\n01:00:00,000 --> 01:00:01,400\non the\nmat\n\n"
    )


def test_width_and_count_together_run_on_over_segments() -> None:
    near = transcript((0.0, "the cat sat"), (1.5, "on the mat"))
    assert WRITERS["vtt"](near, Layout(max_line_width=11, max_line_count=1)) == (
        "WEBVTT\n\n00:00.000 --> 00:01.400\nthe cat sat\n\n00:01.500 --> 00:02.900\non the mat\n\n"
    )
    assert WRITERS["vtt"](near, Layout(max_line_width=14, max_line_count=2)) == (
        "WEBVTT\n\n00:00.000 --> 00:02.900\nthe cat sat on\nthe mat\n\n"
    )


def test_a_long_pause_ends_a_subtitle_that_runs_on() -> None:
    assert WRITERS["vtt"](TALK, Layout(max_line_width=80, max_line_count=2)) == WRITERS["vtt"](TALK, Layout())


def test_words_per_line() -> None:
    assert WRITERS["vtt"](transcript((0.0, "one two three")), Layout(max_words_per_line=2)) == (
        "WEBVTT\n\n00:00.000 --> 00:00.900\none two\n\n00:01.000 --> 00:01.400\nthree\n\n"
    )


def test_highlighted_words() -> None:
    assert WRITERS["vtt"](transcript((0.0, "one two")), Layout(highlight_words=True)) == (
        "WEBVTT\n\n"
        "00:00.000 --> 00:00.400\n<u>one</u> two\n\n"
        "00:00.400 --> 00:00.500\none two\n\n"
        "00:00.500 --> 00:00.900\none <u>two</u>\n\n"
    )


def test_an_arrow_in_the_text_is_no_time_line() -> None:
    for layout in (Layout(), Layout(max_words_per_line=1)):
        assert "a --> b" not in WRITERS["srt"](transcript((0.0, "a --> b")), layout)


def test_no_speech() -> None:
    silent = Transcript("", (), 2.0)
    for layout in (Layout(), Layout(max_line_width=10, max_line_count=1, highlight_words=True)):
        texts = {name: writer(silent, layout) for name, writer in WRITERS.items()}
        assert texts["txt"] == texts["srt"] == ""
        assert texts["vtt"] == "WEBVTT\n\n"
        assert texts["tsv"] == "start\tend\ttext\n"
        assert json.loads(texts["json"])["segments"] == []


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "00:00.000"), (59.9996, "01:00.000"), (3599.9994, "59:59.999"), (36000, "10:00:00.000")],
)
def test_format_time(seconds: float, expected: str) -> None:
    assert format_time(seconds) == expected


words_of = st.lists(st.sampled_from(["a", "tea", "wonderful", "né"]), min_size=1, max_size=9).map(" ".join)
limits = st.none() | st.integers(1, 30)


@given(
    st.lists(words_of, max_size=4),
    st.builds(Layout, st.booleans(), limits, limits, limits),
)
def test_subtitles_keep_all_words_and_the_width(texts: list[str], layout: Layout) -> None:
    talk = transcript(*((10.0 * number, text) for number, text in enumerate(texts)))
    body = WRITERS["vtt"](talk, layout).removeprefix("WEBVTT\n\n")
    lines = [line for line in body.split("\n") if line and "-->" not in line]
    assert " ".join(lines).split() == talk.text.split()
    if layout.max_line_width:
        assert all(len(line) <= layout.max_line_width or " " not in line for line in lines)
    if layout.max_line_count and layout.max_line_width:
        cues = body.strip("\n").split("\n\n")
        assert all(len(cue.split("\n")) - 1 <= layout.max_line_count for cue in cues)


def test_json_times_stay_inside_the_rounded_duration() -> None:
    word = Word("a", 0.9991, 0.9996, 1.0)
    table = to_whisper_dict(Transcript("a", (Segment("a", 0.9991, 0.9996, (word,), 1.0),), 0.9996), Layout())
    assert table["segments"][0]["words"][0]["end"] <= table["duration"]


def test_files_are_written_into_folders_that_are_made(tmp_path: Path) -> None:
    paths = write_transcript(TALK, tmp_path / "out", "monday/talk", ["txt", "json"], Layout())
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "out/monday/talk.txt",
        "out/monday/talk.json",
    ]
    assert paths[0].read_bytes() == b"the cat sat\non the mat\n"


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EarwrightError, match="file"):
        write_transcript(TALK, tmp_path / "file", "talk", ["txt"], Layout())


def test_what_a_grammar_rejected_is_in_json_alone() -> None:
    word = Word("go", 0.1, 0.4, 0.9)
    segments = (
        Segment("go", 0.1, 0.4, (word,), 0.9, score=-0.25, tags=("GO",)),
        Segment("", 20.0, 31.0, rejected=True, score=-7.5),
        Segment("", 31.0, 40.0, rejected=True, score=-math.inf),
    )
    made = Transcript("go", segments, 40.0)
    assert WRITERS["txt"](made, Layout()) == "go\n"
    assert WRITERS["srt"](made, Layout()) == "1\n00:00:00,100 --> 00:00:00,400\ngo\n\n"
    assert WRITERS["vtt"](made, Layout()).count("-->") == 1
    assert WRITERS["tsv"](made, Layout()) == "start\tend\ttext\n100\t400\tgo\n"
    found = json.loads(WRITERS["json"](made, Layout()), parse_constant=lambda name: pytest.fail(name))
    kept = [(one["text"], one["rejected"], one["score"], one["tags"]) for one in found["segments"]]
    assert kept == [("go", False, -0.25, ["GO"]), ("", True, -7.5, []), ("", True, None, [])]
    assert Transcript.from_dict(json.loads(json.dumps(made.to_dict()))) == made


def test_without_a_grammar_json_says_nothing_of_one() -> None:
    found = to_whisper_dict(Transcript("a", (Segment("a", 0.0, 1.0),), 1.0), Layout())
    assert set(found["segments"][0]) == {"id", "start", "end", "text", "confidence", "words"}
    old = {"text": "a", "segments": [{"text": "a", "start": 0.0, "end": 1.0}], "duration": 1.0}
    assert Transcript.from_dict(old).segments == (Segment("a", 0.0, 1.0),)
