"""Recordings beside their texts, with a recognizer that hears tones."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.alignment import AlignedWord, TextAlignment, align_recording, as_transcript, split_words
from earwright.alignment.formats import FORMATS, to_ctm, to_json, to_textgrid, write_alignment
from earwright.data.corpora import find_format
from earwright.data.corpora.row import Row
from earwright.decoding.words import LEAD
from earwright.errors import EarwrightError
from earwright.recognizer import Recognizer
from runtime_bundle import GAP_SECONDS, TONE_SECONDS, say

LETTER = TONE_SECONDS + GAP_SECONDS
PAUSE = 0.3


@pytest.fixture(scope="module")
def recognizer(runtime_bundle: Path) -> Recognizer:
    return Recognizer.load(runtime_bundle)


def starts_of(text: str) -> list[float]:
    """Seconds at which `say(text)` says each word."""
    starts, now = [], PAUSE
    for word in text.split():
        starts.append(now - LEAD)
        now += (len(word) + 1) * LETTER
    return starts


def check(alignment: TextAlignment) -> None:
    """What is true of every alignment."""
    times = [time for word in alignment.words if word.start is not None for time in (word.start, word.end)]
    assert times == sorted(times)  # type: ignore[type-var]
    assert all(0 <= time <= alignment.duration for time in times if time is not None)
    assert all((word.start is None) == (word.end is None) for word in alignment.words)
    assert all(0 <= word.confidence <= 1 for word in alignment.words)


def test_words_as_the_text_has_them(recognizer: Recognizer) -> None:
    text = "Hello, you -- and\nGOOD day!"
    found = align_recording(recognizer, say("hello you and good day"), split_words(text, "basic"))
    check(found)
    assert [word.text for word in found.words] == ["Hello,", "you", "--", "and", "GOOD", "day!"]
    assert [word.line for word in found.words] == [1, 1, 1, 1, 2, 2]
    said = [word.start for word in found.words if word.start is not None]
    assert said == pytest.approx(starts_of("hello you and good day"), abs=0.041)
    dash = found.words[2]
    assert not dash.spoken and not dash.missing and dash.start is None
    assert found.extra == ()


def test_a_word_too_many_and_one_too_few(recognizer: Recognizer) -> None:
    text = "hello wonderful and good day"
    found = align_recording(recognizer, say("hello you and good extraordinary day"), split_words(text, "raw"))
    check(found)
    assert [word.text for word in found.words if word.missing] == ["wonderful"]
    assert any("extraordinary" in stretch.text for stretch in found.extra)
    hello, _, and_, good, day = (word.start for word in found.words)
    truth = starts_of("hello you and good extraordinary day")
    assert [hello, and_, good, day] == pytest.approx([truth[0], *truth[2:4], truth[5]], abs=0.041)


def test_digits_may_be_anything(recognizer: Recognizer) -> None:
    found = align_recording(recognizer, say("good eleven day"), split_words("good 11 day", "basic"))
    check(found)
    assert found.words[1].start == pytest.approx(starts_of("good eleven day")[1], abs=0.041)


def long_text(words: int, seed: int) -> list[str]:
    chance = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    known = ["".join(chance.choices(letters, k=chance.randint(2, 7))) for _ in range(words // 3)]
    return [chance.choice(known) for _ in range(words)]


def test_minutes_of_audio_with_faults(recognizer: Recognizer) -> None:
    said = long_text(400, 1)
    text = list(said)
    del text[150:160]  # said, and not in the text
    text[300:300] = ["zzzzz", "qqqq", "xxxxx"]  # in the text, and not said
    audio = say(" ".join(said))
    assert len(audio) / 16000 > 200
    found = align_recording(recognizer, audio, split_words(" ".join(text), "raw"))
    check(found)
    assert [word.text for word in found.words if word.missing] == ["zzzzz", "qqqq", "xxxxx"]
    truth = starts_of(" ".join(said))
    del truth[150:160]
    starts = [word.start for word in found.words if word.start is not None]
    assert starts == pytest.approx(truth, abs=0.061)
    assert any(stretch.end - stretch.start > 2 for stretch in found.extra)


def test_a_text_of_another_recording(recognizer: Recognizer) -> None:
    found = align_recording(
        recognizer, say(" ".join(long_text(150, 1))), split_words("zzzzzzz yyyyyyy xxxxxxx", "raw")
    )
    check(found)
    assert all(word.missing for word in found.words)


def test_what_cannot_be_aligned(recognizer: Recognizer) -> None:
    with pytest.raises(EarwrightError, match="spelled"):
        align_recording(recognizer, say("good day"), split_words("1 22 333", "raw"))
    with pytest.raises(EarwrightError, match="audio"):
        align_recording(recognizer, np.zeros(0, np.float32), split_words("good", "raw"))


def test_a_part_that_is_too_large_is_told(recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earwright.alignment.align.MOST_CELLS", 100)
    with pytest.raises(EarwrightError, match="same recording and language"):
        align_recording(recognizer, say("good day"), split_words("good day", "raw"))


def some_alignment(pairs: list[tuple[str, float | None]]) -> TextAlignment:
    words, now = [], 0.25
    for text, length in pairs:
        if length is None:
            words.append(AlignedWord(text, 1, None, None, 0.0))
        else:
            words.append(AlignedWord(text, 1, now, now + length, 0.5))
            now += length + (0.4 if length > 0.5 else 0.0)
    return TextAlignment(tuple(words), (), now + 0.5)


alignments = st.lists(
    st.tuples(st.text("abc\"'.é", min_size=1, max_size=6), st.one_of(st.none(), st.floats(0.04, 1.0)))
).map(some_alignment)


@given(alignments)
def test_subtitles_hold_every_word_that_was_said(alignment: TextAlignment) -> None:
    transcript = as_transcript(alignment)
    said = [word.text for word in alignment.words if word.start is not None]
    assert [word.text for word in transcript.words] == said
    assert transcript.text.split() == [part for text in said for part in text.split()]
    for name, write in FORMATS.items():
        assert write(alignment, "a name") or name in ("ctm", "srt")


def test_textgrid_and_ctm_are_read_as_they_were_written(tmp_path: Path, recognizer: Recognizer) -> None:
    import soundfile

    audio = say("hello you and good day")
    found = align_recording(recognizer, audio, split_words('Hello "you" and good day.', "basic"))
    soundfile.write(tmp_path / "a.wav", audio, 16000)
    write_alignment(found, tmp_path, "a", ["ctm", "textgrid"])
    for name in ("ctm", "textgrid"):
        rows = list(find_format(name).read(tmp_path))
        assert all(isinstance(row, Row) for row in rows), rows
        assert " ".join(row.text for row in rows).replace("  ", " ") in ('Hello "you" and good day.',)
        assert rows[0].start == pytest.approx(found.words[0].start, abs=0.002)


def test_json_has_what_was_not_said() -> None:
    found = json.loads(to_json(some_alignment([("a", 0.2), ("b", None)]), "x"))
    assert found["words"][1] == {
        "word": "b", "line": 1, "start": None, "end": None, "confidence": 0.0, "missing": True
    }  # fmt: skip
    assert "missing" not in found["words"][0]


def test_silence_has_no_text() -> None:
    grid = to_textgrid(some_alignment([("a", 0.6), ("b", 0.2)]), "x")
    assert 'text = ""' in grid and grid.count('name = "') == 2
    assert to_ctm(some_alignment([("a", None)]), "x") == ""
