"""Speech in rooms: against scipy's convolution, and what a room must leave alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.audio.mix import speech_power
from earwright.audio.rooms import align_to_direct_path, reverberate

RATE = 16000


def noise(length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, length).astype(np.float32)


def room(length: int, delay: int, seed: int = 1) -> np.ndarray:
    """A direct path after a delay, with a tail that dies away."""
    ir = np.zeros(delay + length, np.float32)
    ir[delay:] = noise(length, seed) * np.exp(-np.arange(length) / (length / 5))
    ir[delay] = -0.9
    return ir


@given(st.integers(0, 500), st.integers(1, 4000), st.integers(1, 3000))
def test_it_is_a_convolution_from_the_direct_path_on(delay: int, tail: int, length: int) -> None:
    scipy_signal = pytest.importorskip("scipy.signal")
    samples, ir = noise(length), room(tail, delay)
    found = reverberate(samples, align_to_direct_path(ir))
    expected = scipy_signal.fftconvolve(samples.astype(float), ir[delay:].astype(float))[:length]
    scale = np.vdot(found, expected) / np.vdot(expected, expected)
    np.testing.assert_allclose(found, scale * expected, atol=1e-4 * np.abs(expected).max() * abs(scale))
    assert found.dtype == np.float32 and len(found) == length


@given(st.floats(0.001, 20), st.integers(0, 400))
def test_as_loud_and_at_the_same_time_as_before(loud: float, delay: int) -> None:
    samples = np.concatenate([noise(RATE), np.zeros(RATE, np.float32)])
    found = reverberate(samples, align_to_direct_path(loud * room(2000, delay)))
    assert speech_power(found, RATE) == pytest.approx(speech_power(samples, RATE), rel=1e-3)
    lags = np.correlate(np.abs(found[:4000]), np.abs(samples[:3500]), "valid")
    assert lags.argmax() == 0


def test_a_room_without_walls_changes_nothing() -> None:
    samples, ir = noise(RATE), np.zeros(300, np.float32)
    ir[120] = 0.25
    np.testing.assert_allclose(reverberate(samples, align_to_direct_path(ir)), samples, atol=1e-6)


def test_silence_stays_silent() -> None:
    silent = np.zeros(100, np.float32)
    assert not reverberate(silent, room(50, 5)).any()
    np.testing.assert_array_equal(reverberate(noise(100), silent), noise(100))
