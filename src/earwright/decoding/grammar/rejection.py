"""How well a phrase of a grammar fits the audio.

A grammar always finds what is nearest. Whether that was said at all shows beside what the audio sounds like
where anything may be said: the best path of all, token by token.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from earwright.decoding.align import align_tokens


def fit_of(log_probs: npt.NDArray[np.floating], tokens: Sequence[int], units: int, blank: int) -> float:
    """How likely a phrase's best alignment is beside the best path of all, for each of the phrase's units.

    It is a natural logarithm, 0 where the phrase is what the recognizer hears anyway; how far below it may be
    depends on how many characters a recognizer gets wrong. Alignments are not summed: a phrase has ever more
    of them, all poor, the longer a silence is.

    Args:
        log_probs: (T, V) of which each frame's largest is 0.
        tokens: of the phrase.
        units: characters (or phones) of the phrase; a longer one has more that can be misheard.
        blank: its number.
    """
    aligned = align_tokens(log_probs, tokens, blank)
    return -math.inf if aligned is None else aligned.log_prob / max(1, units)
