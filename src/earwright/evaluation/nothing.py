"""What a recognizer says where nobody speaks: every word that it finds in silence or music is invented.

Ten minutes of silence and of a quiet room are made here, a minute at a time; all else is recorded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from earwright.audio.backgrounds import find_backgrounds
from earwright.audio.noises import pink_noise
from earwright.audio.read import Samples
from earwright.errors import EarwrightError, first_line
from earwright.recognizer import Recognizer
from earwright.text.normalize import normalize

SILENCE, ROOM = "silence", "room"  # what is made here, and needs no recordings
MINUTES = 10  # of each of them
ROOM_LEVEL = -60.0  # dB below full scale: a quiet room, recorded for speech
LISTED = 200  # inventions of a class that are kept; all are counted

Source = tuple[str, Path | Samples]  # its name, and its file or samples at the recognizer's rate


@dataclass(frozen=True)
class Invention:
    """What was heard where nothing was said: in which source, when (seconds), and how sure of it."""

    source: str
    start: float
    end: float
    text: str
    confidence: float


@dataclass(frozen=True)
class Nothing:
    """A class of recordings in which nobody speaks, and what was heard in them.

    Attributes:
        kind: "silence", "room", or a class of recordings.
        recordings: how many were heard to their end.
        seconds: their length.
        words, characters: invented ones, after the normalizer; characters without spaces.
        inventions: the first of them, with their places.
        segments: how many there are.
        failed: the recordings that could not be read, and why.
    """

    kind: str
    recordings: int
    seconds: float
    words: int
    characters: int
    inventions: tuple[Invention, ...]
    segments: int
    failed: tuple[tuple[str, str], ...] = ()

    @property
    def per_minute(self) -> float:
        """Invented words a minute."""
        return 60 * self.words / self.seconds if self.seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "kind": self.kind,
            "recordings": self.recordings,
            "seconds": round(self.seconds, 3),
            "words": self.words,
            "characters": self.characters,
            "words_per_minute": self.per_minute,
            "segments": self.segments,
            "inventions": [
                {
                    "source": one.source,
                    "start": round(one.start, 3),
                    "end": round(one.end, 3),
                    "text": one.text,
                    "confidence": round(one.confidence, 4),
                }
                for one in self.inventions
            ],
            "failed": [{"recording": name, "reason": reason} for name, reason in self.failed],
        }


@dataclass(frozen=True)
class Kind:
    """A class before it is heard: its name, and what gives its sources at a recognizer's sample rate."""

    name: str
    sources: Callable[[int], Iterable[Source]]


def find_nothing(places: Sequence[str], part: str = "test", seed: int = 0) -> tuple[list[Kind], list[str]]:
    """The classes to listen to, and those that have no recording in this part.

    Args:
        places: "silence" (ten minutes of zeros), "room" (ten minutes of pink noise at -60 dB), and folders,
            with files or with a folder a class.
        part: of the recordings, "train", "test" or "all".
        seed: of the pink noise.

    Raises:
        EarwrightError: as `find_backgrounds`.
    """
    kinds: list[Kind] = []
    if SILENCE in places:
        kinds.append(Kind(SILENCE, silence))
    if ROOM in places:
        kinds.append(Kind(ROOM, lambda rate: quiet_room(rate, seed)))
    folders = [place for place in places if place not in (SILENCE, ROOM)]
    if not folders:
        return kinds, []
    paths: dict[str, list[Path]] = {}
    for background in find_backgrounds(folders, part):
        paths.setdefault(background.kind, []).append(background.path)
    for name in sorted(paths):
        kinds.append(_recorded(name, paths[name]))
    everything = {background.kind for background in find_backgrounds(folders)}
    return kinds, sorted(everything - set(paths))


def _recorded(name: str, paths: Sequence[Path]) -> Kind:
    return Kind(name, lambda rate: ((path.name, path) for path in paths))


def silence(sample_rate: int, minutes: int = MINUTES) -> Iterator[Source]:
    """Digital silence, a minute at a time."""
    for minute in range(minutes):
        yield f"minute {minute + 1}", np.zeros(60 * sample_rate, np.float32)


def quiet_room(sample_rate: int, seed: int = 0, minutes: int = MINUTES) -> Iterator[Source]:
    """A room in which nothing happens: pink noise 60 dB below full scale, a minute at a time."""
    for minute in range(minutes):
        noise = pink_noise(60 * sample_rate, sample_rate, np.random.default_rng((seed, minute)))
        level = np.float32(10 ** (ROOM_LEVEL / 20) / math.sqrt(np.square(noise).mean()))
        yield f"minute {minute + 1}", noise * level


def hear_nothing(
    recognizer: Recognizer,
    kind: Kind,
    normalizer: str = "basic",
    on_seconds: Callable[[float], None] = lambda seconds: None,
) -> Nothing:
    """Have a recognizer listen to a class; recordings of any length go through it piece by piece.

    Args:
        recognizer: as it searches.
        kind: what to listen to.
        normalizer: which says what a word is, as in scoring.
        on_seconds: told of the seconds of audio that were heard.
    """
    names: list[str] = []

    def audio() -> Iterator[Path | Samples]:
        for name, source in kind.sources(recognizer.meta.sample_rate):
            names.append(name)
            yield source

    found: list[Invention] = []
    failed: list[tuple[str, str]] = []
    seconds, words, characters, segments = 0.0, 0, 0, 0
    heard = recognizer.transcribe_each(audio(), on_piece=lambda index, segments, length: on_seconds(length))
    for number, transcript in enumerate(heard):
        if isinstance(transcript, EarwrightError):
            # Without the path, which is nobody's business in a kept result.
            reason = first_line(transcript)
            failed.append((names[number], reason.partition(f"{names[number]}: ")[2] or reason))
            continue
        seconds += transcript.duration
        for segment in transcript.segments:
            invented = normalize(segment.text, normalizer).split()
            if not invented:
                continue
            words += len(invented)
            characters += sum(map(len, invented))
            segments += 1
            if len(found) < LISTED:
                where = (names[number], segment.start, segment.end)
                found.append(Invention(*where, segment.text, segment.confidence))
    return Nothing(
        kind.name,
        len(names) - len(failed),
        seconds,
        words,
        characters,
        tuple(found),
        segments,
        tuple(failed),
    )


@dataclass(frozen=True)
class NothingReport:
    """All classes.

    Attributes:
        kinds: what was heard in each.
        part: of the recordings, "train", "test" or "all".
        seed: of what was made.
        left_out: classes that have no recording in this part.
    """

    kinds: tuple[Nothing, ...]
    part: str
    seed: int = 0
    left_out: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Of all classes."""
        return sum(kind.seconds for kind in self.kinds)

    @property
    def words(self) -> int:
        """Invented in all classes."""
        return sum(kind.words for kind in self.kinds)

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "part": self.part,
            "seed": self.seed,
            "classes_left_out": list(self.left_out),
            "seconds": round(self.seconds, 3),
            "words": self.words,
            "words_per_minute": 60 * self.words / self.seconds if self.seconds else 0.0,
            "kinds": [kind.to_dict() for kind in self.kinds],
        }


def check_heard(report: NothingReport) -> NothingReport:
    """The report itself.

    Raises:
        EarwrightError: not one recording could be read.
    """
    if not report.seconds:
        failed = [each for kind in report.kinds for each in kind.failed]
        name, reason = failed[0] if failed else ("", "there are none")
        raise EarwrightError(f"none of {len(failed)} recordings can be read, such as {name}: {reason}")
    return report
