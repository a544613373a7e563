"""RTTM: who speaks when, without texts (NIST's Rich Transcription 2009 evaluation plan, appendix A).

SPEAKER <file id> <channel> <start> <duration> <NA> <NA> <speaker> <NA> <NA>

The audio of a file id is looked for in the folder of the .rttm file and below it, then in the two folders
above and right below those: corpora keep rttm and wav side by side.
"""

from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from earwright.data.corpora.lines import head, is_unicode, read_lines
from earwright.data.corpora.row import BadRow, ReaderOptions, Row, channel_index, made_id
from earwright.data.corpora.search import audio_by_stem, found_in, hint, require_folder, walk
from earwright.errors import EarwrightError

FIELDS = 8  # up to the speaker; two more that say nothing about a turn may follow
LEVELS_ABOVE = 2
NOT_GIVEN = "<NA>"
COMMENT = ";;"


def recognize(source: Path) -> str | None:
    """An .rttm file, or a folder with one in it at any depth."""
    for table in _tables(source, []):
        first = [line for line in head(table, 20) if not line.startswith(COMMENT)]
        if first and first[0].split()[0] in ("SPEAKER", "SPKR-INFO"):
            return f"{table.name} is a list of speakers' turns"
    return None


def read(source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
    """Read speakers' turns.

    Args:
        source: an .rttm file, or a folder with such files at any depth.
        options: nothing in them concerns this format.

    Yields:
        A row a turn, in order of file and line, with the text "". Turns of several speakers may overlap.

    Raises:
        EarwrightError: there is no such folder, or no .rttm in it.
    """
    if not os.path.isfile(source):
        require_folder(source, "RTTM")
    refused: list[BadRow] = []
    audio = _Audio()
    empty = True
    for table in _tables(source, refused):
        empty = False
        try:
            for number, line in read_lines(table):
                fields = line.split()
                if fields[0] == "SPEAKER":
                    yield _row(f"{table}, line {number}: ", fields, table.parent, audio)
        except EarwrightError as error:
            yield BadRow(str(error).rstrip("."), path=str(table))
    if empty:
        what = f"found {found_in(source)}" if os.path.isdir(source) else f"this is {source.name}"
        raise EarwrightError(f"{source}: RTTM is read from files that end in .rttm; {what}.{hint(source)}")
    yield from refused


class _Audio:
    """The audio of file ids; each folder is looked through once."""

    def __init__(self) -> None:
        self._found: dict[tuple[Path, int | None], dict[str, str]] = {}

    def path(self, folder: Path, file_id: str) -> str:
        """The path of a file id named in a table in `folder`; one that does not exist if there is none."""
        places: list[tuple[Path, int | None]] = [(folder, None)]
        places += [(parent, 1) for parent in folder.absolute().parents[:LEVELS_ABOVE]]
        for place in places:
            if place not in self._found:
                self._found[place] = _audio_by_id(*place)
            path = self._found[place].get(unicodedata.normalize("NFC", file_id))
            if path is not None:
                return path
        return str(folder / f"{file_id}.wav")


def _audio_by_id(folder: Path, levels: int | None) -> dict[str, str]:
    """Name without ending, in composed form -> path; of several the one that lies highest."""
    found: dict[str, str] = {}
    for place, names in walk(folder, levels=levels):
        for stem, name in audio_by_stem(names).items():
            found.setdefault(unicodedata.normalize("NFC", stem), str(place / name))
    return found


def _tables(source: Path, refused: list[BadRow]) -> Iterator[Path]:
    if os.path.isfile(source):
        if source.suffix.lower() == ".rttm":
            yield source
    elif os.path.isdir(source):
        for folder, names in walk(source, refused):
            yield from (folder / name for name in names if name.lower().endswith(".rttm"))


def _row(where: str, fields: list[str], folder: Path, audio: _Audio) -> Row | BadRow:
    line = " ".join(fields)
    if not is_unicode(line):
        return BadRow(where + "not UTF-8 text")
    if len(fields) < FIELDS:
        return BadRow(where + f"{len(fields)} fields where a turn has at least {FIELDS}", text=line)
    _, file_id, channel, start, duration, _, _, speaker, *_ = fields
    path = audio.path(folder, file_id)
    try:
        seconds, length = float(start), float(duration)
        if not math.isfinite(seconds + length):
            raise ValueError
    except ValueError:
        return BadRow(
            where + f"start {start} and duration {duration} are not both seconds", file_id, path, line
        )
    return Row(
        id=made_id(f"{file_id}-{speaker}", seconds, length),
        path=path,
        text="",
        speaker=None if speaker == NOT_GIVEN else speaker,
        start=seconds,
        duration=length,
        channel=channel_index(channel),
    )
