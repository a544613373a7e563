"""Measures against signals whose level, band, clipping and noise are known, and against P.56."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from earwright.audio.read import read_audio, resample
from earwright.data.preparation.measure import (
    bandwidth,
    clipped_share,
    measure,
    speech_level,
)

CLIPS = sorted((Path(__file__).parents[1] / "librispeech").rglob("*.opus"))
Array = npt.NDArray[np.float32]


def sine(hz: float, amplitude: float, seconds: float = 2.0, rate: int = 16000) -> Array:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def noise(seconds: float, rate: int, below: float | None = None, seed: int = 0) -> Array:
    """White noise of power 0.01; with `below`, nothing at all from that frequency in Hz on."""
    samples = np.random.default_rng(seed).normal(0.0, 0.1, round(seconds * rate))
    if below is not None:
        spectrum = np.fft.rfft(samples)
        spectrum[np.fft.rfftfreq(len(samples), 1 / rate) >= below] = 0
        samples = np.fft.irfft(spectrum, len(samples))
    return samples.astype(np.float32)


def coded(samples: Array, rate: int, container: str, subtype: str) -> Array:
    """What is left of samples after they were written to a file."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype, format=container)
    file.seek(0)
    return read_audio(file, None)


def active_speech_level(samples: Array, rate: int) -> float:
    """ITU-T P.56, method B, as its flow chart has it: sample by sample, thresholds a factor of 2 apart."""
    decay = math.exp(-1 / (0.03 * rate))
    hangover = math.ceil(0.2 * rate)
    thresholds = 2.0 ** np.arange(-15, 0)
    activity, since = np.zeros(15), np.full(15, hangover)
    p = q = 0.0
    for sample in np.abs(samples.astype(np.float64)):
        p = decay * p + (1 - decay) * sample
        q = decay * q + (1 - decay) * p
        since = np.where(q >= thresholds, 0, since + 1)
        activity += since < hangover
    levels = 10 * np.log10(np.square(samples, dtype=np.float64).sum() / np.maximum(activity, 1e-9))
    margins = levels - 20 * np.log10(thresholds)
    place = int(np.flatnonzero(margins <= 15.9)[0])
    share = (margins[place - 1] - 15.9) / (margins[place - 1] - margins[place])
    return float(levels[place - 1] + share * (levels[place] - levels[place - 1]))


@pytest.mark.parametrize("amplitude", [1.0, 0.5, 0.01])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_a_sine_has_the_level_of_its_formula(amplitude: float, rate: int) -> None:
    measures = measure(sine(440, amplitude, 3.0, rate), rate)
    assert measures.level == pytest.approx(20 * math.log10(amplitude / math.sqrt(2)), abs=0.1)
    assert measures.peak == pytest.approx(20 * math.log10(amplitude), abs=0.02)
    assert measures.dc_offset == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("path", CLIPS, ids=lambda path: path.stem)
def test_the_level_is_that_of_the_recommendation(path: Path) -> None:
    samples = read_audio(path)
    level = speech_level(samples, 16000)
    assert level == pytest.approx(active_speech_level(samples, 16000), abs=0.3)


def test_silence_around_speech_does_not_change_its_level() -> None:
    samples = read_audio(CLIPS[0])
    level = speech_level(samples, 16000)
    padded = np.pad(samples, 10 * 16000)
    assert speech_level(padded, 16000) == pytest.approx(level, abs=0.5)
    # The plain RMS would fall by this much.
    assert 10 * math.log10(len(samples) / len(padded)) < -7


@given(st.floats(0.01, 10.0))
def test_twice_as_loud_is_6_decibels_more(gain: float) -> None:
    samples = read_audio(CLIPS[1])
    quiet, loud = measure(0.1 * samples, 16000), measure(np.float32(0.1 * gain) * samples, 16000)
    assert quiet.level is not None and loud.level is not None and quiet.peak and loud.peak
    assert loud.level - quiet.level == pytest.approx(20 * math.log10(gain), abs=0.1)
    assert loud.peak - quiet.peak == pytest.approx(20 * math.log10(gain), abs=0.01)


@pytest.mark.parametrize(
    ("rate", "edge"), [(8000, 3400), (16000, 3400), (16000, 5800), (44100, 11025), (48000, 20000)]
)
def test_noise_that_ends_at_a_frequency_has_that_bandwidth(rate: int, edge: float) -> None:
    assert bandwidth(noise(2.0, rate, edge), rate) == pytest.approx(edge, abs=100)
    assert bandwidth(noise(2.0, rate), rate) == pytest.approx(rate / 2, abs=100)


def test_rounding_to_16_bits_is_no_energy() -> None:
    samples = noise(2.0, 16000, 4000)
    for gain in (1.0, 0.03, 0.003):
        assert bandwidth(coded(gain * samples, 16000, "WAV", "PCM_16"), 16000) == pytest.approx(4000, abs=100)


def test_clicks_and_whistles_do_not_widen_the_band() -> None:
    samples = noise(3.0, 16000, 3400)
    samples[[5000, 30000]] = 1.0
    assert bandwidth(samples + sine(6000, 0.01, 3.0), 16000) == pytest.approx(3400, abs=100)


@pytest.mark.parametrize(
    ("container", "subtype"), [("WAV", "PCM_16"), ("MP3", "MPEG_LAYER_III"), ("WAV", "ULAW"), ("OGG", "OPUS")]
)
@pytest.mark.parametrize("path", CLIPS, ids=lambda path: path.stem)
def test_speech_from_a_telephone_keeps_its_band_in_a_wide_file(
    path: Path, container: str, subtype: str
) -> None:
    telephone = coded(resample(read_audio(path), 16000, 8000), 8000, container, subtype)
    assert bandwidth(telephone, 8000) == pytest.approx(3900, abs=200)
    assert bandwidth(resample(telephone, 8000, 16000), 16000) == pytest.approx(3900, abs=200)
    wide = bandwidth(read_audio(path), 16000)
    assert wide is not None and wide > 6500


def test_real_mp3_that_ends_at_5800_hz(shared: Path) -> None:
    paths = sorted((shared / "corpora/librispeech/dev-clean-mp3").rglob("*.mp3"))
    assert len(paths) > 100
    for path in paths[::25]:
        assert bandwidth(read_audio(path, None), 16000) == pytest.approx(5800, abs=200)


def test_real_opus_reaches_8000_hz(shared: Path) -> None:
    paths = sorted((shared / "corpora/librispeech/dev").rglob("*.opus"))
    bands = [bandwidth(read_audio(path, None), 16000) or 0.0 for path in paths[::30]]
    assert np.median(bands) == pytest.approx(8000, abs=100) and min(bands) > 6500


def test_a_sine_cut_at_half_is_clipped_for_two_thirds() -> None:
    # |sin| > 1/2 for two thirds of the time; a sample or so is lost or won at either end of each top.
    loud = np.clip(sine(100, 2.0), -1.0, 1.0)
    assert clipped_share(loud) == pytest.approx(2 / 3, abs=0.01)
    assert clipped_share(0.5 * loud) == pytest.approx(2 / 3, abs=0.01)
    assert clipped_share(np.clip(sine(100, 2.0), -3.0, 1.0)) == pytest.approx(2 / 3, abs=0.01)
    assert clipped_share(coded(1.0 * loud, 16000, "WAV", "PCM_16")) == pytest.approx(2 / 3, abs=0.01)


def test_what_is_not_clipped() -> None:
    assert clipped_share(sine(440, 0.99)) == 0
    assert clipped_share(sine(50, 0.5)) == 0
    assert clipped_share(np.zeros(1000, np.float32)) == 0
    assert clipped_share(np.full(1000, 0.5, np.float32)) == 0
    for path in CLIPS:
        assert clipped_share(read_audio(path)) == 0


def test_clipped_speech_is_told_from_clean() -> None:
    samples = read_audio(CLIPS[0])
    top = float(np.abs(samples).max())
    assert clipped_share(np.clip(samples, -0.3 * top, 0.3 * top)) > 0.005


def test_samples_beyond_full_scale_count_one_by_one() -> None:
    samples = sine(440, 0.5)
    samples[[10, 500, 9000]] = [1.2, -1.0, 3.0]
    assert clipped_share(samples) == pytest.approx(3 / len(samples))


def test_an_offset_is_found_and_changes_nothing_else() -> None:
    samples = read_audio(CLIPS[2])
    plain, moved = measure(samples, 16000), measure(samples + np.float32(0.1), 16000)
    assert moved.dc_offset - plain.dc_offset == pytest.approx(0.1, abs=1e-6)
    assert moved.level == pytest.approx(plain.level, abs=0.01)
    assert moved.bandwidth == pytest.approx(plain.bandwidth, abs=70)
    assert moved.snr == pytest.approx(plain.snr, abs=0.5)


@pytest.mark.parametrize("ratio", [0, 10, 20, 30])
def test_noise_of_a_known_level_is_estimated(ratio: float) -> None:
    # Half a second of pause on both sides, without which the estimate says that it is a lower bound.
    for path in CLIPS:
        speech = np.pad(read_audio(path), 8000)
        level = speech_level(speech, 16000)
        assert level is not None
        added = noise(len(speech) / 16000, 16000) * np.float32(10 ** ((level - ratio) / 20) / 0.1)
        snr = measure(speech + added, 16000).snr
        assert snr == pytest.approx(ratio, abs=2.0)


@given(
    st.integers(1, 5000),
    st.sampled_from([1, 50, 8000, 11025, 48000, 192000]),
    st.sampled_from([0.0, 1e-9, 1e-3, 1.0, 50.0]),
)
def test_anything_can_be_measured(length: int, rate: int, scale: float) -> None:
    samples = (scale * np.random.default_rng(length).normal(size=length)).astype(np.float32)
    measures = measure(samples, rate)
    values: list[Any] = list(vars(measures).values())
    assert all(value is None or math.isfinite(value) for value in values)
    assert 0 <= measures.clipped <= 1
    assert measures.bandwidth is None or 0 <= measures.bandwidth <= rate / 2


def test_silence_has_no_level() -> None:
    measures = measure(np.zeros(16000, np.float32), 16000)
    assert (measures.level, measures.peak, measures.bandwidth, measures.snr) == (None, None, None, None)
    assert (measures.clipped, measures.dc_offset) == (0, 0)
