"""What is measured of one clip: level, peak, clipping, offset, bandwidth, noise.

Decibels are relative to full scale (dBFS): 0 dB is a sample of 1.0, or for levels the RMS of a square wave
that swings from -1 to 1, so that a sine of full scale has a level of -3 dB.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from earwright.audio.read import Samples
from earwright.pages.mel import power_spectra, window_size

Array = npt.NDArray[Any]

STEP = 1 / 32768  # one step of 16 bits
ROUNDING = STEP**2 / 12  # power of what rounding to 16 bits adds: less than this no 16-bit file can hold

FRAME = 0.01  # seconds
# ITU-T P.56 (12/2011), method B: the envelope is smoothed twice, and speech is what lies less than the margin
# below the level of all that is speech, with the hangover after it.
TIME_CONSTANT = 0.03  # seconds
HANGOVER = 0.2  # seconds
MARGIN = 15.9  # dB
THRESHOLDS = np.arange(-100.0, 0.0, 0.5)  # dBFS

# A top is flat where so many samples in a row lie within one step of the clip's highest or lowest value.
FLAT_TOP = 3
# Below a peak of -20 dBFS tops are flat because the steps of 8-bit audio are coarse there.
LOWEST_CLIPPED_PEAK = 0.1

BAND_WINDOW = 0.064  # seconds, at least: rounded up to a power of two samples
# Energy is what comes within so many dB of the strongest frequency. Voices lose 20 to 40 dB up to 8 kHz;
# beyond the end of a narrower band, resamplers and codecs leave 70 dB less and below.
BAND_RANGE = 60.0
LOUD_FRAMES = 95  # percentile: fricatives light up the top of the band in few frames; clicks in fewer
MOST_WINDOWS = 100  # spread over the clip; more of them change nothing
TONE_WIDTH = 300.0  # Hz: a whistle above the band that is narrower than half of this does not widen it

NOISE_FRAMES = 5  # percentile of frames: at least so many are taken to lie between the words
SHORTEST_FOR_NOISE = 0.5  # seconds


@dataclass(frozen=True)
class Measures:
    """What was measured of one clip; None where there is too little of it, or only silence.

    Attributes:
        level: dBFS, RMS over active speech (ITU-T P.56).
        peak: dBFS, the largest sample.
        clipped: share of samples at full scale or in flat tops, 0 to 1.
        dc_offset: mean of the samples, -1 to 1.
        bandwidth: Hz, up to which there is energy.
        snr: dB, active speech over the quietest twentieth of the frames. A clip without pauses has no frames
            between words, and comes out noisier than it is.
    """

    level: float | None
    peak: float | None
    clipped: float
    dc_offset: float
    bandwidth: float | None
    snr: float | None


def measure(samples: Samples, sample_rate: int) -> Measures:
    """Measure one clip.

    Args:
        samples: float32 mono (N,), finite, N > 0.
        sample_rate: in Hz.
    """
    offset = float(samples.mean(dtype=np.float64))
    centred = samples - np.float32(offset)
    level = speech_level(centred, sample_rate)
    peak = float(np.abs(samples).max())
    return Measures(
        level=level,
        peak=20 * math.log10(peak) if peak else None,
        clipped=clipped_share(samples),
        dc_offset=offset,
        bandwidth=bandwidth(centred, sample_rate),
        snr=None if level is None else _snr(centred, sample_rate, level),
    )


def speech_level(samples: Samples, sample_rate: int) -> float | None:
    """The level of active speech (ITU-T P.56, method B, its envelope taken every 10 ms) in dBFS.

    Args:
        samples: float32 mono (N,), without an offset.
        sample_rate: in Hz.

    Returns:
        None if nothing rises above -84 dBFS.
    """
    frames = _frames(samples, sample_rate)
    energy = float(np.square(frames, dtype=np.float64).mean(axis=1).sum())
    # Two exponential averages one after the other are one filter with this impulse response.
    decay = math.exp(-FRAME / TIME_CONSTANT)
    lags = np.arange(round(10 * TIME_CONSTANT / FRAME))
    response = (1 - decay) ** 2 * (lags + 1) * decay**lags
    envelope = np.convolve(np.abs(frames).mean(axis=1), response)[: len(frames)]
    hangover = round(HANGOVER / FRAME)
    held = np.lib.stride_tricks.sliding_window_view(np.pad(envelope, (hangover, 0)), hangover + 1).max(axis=1)
    active = len(held) - np.searchsorted(np.sort(held), 10 ** (THRESHOLDS / 20))
    heard = active > 0
    levels = 10 * np.log10(np.maximum(energy, 1e-30) / active[heard])
    found = np.flatnonzero(levels - THRESHOLDS[heard] <= MARGIN)
    return float(levels[found[0]]) if len(found) else None


def clipped_share(samples: Samples) -> float:
    """The share of samples at full scale or beyond, or in a flat top at the clip's extremes.

    The extremes count wherever they lie: a recording may have been made quieter after it was clipped.

    Args:
        samples: float32 (N,).
    """
    high, low = float(samples.max()), float(samples.min())
    clipped = np.zeros(len(samples), bool)
    if high >= 1 - STEP or low <= STEP - 1:
        clipped |= np.abs(samples) >= 1 - STEP
    if max(high, -low) >= LOWEST_CLIPPED_PEAK and high - low > FLAT_TOP * STEP:
        for top in (samples >= high - STEP, samples <= low + STEP):
            if np.count_nonzero(top) >= FLAT_TOP:  # nearly always there is one such sample
                clipped |= _in_rows(top, FLAT_TOP)
    return float(np.count_nonzero(clipped) / len(samples))


def bandwidth(samples: Samples, sample_rate: int) -> float | None:
    """The frequency up to which there is energy, in Hz: a narrow band is a telephone's, or a thrifty codec's.

    Hiss above the band is energy too. At most half the sample rate.

    Args:
        samples: float32 mono (N,), without an offset.
        sample_rate: in Hz.

    Returns:
        None if there is nothing above the noise of rounding to 16 bits.
    """
    size = window_size(BAND_WINDOW, sample_rate)
    spectra = power_spectra(samples, size, max(size // 2, len(samples) // MOST_WINDOWS)).T
    place = LOUD_FRAMES * (spectra.shape[1] - 1) // 100
    power = np.partition(np.ascontiguousarray(spectra), place, axis=1)[:, place]
    width = 2 * round(TONE_WIDTH * size / sample_rate / 2) + 1
    smooth = np.median(
        np.lib.stride_tricks.sliding_window_view(np.pad(power, width // 2, mode="edge"), width), axis=1
    )
    there = np.flatnonzero(smooth > max(smooth.max() * 10 ** (-BAND_RANGE / 10), 10 * ROUNDING))
    return float(there[-1] * sample_rate / size) if len(there) else None


def _snr(samples: Samples, sample_rate: int, level: float) -> float | None:
    """Speech over noise in dB, the noise being the quietest frames that are not digital silence."""
    power = np.square(_frames(samples, sample_rate), dtype=np.float64).mean(axis=1)
    power = (power[1:] + power[:-1]) / 2  # 20 ms: single glottal pulses are no pauses
    power = power[power > 1e-3 * ROUNDING]
    if len(power) < SHORTEST_FOR_NOISE / FRAME:
        return None
    noise = max(float(np.percentile(power, NOISE_FRAMES)), ROUNDING)
    speech = max(10 ** (level / 10) - noise, 1e-2 * noise)
    return 10 * math.log10(speech / noise)


def _frames(samples: Samples, sample_rate: int) -> Array:
    """Frames of 10 ms side by side, (T, n), T > 0; an unfinished one at the end is left out."""
    size = max(round(FRAME * sample_rate), 1)
    if len(samples) < size:
        samples = np.pad(samples, (0, size - len(samples)))
    return samples[: len(samples) // size * size].reshape(-1, size)


def _in_rows(mask: Array, length: int) -> Array:
    """Where a mask is true for at least `length` places in a row."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    long = ends - starts >= length
    change = np.zeros(len(mask) + 1, np.int8)
    change[starts[long]] = 1
    change[ends[long]] = -1
    rows: Array = np.cumsum(change[:-1], dtype=np.int8) > 0
    return rows
