"""Aligned recordings cut at pauses."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.alignment import AlignedWord, Extra, TextAlignment
from earwright.alignment.utterances import CuttingOptions, cut_utterances
from earwright.errors import EarwrightError

PLAIN = CuttingOptions(pause=0.2, longest=10.0, least_confidence=0.3, margin=0.1)


def recording(*sounds: str) -> TextAlignment:
    """Words of 0.4 s with 0.05 s between them; "|" is a pause of 0.6 s, "_" one of 5 s.

    "-word" was not said, "+speech" is not in the text, "?word" is doubtful, ":" is a dash.
    """
    words, extra, now = [], [], 1.0
    for sound in sounds:
        if sound in "|_":
            now += 0.6 if sound == "|" else 5.0
        elif sound[0] in "-:":
            words.append(AlignedWord(sound.strip("-"), 1, None, None, 0.0, sound[0] == "-"))
        else:
            if sound[0] == "+":
                extra.append(Extra(now, now + 0.4, sound[1:]))
            else:
                sure = 0.05 if sound[0] == "?" else 0.9
                words.append(AlignedWord(sound.strip("?"), 1, now, now + 0.4, sure))
            now += 0.45
    return TextAlignment(tuple(words), tuple(extra), now + 1.0)


def cut(*sounds: str, options: CuttingOptions = PLAIN) -> list[tuple[str, str]]:
    return [(one.text, one.reason) for one in cut_utterances(recording(*sounds), options)]


def test_what_is_right_is_put_together() -> None:
    assert cut("a", "b", "|", "c") == [("a b c", "")]
    (one,) = cut_utterances(recording("a", "b", "|", "c"), PLAIN)
    assert (one.start, one.end) == pytest.approx((0.9, 3.0))


def test_a_long_silence_parts() -> None:
    assert cut("a", "_", "b") == [("a", ""), ("b", "")]


def test_faults_take_the_stretch_between_pauses_with_them() -> None:
    assert cut("a", "|", "b", "-x", "c", "|", "d") == [("a", ""), ("b c", "text-not-said"), ("d", "")]
    assert cut("a", "|", "b", "+um", "c", "|", "d") == [("a", ""), ("b c", "speech-without-text"), ("d", "")]
    assert cut("a", "|", "b", "+um", "|", "c") == [("a", ""), ("b", "speech-without-text"), ("c", "")]
    assert cut("a", "|", "?b", "|", "c") == [("a", ""), ("b", "unsure"), ("c", "")]


def test_faults_within_a_pause_stand_alone() -> None:
    assert cut("a", "-x", "|", "b") == [("a", ""), ("x", "text-not-said"), ("b", "")] or cut(
        "a", "-x", "|", "b"
    ) == [("a b", ""), ("x", "text-not-said")]
    assert ("", "speech-without-text") in cut("a", "|", "+um", "|", "b")
    assert cut("-x", "a") == [("x", "text-not-said"), ("a", "")]
    assert cut("a", "-x") == [("a", ""), ("x", "text-not-said")]


def test_signs_stay_with_their_words() -> None:
    assert cut("a", ":", "b", "|", ":", "c", ":") == [("a : b : c :", "")]


def test_long_speech_is_cut_or_left_out() -> None:
    words = [f"w{n}" for n in range(30)]
    assert cut(*words) == [(" ".join(words), "no-pause")]
    paused = [part for word in words for part in (word, "|")]
    found = cut_utterances(recording(*paused), PLAIN)
    assert " ".join(one.text for one in found) == " ".join(words)
    assert all(one.end - one.start <= PLAIN.longest and not one.reason for one in found)


def test_nothing() -> None:
    assert cut_utterances(TextAlignment((), (), 3.0)) == []
    assert cut("-x", "-y") == [("x y", "text-not-said")]
    assert cut("+um") == [("", "speech-without-text")]


@given(st.lists(st.sampled_from(["a", "b", "|", "_", "-x", "+um", "?c", ":"]), max_size=30))
def test_every_word_comes_back_once_and_usable_audio_has_no_fault(sounds: list[str]) -> None:
    alignment = recording(*sounds)
    found = cut_utterances(alignment, PLAIN)
    told = [word for one in found for word in one.text.split() if word not in ":x"]
    assert told == [word.text for word in alignment.words if word.start is not None]
    missing = [one.detail.split(": ")[-1].split() for one in found if one.reason == "text-not-said"]
    assert sum(map(len, missing)) == sum(word.missing for word in alignment.words)
    usable = [one for one in found if not one.reason]
    assert all(0 <= one.start < one.end <= alignment.duration for one in usable)
    assert all(a.end <= b.start + 1e-9 for a, b in itertools.pairwise(usable))
    for one in usable:
        inside = [w for w in alignment.words if w.start is not None and one.start <= w.start < one.end]
        assert [w.text for w in inside] == [w for w in one.text.split() if w != ":"]
        assert not any(one.start < stretch.end and stretch.start < one.end for stretch in alignment.extra)
        assert one.confidence >= PLAIN.least_confidence / 2


@pytest.mark.parametrize(
    ("options", "said"),
    [({"pause": 0.0}, "pause"), ({"longest": 0.5}, "longest"), ({"least_confidence": 2.0}, "confidence")],
)
def test_options_that_make_no_sense(options: dict[str, float], said: str) -> None:
    with pytest.raises(EarwrightError, match=said):
        CuttingOptions(**options)
