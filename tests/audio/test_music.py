"""Made music: as loud as it says, the same with the same seed, at its pitch, and not aliased."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earwright.audio.music import HIGHEST, _note, draw_instrument, music


@given(st.integers(0, 60_000), st.sampled_from([8000, 16000, 44100]), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_it_is_as_long_and_as_loud_as_it_says(length: int, rate: int, seed: int) -> None:
    heard = music(length, rate, np.random.default_rng(seed))
    assert heard.shape == (length,) and heard.dtype == np.float32 and np.isfinite(heard).all()
    if heard.any():
        assert np.square(heard, dtype=np.float64).mean() == pytest.approx(1.0, rel=1e-3)
    assert np.array_equal(heard, music(length, rate, np.random.default_rng(seed)))


def test_no_two_draws_are_alike() -> None:
    drawn = [music(16000, 16000, np.random.default_rng(seed)) for seed in range(20)]
    products = np.corrcoef([np.abs(np.fft.rfft(samples)) for samples in drawn])
    assert np.triu(products, 1).max() < 0.9


@given(st.floats(60, 1700), st.sampled_from([8000, 16000]), st.integers(0, 500))
@settings(max_examples=40, deadline=None)
def test_a_note_is_at_its_pitch(pitch: float, rate: int, seed: int) -> None:
    drawn = draw_instrument(rate, np.random.default_rng(seed))
    steady = replace(drawn, period=pure_tone(len(drawn.period)), vibrato=(0.0, 5.0), sustain=1.0)
    note = _note(steady, pitch, 1.0, rate)
    spectrum = np.abs(np.fft.rfft(note * np.hanning(len(note)), 8 * rate))
    assert np.argmax(spectrum) / 8 == pytest.approx(pitch, abs=0.5)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_no_harmonic_of_an_instrument_lies_beyond_half_of_the_rate(rate: int) -> None:
    for seed in range(200):
        drawn = draw_instrument(rate, np.random.default_rng(seed))
        spectrum = np.abs(np.fft.rfft(drawn.period))
        harmonics = int(np.flatnonzero(spectrum > 1e-4 * spectrum.max()).max())
        highest = 4 * drawn.lowest  # the octave of its highest step
        assert harmonics <= HIGHEST and (harmonics == 1 or harmonics * highest <= rate / 2)
        assert np.square(drawn.period).mean() == pytest.approx(1.0, rel=1e-3)


def test_a_plucked_note_dies_away_and_a_bowed_one_is_held() -> None:
    generator = np.random.default_rng(1)
    drawn = draw_instrument(16000, generator)
    loudness = {}
    for sustain in (0.0, 0.9):
        note = _note(replace(drawn, attack=0.01, decay=0.1, sustain=sustain), 220.0, 1.0, 16000)
        early, late = np.square(note[800:2400]).mean(), np.square(note[12000:14000]).mean()
        loudness[sustain] = late / early
    assert loudness[0.0] < 0.01 and loudness[0.9] > 0.5


def pure_tone(size: int) -> np.ndarray:
    return (np.sqrt(2) * np.sin(2 * np.pi * np.arange(size) / size)).astype(np.float32)
