"""Where a recording begins and ends: whoever cut it out may have taken a soft "s" for silence."""

from __future__ import annotations

import numpy as np

from earwright.audio.read import Samples

BLOCK = 0.01  # seconds over which loudness is measured


def trim(samples: Samples, sample_rate: int, decibels: float, least: int) -> Samples:
    """Cut off what is quiet at the beginning and at the end.

    Args:
        samples: (N,) float32.
        sample_rate: Hz.
        decibels: so far under the loudest 10 ms, quiet begins; `top_db` of librosa.effects.trim.
        least: samples that must stay. Where fewer would, both edges keep their share of what is lacking.

    Returns:
        (M,) float32, min(N, least) <= M <= N.
    """
    block = round(BLOCK * sample_rate)
    count = len(samples) // block
    if not count:
        return samples
    power = np.square(samples[: count * block], dtype=np.float64).reshape(count, block).mean(axis=1)
    loud = np.flatnonzero(power >= power.max() * 10 ** (-decibels / 10))
    before, after = int(loud[0]) * block, len(samples) - (int(loud[-1]) + 1) * block
    quiet, may_go = before + after, max(0, len(samples) - least)
    if quiet > may_go:
        before, after = before * may_go // quiet, after * may_go // quiet
    return samples[before : len(samples) - after]
