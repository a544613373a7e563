"""Sources on their way through a recognizer: read piece by piece, gathered into rounds and batches."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from earwright.audio.read import AudioSource, from_array, stream_audio
from earwright.audio.segment import Piece, cut_at_quiet
from earwright.decoding.words import geometric_mean
from earwright.errors import EarwrightError
from earwright.pace import SURE, Pace
from earwright.transcript import Alternatives, Segment, Transcript, Word

Source = AudioSource | npt.NDArray[Any]

# Audio gathered before it is run: little the first time, to be quick, then more, to sort by length.
ROUND_SECONDS = (20.0, 160.0)
ROUND_STEPS = 256  # many short or bad files make a round too
PAUSE = 1.0  # seconds without a word that end a segment


@dataclass
class Heard:
    """What one decoder makes of a piece, or of a whole source piece after piece."""

    segments: tuple[Segment, ...] = ()
    alternatives: tuple[Alternatives, ...] = ()


@dataclass
class Job:
    """One source on its way through."""

    index: int
    source: str | None
    heard: list[list[Heard]] = field(default_factory=list)  # by piece, by decoder
    samples: int = 0
    error: EarwrightError | None = None

    def transcripts(self, ways: int, sample_rate: int, language: str | None) -> tuple[Transcript, ...]:
        """What each of so many decoders has made of it."""
        found = []
        for way in range(ways):
            segments = tuple(segment for piece in self.heard for segment in piece[way].segments)
            found.append(
                Transcript(
                    text=" ".join(segment.text for segment in segments if segment.text),
                    segments=segments,
                    duration=self.samples / sample_rate,
                    source=self.source,
                    language=language,
                    alternatives=tuple(each for piece in self.heard for each in piece[way].alternatives),
                )
            )
        return tuple(found)


# A piece of a source; None when it has been read to its end.
Step = tuple[Job, Piece | None]


def read_all(
    sources: Iterable[Source], sample_rate: int | None, rate: int, waiting: deque[Job]
) -> Iterator[Step]:
    """Each source's pieces at `rate`, then None; a source joins `waiting` when its turn comes."""
    for index, source in enumerate(sources):
        job = Job(index, os.fspath(source) if isinstance(source, str | os.PathLike) else None)
        waiting.append(job)
        try:
            for piece in cut_at_quiet(audio_blocks(source, sample_rate, rate), rate):
                job.samples += len(piece.samples)
                yield job, piece
        except EarwrightError as error:
            job.error = error
        yield job, None


def audio_blocks(source: Source, sample_rate: int | None, rate: int) -> Iterator[npt.NDArray[np.float32]]:
    """A source's audio at `rate`; `sample_rate` is that of an array, None if it is the same.

    Raises:
        EarwrightError: it cannot be read, or is no audio.
    """
    if hasattr(source, "__array__"):
        yield from_array(np.asarray(source), sample_rate or rate, rate)
    elif isinstance(source, str | os.PathLike | bytes | bytearray) or hasattr(source, "read"):
        yield from stream_audio(source, rate)
    else:
        raise EarwrightError(
            "audio is given as a path, bytes, an open binary file or a numpy array, "
            f"not as {type(source).__name__}."
        )


def rounds(steps: Iterable[Step], sample_rate: int) -> Iterator[list[Step]]:
    """Gather pieces until a round is full; rounds double from the first, quick one to the largest."""
    size, largest = (seconds * sample_rate for seconds in ROUND_SECONDS)
    gathered: list[Step] = []
    held = 0
    for job, piece in steps:
        gathered.append((job, piece))
        held += 0 if piece is None else len(piece.samples)
        if held >= size or len(gathered) >= ROUND_STEPS:
            yield gathered
            gathered, held, size = [], 0, min(2 * size, largest)
    if gathered:
        yield gathered


def batches(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Indices in batches of like length, none larger than `most` with its padding (but for one alone)."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: lengths[index]):
        if batch and (len(batch) + 1) * lengths[index] > most:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def segments_of(words: Sequence[Word]) -> tuple[Segment, ...]:
    """Words in segments, parted at pauses."""
    runs: list[list[Word]] = []
    for word in words:
        if not runs or word.start - runs[-1][-1].end > PAUSE:
            runs.append([])
        runs[-1].append(word)
    return tuple(map(whole_segment, runs))


def spoken_segments(segments: Iterable[Segment], pace: Pace, plain: Sequence[Segment]) -> tuple[Segment, ...]:
    """Segments, those that cannot have been spoken rejected and without their words.

    Args:
        segments: what a search has found.
        pace: of speech.
        plain: what a greedy search finds in the same audio, by which they are judged: a language model makes
            words of anything, and a lattice doubts what is said, too. A segment was spoken if any of these
            at the same time was; where there is none, if the search itself is sure of it.
    """

    def spoken(segment: Segment) -> bool:
        beside = [one for one in plain if one.start < segment.end and segment.start < one.end]
        if not beside:
            return segment.confidence >= SURE
        return any(pace.fits(one.words) for one in beside)

    return tuple(
        segment if spoken(segment) else replace(segment, text="", words=(), rejected=True)
        for segment in segments
    )


def whole_segment(words: Sequence[Word]) -> Segment:
    """Words, at least one, as one segment."""
    return Segment(
        text=" ".join(word.text for word in words),
        start=words[0].start,
        end=words[-1].end,
        words=tuple(words),
        confidence=geometric_mean(word.confidence for word in words),
    )
