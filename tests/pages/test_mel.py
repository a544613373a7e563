"""The spectrogram to look at: tones, clicks, and whatever else there is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.pages.mel import hz_to_mel, mel_spectrogram


def test_a_tone_lies_in_its_band_and_a_click_in_its_column() -> None:
    bands = 64
    for hz in (200.0, 1000.0, 5000.0):
        tone = (0.5 * np.sin(2 * np.pi * hz * np.arange(32000) / 16000)).astype(np.float32)
        picture = mel_spectrogram(tone, 16000, bands)
        place = int(picture.mean(axis=1).argmax())
        assert place == pytest.approx(hz_to_mel(hz) / hz_to_mel(8000) * (bands + 1) - 1, abs=1)
    click = np.zeros(32000, np.float32)
    click[24000] = 1.0
    picture = mel_spectrogram(click, 16000, bands)
    assert picture.mean(axis=0).argmax() == pytest.approx(0.75 * picture.shape[1], abs=4)


@given(
    st.integers(1, 5000),
    st.sampled_from([1, 50, 8000, 11025, 48000, 192000]),
    st.sampled_from([0.0, 1e-9, 1e-3, 1.0, 50.0]),
)
def test_anything_can_be_drawn(length: int, rate: int, scale: float) -> None:
    samples = (scale * np.random.default_rng(length).normal(size=length)).astype(np.float32)
    picture = mel_spectrogram(samples, rate)
    assert picture.shape[0] == 64 and 1 <= picture.shape[1] <= 481 and np.isfinite(picture).all()
