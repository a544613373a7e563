"""SubRip subtitles beside recordings of the same name: talk.srt and talk.mp3.

Files from all kinds of programs are read: with or without counters, empty lines and hours, the decimals
    after a comma or a point. Most that are not UTF-8 are Windows-1252, and are read as such, which
    `custom["encoding"]` then says. What becomes of the texts is described in `captions`, of times that
    cannot be right in `timed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from earwright.data.corpora.captions import read_captions
from earwright.data.corpora.row import BadRow, ReaderOptions, Row
from earwright.data.corpora.timed import read_transcripts, recognize_transcripts

SUFFIX = ".srt"


def recognize(source: Path) -> str | None:
    """A .srt with a recording of its name, or a folder with such a pair in it."""
    return recognize_transcripts(source, SUFFIX, "subtitles")


def read(source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
    """Read SubRip subtitles.

    Args:
        source: a folder of recordings with subtitles, at any depth, or one file of subtitles.
        options: nothing in them concerns this format.

    Yields:
        Rows in order of path and time, one a cue; cues that cannot be used as bad rows.

    Raises:
        EarwrightError: there is no such source, or no subtitles in it.
    """
    return read_transcripts(source, SUFFIX, lambda path: read_captions(path, blank_line_ends=False))
