"""Speech as it would sound in a room: folded with the room's impulse response."""

from __future__ import annotations

import math

import numpy as np

from earwright.audio.mix import SILENT, speech_power
from earwright.audio.read import Samples

USUAL_RATE = 16000  # Hz; what counts as active hardly depends on it


def align_to_direct_path(ir: Samples) -> Samples:
    """An impulse response from its strongest peak on, which is the direct path: what is said keeps its times.

    Args:
        ir: (N,) float32, N above 0.

    Returns:
        (M,) float32 with M at most N.
    """
    return ir[int(np.abs(ir).argmax()) :]


def reverberate(samples: Samples, ir: Samples) -> Samples:
    """Speech in a room, as loud as it was.

    Args:
        samples: (N,) float32.
        ir: (M,) float32 of any length, aligned to its direct path.

    Returns:
        (N,) float32, with the power of active speech that `samples` has; where speech or response is silent,
        the speech as it is.
    """
    before = speech_power(samples, USUAL_RATE)
    if before <= SILENT or not len(ir):
        return samples
    ir = ir[: len(samples)]  # what comes later would sound after the end
    size = 1 << (len(samples) + len(ir) - 1).bit_length()
    spectrum = np.fft.rfft(samples, size) * np.fft.rfft(ir, size)
    folded: Samples = np.fft.irfft(spectrum, size)[: len(samples)].astype(np.float32)
    after = speech_power(folded, USUAL_RATE)
    if after <= 0:
        return samples
    return folded * np.float32(math.sqrt(before / after))
