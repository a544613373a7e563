"""Forced alignment against the enumeration of all paths."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from earwright.decoding import align_tokens, greedy_search
from earwright.errors import EarwrightError


def grid(frames: int, size: int, seed: int) -> npt.NDArray[np.float32]:
    """Random log-probs (T, V)."""
    values = np.random.default_rng(seed).normal(0, 2, (frames, size))
    return np.asarray(values - np.log(np.exp(values).sum(axis=1, keepdims=True)), np.float32)


def best_by_enumeration(
    log_probs: npt.NDArray[np.float32], tokens: tuple[int, ...], blank: int
) -> tuple[float, tuple[int, ...]]:
    """The likeliest of all paths that say the tokens."""
    paths = []
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        if tuple(token for token, _ in itertools.groupby(path) if token != blank) == tokens:
            paths.append((sum(float(log_probs[i, token]) for i, token in enumerate(path)), path))
    return max(paths)


@pytest.mark.parametrize("blank", [0, 2])
@pytest.mark.parametrize("tokens", [(), (1,), (1, 1), (1, 3, 1), (3, 3, 1), (1, 3, 1, 3)])
@pytest.mark.parametrize("seed", range(3))
def test_equals_enumeration(tokens: tuple[int, ...], blank: int, seed: int) -> None:
    log_probs = grid(6, 4, seed)
    score, path = best_by_enumeration(log_probs, tokens, blank)
    found = align_tokens(log_probs, tokens, blank)
    assert found is not None
    assert found.log_prob == pytest.approx(score, abs=1e-5)
    runs = [
        (token, [i for i, _ in group])
        for token, group in itertools.groupby(enumerate(path), key=lambda item: item[1])
    ]
    said = [(token, frames) for token, frames in runs if token != blank]
    assert found.tokens == [token for token, _ in said]
    assert found.start_frames == [frames[0] for _, frames in said]
    assert found.end_frames == [frames[-1] + 1 for _, frames in said]
    assert found.confidences == pytest.approx(
        [float(np.exp(np.mean([log_probs[i, token] for i in frames]))) for token, frames in said], rel=1e-5
    )


def test_what_greedy_search_found_is_where_it_found_it() -> None:
    log_probs = grid(50, 5, 1)
    greedy = greedy_search(log_probs)
    aligned = align_tokens(log_probs, greedy.tokens)
    assert aligned is not None
    assert (aligned.start_frames, aligned.end_frames) == (greedy.start_frames, greedy.end_frames)
    assert aligned.confidences == pytest.approx(greedy.confidences)


def test_no_room_and_no_chance_give_none() -> None:
    log_probs = grid(3, 3, 0)
    assert align_tokens(log_probs, [1, 1, 2]) is None
    log_probs[:, 2] = -np.inf
    assert align_tokens(log_probs, [1, 2]) is None
    assert align_tokens(np.zeros((0, 3)), []) is not None


def test_bad_input_is_said() -> None:
    for tokens in ([3], [0], [-1]):
        with pytest.raises(EarwrightError, match="must be below 3"):
            align_tokens(grid(4, 3, 0), tokens)
    with pytest.raises(EarwrightError, match="NaN"):
        align_tokens(np.full((4, 3), np.nan), [1])
    with pytest.raises(EarwrightError, match="shape"):
        align_tokens(np.zeros(4), [1])
