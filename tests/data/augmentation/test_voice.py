"""Speed, tempo, pitch: lengths, frequencies, and where the syllables are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.augmentation.signals import RATE, envelope, lag, speech
from earwright.audio.read import resample
from earwright.data.augmentation.voice import change_voice, play_at_speed, stretch


def frequency(samples: np.ndarray) -> float:
    """Of the strongest sine."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 17))
    return float(np.argmax(spectrum)) * RATE / (1 << 17)


def test_a_speed_alone_is_a_resampling_to_the_bit() -> None:
    samples = speech()
    for speed in (0.9, 1.0, 1.1):
        expected = samples if speed == 1.0 else resample(samples, round(RATE * speed), RATE)
        assert np.array_equal(change_voice(samples, RATE, speed=speed), expected)
        assert np.array_equal(play_at_speed(samples, speed, RATE), expected)


@given(st.floats(0.5, 2.0), st.floats(100, 3000))
@settings(max_examples=25, deadline=None)
def test_stretching_keeps_the_pitch(factor: float, hertz: float) -> None:
    tone = (0.3 * np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE)).astype(np.float32)
    longer = stretch(tone, round(RATE * factor), RATE)
    assert len(longer) == round(RATE * factor) and longer.dtype == np.float32
    middle = longer[1000:-1000]
    assert frequency(middle) == pytest.approx(hertz, rel=0.01, abs=3)
    # Windows that go on from one another add up to a tone of even loudness.
    assert np.sqrt(np.square(middle).mean()) == pytest.approx(0.3 / np.sqrt(2), rel=0.1)


@given(st.integers(0, 400), st.integers(0, 800))
@settings(max_examples=40, deadline=None)
def test_lengths_are_kept_however_short(samples: int, length: int) -> None:
    assert len(stretch(speech(1.0)[:samples], length, RATE)) == length


@pytest.mark.parametrize("semitones", [-4, -1, 2, 5])
def test_a_pitch_moves_frequencies_and_no_syllable(semitones: float) -> None:
    factor = 2 ** (semitones / 12)
    tone = (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)
    assert frequency(change_voice(tone, RATE, pitch=factor)[1000:-1000]) == pytest.approx(
        440 * factor, rel=0.01
    )
    samples = speech(3.0)
    heard = change_voice(samples, RATE, pitch=factor)
    assert len(heard) == len(samples)
    assert abs(lag(envelope(heard), envelope(samples))) <= 1  # 5 ms; a window may lie 8 ms off


@pytest.mark.parametrize(("speed", "tempo", "pitch"), [(1.0, 0.8, 1.0), (1.1, 1.1, 0.9), (0.9, 1.3, 1.2)])
def test_a_tempo_scales_the_times_of_syllables(speed: float, tempo: float, pitch: float) -> None:
    samples = np.zeros(3 * RATE, np.float32)
    places = [0.4, 1.1, 1.9, 2.5]  # seconds
    for place in places:
        burst = np.random.default_rng(1).normal(0, 0.2, 800)
        samples[round(place * RATE) : round(place * RATE) + 800] = burst
    heard = change_voice(samples, RATE, speed=speed, tempo=tempo, pitch=pitch)
    assert len(heard) == pytest.approx(len(samples) / (speed * tempo), abs=1)
    for place in places:
        around = round((place + 0.025) / speed / tempo * RATE)
        part = np.square(heard[around - 1600 : around + 1600])
        centre = (part * np.arange(len(part))).sum() / part.sum()
        assert centre == pytest.approx(1600, abs=0.009 * RATE)
    silent = np.square(heard[round(0.7 / speed / tempo * RATE) : round(1.0 / speed / tempo * RATE)])
    assert silent.max() == 0
