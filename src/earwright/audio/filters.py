"""Filters over a whole signal by the Fourier transform: convolution, and bands without delay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from earwright.audio.read import Samples

EDGE = 0.1  # of a cut-off frequency: over so much of it a band falls away
PADDING = 0.05  # seconds of silence that keep a signal's end from reaching into its beginning
OCTAVES = (62.5, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)  # Hz, in the middle of each


def fast_length(samples: int) -> int:
    """The next length that a Fourier transform is quick for: 2^a, or 3 or 5 times that."""
    power = 1 << max(samples - 1, 1).bit_length()
    return next(size for size in (power * 5 // 8, power * 3 // 4, power) if size >= samples)


def convolve(samples: Samples, response: Samples) -> Samples:
    """(N,) folded with (M,), the first N samples of it, float32."""
    size = fast_length(len(samples) + len(response) - 1)
    product = np.fft.rfft(samples, size) * np.fft.rfft(response, size)
    folded: Samples = np.fft.irfft(product, size)[: len(samples)].astype(np.float32, copy=False)
    return folded


def band_limit(samples: Samples, sample_rate: int, low: float = 0.0, high: float = 0.0) -> Samples:
    """Keep the frequencies of a band; nothing is delayed, since all phases stay as they are.

    Args:
        samples: (N,) float32.
        sample_rate: Hz.
        low, high: the band in Hz, at half of the amplitude; 0 leaves that end open.

    Returns:
        (N,) float32.
    """

    def gain(frequency: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
        kept = np.ones(len(frequency))
        if low > 0:
            kept *= _rise((frequency / low - 1) / EDGE)
        if high > 0:
            kept *= _rise((1 - frequency / high) / EDGE)
        return kept

    return _weighted(samples, sample_rate, gain)


def equalize(
    samples: Samples, sample_rate: int, decibels: Sequence[float] | npt.NDArray[np.float64]
) -> Samples:
    """Make octaves louder or quieter, evenly from the middle of one to that of the next, without delay.

    Args:
        samples: (N,) float32.
        sample_rate: Hz.
        decibels: of each of `OCTAVES`; what lies beyond the first and the last is changed as they are.

    Returns:
        (N,) float32.
    """

    def gain(frequency: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
        place = np.log2(np.maximum(frequency, OCTAVES[0]))
        changed: npt.NDArray[np.float64] = 10 ** (np.interp(place, np.log2(OCTAVES), decibels) / 20)
        return changed

    return _weighted(samples, sample_rate, gain)


def _weighted(
    samples: Samples,
    sample_rate: int,
    gain: Callable[[npt.NDArray[np.floating[Any]]], npt.NDArray[np.float64]],
) -> Samples:
    """(N,) with the amplitude of every frequency (in Hz) times its gain; all phases stay as they are."""
    if not len(samples):
        return samples
    size = fast_length(len(samples) + round(PADDING * sample_rate))
    weights = gain(np.fft.rfftfreq(size, 1 / sample_rate)).astype(np.float32)
    spectrum = np.fft.rfft(samples, size) * weights
    weighted: Samples = np.fft.irfft(spectrum, size)[: len(samples)].astype(np.float32, copy=False)
    return weighted


def _rise(x: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """From 0 at -1 to 1 at 1, along a cosine."""
    risen: npt.NDArray[np.float64] = 0.5 + 0.5 * np.sin(np.pi / 2 * np.clip(x, -1.0, 1.0))
    return risen
