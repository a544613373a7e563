"""The equalizer: tones in the middle of an octave get its decibels, and nothing comes late."""

from __future__ import annotations

import numpy as np
import pytest

from earwright.audio.filters import OCTAVES, equalize

RATE = 16000


@pytest.mark.parametrize("number", range(1, len(OCTAVES) - 1))
def test_a_tone_is_as_much_louder_as_its_octave(number: int) -> None:
    decibels = np.random.default_rng(number).uniform(-12, 12, len(OCTAVES))
    time = np.arange(2 * RATE) / RATE
    tone = np.sin(2 * np.pi * OCTAVES[number] * time).astype(np.float32)
    heard = equalize(tone, RATE, decibels)
    inside = slice(RATE // 2, -RATE // 2)
    assert len(heard) == len(tone) and heard.dtype == np.float32
    # The same wave, phase and all, times one factor.
    expected = tone[inside] * 10 ** (decibels[number] / 20)
    assert np.abs(heard[inside] - expected).max() < 0.01 * np.abs(expected).max()


def test_even_octaves_change_the_level_alone() -> None:
    noise = np.random.default_rng(0).standard_normal(3000).astype(np.float32)
    assert np.allclose(equalize(noise, 8000, [6.0] * len(OCTAVES)), noise * 10 ** (6 / 20), atol=1e-4)
    assert len(equalize(noise[:0], 8000, [6.0] * len(OCTAVES))) == 0
