"""The synthesizer's binding: the same arguments give the same samples, whatever was said before."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from earwright.data.synthesis.espeak import Voice, accents, speak, variants
from earwright.errors import EarwrightError

pytest.importorskip("espeakng_loader", reason="needs earwright[synthesize]")


def test_says_something_at_its_own_rate() -> None:
    samples, rate = speak("turn on the kitchen light", Voice("en-us", "f3"))
    assert rate == 22050
    assert samples.dtype == np.int16
    assert 0.8 * rate < len(samples) < 3 * rate
    assert np.abs(samples.astype(int)).max() > 1000


def test_what_was_said_before_changes_nothing() -> None:
    said = [
        (text, Voice(accent, variant, rate, 40, 60))
        for text, accent, variant, rate in [
            ("one two three", "en-us", "Gene", 150),
            ("set a timer", "en-gb-scotland", "Marco", 200),
            ("eins zwei drei", "de", "aunty", 130),
            ("zero", "en", "caleb", 175),  # caleb and Reed draw from C's rand()
            ("nine", "en-029", "Reed", 175),
        ]
    ]
    once = [speak(text, voice, seed=7)[0] for text, voice in said]
    again = [speak(text, voice, seed=7)[0] for text, voice in reversed(said)][::-1]
    for first, second in zip(once, again, strict=True):
        np.testing.assert_array_equal(first, second)


def test_settings_are_heard() -> None:
    slow, _ = speak("seven eight nine", Voice("en-us", "m1", rate=120))
    fast, _ = speak("seven eight nine", Voice("en-us", "m1", rate=210))
    assert len(slow) > 1.3 * len(fast)
    low, _ = speak("seven", Voice("en-us", "m1", pitch=20))
    high, _ = speak("seven", Voice("en-us", "m1", pitch=80))
    assert not np.array_equal(low, high)


@pytest.mark.parametrize("text", ["", "...", " ", "\0"])
def test_a_text_without_words_is_silent(text: str) -> None:
    samples, _ = speak(text, Voice("en-us", "f1"))
    assert not samples.any()


@pytest.mark.parametrize(
    "text", ["na\u00efve", "\u65e5\u672c", "\U0001f600 hello", "<b>x</b>", "[[h@loU]]", "a" * 5000]
)
def test_odd_texts_do_no_harm(text: str) -> None:
    samples, rate = speak(text, Voice("en-us", "f1"))
    assert rate == 22050
    assert samples.ndim == 1


def test_accents() -> None:
    english = accents("en")
    assert {"en-us", "en-gb-scotland", "en-029"} <= set(english)
    assert "en-shaw" not in english
    assert set(accents("en-gb")) < set(english)
    assert accents("EN-US") == accents("en-us")
    assert accents("de") == ["de"]
    with pytest.raises(EarwrightError, match=r"no language 'xx'.*\ben\b"):
        accents("xx")


def test_variants_sound_like_people() -> None:
    assert len(variants()) > 60
    assert "f1" in variants()
    assert not {"whisper", "robosoft", "UniRobot", "croak"} & set(variants())


def test_without_the_extra_the_message_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(EarwrightError, match=r"pip install 'earwright\[synthesize\]'"):
        speak("one", Voice("en-us", "f1"))
