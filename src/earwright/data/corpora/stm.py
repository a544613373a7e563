"""NIST's STM: a line for each segment of a recording, with its speaker, times and text.

    2347 A 2347-a 1.06 3.47 <O,F0,female> i've { um / uh } as far as i'm concerned

File, channel, speaker, start and end in seconds, perhaps labels, text (sclite's manual, "stm"). Comments
(;;), segments that are not scored and gaps between segments are passed over, and so are segments without
words. Where the text says (()) somebody spoke and the transcriber did not understand: that is a bad row.
See also `nist`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from earwright.data.corpora.nist import Entry, Line, plain_words, read_nist, recognize_nist, seconds
from earwright.data.corpora.row import BadRow, ReaderOptions, Row
from earwright.data.corpora.timed import Flaw, Segment

SUFFIX = ".stm"
NOT_SPEECH = {"ignore_time_segment_in_scoring", "inter_segment_gap", "excluded_region"}
LABELS = re.compile(r"<([^<>\s]*)>(?:\s+|$)")
DECLARATION = re.compile(r';;\s*LABEL\s+"([^"]*)"')
SHORT_LABEL = re.compile(r"[A-Z0-9]{0,2}")  # O, NA, F0: often used without a declaration


def recognize(source: Path) -> str | None:
    """A .stm with a recording that it names, or a folder with both in it."""
    return recognize_nist(source, SUFFIX, parse, "segments")


def read(source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
    """Read STM files.

    Args:
        source: a folder with recordings and .stm files, at any depth, or one .stm.
        options: nothing in them concerns this format.

    Yields:
        Rows in order of path and line; a recording that is not there is one bad row.

    Raises:
        EarwrightError: there is no such source, or no .stm in it.
    """
    return read_nist(source, SUFFIX, parse, join=lambda segments: segments)


def parse(lines: Iterable[Line]) -> Iterator[Entry]:
    """What each line says."""
    labels: set[str] = set()
    name = channel = ""
    for number, line in lines:
        where = f"line {number}"
        if line is None:
            yield name, channel, Flaw(where, "not UTF-8 text")
            continue
        if line.startswith(";;"):
            labels.update(DECLARATION.findall(line))
            continue
        columns = line.split(None, 5)
        if len(columns) < 5:
            yield (
                name,
                channel,
                Flaw(where, "a segment has file, channel, speaker, start, end and text", line),
            )
            continue
        name, channel, speaker, start, end = columns[:5]
        text = columns[5] if len(columns) > 5 else ""
        found = LABELS.match(text)
        gender = None
        # Else it is a word such as <unk>.
        if found and ("," in found[1] or found[1] in labels or SHORT_LABEL.fullmatch(found[1])):
            text = text[found.end() :]
            gender = next(
                (label for label in found[1].lower().split(",") if label in ("male", "female")), None
            )
        if {text.strip().lower(), speaker.lower()} & NOT_SPEECH or not plain_words(text):
            continue
        if "(())" in text:
            yield name, channel, Flaw(where, "part of it was not understood by who wrote it down", text)
            continue
        try:
            segment = Segment(where, seconds(start), seconds(end), plain_words(text), speaker, gender=gender)
        except ValueError as error:
            yield name, channel, Flaw(where, str(error), text)
        else:
            yield name, channel, segment
