"""How far an error rate might be off: the bootstrap, drawing whole speakers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 1000
LEVEL = 0.95
_CHUNK = 2_000_000  # indices drawn at once: 16 MB


def bootstrap_interval(
    errors: ArrayLike,
    lengths: ArrayLike,
    clusters: Sequence[Hashable] | None = None,
    *,
    seed: int = 0,
    draws: int = DRAWS,
    level: float = LEVEL,
) -> tuple[float, float]:
    """The percentile bootstrap interval of a rate, total errors over total length.

    Utterances of one speaker go wrong together, so whole speakers are drawn with replacement; utterances give
    too narrow an interval (Bisani and Ney 2004, "Bootstrap estimates for confidence intervals in
    ASR performance evaluation"; Liu and Peng 2020, arXiv:1912.09508, on blocks).

    Args:
        errors: of each utterance, (N,).
        lengths: of each utterance's reference, (N,).
        clusters: the speaker of each utterance; None draws utterances.
        seed: the same seed gives the same interval.
        draws: number of samples drawn.
        level: the share of the samples that lies inside.

    Returns:
        the lower and the upper end, as fractions; a single cluster gives the rate twice.
    """
    error_sums, length_sums = _by_cluster(np.asarray(errors), np.asarray(lengths), clusters)
    size = len(error_sums)
    if size == 0:
        return 0.0, 0.0
    generator = np.random.default_rng(seed)
    rates: list[NDArray[np.float64]] = []
    done = 0
    while done < draws:
        step = min(draws - done, max(1, _CHUNK // size))
        drawn = generator.integers(0, size, size=(step, size))
        rates.append(error_sums[drawn].sum(axis=1) / np.maximum(length_sums[drawn].sum(axis=1), 1))
        done += step
    low, high = np.quantile(np.concatenate(rates), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _by_cluster(
    errors: NDArray[np.int64], lengths: NDArray[np.int64], clusters: Sequence[Hashable] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if clusters is None:
        return errors.astype(np.int64), lengths.astype(np.int64)
    numbers: dict[Hashable, int] = {}
    members = np.array([numbers.setdefault(cluster, len(numbers)) for cluster in clusters], dtype=np.int64)
    sums = np.zeros((2, len(numbers)), np.int64)
    np.add.at(sums[0], members, errors)
    np.add.at(sums[1], members, lengths)
    return sums[0], sums[1]
