"""Tables of utterances, CSV or TSV: a header, then a line each with at least the columns path and text.

Columns: path (relative to the table's folder, or absolute), text; optionally id, speaker, language, gender,
start and duration or end (seconds into the file). Any other column is kept as `custom`. Tables come from
spreadsheets and scripts alike, so: any of , ; | and tab parts the columns, UTF-8 with or without a byte order
mark or UTF-16 with one, any line ends, fields in double quotes that may hold all of these, and quotes that
were never meant as such.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from earwright.data.corpora.row import BadRow, ReaderOptions, Row, gender_name, made_id
from earwright.data.corpora.search import found_in, hint
from earwright.errors import EarwrightError, first_line

REQUIRED = ("path", "text")
KNOWN = (*REQUIRED, "id", "speaker", "language", "gender", "start", "duration", "end")
DELIMITERS = {"csv": ",;\t|", "tsv": "\t,;|"}
# A quoted field may hold line ends, but one that goes on for longer is a stray quote: without this limit it
# would swallow the rest of the table.
LINES_IN_RECORD = 20
BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def recognize_csv(source: Path) -> str | None:
    """A file whose first line names path and text, parted by commas, semicolons or bars."""
    return _recognize(source, "csv")


def recognize_tsv(source: Path) -> str | None:
    """A file whose first line names path and text, parted by tabs."""
    return _recognize(source, "tsv")


def read_csv(source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
    """Read a table whose columns are parted by commas, or else semicolons, tabs or bars; see `read_table`."""
    return read_table(source, "csv", options)


def read_tsv(source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
    """Read a table whose columns are parted by tabs, or else commas, semicolons or bars; see `read_table`."""
    return read_table(source, "tsv", options)


def read_table(source: Path, format_name: str, options: ReaderOptions) -> Iterator[Row | BadRow]:
    """Read a table with a header, line by line: it may be larger than memory.

    Args:
        source: the table.
        format_name: "csv" or "tsv": which delimiter is tried first.
        options: `columns` says what the table calls path, text and so on.

    Yields:
        Rows in order of line; lines that do not fit the header, or whose times are no numbers, as bad rows.

    Raises:
        EarwrightError: there is no such file, or its header lacks the columns path and text.
    """
    with _open(source, format_name) as lines:
        try:
            delimiter, header = _read_header(source, lines, format_name, options.columns)
            for number, record, fields in _records(lines, delimiter, len(header)):
                if fields is None:
                    yield BadRow(
                        f"{source}, line {number}: {_complaint(record, delimiter, len(header))}", text=record
                    )
                else:
                    yield _row(source, number, dict(zip(header, fields, strict=True)))
        except (OSError, UnicodeError) as error:
            raise EarwrightError(f"{source}: the table cannot be read ({first_line(error)}).") from error


class _Lines:
    """The lines of a file without their ends, with a look at the next few before they are taken."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._ahead: deque[str] = deque()
        self.number = 1  # of the line that comes next

    def peek(self, count: int) -> list[str]:
        """The next lines, fewer than `count` at the end."""
        while len(self._ahead) < count:
            line = self._file.readline()
            if not line:
                break
            self._ahead.append(line.removesuffix("\n"))
        return list(itertools.islice(self._ahead, count))

    def take(self, count: int) -> None:
        """Go on by `count` lines that have been peeked at."""
        for _ in range(count):
            self._ahead.popleft()
        self.number += count


def split_line(line: str, delimiter: str, strict: bool = False) -> list[str] | None:
    """The fields of one record, which may hold line ends; None if a quote that was opened is not closed.

    Quotes are those of RFC 4180 where a field begins with one, and letters like others elsewhere. After the
    closing one comes the delimiter; what comes else is kept, or if `strict` the line is refused (None).
    """
    if '"' not in line:
        return line.split(delimiter)
    fields = []
    place = 0
    while True:
        if line.startswith('"', place):
            field, place = _quoted(line, place + 1)
            if place < 0:
                return None
            end = line.find(delimiter, place)
            rest = line[place : end if end >= 0 else len(line)]
            if rest and strict:
                return None
            field += rest
        else:
            end = line.find(delimiter, place)
            field = line[place : end if end >= 0 else len(line)]
        fields.append(field)
        if end < 0:
            return fields
        place = end + len(delimiter)


def _quoted(line: str, place: int) -> tuple[str, int]:
    """The inside of a quoted field that begins at `place`, and where its closing quote ends; -1: nowhere."""
    parts = []
    while True:
        end = line.find('"', place)
        if end < 0:
            return "", -1
        parts.append(line[place:end])
        if not line.startswith('"', end + 1):
            return "".join(parts), end + 1
        parts.append('"')  # two quotes stand for one
        place = end + 2


@contextlib.contextmanager
def _open(source: Path, format_name: str) -> Iterator[_Lines]:
    """The lines; bytes that are not UTF-8 become lone surrogates, for `_row` to notice."""
    if not source.exists():
        raise EarwrightError(f"{source}: there is no such file.")
    if source.is_dir():
        raise EarwrightError(
            f"{source}: {format_name} is read from a file; this is a folder with {found_in(source)} in it."
            f"{hint(source)}"
        )
    try:
        with open(source, "rb") as file:
            start = file.read(4)
    except OSError as error:
        raise EarwrightError(f"{source}: the table cannot be read ({first_line(error)}).") from error
    encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if start.startswith(mark)), "utf-8")
    errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
    # newline=None: \r\n, \n and \r all end a line, as \n.
    with open(source, encoding=encoding, errors=errors, newline=None) as text:
        yield _Lines(text)


def _read_header(
    source: Path, lines: _Lines, format_name: str, columns: Mapping[str, str]
) -> tuple[str, list[str]]:
    """Take the header: the delimiter, and our names of the columns in lower case."""
    first = _skip_blank(lines)
    if first is None:
        raise EarwrightError(
            f"{source}: the table is empty; its first line should name the columns path, text."
        )
    if "\0" in first:
        raise EarwrightError(f"{source}: this is not a table of text; save it as CSV in UTF-8.")
    ours = {theirs.strip().lower(): name for name, theirs in columns.items()}
    best: list[str] = []
    for delimiter in DELIMITERS[format_name]:
        names = [name.strip().lower() for name in split_line(first, delimiter) or []]
        # A column that the user put another in the place of is an extra one like others.
        header = [ours.get(name, f"{name}_" if name in columns else name) for name in names]
        if all(name in header for name in REQUIRED):
            twice = next((name for name in header if name and header.count(name) > 1), None)
            if twice:
                raise EarwrightError(f"{source}: its header has the column {twice!r} twice; rename one.")
            lines.take(1)
            return delimiter, header
        if len(names) > len(best):
            best = names
    shown = ", ".join(name[:40] for name in best[:12])
    raise EarwrightError(
        f"{source}: the first line must name the columns path and text; it has: {shown}. "
        "Say which they are (--columns path=...,text=...), or put such a line first."
    )


def _skip_blank(lines: _Lines) -> str | None:
    """The next line with something in it, not yet taken; None at the end."""
    while ahead := lines.peek(1):
        if ahead[0].strip():
            return ahead[0]
        lines.take(1)
    return None


def _recognize(source: Path, format_name: str) -> str | None:
    if not source.is_file():
        return None
    try:
        with _open(source, format_name) as lines:
            delimiter, header = _read_header(source, lines, format_name, {})
    except (EarwrightError, OSError, UnicodeError):
        return None
    if (delimiter == "\t") != (format_name == "tsv"):
        return None
    return f"its first line names the columns {', '.join(name for name in header if name)}"


def _records(lines: _Lines, delimiter: str, columns: int) -> Iterator[tuple[int, str, list[str] | None]]:
    """Line number (from 1), text and fields of each record; None for fields that do not fit the header.

    A record that does not come out right takes only its first line with it.
    """
    while (first := _skip_blank(lines)) is not None:
        number, taken = lines.number, 1
        fields = split_line(first, delimiter)
        if fields is None:
            ahead = lines.peek(LINES_IN_RECORD)
            for taken in range(2, len(ahead) + 1):
                # '"Yes' and in the next line '"No" he said' are two stray quotes, not one text of two lines.
                fields = split_line("\n".join(ahead[:taken]), delimiter, strict=True)
                if fields is not None:
                    break
        if fields is not None:
            fields = _fit(fields, columns)
        if fields is None:
            # Quotes that were never meant as such: the line as it stands may be right.
            taken, fields = 1, _fit(first.split(delimiter), columns)
        lines.take(taken)
        yield number, first, fields


def _fit(fields: list[str], columns: int) -> list[str] | None:
    """The fields if they are as many as the columns, not counting the empty ones that spreadsheets append."""
    if len(fields) > columns and not any(field.strip() for field in fields[columns:]):
        return fields[:columns]
    return fields if len(fields) == columns else None


def _complaint(record: str, delimiter: str, columns: int) -> str:
    fields = split_line(record, delimiter)
    if fields is None:
        return "a quote is opened and not closed"
    return f"{len(fields)} columns where the header has {columns}"


def _row(source: Path, number: int, values: dict[str, str]) -> Row | BadRow:
    values = {name: value.strip() for name, value in values.items()}
    path = _audio_path(source, values["path"]) if values["path"] else ""
    where = f"{source}, line {number}: "
    bad = BadRow("", id=values.get("id", ""), path=path, text=values["text"])
    if not path:
        return BadRow(where + "the path is empty", bad.id, bad.path, bad.text)
    if any("\udc80" <= character <= "\udcff" for value in values.values() for character in value):
        return BadRow(where + "not UTF-8 text; save the table as UTF-8", bad.id, bad.path, bad.text)
    try:
        start, duration = _times(values)
    except ValueError as error:
        return BadRow(where + str(error), bad.id, bad.path, bad.text)
    return Row(
        id=values.get("id") or made_id(values["path"], start, duration),
        path=path,
        text=values["text"],
        speaker=values.get("speaker") or None,
        language=values.get("language") or None,
        gender=gender_name(values.get("gender", "")),
        start=start,
        duration=duration,
        custom={name: value for name, value in values.items() if name not in KNOWN and name and value},
    )


def _audio_path(source: Path, path: str) -> str:
    """The absolute path; one that was written on Windows works elsewhere too."""
    joined = os.path.join(source.parent, path)
    if "\\" in path and os.sep == "/" and not os.path.exists(joined):
        turned = os.path.join(source.parent, path.replace("\\", "/"))
        return turned if os.path.exists(turned) else joined
    return joined


def _times(values: dict[str, str]) -> tuple[float, float | None]:
    """Start and duration in seconds. Raises ValueError with the reason."""
    times = {}
    for name in ("start", "duration", "end"):
        if values.get(name):
            try:
                times[name] = float(values[name])
            except ValueError:
                raise ValueError(f"{name} is {values[name]!r}, not a number of seconds") from None
            if not math.isfinite(times[name]):
                raise ValueError(f"{name} is {values[name]!r}, not a number of seconds")
    start = times.get("start", 0.0)
    if "duration" in times:
        return start, times["duration"]
    return start, times["end"] - start if "end" in times else None
