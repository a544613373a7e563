"""What microphones, lines and lost packets do to speech: gain, clipping, bands, gaps. Nothing is delayed."""

from __future__ import annotations

import numpy as np

from earwright.audio.filters import OCTAVES, band_limit, equalize
from earwright.audio.read import Samples
from earwright.data.augmentation.options import BandOptions, CutoutOptions

TELEPHONE = (300.0, 3400.0)  # Hz, the band of ITU-T G.712
MOST_CUT = 0.2  # of an utterance


def amplify(samples: Samples, decibels: float) -> Samples:
    """(N,) louder by so many decibels."""
    return samples * np.float32(10 ** (decibels / 20))


def clip(samples: Samples, share: float) -> Samples:
    """Cut the loudest samples to one height.

    Args:
        samples: (N,) float32.
        share: of the samples that are cut.
    """
    place = len(samples) - 1 - round(share * len(samples))
    if place < 0 or place >= len(samples) - 1:
        return samples
    height = np.partition(np.abs(samples), place)[place]
    return np.clip(samples, -height, height)


def limit_band(
    samples: Samples, sample_rate: int, options: BandOptions, generator: np.random.Generator
) -> Samples:
    """Keep one of the bands that the options name, cut at a drawn frequency; or make octaves uneven."""
    kind = options.kinds[int(generator.integers(len(options.kinds)))]
    if kind == "telephone":
        return band_limit(samples, sample_rate, *TELEPHONE)
    if kind == "equalizer":
        most = options.equalizer
        return equalize(samples, sample_rate, generator.uniform(-most, most, len(OCTAVES)))
    if kind == "low_pass":
        return band_limit(samples, sample_rate, high=float(generator.uniform(*options.low_pass)))
    return band_limit(samples, sample_rate, low=float(generator.uniform(*options.high_pass)))


def cut_out(
    samples: Samples, sample_rate: int, options: CutoutOptions, generator: np.random.Generator
) -> Samples:
    """Silence a few moments; together they are at most a fifth of all."""
    count = int(generator.integers(options.gaps[0], options.gaps[1] + 1))
    widest = int(MOST_CUT * len(samples) / count)
    gapped = samples.copy()
    for seconds, start in zip(
        generator.uniform(*options.seconds, count), generator.random(count), strict=True
    ):
        width = min(round(seconds * sample_rate), widest)
        first = int(start * (len(samples) - width + 1))
        gapped[first : first + width] = 0.0
    return gapped
