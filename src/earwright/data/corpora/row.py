"""What every reader gives: rows. Readers check neither audio nor text: `data.checks` does, for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

GENDERS = {
    **{"f": "female", "female": "female", "m": "male", "male": "male"},
    **{"female_feminine": "female", "male_masculine": "male"},  # newer releases of Common Voice
}


@dataclass(frozen=True)
class Row:
    """One utterance as its corpus has it.

    Attributes:
        id: the corpus's own name for it, or one made of the path.
        path: absolute path of the audio file, which need not exist.
        text: what is said; "" if nobody wrote it down.
        start: seconds into the file.
        duration: seconds; None means to the end of the file.
        custom: what else the corpus says about it.
        channel: the channel of the file that it lies in, counted from 0; None if the corpus does not say.
        data: the audio file itself where the corpus holds it inside of a table; `path` is then the name that
            it gets.
    """

    id: str
    path: str
    text: str
    speaker: str | None = None
    language: str | None = None
    gender: str | None = None
    start: float = 0.0
    duration: float | None = None
    custom: dict[str, Any] = field(default_factory=dict)
    channel: int | None = None
    data: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class BadRow:
    """A line of a corpus that makes no row; `detail` says why, and where it stands; `reason` in a word."""

    detail: str
    id: str = ""
    path: str = ""
    text: str = ""
    reason: str = "bad-row"


@dataclass(frozen=True)
class ReaderOptions:
    """What a user can tell a reader; each takes what concerns it.

    Attributes:
        columns: our name of a column -> its name in the table ("text" -> "sentence").
        pause: seconds of silence between two timed words that part utterances, where only words are timed;
            None: as many as are usual there.
        longest: seconds of an utterance put together from timed words.
        arguments: what lhotse's own reader of a corpus is told: the name of its argument -> the value.
        model: a recognizer's bundle, where words have to be found in recordings.
        least_confidence: of words that it has found, on average between two pauses; others are left out.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    pause: float | None = None
    longest: float = 20.0
    arguments: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    least_confidence: float = 0.3


def gender_name(value: str) -> str | None:
    """ "female", "male", or whatever else the corpus says; None for nothing."""
    return GENDERS.get(value.strip().lower(), value.strip()) or None


def made_id(name: str, start: float = 0.0, duration: float | None = None) -> str:
    """An id for a row that has none: the path without its ending, and where in the file, if not all of it.

    Args:
        name: the path as the corpus has it, without its ending.
        start, duration: in seconds; the id has start and end in milliseconds.
    """
    name = name.replace("\\", "/").removeprefix("./")
    if not start and duration is None:
        return name
    end = "" if duration is None else f"-{round((start + duration) * 1000):08d}"
    return f"{name}-{round(start * 1000):08d}{end}"


def channel_index(name: str) -> int | None:
    """The channel, counted from 0, that NIST's formats call 1, 2 or A, B; None for what is no such name."""
    if name.isascii() and name.isdigit():
        return max(int(name) - 1, 0)
    return ord(name) - ord("A") if len(name) == 1 and "A" <= name <= "Z" else None
