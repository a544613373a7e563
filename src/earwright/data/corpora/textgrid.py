"""Praat's TextGrids beside recordings of the same name: talk.TextGrid and talk.wav.

Long and short text files, in UTF-8, UTF-16 or Latin-1. As Praat itself does, the reader takes the values in
their order (texts in double quotes, free-standing numbers, <flags>) and passes over what only explains them
(https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html). Tiers of points are left out, and so are
intervals without a text. Which tiers are read is described in `tiers`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from earwright.data.corpora.row import BadRow, ReaderOptions, Row
from earwright.data.corpora.tiers import Tier, utterances_of
from earwright.data.corpora.timed import (
    Flaw,
    Segment,
    TranscriptError,
    read_text,
    read_transcripts,
    recognize_transcripts,
)

SUFFIX = ".textgrid"
NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
VALUE = re.compile(
    r'"(?P<text>(?:[^"]|"")*+)"'
    rf"|(?<!\S)(?P<number>{NUMBER})(?!\S)"
    r"|(?<!\S)<(?P<flag>[a-z]+)>"
    r'|(?<== )(?P<word>[^\s"<]\S*)'  # "xmin = soon", in the long form: a number that is none
    r"|(?<!\S)![^\r\n]*"  # a comment
)


def recognize(source: Path) -> str | None:
    """A .TextGrid with a recording of its name, or a folder with such a pair in it."""
    return recognize_transcripts(source, SUFFIX, "tiers")


def read(source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
    """Read TextGrids.

    Args:
        source: a folder of recordings with TextGrids, at any depth, or one TextGrid.
        options: `columns["text"]` names the tier to read; `pause` and `longest` say how words are joined
            where a TextGrid has no tier of whole utterances.

    Yields:
        Rows in order of path and time, one an interval; the name of a speaker's tier is the speaker.

    Raises:
        EarwrightError: there is no such source, no TextGrid in it, or one with tiers of which it cannot be
            told which holds the text.
    """

    def parse_file(path: Path) -> Iterator[Segment | Flaw]:
        return utterances_of(parse(read_text(path)[0]), options, path)

    return read_transcripts(source, SUFFIX, parse_file)


def parse(text: str) -> list[Tier]:
    """The tiers of intervals in a TextGrid.

    Raises:
        TranscriptError: it is no TextGrid, or damaged.
    """
    values = _Values(text)
    if not values.text().startswith("ooTextFile") or values.text() != "TextGrid":
        raise TranscriptError("this is no TextGrid in a text form; save it as such in Praat")
    values.number(), values.number()  # of the whole
    tiers = []
    for _ in range(values.count()):
        kind = values.text()
        if kind not in ("IntervalTier", "TextTier"):
            raise values.error(f'a tier is "IntervalTier" or "TextTier", not "{kind}"')
        name = values.text()
        values.number(), values.number()  # of the tier
        count = values.count()
        if kind == "IntervalTier":
            segments = [values.interval() for _ in range(count)]
            tiers.append(Tier(name, tuple(segment for segment in segments if segment.text)))
        else:
            for _ in range(count):
                values.number(), values.text()
    return tiers


class _Values:
    """The values of a text file of Praat's, one after the other."""

    def __init__(self, text: str) -> None:
        if text.count('"') % 2:
            raise TranscriptError("a quote is opened and not closed")
        self._text = text
        self._found = VALUE.finditer(text)
        self._place, self._line = 0, 1

    def text(self) -> str:
        kind, value = self._next()
        if kind != "text":
            raise self.error(f"a text in quotes should stand here, not {value}")
        return value.replace('""', '"')

    def number(self) -> float:
        """A number; what should be one in the long form and is none is NaN."""
        kind, value = self._next()
        if kind == "flag":  # <exists> before the number of tiers
            kind, value = self._next()
        if kind == "text":
            raise self.error(f'a number should stand here, not "{value}"')
        return float(value) if kind == "number" else math.nan

    def count(self) -> int:
        number = self.number()
        if not 0 <= number < 1e9:
            raise self.error(f"{number} is no number of tiers or intervals")
        return int(number)

    def interval(self) -> Segment:
        start = self.number()
        line = self._line
        return Segment(f"line {line}", start, self.number(), " ".join(self.text().split()))

    def error(self, message: str) -> TranscriptError:
        return TranscriptError(f"line {self._line}: {message}")

    def _next(self) -> tuple[str, str]:
        for match in self._found:
            if match.lastgroup:
                self._line += self._text.count("\n", self._place, match.start())
                self._place = match.start()
                return match.lastgroup, match[match.lastgroup]
        raise TranscriptError("it breaks off before its end")
