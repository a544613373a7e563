"""Spectra of a clip, and its log-mel spectrogram to look at."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from earwright.audio.read import Samples

Array = npt.NDArray[Any]

WINDOW = 0.032  # seconds, at least: rounded up to a power of two samples
SHORTEST_HOP = 0.005  # seconds


def mel_spectrogram(samples: Samples, sample_rate: int, bands: int = 64, columns: int = 480) -> Array:
    """A spectrogram to look at: log-mel up to half the sample rate.

    Args:
        samples: float32 mono (N,).
        sample_rate: in Hz.
        bands: mel bands, as far apart as the mel scale (2595 log10(1 + f / 700)) has them from 0 on.
        columns: at most so many, none less than 5 ms after the last.

    Returns:
        Power in dB relative to full scale, (bands, T), the lowest band first.
    """
    size = window_size(WINDOW, sample_rate)
    hop = max(math.ceil(len(samples) / columns), round(sample_rate * SHORTEST_HOP), 1)
    power = power_spectra(samples, size, hop)
    edges = mel_to_hz(np.linspace(0.0, hz_to_mel(sample_rate / 2), bands + 2))
    hz = np.arange(size // 2 + 1) * sample_rate / size
    rising = (hz[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hz[:, None]) / (edges[2:] - edges[1:-1])
    filters = np.maximum(np.minimum(rising, falling), 0.0)
    # The lowest bands may lie between two bins; they take the nearest one.
    for band in np.flatnonzero(filters.sum(axis=0) < 1e-3):
        filters[round(edges[band + 1] * size / sample_rate), band] = 1.0
    filters /= filters.sum(axis=0)
    decibels: Array = 10 * np.log10(np.maximum(power @ filters, 1e-14)).T
    return decibels


def hz_to_mel(hz: float) -> float:
    """Frequency on the mel scale (O'Shaughnessy 1987)."""
    return 2595 * math.log10(1 + hz / 700)


def mel_to_hz(mels: Array) -> Array:
    """The inverse of `hz_to_mel`."""
    hz: Array = 700 * (10 ** (mels / 2595) - 1)
    return hz


def window_size(seconds: float, sample_rate: int) -> int:
    """Samples of a window: the next power of two, at least 16."""
    return int(2 ** max(math.ceil(math.log2(seconds * sample_rate)), 4))


def power_spectra(samples: Samples, size: int, hop: int) -> Array:
    """Power spectra of Hann windows; white noise of power p has p everywhere.

    Args:
        samples: float32 mono (N,); fewer than a window are padded with zeros.
        size: of a window, in samples.
        hop: samples from one window to the next.

    Returns:
        (T, size // 2 + 1).
    """
    if len(samples) < size:
        samples = np.pad(samples, (0, size - len(samples)))
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    spectra = np.fft.rfft(frames * window, axis=1)
    power: Array = (spectra.real**2 + spectra.imag**2) / float(np.square(window).sum())
    return power
