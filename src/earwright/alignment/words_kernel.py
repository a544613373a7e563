"""The best path of words through log-probs, some of them missing, some speech without words. Compiled."""

# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earwright.compiling import Kernel, compile_kernel

STAY, STEP, SKIP, PASS = 0, 1, 2, 3
ANY = -1  # in the place of a token: whatever is heard


def _compiled(function: Kernel) -> Kernel:
    return compile_kernel(function, nogil=True)


@_compiled
def best_words(
    log_probs: npt.NDArray[np.float32],
    tokens: npt.NDArray[np.int32],
    begins: npt.NDArray[np.int32],
    passing: npt.NDArray[np.float64],
    gap: npt.NDArray[np.float64],
    anything: npt.NDArray[np.float64],
    blank: int,
) -> tuple[npt.NDArray[np.int32], float]:
    """The state of each frame on the best path, and what the path is worth.

    Each token has two states: that before it (2 t), and its own (2 t + 1); one more stands at the end. The
    state before a word's first token is a gap, in which nothing is said or something that is no word of the
    text; that before another token is a blank, which may be left out between different tokens. From gap to
    gap a word can be passed over.

    Args:
        log_probs: (T, V), T at least 1.
        tokens: of all words, one after the other; or ANY.
        begins: (W + 1,) where each word's tokens begin.
        passing: (W,) what it costs to leave a word out.
        gap: (T,) what a frame is worth in a gap.
        anything: (T,) and as ANY.
        blank: its number.

    Returns:
        (T,) states; a frame in which words are passed over has the last of the gaps. -inf as the worth where
        there is no path.
    """
    frames, states = len(log_probs), 2 * len(tokens) + 1
    word_at = np.full(states, -1, np.int32)  # of the gap before each word
    for word in range(len(begins)):
        word_at[2 * begins[word]] = word
    back = np.zeros((frames, states), np.uint8)
    score, new = np.full(states, -np.inf), np.full(states, -np.inf)
    score[0] = 0.0
    for word in range(1, len(begins)):
        score[2 * begins[word]] = score[2 * begins[word - 1]] - passing[word - 1]
    for frame in range(frames):
        # A gap that is not reached by a frame of its own is entered by a step before the first frame.
        for state in range(states):
            best, how = score[state], STAY
            if state > 0 and score[state - 1] > best:
                best, how = score[state - 1], STEP
            if state & 1:
                token = tokens[state >> 1]
                other = token != tokens[(state >> 1) - 1] or token == ANY
                if state > 2 and other and score[state - 2] > best:
                    best, how = score[state - 2], SKIP
                worth = anything[frame] if token == ANY else log_probs[frame, token]
                new[state] = best + worth
            elif word_at[state] >= 0:
                new[state] = best + gap[frame]
                word = word_at[state]
                if word > 0 and new[2 * begins[word - 1]] - passing[word - 1] > new[state]:
                    new[state], how = new[2 * begins[word - 1]] - passing[word - 1], PASS
            else:
                new[state] = best + log_probs[frame, blank]
            back[frame, state] = how
        score, new = new, score
    state = _last(score, begins, passing)
    worth = score[state]
    words = len(begins) - 1
    for word in range(words):  # left out at the end
        if 2 * begins[word] >= state:
            worth -= passing[word]
    path = np.empty(frames, np.int32)
    for frame in range(frames - 1, -1, -1):
        path[frame] = state
        while back[frame, state] == PASS:
            state = 2 * begins[word_at[state] - 1]
        state -= back[frame, state]
    return path, worth


@_compiled
def _last(
    score: npt.NDArray[np.float64], begins: npt.NDArray[np.int32], passing: npt.NDArray[np.float64]
) -> int:
    """The state with which the best path ends: a word's last token or a gap, all words after it left out."""
    words = len(begins) - 1
    state, best, cost = 2 * begins[words], score[2 * begins[words]], 0.0
    for word in range(words - 1, -1, -1):
        last = 2 * begins[word + 1] - 1
        if score[last] - cost > best:
            state, best = last, score[last] - cost
        cost += passing[word]
        if score[2 * begins[word]] - cost > best:
            state, best = 2 * begins[word], score[2 * begins[word]] - cost
    return state
