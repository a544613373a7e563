"""Gain, clipping, bands, gaps and codecs: what they do, and that nothing comes late."""

from __future__ import annotations

import io
import shutil
import subprocess

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from data.augmentation.signals import RATE, lag, speech
from earwright.data.augmentation import codecs
from earwright.data.augmentation.channel import amplify, clip, cut_out, limit_band
from earwright.data.augmentation.options import BANDS, BandOptions, CodecOptions, CutoutOptions
from earwright.errors import EarwrightError


@given(st.floats(-60, 40))
def test_a_gain_is_in_decibels(decibels: float) -> None:
    samples = speech(0.5)
    louder = amplify(samples, decibels)
    found = 10 * np.log10(
        np.square(louder, dtype=np.float64).mean() / np.square(samples, dtype=np.float64).mean()
    )
    assert found == pytest.approx(decibels, abs=1e-3) and louder.dtype == np.float32


@given(st.floats(0, 0.9), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_so_many_samples_are_clipped(share: float, seed: int) -> None:
    samples = speech(0.5, seed)
    clipped = clip(samples, share)
    changed = clipped != samples
    assert changed.sum() == pytest.approx(share * len(samples), abs=2)
    assert np.abs(clipped).max() <= np.abs(samples).max()
    if changed.any():
        assert np.ptp(np.abs(clipped[changed])) == 0
    assert len(clip(samples[:0], share)) == 0 and np.array_equal(clip(samples[:1], share), samples[:1])


@pytest.mark.parametrize("kind", BANDS)
def test_bands_delay_nothing(kind: str) -> None:
    samples = speech()
    for seed in range(5):
        heard = limit_band(samples, RATE, BandOptions(1.0, (kind,)), np.random.default_rng(seed))
        assert lag(heard, samples) == 0 and len(heard) == len(samples) and heard.dtype == np.float32
        assert not np.allclose(heard, samples, atol=1e-4)


@given(st.integers(0, 4000), st.integers(1, 10), st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_gaps_take_at_most_a_fifth(length: int, gaps: int, seed: int) -> None:
    samples = np.ones(length, np.float32)
    options = CutoutOptions(1.0, (0.01, 1.0), (gaps, gaps))
    heard = cut_out(samples, RATE, options, np.random.default_rng(seed))
    assert set(np.unique(heard)) <= {0.0, 1.0}
    assert (heard == 0).sum() <= 0.2 * length
    assert samples.all(), "the input is left alone"
    if length > 10 * gaps:
        assert (heard == 0).any()


def test_mu_law_has_256_steps_whose_size_grows_with_the_signal() -> None:
    samples = np.linspace(-1, 1, 100_001, dtype=np.float32)
    decoded = codecs.mu_law(samples)
    assert len(np.unique(decoded)) == 256 and decoded.dtype == np.float32
    assert np.abs(decoded - samples).max() < 0.025
    quiet = np.abs(samples) < 0.01
    assert np.abs(decoded - samples)[quiet].max() < 4e-4
    assert np.array_equal(codecs.mu_law(np.float32([-3, 3])), codecs.mu_law(np.float32([-1, 1])))


@pytest.mark.skipif(shutil.which("sox") is None, reason="sox is not installed")
def test_mu_law_is_as_good_as_that_of_sox() -> None:
    """G.711 is the formula in segments of straight lines; both lose as much."""
    samples = speech(2.0, rate=8000)
    file = io.BytesIO()
    soundfile.write(file, samples, 8000, format="WAV", subtype="FLOAT")
    raw = subprocess.run(
        ["sox", "-V0", "-D", "-t", "wav", "-", "-t", "wav", "-e", "mu-law", "-"],
        input=file.getvalue(),
        capture_output=True,
        check=True,
    ).stdout
    theirs = soundfile.read(io.BytesIO(raw), dtype="float32", frames=len(samples))[0]
    ours = codecs.mu_law(samples)
    assert np.square(ours - samples).mean() == pytest.approx(np.square(theirs - samples).mean(), rel=0.15)
    assert np.abs(ours - theirs).max() < 0.05 * np.abs(samples).max() + 1e-3


CODED = [("mu_law", 0), *(("opus", r) for r in (6, 9, 16, 24)), *(("mp3", r) for r in (16, 24, 32, 48))]


@pytest.mark.parametrize("rate", [8000, 16000, 22050])
@pytest.mark.parametrize(("kind", "kilobits"), CODED)
def test_codecs_come_on_time_and_lose_something(kind: str, kilobits: int, rate: int) -> None:
    samples = speech(1.5, rate=rate)
    options = CodecOptions(1.0, (kind,), (kilobits or 6,) if kind == "opus" else (6,), (max(kilobits, 16),))
    heard = codecs.code(samples, rate, options, np.random.default_rng(0))
    assert len(heard) == len(samples) and heard.dtype == np.float32
    # Where a codec works at another rate than the recognizer, a sample of that rate is the grain.
    assert abs(lag(heard, samples)) <= (1 if rate in (8000, 16000) else 3)
    error = np.square(heard - samples).mean() / np.square(samples).mean()
    assert 1e-4 < error < 0.9


def test_low_rates_lose_more() -> None:
    samples = speech()

    def loss(heard: np.ndarray) -> float:
        return float(np.square(heard - samples).mean())

    assert loss(codecs.opus(samples, RATE, 6)) > loss(codecs.opus(samples, RATE, 24))
    assert loss(codecs.mp3(samples, RATE, 16)) > loss(codecs.mp3(samples, RATE, 64))


def test_what_is_too_loud_for_a_file_is_not_clipped() -> None:
    samples = 20 * speech(1.0)
    assert np.abs(samples).max() > 2
    for kind in ("mu_law", "opus", "mp3"):
        heard = codecs.code(samples, RATE, CodecOptions(1.0, (kind,), (24,), (64,)), np.random.default_rng(0))
        assert np.abs(heard).max() > 0.6 * np.abs(samples).max()


@pytest.mark.parametrize("rate", [RATE, 48000])  # of which a sample is none at 16 kHz
@pytest.mark.parametrize("length", [0, 1, 50, 400])
def test_codecs_of_very_little(length: int, rate: int) -> None:
    samples = speech()[:length]
    for kind in ("mu_law", "opus", "mp3"):
        heard = codecs.code(samples, rate, CodecOptions(1.0, (kind,)), np.random.default_rng(0))
        assert len(heard) == length and np.isfinite(heard).all()


def test_a_codec_that_is_missing_is_told_before_the_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    codecs.check_codecs(CodecOptions(), RATE)

    def refuse(*args: object, **kwargs: object) -> None:
        raise soundfile.LibsndfileError(1, "Format not recognised.")

    monkeypatch.setattr(soundfile, "write", refuse)
    with pytest.raises(
        EarwrightError, match=r'does not write opus .*; leave "opus" out of augment.codec.kinds'
    ):
        codecs.check_codecs(CodecOptions(), RATE)
