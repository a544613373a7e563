"""What a recognizer returns: words with times and confidence, in segments, in a transcript."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Word:
    """One word. `start` and `end` are seconds from the start of the audio; `confidence` is in [0, 1]."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Segment:
    """A stretch of speech between two cuts, with its words. Times are seconds.

    `rejected` says that what was found there is no speech (see `earwright.pace`), so that there is no text.
    Where a recognizer follows a grammar, each piece of audio that was searched is one: `score` says how well
    what was found fits the audio (see `earwright.decoding.grammar.rejection`), `rejected` that it does not
    fit well enough, and `tags` are those of the grammar.
    """

    text: str
    start: float
    end: float
    words: tuple[Word, ...] = ()
    confidence: float = 0.0
    rejected: bool = False
    score: float | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Alternative:
    """A whole hypothesis of a search, with what it is worth there: a natural logarithm."""

    text: str
    score: float


@dataclass(frozen=True)
class Alternatives:
    """The best hypotheses of a piece of audio, best first. Times are seconds."""

    start: float
    end: float
    hypotheses: tuple[Alternative, ...]


@dataclass(frozen=True)
class Transcript:
    """The transcript of one recording.

    Attributes:
        text: the whole text, the segments' texts joined by a space, where they have one.
        segments: in order of time, not overlapping.
        duration: seconds of audio.
        source: the file's name, or None for audio that came as bytes or an array.
        language: the bundle's language if it has exactly one.
        alternatives: of each piece of at most 20 s that was searched by itself, if they were asked for.
    """

    text: str
    segments: tuple[Segment, ...]
    duration: float
    source: str | None = None
    language: str | None = None
    alternatives: tuple[Alternatives, ...] = ()

    @property
    def words(self) -> tuple[Word, ...]:
        """All words of all segments, in order of time."""
        return tuple(word for segment in self.segments for word in segment.words)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries and lists, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Transcript:
        """The inverse of `to_dict`."""
        segments = tuple(
            Segment(
                **{
                    **segment,
                    "words": tuple(Word(**word) for word in segment.get("words", ())),
                    "tags": tuple(segment.get("tags", ())),
                }
            )
            for segment in data["segments"]
        )
        alternatives = tuple(
            Alternatives(
                **{**piece, "hypotheses": tuple(Alternative(**one) for one in piece.get("hypotheses", ()))}
            )
            for piece in data.get("alternatives", ())
        )
        return cls(**{**data, "segments": segments, "alternatives": alternatives})
