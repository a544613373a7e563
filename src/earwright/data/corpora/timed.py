"""Timed transcripts of long recordings: the recording of each, and a row for each stretch that has a text.

What the readers of subtitles, TextGrids, ELAN's and NIST's files share. A transcript belongs to the recording
of the same name: talk.srt to talk.mp3, also talk.mp3.srt and talk.en.srt (then the language is known). The
recording lies beside it, or else below the source if only one can be meant. A transcript without a recording
is one bad row; a recording without a transcript is left alone, as a folder of talks often has more of them
than anybody wrote down.

Times are trusted only as far as they fit together. Where two segments of one speaker that follow each other
overlap by more than a fifth of a second, or the later one starts first, each is refused: one stretch of sound
would have the words of two, or it cannot be known which of the two times is wrong. Different speakers may
talk at once, each with a row of their own, as the corpora of meetings and of telephone calls have it.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from earwright.data.corpora.lines import BYTE_ORDER_MARKS
from earwright.data.corpora.recordings import Recordings
from earwright.data.corpora.row import BadRow, Row, made_id
from earwright.data.corpora.search import found_in, hint, walk
from earwright.errors import EarwrightError

OVERLAP = 0.2  # seconds that a segment may reach into the next: less than a word
TRANSCRIPTS_LOOKED_AT = 20  # by a recognizer: if so many have no recording, the others will not either
# Letters beyond ASCII are less than a fifth of a text in an alphabet that Windows-1252 has, and nearly all
# of one in another. A sign such as ³ within a word is a letter in a code page of Central Europe.
FOREIGN_SHARE = 0.25
MISREAD = re.compile(r"[^\W\d_][¹²³º¿¼½¾¥£¶][^\W\d_]")


@dataclass(frozen=True)
class Segment:
    """What a transcript says about a stretch of its recording.

    Attributes:
        where: its place in the transcript: "line 12".
        start, end: seconds into the recording.
        text: what is said.
        speaker: who says it.
        channel: of the recording, counted from 0; None if all of them hold it.
        gender: of the speaker.
        custom: what else is known.
    """

    where: str
    start: float
    end: float
    text: str
    speaker: str | None = None
    channel: int | None = None
    gender: str | None = None
    custom: dict[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Flaw:
    """A place in a transcript that makes no row: where, why, and what is written there."""

    where: str
    detail: str
    text: str = ""


class TranscriptError(Exception):
    """A whole transcript that cannot be read; the message says why, without its name."""


def read_transcripts(
    source: Path,
    suffix: str,
    parse: Callable[[Path], Iterable[Segment | Flaw]],
    named: Callable[[Path], Path | None] = lambda transcript: None,
) -> Iterator[Row | BadRow]:
    """The rows of transcripts that have one recording each.

    Args:
        source: a folder, or one transcript.
        suffix: of the transcripts, such as ".srt".
        parse: gives what a transcript holds; may raise TranscriptError.
        named: gives the recording that a transcript itself names, if it is there.

    Yields:
        Rows in order of path and of place in the transcript.

    Raises:
        EarwrightError: the source is missing or has no such transcript.
    """
    recordings = Recordings(source)
    refused: list[BadRow] = []
    for transcript in transcripts_of(source, suffix, refused):
        audio, language = named(transcript), None
        if audio is None:
            audio, language = recordings.of_transcript(transcript)
        if audio is None:
            yield BadRow(f"{transcript}: {recordings.complaint(transcript)}", path=str(transcript))
            continue
        try:
            segments = list(parse(transcript))
        except (TranscriptError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            yield BadRow(f"{transcript}: {reason}", path=str(audio))
        else:
            yield from rows_of(segments, transcript, audio, recordings.name_of(audio), language)
    yield from refused


def transcripts_of(source: Path, suffix: str, refused: list[BadRow] | None = None) -> Iterator[Path]:
    """The transcripts of a source: itself, or all in a folder, at any depth.

    Args:
        source: a folder, or one transcript.
        suffix: of the transcripts.
        refused: gets a bad row for each folder that cannot be listed.

    Raises:
        EarwrightError: there is no such source, or none in it.
    """
    if not source.exists():
        raise EarwrightError(f"{source}: there is no such file or folder.")
    empty = True
    for transcript in find_transcripts(source, suffix, refused):
        empty = False
        yield transcript
    if empty:
        raise EarwrightError(f"{source}: there is no {suffix} in it, but {found_in(source)}.{hint(source)}")


def find_transcripts(source: Path, suffix: str, refused: list[BadRow] | None = None) -> Iterator[Path]:
    """The same, where it is no fault that there is none."""
    if source.is_file():
        yield source
    elif source.is_dir():
        for folder, names in walk(source, refused):
            yield from (folder / name for name in names if name.lower().endswith(suffix))


def recognize_transcripts(
    source: Path, suffix: str, kind: str, named: Callable[[Path], Path | None] = lambda transcript: None
) -> str | None:
    """ "talk.srt has subtitles for talk.mp3" (`kind` is "subtitles"), or None. Never raises."""
    try:
        if source.is_file() and source.suffix.lower() != suffix:
            return None
        recordings = Recordings(source)
        for number, transcript in enumerate(find_transcripts(source, suffix)):
            audio = named(transcript) or recordings.of_transcript(transcript)[0]
            if audio is not None:
                return f"{transcript.name} has {kind} for {audio.name}"
            if number == TRANSCRIPTS_LOOKED_AT:
                break
    except (EarwrightError, OSError):
        pass
    return None


def rows_of(
    segments: Sequence[Segment | Flaw], transcript: Path, audio: Path, name: str, language: str | None = None
) -> Iterator[Row | BadRow]:
    """The rows of one recording.

    Args:
        segments: all that its transcript says about it, in the transcript's order.
        transcript: named where something is wrong.
        audio: the recording.
        name: of the recording in the ids.
        language: that the transcript is in.
    """
    ids: set[str] = set()
    for segment, complaint in zip(segments, _complaints(segments), strict=True):
        if isinstance(segment, Flaw) or complaint:
            detail = segment.detail if isinstance(segment, Flaw) else complaint
            yield BadRow(
                f"{transcript}, {segment.where}: {detail}",
                path=str(audio),
                text=" ".join(segment.text.split()),
            )
            continue
        duration = round(segment.end - segment.start, 6)  # 2.5 - 1.2 is 1.2999999999999998
        identity = made_id(os.path.splitext(name)[0], segment.start, duration)
        if identity in ids:  # two speakers at the very same time
            identity = next(new for n in range(2, len(ids) + 3) if (new := f"{identity}-{n}") not in ids)
        ids.add(identity)
        yield Row(
            id=identity,
            path=str(audio),
            text=segment.text,
            speaker=segment.speaker,
            language=language,
            gender=segment.gender,
            start=round(segment.start, 6),
            duration=duration,
            custom=dict(segment.custom),
            channel=segment.channel,
        )


def read_text(path: Path) -> tuple[str, str]:
    """The text of a transcript, and its encoding.

    UTF-8; UTF-16 with a byte order mark; or else Windows-1252, unless that gives what no language of Western
    Europe looks like: subtitles and TextGrids are often older than UTF-8, and do not say what they are.

    Raises:
        TranscriptError: it is in none of them.
    """
    data = path.read_bytes()
    encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8":
            raise TranscriptError(f"it begins as {encoding.upper()} and is damaged") from None
        encoding, text = "windows-1252", _western(data)
    if "\0" in text:
        raise TranscriptError("this is no text")
    return text, encoding


def split_lines(text: str) -> list[str]:
    r"""Lines without their ends, \n, \r\n or \r; `str.splitlines` would also part at rarer characters."""
    return re.split(r"\r\n|\r|\n", text)


def _western(data: bytes) -> str:
    refusal = TranscriptError("neither UTF-8 nor an encoding of Western Europe; save it as UTF-8")
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        raise refusal from None
    letters = [character for character in text if character.isalpha()]
    foreign = sum(not letter.isascii() for letter in letters)
    if foreign > FOREIGN_SHARE * len(letters) or MISREAD.search(text):
        raise refusal
    return text


def _complaints(segments: Sequence[Segment | Flaw]) -> list[str]:
    """What is wrong with the times of each segment; "" for nothing."""
    complaints = [""] * len(segments)
    last: dict[tuple[str | None, int | None], tuple[int, Segment]] = {}
    for number, segment in enumerate(segments):
        if isinstance(segment, Flaw):
            continue
        if not (math.isfinite(segment.start) and math.isfinite(segment.end)):
            complaints[number] = "its times are no numbers of seconds"
        elif segment.end <= segment.start:
            complaints[number] = f"it starts at {segment.start:.3f} s and ends at {segment.end:.3f} s"
        else:
            voice = (segment.speaker, segment.channel)
            place, before = last.get(voice, (-1, segment))
            last[voice] = (number, segment)
            if place >= 0 and (segment.start < before.start or before.end - segment.start > OVERLAP):
                complaints[number] = _collision(segment, before, "before it")
                complaints[place] = complaints[place] or _collision(before, segment, "after it")
    return complaints


def _collision(segment: Segment, other: Segment, order: str) -> str:
    return (
        f"it lasts from {segment.start:.3f} to {segment.end:.3f} s, and {order} comes {other.where}, "
        f"from {other.start:.3f} to {other.end:.3f} s"
    )
