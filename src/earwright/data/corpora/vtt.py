"""WebVTT subtitles beside recordings of the same name: talk.vtt and talk.mp3.

The W3C's format (https://www.w3.org/TR/webvtt1/): an empty line ends a cue; settings, and NOTE, STYLE and
REGION blocks, are passed over; <v Ann> says who speaks. What becomes of the texts is described in
`captions`, of times that cannot be right in `timed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from earwright.data.corpora.captions import read_captions
from earwright.data.corpora.row import BadRow, ReaderOptions, Row
from earwright.data.corpora.timed import read_transcripts, recognize_transcripts

SUFFIX = ".vtt"


def recognize(source: Path) -> str | None:
    """A .vtt with a recording of its name, or a folder with such a pair in it."""
    return recognize_transcripts(source, SUFFIX, "subtitles")


def read(source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
    """Read WebVTT subtitles.

    Args:
        source: a folder of recordings with subtitles, at any depth, or one file of subtitles.
        options: nothing in them concerns this format.

    Yields:
        Rows in order of path and time, one a cue; cues that cannot be used as bad rows.

    Raises:
        EarwrightError: there is no such source, or no subtitles in it.
    """
    return read_transcripts(source, SUFFIX, lambda path: read_captions(path, blank_line_ends=True))
