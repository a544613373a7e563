"""Forced alignment: when was each token of a known sequence said?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError


@dataclass(frozen=True)
class Alignment:
    """Tokens with the frames that they were said in; four lists of equal length, as a search gives them.

    Attributes:
        tokens: their numbers.
        start_frames: the first frame of each token.
        end_frames: the frame after its last.
        confidences: the geometric mean of the token's posterior over those frames, in [0, 1].
        log_prob: of the whole path, blanks included.
    """

    tokens: list[int]
    start_frames: list[int]
    end_frames: list[int]
    confidences: list[float]
    log_prob: float


def align_tokens(
    log_probs: npt.NDArray[np.floating], tokens: Sequence[int], blank: int = 0
) -> Alignment | None:
    """The likeliest path through log-probs that says these tokens.

    Args:
        log_probs: (T, V) natural logarithms.
        tokens: L of them; L + repeats frames are needed.
        blank: its number.

    Returns:
        None where no path has a probability above 0, for want of frames or because a token is impossible.

    Raises:
        EarwrightError: a token that there is not, a blank among them, NaN among the log-probs.

    Source: Graves et al. 2006, "Connectionist Temporal Classification", section 4.1, with the best path
    instead of the sum.
    """
    from earwright.decoding.align_kernel import best_path

    values = np.ascontiguousarray(log_probs, np.float32)
    wanted = np.array(tokens, np.int32)
    if values.ndim != 2:
        raise EarwrightError(f"log-probs of shape {values.shape} are no (frames, tokens).")
    if wanted.size and (wanted.min() < 0 or wanted.max() >= values.shape[1] or (wanted == blank).any()):
        raise EarwrightError(f"the tokens to align must be below {values.shape[1]} and none the blank.")
    if np.isnan(values).any():
        raise EarwrightError("log-probs have NaN in them: the model's weights may be damaged.")
    repeats = int((wanted[1:] == wanted[:-1]).sum())
    if len(values) < len(wanted) + repeats:
        return None
    if not len(values):
        return Alignment([], [], [], [], 0.0)
    path, log_prob = best_path(values, wanted, blank)
    if log_prob == -math.inf:
        return None
    frames = np.flatnonzero(path & 1)
    places = path[frames] >> 1  # of the token that is said in each frame that says one
    starts = np.searchsorted(places, np.arange(len(wanted)))
    ends = np.append(starts[1:], len(places))[: len(wanted)]
    said = values[frames, wanted[places]].astype(np.float64)
    sums = np.add.reduceat(said, starts) if len(wanted) else np.zeros(0)
    return Alignment(
        list(map(int, tokens)),
        frames[starts].tolist(),
        (frames[ends - 1] + 1).tolist(),
        np.exp(np.minimum(sums / (ends - starts), 0.0)).tolist(),
        float(log_prob),
    )
