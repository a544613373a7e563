"""Speech-like signals for the tests of augmentation, and how late one signal is after another."""

from __future__ import annotations

import numpy as np

RATE = 16000
Samples = np.ndarray


def speech(seconds: float = 2.0, seed: int = 0, rate: int = RATE, buzzing: bool = True) -> Samples:
    """Syllables, four a second, with pauses: a buzz of harmonics with noise over it, or noise alone."""
    generator = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    pitch = generator.uniform(90, 220)
    buzz = sum(np.sin(2 * np.pi * pitch * k * time + k) / k for k in range(1, 20))
    loud = np.clip(np.sin(2 * np.pi * 4 * time + generator.uniform(0, 6)), 0, 1)
    samples = loud * (0.05 * buzzing * buzz + generator.normal(0, 0.03, len(time))) + generator.normal(
        0, 1e-4, len(time)
    )
    return samples.astype(np.float32)


def lag(heard: Samples, samples: Samples) -> int:
    """By how many samples one is later than the other: the peak of their cross-correlation."""
    size = 1 << (len(heard) + len(samples)).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(samples, size)), size)
    place = int(np.argmax(product))
    return place if place < size // 2 else place - size


def envelope(samples: Samples, block: int = 80) -> Samples:
    """Power of blocks of 5 ms."""
    count = len(samples) // block
    return np.square(samples[: count * block].reshape(count, block)).mean(axis=1)
