"""A recording and its whole text: hear it, find what is certain, and align what lies between.

recording -> log-probs -> words, found with a language model of this very text -> anchors
          -> parts of half a minute -> the best path through each -> words with their times
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwright.alignment.anchors import cuts_between, match_words
from earwright.alignment.recording import Frames, hear
from earwright.alignment.text import TextWord, token_spellings
from earwright.alignment.words import PlacedWord, Placement, WordCosts, place_words, runs
from earwright.audio.read import AudioSource
from earwright.decoding import BeamDecoder, BeamSearch, SearchOptions, greedy_search
from earwright.decoding.words import geometric_mean, onset
from earwright.errors import EarwrightError
from earwright.lm.estimate import estimate
from earwright.lm.ngrams import SPECIAL_WORDS
from earwright.lm.query import LanguageModel
from earwright.recognizer import Recognizer

SHORT = 40.0  # seconds: what is no longer is aligned in one part
LEAST, MOST = 10.0, 40.0  # seconds of a part
MOST_CELLS = 400_000_000  # bytes for the way back of the largest part
LEAST_EXTRA = 0.12  # seconds: what is shorter is no word
BRIDGE = 0.24  # seconds: extra speech with shorter silence in it is one stretch
WINDOW = 12  # words of a sentence of the text's language model; every half of it begins one


@dataclass(frozen=True)
class AlignedWord:
    """A word of the text.

    Attributes:
        text: as the text has it.
        line: on which, from 1 on.
        start, end: seconds; None where it was not said, or cannot be said, such as a dash.
        confidence: the geometric mean of its tokens' posteriors, in [0, 1]; 0 where it has no times.
        spoken: whether there is anything in it that could be said.
    """

    text: str
    line: int
    start: float | None
    end: float | None
    confidence: float
    spoken: bool = True

    @property
    def missing(self) -> bool:
        """Whether it could have been said and was not."""
        return self.spoken and self.start is None


@dataclass(frozen=True)
class Extra:
    """Speech that is not in the text: seconds, and what it sounded like."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class TextAlignment:
    """A text beside its recording.

    Attributes:
        words: of the text, in its order; times never go back.
        extra: speech that it lacks.
        duration: of the recording in seconds.
    """

    words: tuple[AlignedWord, ...]
    extra: tuple[Extra, ...]
    duration: float


def align_recording(
    recognizer: Recognizer,
    audio: AudioSource | npt.NDArray[np.floating],
    words: Sequence[TextWord],
    *,
    costs: WordCosts = WordCosts(),  # noqa: B008
    on_seconds: Callable[[float], None] = lambda seconds: None,
) -> TextAlignment:
    """Find out when each word of a text was said.

    Neither has to be complete: words that were not said come back without times, and speech that the text
    lacks is told. Memory grows by some 3 MB an hour and token of the vocabulary.

    Args:
        recognizer: of the text's language.
        audio: a path, bytes, an open file, or samples (N,) at the recognizer's rate.
        words: of the text; see `read_words`.
        costs: of departing from the text.
        on_seconds: told how many seconds more were heard.

    Raises:
        EarwrightError: the recording cannot be read, or it is long and has nothing in common with the text.
    """
    frames = hear(recognizer, audio, on_seconds)
    spoken = [part for word in words for part in word.spoken]
    tokens = token_spellings(spoken, recognizer.tokenizer)
    if not any(tokens):
        raise EarwrightError("no word of the text can be spelled with the recognizer's tokens.")
    placement = _place(recognizer, frames, spoken, tokens, costs)
    return TextAlignment(
        tuple(_join(words, placement.words, frames)),
        tuple(_extra(recognizer, placement.extra, frames)),
        frames.duration,
    )


def _place(
    recognizer: Recognizer, frames: Frames, spoken: list[str], tokens: list[list[int]], costs: WordCosts
) -> Placement:
    """Place all words, part by part."""
    total = len(frames.log_probs)
    per_second = 1 / recognizer.meta.frame_shift
    cuts: list[tuple[int, int]] = []
    if frames.duration > SHORT:
        heard = recognize_text(recognizer, frames, spoken, tokens)
        matched = match_words([word for word, _, _ in heard], spoken)
        places = [(start, end) for _, start, end in heard]
        cuts = cuts_between(places, matched, round(LEAST * per_second), round(MOST * per_second))
    space = recognizer.tokenizer.tokens.index("\u2581") if recognizer.tokenizer.kind == "char" else -1
    placed: list[PlacedWord | None] = []
    extra: list[tuple[int, int]] = []
    edges = [(0, 0), *cuts, (total, len(spoken))]
    for (first, first_word), (last, last_word) in itertools.pairwise(edges):
        part = tokens[first_word:last_word]
        if (last - first) * sum(2 * max(1, len(word)) for word in part) > MOST_CELLS:
            raise EarwrightError(
                f"of {(last - first) / per_second:,.0f} s from {frames.starts[first]:,.0f} s on, nothing was "
                "recognized in the text; are they of the same recording and language?"
            )
        found = place_words(frames.log_probs[first:last], part, 0, space, costs)
        if not part:
            extra.append((first, last))
        placed += [w and PlacedWord(w.start + first, w.end + first, w.confidence) for w in found.words]
        extra += [(start + first, end + first) for start, end in found.extra]
    return Placement(placed, extra)


def recognize_text(
    recognizer: Recognizer, frames: Frames, spoken: Sequence[str], tokens: Sequence[Sequence[int]]
) -> list[tuple[str, int, int]]:
    """What is heard by somebody who knows the text: words with their frames [start, end)."""
    known = list(dict.fromkeys(word for word, spelled in zip(spoken, tokens, strict=True) if spelled))
    ids = {word: number for number, word in enumerate(known, len(SPECIAL_WORDS))}
    text = [ids.get(word, 0) for word in spoken]
    # A piece may begin with any word, so sentences of the model do, too.
    windows = [text[begin : begin + WINDOW] for begin in range(0, len(text), WINDOW // 2)]
    model = estimate(windows, 3, [*SPECIAL_WORDS, *known])
    search = BeamSearch(
        recognizer.tokenizer,
        lexicon=known,
        lm=LanguageModel.from_ngrams(model),
        options=SearchOptions(lm_weight=1.0, beam=50),
    )
    decoder = BeamDecoder(search)
    heard = []
    for first, last in itertools.pairwise(frames.pieces):
        found = decoder.decode([frames.log_probs[first:last]])[0]
        for word, begin, end in recognizer.tokenizer.words(found.tokens):
            heard.append((word, first + found.start_frames[begin], first + found.end_frames[end - 1]))
    return heard


def _join(
    words: Sequence[TextWord], placed: Sequence[PlacedWord | None], frames: Frames
) -> list[AlignedWord]:
    """The text's own words again, with times."""
    joined, at, last = [], 0, 0.0
    for word in words:
        parts = [part for part in placed[at : at + len(word.spoken)] if part is not None]
        at += len(word.spoken)
        times: tuple[float | None, float | None] = (None, None)
        if parts:
            start, last = onset(float(frames.starts[parts[0].start]), last), _end(frames, parts[-1].end)
            times = start, last
        confidence = geometric_mean(part.confidence for part in parts)
        joined.append(AlignedWord(word.text, word.line, *times, confidence, bool(word.spoken)))
    return joined


def _end(frames: Frames, frame: int) -> float:
    """Where what ends before a frame does: a frame lasts until the next one, which may begin a piece."""
    return float(frames.starts[frame])


def _extra(recognizer: Recognizer, stretches: Sequence[tuple[int, int]], frames: Frames) -> list[Extra]:
    """Speech without words, short silences bridged."""
    shift = recognizer.meta.frame_shift
    flags = np.zeros(len(frames.log_probs), np.bool_)
    for first, last in stretches:
        flags[first:last] = True
    found = []
    for first, last in runs(flags, round(BRIDGE / shift)):
        heard = recognizer.tokenizer.decode(greedy_search(frames.log_probs[first:last]).tokens).strip()
        if heard and last - first >= LEAST_EXTRA / shift:
            found.append(Extra(float(frames.starts[first]), _end(frames, last), heard))
    return found
