"""Speed, tempo and pitch: the same words by a voice that is faster, slower, higher or deeper."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earwright.audio.mix import SILENT
from earwright.audio.read import Samples, resample

# WSOLA's sizes for speech: a window of about two periods of a deep voice, and room to shift it by one.
WINDOW = 0.032  # seconds
TOLERANCE = 0.008
AWAY = 0.2  # of a cosine, for a window that is as far away as it may be


def play_at_speed(samples: Samples, speed: float, sample_rate: int) -> Samples:
    """Faster and higher, or slower and lower, as a tape: (N,) -> (N / speed,). Source: Ko et al. 2015."""
    return samples if speed == 1.0 else resample(samples, round(sample_rate * speed), sample_rate)


def change_voice(
    samples: Samples, sample_rate: int, *, speed: float = 1.0, tempo: float = 1.0, pitch: float = 1.0
) -> Samples:
    """Speed, tempo and pitch at once: one change of speed, and one of length that puts the rest right.

    Args:
        samples: (N,) float32.
        sample_rate: Hz.
        speed: as a tape: changes length and pitch.
        tempo: above 1 is shorter, at the pitch that it has.
        pitch: the factor of all frequencies, at the length that it has.

    Returns:
        (N / (speed * tempo),) float32.
    """
    played = play_at_speed(samples, speed * pitch, sample_rate)
    if tempo == pitch == 1.0:
        return played
    return stretch(played, round(len(samples) / (speed * tempo)), sample_rate)


def stretch(samples: Samples, length: int, sample_rate: int) -> Samples:
    """Make a recording longer or shorter, and leave its pitch alone.

    Windows are taken from where they belong, give or take 8 ms: from the place that goes on best from the
    window before. Source: WSOLA, Verhelst and Roelands 1993, doi:10.1109/ICASSP.1993.319366.

    Args:
        samples: (N,) float32.
        length: samples to make of it.
        sample_rate: Hz.

    Returns:
        (length,) float32.
    """
    if length == len(samples):
        return samples
    if not length or not len(samples):
        return np.zeros(length, np.float32)
    hop, tolerance = round(WINDOW * sample_rate / 2), round(TOLERANCE * sample_rate)
    count = -(-length // hop) + 1  # windows; the first lies half before the beginning
    step = hop * len(samples) / length  # from one to the next, in the samples that there are
    front = hop + tolerance
    padded = np.pad(samples, (front, round(step) + 3 * hop + 2 * tolerance))
    where = np.rint(np.arange(count) * step).astype(int) - hop + front  # the middles belong together
    starts = _best_starts(padded, where, hop, tolerance)
    windows: Samples = padded[starts[:, None] + np.arange(2 * hop)]  # (count, 2 hop)
    windows *= np.hanning(2 * hop + 1)[:-1].astype(np.float32)
    # The second half of each lies over the first half of the next, and their weights add up to one.
    stretched: Samples = (windows[:-1, hop:] + windows[1:, :hop]).reshape(-1)[:length]
    return stretched


def _best_starts(
    padded: Samples, where: npt.NDArray[np.int64], hop: int, tolerance: int
) -> npt.NDArray[np.int64]:
    """For each window a place nearby whose first half is like what followed the one before.

    Likeness is their cosine, less what speaks for staying where the window belongs: of the periods of a
    vowel, all alike, the nearest is taken, so that no syllable drifts.
    """
    energy = np.concatenate([[0.0], np.cumsum(np.square(padded, dtype=np.float64))])
    away = AWAY * np.abs(np.arange(-tolerance, tolerance + 1)) / tolerance
    starts = where.copy()
    for number in range(1, len(where)):
        first, before = int(where[number]) - tolerance, int(starts[number - 1]) + hop
        follows = padded[before : before + hop]
        products = np.correlate(padded[first : first + 2 * tolerance + hop], follows, "valid")
        energies = energy[first + hop :][: len(products)] - energy[first:][: len(products)]
        lengths = np.sqrt(np.maximum(energies * (energy[before + hop] - energy[before]), SILENT))
        starts[number] = first + int(np.argmax(products / lengths - away))
    return starts
