"""How loud speech is, and speech with something behind it at a level that was asked for."""

from __future__ import annotations

import math

import numpy as np

from earwright.audio.read import Samples
from earwright.errors import EarwrightError

FRAME = 0.02  # seconds over which loudness is taken
MARGIN_DB = 15.9  # what is this far below the level of the rest is not speech (ITU-T P.56)
SILENT = 1e-10  # power, -100 dB: below it there is nothing


def speech_power(samples: Samples, sample_rate: int) -> float:
    """Mean power of the moments in which somebody speaks; pauses do not count.

    Those are the frames that are no more than 15.9 dB below their own mean, found by going back and forth
    between the two. Source: the margin of ITU-T P.56, without its hangover.

    Args:
        samples: (N,) float32.
        sample_rate: Hz.

    Returns:
        Mean square; 0 of what is silent.
    """
    size = max(1, round(FRAME * sample_rate))
    count = max(1, len(samples) // size)
    frames = samples[: count * size].astype(np.float64)
    if not len(frames):
        return 0.0
    powers = np.square(frames.reshape(count, -1)).mean(axis=1)  # (frames,)
    level = float(powers.mean())
    for _ in range(50):  # each round leaves out at least one frame, or is the last
        active = powers > level * 10 ** (-MARGIN_DB / 10)
        higher = float(powers[active].mean()) if active.any() else level
        if higher <= level:
            break
        level = higher
    return level


def mix_at_snr(speech: Samples, noise: Samples, snr: float, sample_rate: int) -> Samples:
    """Speech with noise behind it, the speech as loud as it was.

    Args:
        speech: (N,) float32.
        noise: (N,) float32; its power is the mean over all of it.
        snr: decibels between the power of active speech and that of the noise.
        sample_rate: Hz.

    Returns:
        (N,) float32; it may go beyond [-1, 1]. Where speech or noise is silent, the speech as it is.

    Raises:
        EarwrightError: the lengths differ, or the ratio is not a number of decibels.
    """
    if not math.isfinite(snr):
        raise EarwrightError(f"a signal-to-noise ratio of {snr:g} dB cannot be mixed; give a finite number.")
    if len(speech) != len(noise):
        raise EarwrightError(f"{len(noise)} samples of noise do not go with {len(speech)} of speech.")
    wanted = speech_power(speech, sample_rate) * 10 ** (-snr / 10)
    found = float(np.square(noise.astype(np.float64)).mean()) if len(noise) else 0.0
    if wanted <= SILENT * 10 ** (-snr / 10) or found <= SILENT:
        return speech
    return speech + noise * np.float32(math.sqrt(wanted / found))


def excerpt(samples: Samples, length: int, start: float) -> Samples:
    """`length` samples of a recording from a place on, begun anew at its end as often as need be.

    Args:
        samples: (N,), N above 0.
        length: samples to give.
        start: where to begin, as a share of the recording in [0, 1).
    """
    spare = len(samples) - length
    first = int(start * (spare + 1)) if spare >= 0 else int(start * len(samples))
    if spare >= 0:
        return samples[first : first + length]
    return np.resize(np.roll(samples, -first), length)
