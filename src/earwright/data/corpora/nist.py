"""What NIST's STM and CTM files have in common: lines that name a recording, its channel, times and words.

One file often describes many recordings. Each is looked for by its name: beside the file, below the source,
or in the folder above or one beside. A channel (A and B, or 1 and 2) becomes `Row.channel` if it is not the
first, or if the file names more than one of the recording: where there is only channel 1 it may be mono.
"""

from __future__ import annotations

import itertools
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from earwright.data.corpora.recordings import Recordings
from earwright.data.corpora.row import BadRow, Row
from earwright.data.corpora.search import is_audio
from earwright.data.corpora.timed import (
    TRANSCRIPTS_LOOKED_AT,
    Flaw,
    Segment,
    find_transcripts,
    rows_of,
    transcripts_of,
)
from earwright.errors import EarwrightError, first_line

# A line's number and text, None if it is not UTF-8.
Line = tuple[int, str | None]
# The recording that a line is of, its channel as it is written, and what the line says.
Entry = tuple[str, str, Segment | Flaw]

SEMICOLON = re.compile(r"(?<!\\);")
ALTERNATIVES = re.compile(r"\{\s+([^{}]*?)\s*\}")
SLASH = re.compile(r"(?:^|\s)/(?:\s|$)")
PRONUNCIATION = re.compile(r"(?<=\w)\([0-9]+\)$")  # the(2)


def read_nist(
    source: Path,
    suffix: str,
    parse: Callable[[Iterable[Line]], Iterator[Entry]],
    join: Callable[[list[Segment | Flaw]], Iterable[Segment | Flaw]],
) -> Iterator[Row | BadRow]:
    """The rows of NIST's files, one recording in memory at a time.

    Args:
        source: a folder, or one file.
        suffix: of the files: ".stm" or ".ctm".
        parse: gives what lines say; a line that names no recording goes with the one before it.
        join: makes the segments of a recording out of what its lines say.

    Raises:
        EarwrightError: the source is missing or has no such file, or one cannot be read.
    """
    recordings = Recordings(source)
    refused: list[BadRow] = []
    for transcript in transcripts_of(source, suffix, refused):
        channels = channels_of(parse(numbered_lines(transcript)))
        missing: set[str] = set()
        for name, lines in itertools.groupby(parse(numbered_lines(transcript)), key=lambda entry: entry[0]):
            said = [
                replace(what, channel=channels[name][channel]) if isinstance(what, Segment) else what
                for _, channel, what in lines
            ]
            audio = _find(recordings, transcript, name)
            if audio is not None:
                yield from rows_of(list(join(said)), transcript, audio, recordings.name_of(audio))
            elif not name:
                yield from rows_of(said, transcript, transcript, "")
            elif name not in missing:
                missing.add(name)
                yield BadRow(f"{transcript}: there is no recording {name}", id=name)
    yield from refused


def recognize_nist(
    source: Path, suffix: str, parse: Callable[[Iterable[Line]], Iterator[Entry]], kind: str
) -> str | None:
    """ "talk.stm has segments of talk.sph" (`kind` is "segments"), or None. Never raises."""
    try:
        if source.is_file() and source.suffix.lower() != suffix:
            return None
        recordings = Recordings(source)
        for transcript in itertools.islice(find_transcripts(source, suffix), TRANSCRIPTS_LOOKED_AT):
            for name, _, _ in itertools.islice(parse(numbered_lines(transcript)), TRANSCRIPTS_LOOKED_AT):
                audio = _find(recordings, transcript, name)
                if audio is not None:
                    return f"{transcript.name} has {kind} of {audio.name}"
    except (EarwrightError, OSError):
        pass
    return None


def numbered_lines(path: Path) -> Iterator[Line]:
    """The lines of a file with something in them, from 1."""
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                except UnicodeDecodeError:
                    yield number, None
                    continue
                if text:
                    yield number, text
    except OSError as error:
        raise EarwrightError(f"{path}: it cannot be read ({first_line(error)}).") from error


def channels_of(entries: Iterable[Entry]) -> dict[str, dict[str, int | None]]:
    """Recording -> channel as it is written -> its number from 0, or None; see the head of this module."""
    labels: dict[str, set[str]] = {}
    for name, channel, _ in entries:
        labels.setdefault(name, set()).add(channel)
    return {name: _numbers(found) for name, found in labels.items()}


def seconds(value: str) -> float:
    """A time. Raises ValueError with the reason."""
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a number of seconds")
    return number


def plain_words(text: str) -> str:
    r"""The words of a text as NIST's scorer sclite reads it.

    Of alternatives `{ um / uh }` the first; no tags (`word;tag`), no `@` (nothing), no brackets around
    words that may be left out, no number of a pronunciation (`the(2)`); `\;` is a semicolon.
    """
    before = None
    while text != before:  # from the innermost outwards
        before, text = text, ALTERNATIVES.sub(lambda match: SLASH.split(match[1])[0], text)
    words = []
    for token in text.split():
        word = SEMICOLON.split(token)[0].replace("\\;", ";")
        word = PRONUNCIATION.sub("", word).removeprefix("(").removesuffix(")")
        if word and word != "@":
            words.append(word)
    return " ".join(words)


def _numbers(labels: set[str]) -> dict[str, int | None]:
    first = 0 if "0" in labels else 1
    numbers: dict[str, int | None] = {}
    for label in labels:
        if label.isascii() and label.isdigit():
            numbers[label] = max(int(label[:4]) - first, 0)
        elif len(label) == 1 and label.isascii() and label.isalpha():
            numbers[label] = ord(label.lower()) - ord("a")
        else:
            numbers[label] = None
    return numbers if any(numbers.values()) else dict.fromkeys(labels)


def _find(recordings: Recordings, transcript: Path, name: str) -> Path | None:
    base = os.path.basename(name.replace("\\", "/"))
    stem = os.path.splitext(base)[0] if is_audio(base) else base
    return recordings.find(transcript.parent, stem, around=True) if stem else None
