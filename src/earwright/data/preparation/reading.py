"""From a reader's rows to the table: white space, languages, numbers, channels, audio inside of tables."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from earwright.audio.read import audio_info
from earwright.data.corpora.row import BadRow, Row
from earwright.data.preparation.checks import check_text
from earwright.data.preparation.copies import AUDIO_FOLDER, file_name
from earwright.data.preparation.listen import Problem
from earwright.data.preparation.numbers import spell_numbers
from earwright.data.preparation.options import PrepareOptions
from earwright.data.preparation.rows import RowTable
from earwright.errors import EarwrightError
from earwright.files import atomic_write

AS_WRITTEN = "text_as_written"  # in custom: the text before its numbers were spelled out


def read_rows(
    table: RowTable, rows: Iterable[Row | BadRow], out: Path, options: PrepareOptions, transcribed: bool
) -> None:
    """Fill the table.

    Args:
        table: an empty one.
        rows: as the corpus has them.
        out: where audio goes that lies inside of the corpus's tables.
        options: language, numbers, channels.
        transcribed: whether rows must have texts.
    """
    for row in rows:
        if isinstance(row, BadRow):
            table.add(row, Problem(row.reason, row.detail))
            continue
        row = _tidy(row, options)
        if row.data is not None:
            row = _unpack(row, row.data, out)
        for side in _sides(row, options.channels):
            problem = check_text(side, transcribed)
            if problem is None and options.channels == "split" and _is_of_both_sides(side):
                problem = Problem("two-sides", "its file has two sides; which of them it is of is not said")
            table.add(side, problem)
    table.db.commit()


def _tidy(row: Row, options: PrepareOptions) -> Row:
    """Each stretch of white space made one space, the language filled in, numbers spelled if asked."""
    text, language, custom = " ".join(row.text.split()), row.language or options.language, row.custom
    if options.spell_numbers and language:
        spelled = spell_numbers(text, language)
        if spelled != text:
            text, custom = spelled, {**custom, AS_WRITTEN: text}
    channel = row.channel
    if channel is None and options.channels.isdecimal():
        channel = int(options.channels)
    return replace(row, text=text, language=language, custom=custom, channel=channel)


def _unpack(row: Row, data: bytes, out: Path) -> Row:
    """Write audio that a table holds to a file of its own, unless an earlier run has."""
    ending = os.path.splitext(row.path)[1].lower() or ".audio"
    path = out.absolute() / AUDIO_FOLDER / file_name(row.id, ending)
    if not (path.exists() and path.stat().st_size == len(data)):
        with atomic_write(path, "wb") as file:
            file.write(data)
    return replace(row, path=str(path), data=None)


def _sides(row: Row, channels: str) -> Iterator[Row]:
    """The row; or if it has no text, and its file two sides that are to be split, one for each."""
    count = _channels(row.path) if channels == "split" and row.channel is None and not row.text else 1
    if count == 1:
        yield row
        return
    for channel in range(count):
        speaker = f"{row.speaker or row.id}-{channel}"
        yield replace(row, id=f"{row.id}-{channel}", channel=channel, speaker=speaker)


def _is_of_both_sides(row: Row) -> bool:
    return bool(row.text) and row.channel is None and _channels(row.path) > 1


def _channels(path: str) -> int:
    try:
        return audio_info(path).channels
    except EarwrightError:
        return 1  # what is wrong with it is found out when it is listened to
