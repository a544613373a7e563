"""What a room does to speech: impulse responses, aligned so that every word stays at its time."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from earwright.audio.backgrounds import Background, find_backgrounds, read_backgrounds
from earwright.audio.filters import convolve
from earwright.audio.mix import SILENT
from earwright.audio.read import Samples
from earwright.errors import EarwrightError

# The sound that comes straight from the mouth is the first peak that is no more than 6 dB below the loudest.
ONSET = 0.5
TAIL_DB = 50.0  # what is left below it is the noise of the measurement, and is cut off


def align_to_direct_path(response: Samples) -> Samples:
    """An impulse response that begins with the direct sound and ends where it has died away.

    Args:
        response: (N,) as it was measured or simulated.

    Returns:
        (M,) float32, M up to N; its first sample is the peak of the direct sound, so that speech folded with
        it is not delayed.

    Raises:
        EarwrightError: it is silent.
    """
    loudness = np.abs(response)
    peak = float(loudness.max()) if len(response) else 0.0
    if peak * peak <= SILENT:
        raise EarwrightError("the impulse response is silent; take another.")
    onset = int(np.argmax(loudness >= ONSET * peak))
    direct = onset + int(np.argmax(np.diff(loudness[onset:], append=0.0) < 0))
    aligned = response[direct:].astype(np.float32)
    # Schroeder's integral: the energy that is still to come.
    left = np.cumsum(np.square(aligned[::-1], dtype=np.float64))[::-1]
    end = int(np.count_nonzero(left > left[0] * 10 ** (-TAIL_DB / 10)))
    return aligned[: max(end, 1)]


def reverberate(samples: Samples, response: Samples) -> Samples:
    """Speech as it sounds in a room, at the times and with the power that it had.

    Args:
        samples: (N,) float32.
        response: (M,) from `align_to_direct_path`; what comes after the end of the speech is not kept, so of
            a response that is longer only as much as the speech matters.

    Returns:
        (N,) float32.

    Raises:
        EarwrightError: the response is silent.
    """
    if not len(response) or float(np.abs(response).max()) ** 2 <= SILENT:
        raise EarwrightError("the impulse response is silent; take another.")
    if not len(samples):
        return samples
    wet = convolve(samples, response[: len(samples)])
    before = float(np.square(samples, dtype=np.float64).mean())
    after = float(np.square(wet, dtype=np.float64).mean())
    return wet * np.float32(math.sqrt(before / after)) if after > 0 else wet


def read_responses(
    folders: Iterable[str | os.PathLike[str]],
    part: str,
    sample_rate: int,
    skipped: Callable[[Path, str], None],
    longest: float = math.inf,
) -> list[tuple[Background, Samples]]:
    """The impulse responses below some folders, aligned; what is none is skipped and told.

    Args:
        folders, part: see `find_backgrounds`.
        sample_rate: Hz to resample to.
        skipped: called with a path and the reason.
        longest: seconds of the longest speech that they are for; a longer response is none for it.

    Raises:
        EarwrightError: nothing is left.
    """
    found: list[tuple[Background, Samples]] = []
    read = read_backgrounds(find_backgrounds(folders, part), sample_rate, skipped)
    for background, samples in read:
        response = align_to_direct_path(samples)
        seconds = len(response) / sample_rate
        if seconds > longest:
            skipped(
                background.path,
                f"the impulse response lasts {seconds:.1f} s, longer than the speech ({longest:.1f} s)",
            )
        else:
            found.append((background, response))
    if not found:
        names = ", ".join(map(str, folders))
        raise EarwrightError(f"{names}: every impulse response lasts longer than the speech.")
    return found
