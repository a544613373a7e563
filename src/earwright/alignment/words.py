"""Words of a text in the log-probs of a recording: the best way through, where either may lack something."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError

LogProbs = npt.NDArray[np.float32]
LOUD = math.log(0.5)  # a frame says something if neither blank nor space is more likely than not


@dataclass(frozen=True)
class WordCosts:
    """What it costs to depart from the text; natural logarithms.

    Measured on an hour of LibriSpeech's dev speech, of whose words some were taken out and others put in.

    Attributes:
        word, token: to leave a word out, for itself and for each of its tokens.
        extra: each frame of speech that is no word of the text, below the best token's log-prob.
        anything: the same for a word of the text that cannot be spelled with the tokens.
    """

    word: float = 8.0
    token: float = 2.5
    extra: float = 3.0
    anything: float = 0.5


@dataclass(frozen=True)
class PlacedWord:
    """Frames [start, end) in which a word was said, and the geometric mean of its tokens' posteriors."""

    start: int
    end: int
    confidence: float


@dataclass(frozen=True)
class Placement:
    """Where words are.

    Attributes:
        words: of each word; None where it was left out.
        extra: frames [start, end) of speech that is no word of the text.
    """

    words: list[PlacedWord | None]
    extra: list[tuple[int, int]]


def place_words(
    log_probs: LogProbs,
    words: Sequence[Sequence[int]],
    blank: int = 0,
    space: int = -1,
    costs: WordCosts = WordCosts(),
) -> Placement:
    """Find words that are said one after the other, but for some that are not.

    Args:
        log_probs: (T, V) natural logarithms.
        words: the tokens of each; none: a word that cannot be spelled, which may be anything.
        blank, space: their numbers; -1: no token stands for the space alone.
        costs: of departing from the text.

    Raises:
        EarwrightError: NaN among the log-probs.
    """
    from earwright.alignment.words_kernel import ANY, best_words

    if not len(log_probs) or not words:
        return Placement([None] * len(words), [])
    values = np.ascontiguousarray(log_probs, np.float32)
    if np.isnan(values).any():
        raise EarwrightError("log-probs have NaN in them: the model's weights may be damaged.")
    quiet = values[:, [blank] if space < 0 else [blank, space]].max(axis=1).astype(np.float64)
    others = np.delete(np.arange(values.shape[1]), [blank] if space < 0 else [blank, space])
    loud = values[:, others].max(axis=1).astype(np.float64)
    spelled = [list(word) or [ANY] for word in words]
    tokens = np.array([token for word in spelled for token in word], np.int32)
    begins = np.cumsum([0, *map(len, spelled)]).astype(np.int32)
    passing = costs.word + costs.token * np.diff(begins).astype(np.float64)
    gap = np.maximum(quiet, loud - costs.extra)
    path, _ = best_words(values, tokens, begins, passing, gap, loud - costs.anything, blank)
    return _read_path(path, values, tokens, begins, quiet < LOUD)


def _read_path(
    path: npt.NDArray[np.int32],
    values: LogProbs,
    tokens: npt.NDArray[np.int32],
    begins: npt.NDArray[np.int32],
    loud: npt.NDArray[np.bool_],
) -> Placement:
    """What a path says."""
    said = np.flatnonzero(path & 1)  # frames
    token = path[said] >> 1
    word = np.searchsorted(begins, token, side="right") - 1
    posteriors = np.where(tokens[token] >= 0, values[said, np.maximum(tokens[token], 0)], 0.0)
    placed: list[PlacedWord | None] = [None] * (len(begins) - 1)
    edges = [*np.flatnonzero(np.diff(word, prepend=-1)).tolist(), len(word)]
    for first, last in itertools.pairwise(edges):
        mean = min(float(posteriors[first:last].mean(dtype=np.float64)), 0.0)
        placed[int(word[first])] = PlacedWord(int(said[first]), int(said[last - 1]) + 1, float(np.exp(mean)))
    is_gap = np.zeros(2 * len(tokens) + 1, np.bool_)
    is_gap[2 * begins] = True
    return Placement(placed, runs(is_gap[path] & loud))


def runs(flags: npt.NDArray[np.bool_], bridge: int = 0) -> list[tuple[int, int]]:
    """The ranges [first, last) of what is true; ranges that no more than `bridge` part are one."""
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    found: list[tuple[int, int]] = []
    for first, last in edges.reshape(-1, 2).tolist():
        if found and first - found[-1][1] <= bridge:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return found
