"""From tokens and frames to words and seconds, for every search alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from earwright.decoding.keyterm_writing import Writing
from earwright.transcript import Word

# Seconds by which CTC hears a word's first token after its sound begins: measured on the words of
# pocketsphinx's alignments, of which it makes the median error 40 ms instead of 60.
LEAD = 0.04


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


def timed_words(
    found: TimedTokens,
    tokenizer: WordCutter,
    frame_shift: float,
    audio_start: float,
    audio_end: float,
    temperature: float = 1.0,
) -> tuple[Word, ...]:
    """The words of a search result, with times and confidence.

    A word lasts from the first frame of its first token to the end of the last frame of its last one. Frame f
    covers [f, f + 1) * frame_shift, cut at the end of the audio. CTC puts a token where it is sure, not where
    the sound begins, so a word's start is moved ahead by LEAD, where it does not run into the word before.
    A word's confidence is the geometric mean of its tokens' confidences.

    Args:
        found: from a search.
        tokenizer: cuts tokens into words.
        frame_shift: seconds between frames.
        audio_start: seconds from the start of the recording to the first frame.
        audio_end: where the audio behind these frames ends; no word ends later.
        temperature: of the confidences, which are raised to the power of its inverse; see
            `evaluation.calibration`.
    """
    words = []
    end = audio_start
    for text, first, last in tokenizer.words(found.tokens):
        start = onset(min(audio_start + found.start_frames[first] * frame_shift, audio_end), end)
        end = min(audio_start + found.end_frames[last - 1] * frame_shift, audio_end)
        confidence = geometric_mean(found.confidences[first:last])
        words.append(Word(text, start, end, confidence ** (1 / temperature)))
    return tuple(words)


def onset(heard: float, earliest: float) -> float:
    """When a word begins that is heard from `heard` on and cannot begin before `earliest`; seconds."""
    return max(heard - LEAD, min(earliest, heard))


def written_words(words: Sequence[Word], writing: Writing) -> tuple[Word, ...]:
    """Words as they are to be written; where their number changes, by the letters of each within the time."""
    found = []
    for texts, first, last in writing.spans([word.text for word in words]):
        heard = words[first:last]
        if len(texts) == len(heard):
            found += [replace(word, text=text) for word, text in zip(heard, texts, strict=True)]
            continue
        confidence = geometric_mean(word.confidence for word in heard)
        start, length, letters, done = heard[0].start, heard[-1].end - heard[0].start, sum(map(len, texts)), 0
        for text in texts:
            begins, done = start + length * done / letters, done + len(text)
            ends = start + length * done / letters if done < letters else heard[-1].end
            found.append(Word(text, begins, ends, confidence))
    return tuple(found)


def geometric_mean(values: Iterable[float]) -> float:
    """The geometric mean of numbers in [0, 1]; 0 if there are none or one is 0."""
    numbers = list(values)
    if not numbers or min(numbers) <= 0.0:
        return 0.0
    return math.exp(math.fsum(map(math.log, numbers)) / len(numbers))
