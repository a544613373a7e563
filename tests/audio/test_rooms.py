"""Rooms and filters beside scipy's, and that words stay where they were said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from earwright.audio.filters import band_limit, convolve, fast_length
from earwright.audio.rooms import align_to_direct_path, read_responses, reverberate
from earwright.errors import EarwrightError

RATE = 16000


def room(delay: int, seconds: float = 0.3, direct: float = 1.0, seed: int = 0) -> np.ndarray:
    """Silence, the direct sound, and reflections that die away."""
    generator = np.random.default_rng(seed)
    length = round(seconds * RATE)
    tail = generator.normal(0, 0.1, length) * np.exp(-6.9 * np.arange(length) / length)
    tail[:80] = 0
    tail[0] = direct
    return np.concatenate([np.zeros(delay), tail]).astype(np.float32)


def lag(heard: np.ndarray, samples: np.ndarray) -> int:
    """By how much one is later than the other: the peak of their cross-correlation."""
    size = fast_length(2 * len(samples))
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(samples, size)), size)
    place = int(np.argmax(np.abs(product)))
    return place if place < size // 2 else place - size


@given(st.integers(1, 10_000))
def test_fast_lengths_suffice_and_are_of_small_factors(samples: int) -> None:
    size = fast_length(samples)
    assert samples <= size <= 2 * samples + 1
    for factor in (2, 3, 5):
        while size % factor == 0:
            size //= factor
    assert size == 1


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_folding_equals_scipy(samples: int, taps: int, seed: int) -> None:
    scipy_signal = pytest.importorskip("scipy.signal")
    generator = np.random.default_rng(seed)
    speech = generator.normal(0, 0.1, samples).astype(np.float32)
    response = generator.normal(0, 1, taps).astype(np.float32)
    expected = scipy_signal.fftconvolve(speech.astype(np.float64), response)[:samples]
    assert convolve(speech, response) == pytest.approx(expected, abs=1e-4)


@given(st.integers(0, 4000), st.floats(0.6, 3.0), st.integers(0, 20))
@settings(max_examples=30, deadline=None)
def test_the_direct_path_comes_first(delay: int, direct: float, seed: int) -> None:
    aligned = align_to_direct_path(room(delay, direct=direct, seed=seed))
    assert aligned[0] == pytest.approx(direct) and aligned.dtype == np.float32
    assert len(aligned) <= 0.3 * RATE


def test_a_reflection_that_is_louder_is_not_taken_for_the_direct_path() -> None:
    response = np.zeros(4000, np.float32)
    response[700], response[760] = 0.6, 1.0
    assert align_to_direct_path(response)[0] == pytest.approx(0.6)


def test_the_noise_behind_a_response_is_cut_off() -> None:
    response = np.concatenate([room(100), np.full(RATE, 1e-5)]).astype(np.float32)
    assert len(align_to_direct_path(response)) <= 0.3 * RATE


@given(st.integers(0, 3000), st.integers(0, 20))
@settings(max_examples=20, deadline=None)
def test_words_stay_at_their_times_in_a_room(delay: int, seed: int) -> None:
    samples = np.random.default_rng(seed).normal(0, 0.1, 2 * RATE).astype(np.float32)
    heard = reverberate(samples, align_to_direct_path(room(delay, seed=seed)))
    assert len(heard) == len(samples) and heard.dtype == np.float32
    assert lag(heard, samples) == 0
    assert np.square(heard).mean() == pytest.approx(np.square(samples).mean(), rel=1e-3)


def test_nothing_is_heard_before_it_is_said() -> None:
    samples = np.zeros(RATE, np.float32)
    samples[8000:] = np.random.default_rng(0).normal(0, 0.1, 8000)
    heard = reverberate(samples, align_to_direct_path(room(500)))
    assert np.abs(heard[:8000]).max() < 1e-6


def test_a_response_longer_than_the_speech_is_as_much_of_it_as_the_speech() -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 1000).astype(np.float32)
    response = room(0)
    assert reverberate(samples, response) == pytest.approx(reverberate(samples, response[:1000]), abs=1e-6)


def test_silence() -> None:
    silence = np.zeros(RATE, np.float32)
    for response in (silence, np.zeros(0, np.float32)):
        with pytest.raises(EarwrightError, match="impulse response is silent"):
            align_to_direct_path(response)
        with pytest.raises(EarwrightError, match="impulse response is silent"):
            reverberate(silence + 0.1, response)
    assert not reverberate(silence, room(0)).any()
    assert len(reverberate(np.zeros(0, np.float32), room(0))) == 0


@given(st.floats(200, 1000), st.floats(1500, 6000))
@settings(max_examples=20, deadline=None)
def test_a_band_is_kept_and_the_rest_is_not(low: float, high: float) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    kept = band_limit(samples, RATE, low, high)
    frequency = np.fft.rfftfreq(RATE, 1 / RATE)
    before, after = np.abs(np.fft.rfft(samples)), np.abs(np.fft.rfft(kept))
    inside = (frequency > 1.15 * low) & (frequency < 0.85 * high)
    outside = (frequency < 0.85 * low) | (frequency > 1.15 * high)
    assert np.square(after[inside]).sum() == pytest.approx(np.square(before[inside]).sum(), rel=0.02)
    assert np.square(after[outside]).sum() < 1e-3 * np.square(before[outside]).sum()
    assert lag(kept, samples) == 0 and len(kept) == len(samples)


def test_an_open_band_changes_nothing() -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 5000).astype(np.float32)
    assert band_limit(samples, RATE) == pytest.approx(samples, abs=1e-6)


def test_folders_of_responses(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "hall.wav", room(300), RATE)
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    soundfile.write(tmp_path / "song.wav", np.random.default_rng(0).normal(0, 0.1, 5 * RATE), RATE)
    (tmp_path / "broken.wav").write_bytes(b"RIFF of no use")
    skipped: dict[str, str] = {}
    read = read_responses([tmp_path], "all", RATE, lambda path, why: skipped.update({path.name: why}), 2.0)
    assert [background.path.name for background, _ in read] == ["hall.wav"]
    assert read[0][1][0] == pytest.approx(1.0, abs=1e-3)
    assert set(skipped) == {"silent.wav", "song.wav", "broken.wav"}
    assert "longer than the speech (2.0 s)" in skipped["song.wav"] and "silent" in skipped["silent.wav"]
    (tmp_path / "hall.wav").unlink()
    with pytest.raises(EarwrightError, match="every impulse response lasts longer than the speech"):
        read_responses([tmp_path], "all", RATE, lambda path, why: None, 2.0)
