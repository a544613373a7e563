"""From tokens and frames to words and seconds, for every search alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from earwright.transcript import Word


class WordCutter(Protocol):
    """What a tokenizer must know here: which tokens make which word."""

    def words(self, ids: Sequence[int]) -> list[tuple[str, int, int]]:
        """Each word with its range [first, last) of indices into `ids`."""


class TimedTokens(Protocol):
    """Tokens with frames and confidences, as the searches return them."""

    @property
    def tokens(self) -> list[int]:
        """Token numbers."""

    @property
    def start_frames(self) -> list[int]:
        """The first frame of each token."""

    @property
    def end_frames(self) -> list[int]:
        """The frame after the last of each token."""

    @property
    def confidences(self) -> list[float]:
        """In [0, 1]."""


@dataclass(frozen=True)
class GrammarMatch:
    """What a grammar allows and the audio fits: `TimedTokens`, and what `Hypothesis` says of them."""

    tokens: list[int]
    start_frames: list[int]
    end_frames: list[int]
    confidences: list[float]
    fit: float
    rejected: bool
    tags: tuple[str, ...] = ()


def timed_words(
    found: TimedTokens, tokenizer: WordCutter, frame_shift: float, audio_start: float, audio_end: float
) -> tuple[Word, ...]:
    """The words of a search result, with times and confidence.

    A word lasts from the first frame of its first token to the end of the last frame of its last one. Frame f
    covers [f, f + 1) * frame_shift, cut at the end of the audio. CTC puts a token where it is sure, not where
    the sound begins, so these times are near, not exact. A word's confidence is the geometric mean of its
    tokens' confidences.

    Args:
        found: from a search.
        tokenizer: cuts tokens into words.
        frame_shift: seconds between frames.
        audio_start: seconds from the start of the recording to the first frame.
        audio_end: where the audio behind these frames ends; no word ends later.
    """
    words = []
    for text, first, last in tokenizer.words(found.tokens):
        start = min(audio_start + found.start_frames[first] * frame_shift, audio_end)
        end = min(audio_start + found.end_frames[last - 1] * frame_shift, audio_end)
        words.append(Word(text, start, end, geometric_mean(found.confidences[first:last])))
    return tuple(words)


def geometric_mean(values: Iterable[float]) -> float:
    """The geometric mean of numbers in [0, 1]; 0 if there are none or one is 0."""
    numbers = list(values)
    if not numbers or min(numbers) <= 0.0:
        return 0.0
    return math.exp(math.fsum(map(math.log, numbers)) / len(numbers))
