"""Noise that is made: white and pink."""

from __future__ import annotations

import math

import numpy as np

from earwright.audio.filters import fast_length
from earwright.audio.read import Samples

LOWEST_HZ = 20.0  # pink noise is no louder below it


def white_noise(length: int, generator: np.random.Generator) -> Samples:
    """(length,) of equal power at all frequencies, mean square 1."""
    return generator.standard_normal(length, np.float32)


def pink_noise(length: int, sample_rate: int, generator: np.random.Generator) -> Samples:
    """(length,) whose power falls by half with each octave, mean square about 1."""
    if not length:
        return np.zeros(0, np.float32)
    size = fast_length(max(length, 2))
    frequency = np.fft.rfftfreq(size, 1 / sample_rate)
    shape = 1 / np.sqrt(np.maximum(frequency, LOWEST_HZ))
    shape[0] = 0.0
    shape /= math.sqrt(float(np.square(shape).mean()))
    spectrum = np.fft.rfft(white_noise(size, generator)) * shape.astype(np.float32)
    noise: Samples = np.fft.irfft(spectrum, size)[:length].astype(np.float32, copy=False)
    return noise
