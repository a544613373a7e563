"""Words over music: what comes too slowly to be speech is rejected, and speech is not."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright import Recognizer
from earwright.bundle import Bundle, write_bundle
from earwright.cli.main import main
from earwright.decoding import BeamDecoder, Grammar, GreedyDecoder
from earwright.evaluation.nothing import Kind, hear_nothing
from earwright.pace import LEAST, SURE, Pace, letters
from earwright.transcribing import PAUSE, segments_of, spoken_segments
from earwright.transcript import Segment, Transcript, Word
from earwright.writers import WRITERS, Layout
from runtime_bundle import META, RATE, bundle_files, encoder_graph, say

READ = Pace(9.0, 3.7)  # of LibriSpeech's readers
HEARD = {**Pace(8.0, 4.0).to_dict(), "noise_alone": True}
# Heard in music by a small recognizer: word, start, end, confidence.
MUSIC = (
    ("d", 0.2, 0.3, 0.4), ("o", 0.9, 1.0, 0.5), ("e", 1.8, 1.9, 0.4), ("si", 2.2, 2.9, 0.3),
    ("a", 3.4, 3.5, 0.5), ("teo", 4.1, 5.3, 0.4), ("o", 6.0, 6.1, 0.5),
)  # fmt: skip
# Read by a woman, heard through a loud noise.
NOISY = (
    ("he", 0.3, 0.4, 0.4), ("hop", 0.5, 0.7, 0.3), ("ther", 0.7, 0.9, 0.3), ("wod", 0.9, 1.1, 0.4),
    ("be", 1.2, 1.3, 0.5), ("stu", 1.3, 1.6, 0.3), ("for", 1.8, 2.0, 0.4), ("diner", 2.0, 2.4, 0.2),
)  # fmt: skip


def said(rows: Sequence[tuple[str, float, float, float]]) -> list[Word]:
    return [Word(*row) for row in rows]


words_lists = st.lists(
    st.tuples(
        st.text("abcdefgh", min_size=1, max_size=12),
        st.floats(0.02, 3.0),
        st.floats(0.0, PAUSE),
        st.floats(0.0, 1.0),
    ),
    min_size=1,
    max_size=12,
)


def laid(rows: Sequence[tuple[str, float, float, float]], stretch: float = 1.0) -> list[Word]:
    """Words of so many seconds, with so many between, all of it stretched."""
    found: list[Word] = []
    for text, length, gap, confidence in rows:
        start = found[-1].end + stretch * gap if found else 0.0
        found.append(Word(text, start, start + stretch * length, confidence))
    return found


def test_letters_over_music_are_not_speech_and_letters_through_noise_are() -> None:
    assert READ.likeness(said(MUSIC)) < LEAST / 2
    assert not READ.fits(said(MUSIC))
    assert READ.likeness(said(NOISY)) > 1.5 * LEAST
    assert READ.fits(said(NOISY))


@pytest.mark.parametrize("text", ["no", "oh", "yes", "zero"])
def test_one_word_alone_is_speech_and_one_letter_that_it_doubts_is_not(text: str) -> None:
    assert READ.fits([Word(text, 1.0, 1.0 + 0.07 * len(text), 0.2)])
    assert READ.fits([Word(text, 1.0, 1.4, 0.2)])
    assert not READ.fits([Word("o", 1.0, 1.04, 0.2)])
    assert READ.fits([Word("o", 1.0, 1.04, SURE)])


@pytest.mark.parametrize("text", ["好的", "谢谢", "不知道"])
def test_a_short_answer_is_speech_where_nothing_parts_words(text: str) -> None:
    """A whole utterance is one word there."""
    assert Pace(4.5, 9.0).fits([Word(text, 1.0, 1.0 + len(text) / 4.5, 0.45)])


def test_what_is_sure_was_spoken_however_slowly() -> None:
    spelled = [Word(letter, 0.8 * place, 0.8 * place + 0.04, 0.9) for place, letter in enumerate("earwright")]
    assert READ.fits(spelled)
    assert not READ.fits([replace(word, confidence=SURE - 0.01) for word in spelled])


def test_words_dictated_with_pauses_are_speech_though_it_doubts_them() -> None:
    digits = ("one", "two", "three", "four", "five", "six", "seven")
    dictated = [Word(text, 0.9 * n, 0.9 * n + 0.07 * len(text), 0.3) for n, text in enumerate(digits)]
    assert READ.fits(dictated)


def test_a_word_that_lasts_for_seconds_is_none() -> None:
    assert not READ.fits([Word("aiaooi", 0.0, 7.6, 0.3)])


@given(words_lists, st.floats(1.0, 20.0))
def test_likeness_is_a_share_and_falls_as_words_slow_down(
    rows: list[tuple[str, float, float, float]], slower: float
) -> None:
    fast, slow = READ.likeness(laid(rows)), READ.likeness(laid(rows, slower))
    assert 0.0 <= slow <= fast + 1e-12 <= 1.0 + 1e-9


@given(words_lists, st.floats(0.1, 10.0))
def test_likeness_knows_no_unit_of_time(rows: list[tuple[str, float, float, float]], factor: float) -> None:
    other = Pace(READ.letters_per_second / factor, READ.letters_per_word)
    assert other.likeness(laid(rows, factor)) == pytest.approx(READ.likeness(laid(rows)))


def test_the_pace_of_utterances_is_that_of_the_slow_ones() -> None:
    texts, seconds = ["aa bb"] * 95 + ["a b"] * 5 + ["", "c"], [1.0] * 100 + [3.0, 0.0]
    found = Pace.of(texts, seconds)
    paces = [letters(text) / length for text, length in zip(texts[:100], seconds[:100], strict=True)]
    assert found is not None
    assert found.letters_per_second == pytest.approx(np.quantile(paces, 0.05))
    assert found.letters_per_word == pytest.approx(np.quantile([2.0] * 95 + [1.0] * 5, 0.05))
    assert Pace.of(["", "c"], [1.0, 0.0]) is None
    assert Pace.of([], []) is None


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"letters_per_second": 9.0},
        {"letters_per_second": 0.0, "letters_per_word": 4.0},
        {"letters_per_second": "9", "letters_per_word": 4.0},
        {"letters_per_second": float("nan"), "letters_per_word": 4.0},
        {"letters_per_second": 9.0, "letters_per_word": float("inf")},
        {"letters_per_second": 10**400, "letters_per_word": 4.0},
        {"letters_per_second": True, "letters_per_word": 4.0},
    ],
)
def test_a_bundle_that_says_no_pace_or_an_impossible_one_has_none(table: dict[str, float]) -> None:
    assert Pace.from_dict(table) is None
    assert Pace.from_dict(READ.to_dict()) == READ


def test_rejected_words_leave_a_segment_without_them_in_its_place() -> None:
    later = [replace(word, start=word.start + 20, end=word.end + 20) for word in said(NOISY)]
    found = segments_of([*said(MUSIC), *later])
    first, second = spoken_segments(found, READ, found)
    assert first.rejected and not first.text and not first.words
    assert (first.start, first.end) == (MUSIC[0][1], MUSIC[-1][2])
    assert 0 < first.confidence < SURE
    assert (second,) == segments_of(later)
    transcript = Transcript(second.text, (first, second), 30.0)
    assert Transcript.from_dict(json.loads(json.dumps(transcript.to_dict()))) == transcript


def test_only_json_tells_of_what_was_rejected() -> None:
    word = Word("hello", 3.0, 4.0, 1.0)
    segments = (
        Segment("", 0.0, 2.0, confidence=0.3, rejected=True),
        Segment("hello", 3.0, 4.0, (word,), 1.0),
    )
    transcript = Transcript("hello", segments, 5.0)
    found = {name: write(transcript, Layout()) for name, write in WRITERS.items()}
    told = json.loads(found.pop("json"))["segments"]
    assert [one.get("rejected") for one in told] == [True, None]
    assert all(len(text.split("hello")) == 2 for text in found.values())
    assert found["srt"].startswith("1\n00:00:03")


@pytest.fixture(scope="module")
def unsure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recognizer that hears every letter right and is sure of none."""
    path = tmp_path_factory.mktemp("bundles") / "unsure.ear"
    meta = replace(META, speech=HEARD)
    return write_bundle(path, meta, bundle_files(encoder=encoder_graph(sharpness=1200.0)))


def slowly(text: str) -> npt.NDArray[np.float32]:
    """Its characters 0.4 s apart."""
    return np.concatenate([say(character, pause=0.15) for character in text])


SPEECH_AND_MORE = np.concatenate([say("hello you"), np.zeros(2 * RATE, np.float32), slowly(" a b c d")])


def test_a_recognizer_rejects_what_nobody_speaks(unsure: Path) -> None:
    recognizer = Recognizer.load(unsure, threads=1)
    assert recognizer.pace == Pace(8.0, 4.0)
    transcript = recognizer.transcribe(SPEECH_AND_MORE)
    assert transcript.text == "hello you"
    assert [segment.rejected for segment in transcript.segments] == [False, True]
    assert transcript.segments[1].start > 2.5
    assert transcript.segments[0].confidence < SURE  # it doubts the speech, too
    recognizer.pace = None
    assert recognizer.transcribe(SPEECH_AND_MORE).text == "hello you a b c d"


def test_a_beam_and_key_terms_are_judged_by_what_a_greedy_search_finds(unsure: Path) -> None:
    search = {"method": "beam", "beam": 8, "confidence_temperature": 0.01}
    meta = replace(META, speech=HEARD, search=search)
    files = bundle_files(encoder=encoder_graph(sharpness=6000.0))  # sure, whatever a lattice says
    recognizer = Recognizer.load(write_bundle(unsure.parent / "beam.ear", meta, files), threads=1)
    assert isinstance(recognizer.decoder, BeamDecoder)
    assert recognizer.transcribe(SPEECH_AND_MORE).text == "hello you a b c d"
    greedy = write_bundle(unsure.parent / "greedy.ear", replace(meta, search={"method": "greedy"}), files)
    recognizer = Recognizer.load(greedy, threads=1)
    assert recognizer.transcribe(SPEECH_AND_MORE, keyterms=["zebra"]).text == "hello you a b c d"

    recognizer = Recognizer.load(unsure, threads=1)
    for keyterms in ([], ["zebra"]):
        recognizer.pace = READ
        recognizer.use_beam(keyterms=keyterms, lexicon=["hello", "you", "a", "b", "c", "d"])
        transcript = recognizer.transcribe(SPEECH_AND_MORE)
        assert transcript.text.startswith("hello ") and transcript.text.endswith(" you")
        assert [segment.rejected for segment in transcript.segments] == [False, True]
        recognizer.pace = None
        assert recognizer.transcribe(SPEECH_AND_MORE).text == f"{transcript.text} a b c d"


def test_a_segment_was_spoken_where_a_greedy_search_finds_any_speech() -> None:
    def made(text: str, start: float, end: float, confidence: float) -> Segment:
        word = Word(text, start, end, confidence)
        return Segment(text, start, end, (word,), confidence)

    beam = [made("is", 1.0, 1.2, 0.01), made("the day", 5.0, 6.0, 0.9), made("am", 9.0, 9.2, 0.6)]
    noise, more = made("i", 4.5, 5.5, 0.1), made("e", 8.9, 9.1, 0.1)  # doubted letters
    speech = made("day", 5.6, 6.0, 0.9)
    for plain, kept in (
        ([], ["the day", "am"]),  # those that the search itself is sure of
        ([noise], ["am"]),
        ([noise, speech, more], ["the day"]),
        ([made("is", 0.9, 1.1, 0.9), noise, more], ["is"]),
        ([made("is", 0.8, 1.0, 0.9), made("is", 1.2, 1.4, 0.9), noise, more], []),
    ):
        found = spoken_segments(beam, READ, plain)
        assert [one.text for one in found if not one.rejected] == kept
        assert [(one.start, one.end) for one in found] == [(one.start, one.end) for one in beam]
        assert all(one.text == "" and one.words == () for one in found if one.rejected)


def test_each_piece_is_judged_in_its_own_time_and_for_each_decoder(unsure: Path) -> None:
    recognizer = Recognizer.load(unsure, threads=1)
    recognizer.use_beam(lexicon=["hello", "you", "a", "b", "c", "d"], nbest=3)
    pause = np.zeros(RATE, np.float32)
    # Pieces are at most 20 s: what nobody spoke is in the first, and speech in the last alone.
    audio = np.concatenate(
        [slowly(" a b c d"), *[pause] * 17, say("hello you"), *[pause] * 18, say("hello you")]
    )
    ((beam, greedy),) = recognizer.transcribe_ways([audio], [recognizer.decoder, GreedyDecoder()])
    assert isinstance(beam, Transcript) and isinstance(greedy, Transcript)
    for found in (beam, greedy):
        assert [segment.rejected for segment in found.segments] == [True, False, False]
    assert greedy.text == "hello you hello you"
    assert beam.segments[2].start > 36
    alone = recognizer.transcribe(slowly(" a b c d"))
    assert alone.text == "" and [one.rejected for one in alone.segments] == [True]
    assert alone.alternatives == () and len(recognizer.transcribe(say("hello you")).alternatives) == 1


def test_tuned_confidences_change_no_verdict(unsure: Path) -> None:
    verdicts = []
    for name, temperature in (("sharp", 0.1), ("flat", 10.0)):
        search = {"method": "greedy", "confidence_temperature": temperature}
        meta = replace(META, speech=HEARD, search=search)
        files = bundle_files(encoder=encoder_graph(sharpness=1200.0))
        recognizer = Recognizer.load(write_bundle(unsure.parent / f"{name}.ear", meta, files), threads=1)
        found = recognizer.transcribe(SPEECH_AND_MORE)
        verdicts.append([one.rejected for one in found.segments])
        assert recognizer.temperature == temperature
    assert verdicts == [[False, True]] * 2


def test_a_grammar_judges_by_itself(unsure: Path) -> None:
    recognizer = Recognizer.load(unsure, threads=1)
    recognizer.use_beam(grammar=Grammar.of_phrases(["a b c d"]), options={"rejection": math.inf})
    assert recognizer.transcribe(slowly("a b c d")).text == "a b c d"


def test_who_is_sure_or_has_no_pace_or_never_heard_noise_alone_writes_everything(tmp_path: Path) -> None:
    sure = write_bundle(
        tmp_path / "sure.ear", replace(META, speech={**READ.to_dict(), "noise_alone": True}), bundle_files()
    )
    files = bundle_files(encoder=encoder_graph(sharpness=1200.0))
    old = write_bundle(tmp_path / "old.ear", META, files)
    speech_alone = replace(META, speech={**HEARD, "noise_alone": False})
    assert Bundle.open(old).meta.speech == {}
    for path in (sure, old, write_bundle(tmp_path / "speech.ear", speech_alone, files)):
        assert Recognizer.load(path, threads=1).transcribe(slowly("a b c d")).text == "a b c d"


def test_words_that_are_rejected_are_not_counted_as_invented(unsure: Path) -> None:
    recognizer = Recognizer.load(unsure, threads=1)
    kind = Kind("music", lambda rate: [("one", slowly("a b c d"))])
    assert hear_nothing(recognizer, kind).words == 0
    recognizer.pace = None
    assert hear_nothing(recognizer, kind).words == 4


def test_the_command_line_keeps_them_if_it_is_told_to(
    unsure: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import soundfile

    soundfile.write(tmp_path / "slow.wav", slowly("a b c d"), RATE)
    command = ["transcribe", "-m", str(unsure), str(tmp_path / "slow.wav")]
    assert main(command) == 0
    captured = capsys.readouterr()
    assert captured.out == "" and "grammar" not in captured.err
    assert "1 segment was rejected" in captured.err and "--keep-unspoken" in captured.err
    soundfile.write(tmp_path / "again.wav", slowly("a b c d"), RATE)
    assert main([*command, str(tmp_path / "again.wav")]) == 0
    assert "2 segments were rejected" in capsys.readouterr().err
    assert main([*command, "--json"]) == 0
    captured = capsys.readouterr()
    assert not captured.err
    (segment,) = json.loads(captured.out)["segments"]
    assert segment["rejected"] and segment["text"] == "" and "score" not in segment
    assert main([*command, "--keep-unspoken"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "a b c d\n" and not captured.err
