"""Forced alignment by CTC, compiled: the best path through a given sequence of tokens."""

# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earwright.compiling import Kernel, compile_kernel

_STAY, _STEP, _SKIP = 0, 1, 2


def _compiled(function: Kernel) -> Kernel:
    return compile_kernel(function, nogil=True)


@_compiled
def best_path(
    log_probs: npt.NDArray[np.float32], tokens: npt.NDArray[np.int32], blank: int
) -> tuple[npt.NDArray[np.int32], float]:
    """The state of each frame on the best path, and the path's log-prob.

    States are blank, token 0, blank, token 1, ..., blank: 2 L + 1 of them. Only those that can still be
    reached, and from which the end can be reached, are looked at.

    Args:
        log_probs: (T, V).
        tokens: (L,); T must suffice for them, repeats counted twice.
        blank: its number.

    Returns:
        (T,) states; -inf as the log-prob where no path has a probability above 0.
    """
    frames, states = len(log_probs), 2 * len(tokens) + 1
    back = np.zeros((frames, states), np.uint8)
    score = np.full(states, -np.inf)
    new = np.full(states, -np.inf)
    score[0] = 0.0  # before the first frame, so that state 0 and, by a step, state 1 can be first
    for frame in range(frames):
        first = max(0, states - 2 * (frames - frame))
        last = min(states, 2 * (frame + 1))
        new[:] = -np.inf
        for state in range(first, last):
            best, how = score[state], _STAY
            if state > 0 and score[state - 1] > best:
                best, how = score[state - 1], _STEP
            label = state & 1
            token = tokens[state >> 1] if label else blank
            if label and state > 2 and token != tokens[(state >> 1) - 1] and score[state - 2] > best:
                best, how = score[state - 2], _SKIP
            if frame == 0 and state > 1:
                best = -np.inf
            new[state] = best + log_probs[frame, token]
            back[frame, state] = how
        score, new = new, score
    state = states - 1
    if states > 1 and score[states - 2] > score[states - 1]:
        state = states - 2
    worth = score[state]
    path = np.empty(frames, np.int32)
    for frame in range(frames - 1, -1, -1):
        path[frame] = state
        state -= back[frame, state]
    return path, worth
