"""Greedy CTC search: the best token of every frame, repeats merged, blanks dropped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError


@dataclass(frozen=True)
class GreedyResult:
    """Tokens with the frames that they were seen in; four lists of equal length.

    Attributes:
        tokens: token numbers, no blanks.
        start_frames: the first frame of each token.
        end_frames: the frame after its last.
        confidences: the geometric mean of the token's posterior over those frames, in [0, 1].
    """

    tokens: list[int]
    start_frames: list[int]
    end_frames: list[int]
    confidences: list[float]


def greedy_search(log_probs: npt.NDArray[np.float32], blank: int = 0) -> GreedyResult:
    """Take the best token of each frame, merge runs of the same token, drop the blanks.

    Args:
        log_probs: natural logarithms of the posteriors, (T, V).
        blank: the number of the blank.

    Raises:
        EarwrightError: a best log-prob is not a number, as when a model's weights are damaged.

    Source: Graves et al. 2006, "Connectionist Temporal Classification", section 3.2 (best path decoding).
    """
    if log_probs.ndim != 2 or log_probs.shape[1] == 0:
        raise ValueError(f"log_probs must be (T, V), not {log_probs.shape}")
    frames = len(log_probs)
    best = log_probs.argmax(axis=1)  # (T,)
    scores = log_probs[np.arange(frames), best].astype(
        np.float64
    )  # argmax takes a NaN for the greatest, so it shows
    if np.isnan(scores).any():
        raise EarwrightError(
            "the model's output is not a number: its weights are damaged, or their precision is too low."
        )
    starts = np.flatnonzero(np.diff(best, prepend=-1))  # where a run of one token begins
    ends = np.append(starts[1:], frames)[: len(starts)]
    sums = np.add.reduceat(scores, starts) if frames else np.zeros(0)
    confidences = np.exp(np.minimum(sums / (ends - starts), 0.0))
    kept = best[starts] != blank
    return GreedyResult(
        tokens=best[starts][kept].tolist(),
        start_frames=starts[kept].tolist(),
        end_frames=ends[kept].tolist(),
        confidences=confidences[kept].tolist(),
    )
