"""Log-probs from anywhere, looked at and brought to a scale that a search can multiply in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earwright.decoding.beam_arrays import Floats
from earwright.decoding.options import SearchOptions
from earwright.errors import EarwrightError, first_line


def frame_probs(
    log_probs: npt.ArrayLike, size: int, blank: int, options: SearchOptions, begin: int
) -> tuple[Floats, Floats]:
    """The probabilities that a search works with.

    Args:
        log_probs: (T, V) natural logarithms on any scale, in any type of numbers; T may be 0.
        size: V.
        blank: its number.
        options: `acoustic_scale` and `blank_penalty`.
        begin: number of the first frame.

    Returns:
        (T, V) float64, divided by the best of each frame, so that what is all far below 0 does not vanish;
        and (T,) the logarithms of those.

    Raises:
        EarwrightError: no such array, another V, NaN or +inf, a frame that is -inf for all tokens.
    """
    scaled = scaled_log_probs(log_probs, size, blank, options, begin)
    best = scaled.max(axis=1)
    return np.exp(scaled - best[:, None]), best


def scaled_log_probs(
    log_probs: npt.ArrayLike, size: int, blank: int, options: SearchOptions, begin: int = 0
) -> Floats:
    """(T, V) float64 with the acoustic scale and the blank's penalty; arguments and errors are the same."""
    try:
        given = np.asarray(log_probs)
        values = given.astype(np.float64, copy=False)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a tensor that needs gradients
        raise EarwrightError(f"log-probs are no array of numbers ({first_line(error)}).") from error
    if values.ndim != 2 or values.shape[1] != size or given.dtype.kind not in "fiu":
        raise EarwrightError(
            f"log-probs of shape {values.shape} and type {given.dtype} do not fit {size} tokens; give "
            f"numbers of shape (frames, {size})."
        )
    if np.isnan(values).any() or (values == np.inf).any():
        raise EarwrightError("log-probs have NaN or +inf in them: the model's weights may be damaged.")
    with np.errstate(over="ignore"):
        scaled = values * options.acoustic_scale if options.acoustic_scale != 1.0 else values
        if options.blank_penalty:
            scaled = scaled.copy()
            scaled[:, blank] -= options.blank_penalty
    impossible = np.flatnonzero(np.isinf(scaled.max(axis=1)))
    if len(impossible):
        raise EarwrightError(
            f"no token is possible in frame {begin + impossible[0]}: its log-probs are -inf or nearly so; "
            "the model, or what reads it, is broken."
        )
    return scaled
