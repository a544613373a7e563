"""Whether a text fits into its audio: CTC writes at most one token a frame."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

FRAME_SHIFT = 0.04  # seconds a frame of the Conformer's log-probs: features every 10 ms, subsampled by 4


def frames_needed(tokens: Sequence[object]) -> int:
    """Frames that CTC needs for a text: one a token, and a blank between equal neighbours."""
    return len(tokens) + sum(a == b for a, b in pairwise(tokens))


def frames_in(seconds: float, frame_shift: float = FRAME_SHIFT) -> int:
    """Frames that can be counted on in so much audio.

    Args:
        seconds: of audio, as it is played: sped up, there is less of it.
        frame_shift: seconds a frame of log-probs.
    """
    # Floor, less a frame that rounding may take: an impossible text makes an infinite loss.
    return int(seconds / frame_shift) - 1


def seconds_for(frames: int, frame_shift: float = FRAME_SHIFT) -> float:
    """The least audio in which so many frames can be counted on; see `frames_in`."""
    return (frames + 1) * frame_shift
