"""Common Voice: a folder a language, with tables such as validated.tsv and the audio in clips.

Which columns there are depends on the release; those that have no place in a row are kept as `custom`.
Releases such as 6.1 write a sentence with quotation marks in it as CSV does ("He said ""yes"" twice."),
others as it is. So these tables are parted at tabs only, and a sentence is taken out of its quotes if all
within are doubled.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from earwright.data.corpora.lines import head, is_unicode, read_lines
from earwright.data.corpora.row import BadRow, ReaderOptions, Row, gender_name
from earwright.data.corpora.search import find_named, found_in, hint, locate, require_folder
from earwright.errors import EarwrightError

VALIDATED_NAME = "validated.tsv"
LEVELS = 2  # cv-corpus-6.1-2020-12-11/en is two below a folder of releases
REQUIRED = ("client_id", "path", "sentence")
KNOWN = (*REQUIRED, "gender", "locale")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*")  # as Common Voice names its folders: en, zh-CN, nan-tw


def recognize(source: Path) -> str | None:
    """A .tsv with the columns client_id, path and sentence, or a folder with such a validated.tsv."""
    is_table = os.path.isfile(source) and source.suffix.lower() == ".tsv"
    if not is_table and not os.path.isdir(source):
        return None
    for table in [source] if is_table else find_named(source, VALIDATED_NAME, LEVELS):
        first, *_ = head(table) or [""]
        if set(REQUIRED) <= set(first.split("\t")):
            name = table.name if is_table else table.relative_to(source)
            return f"{name} has the columns client_id, path and sentence"
    return None


def read(source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
    """Read Common Voice.

    Args:
        source: the folder of a language (its validated.tsv is read), a folder of several of them, or a table
            such as train.tsv, other.tsv or invalidated.tsv.
        options: nothing in them concerns this format.

    Yields:
        Rows in order of language and line; the language is the row's locale, or else its folder's name.

    Raises:
        EarwrightError: there is no such folder or table, or the table lacks the columns path and sentence.
    """
    is_table = os.path.isfile(source)
    if not is_table:
        require_folder(source, "Common Voice")
    refused: list[BadRow] = []
    first_error: EarwrightError | None = None
    rows = tables = 0
    for table in [source] if is_table else find_named(source, VALIDATED_NAME, LEVELS, refused):
        tables += 1
        try:
            for row in _read_table(table):
                rows += isinstance(row, Row)
                yield row
        except EarwrightError as error:  # one language of many must not end the job
            first_error = first_error or error
            yield BadRow(str(error).rstrip("."), path=str(table))
    if first_error and not rows:
        raise first_error
    if not tables:
        names = sorted(path.name for path in source.glob("*.tsv"))
        others = f" It has {', '.join(names)}: name one of them." if names else hint(source)
        raise EarwrightError(
            f"{source}: this is not Common Voice: no {VALIDATED_NAME} in it, but {found_in(source)}.{others}"
        )
    yield from refused


def _read_table(table: Path) -> Iterator[Row | BadRow]:
    header: list[str] = []
    for number, line in read_lines(table):
        values = line.split("\t")
        if not header:
            header = _header(table, values)
        elif not is_unicode(line):
            yield BadRow(f"{table}, line {number}: not UTF-8 text")
        elif len(values) != len(header):
            yield BadRow(
                f"{table}, line {number}: {len(values)} columns where the header has {len(header)}", text=line
            )
        else:
            yield _row(table, number, dict(zip(header, map(str.strip, values), strict=True)))
    if not header:
        raise EarwrightError(f"{table}: the table is empty.")


def _header(table: Path, names: list[str]) -> list[str]:
    names = [name.strip() for name in names]
    if {"path", "sentence"} <= set(names):
        return names
    raise EarwrightError(
        f"{table}: Common Voice's tables have the columns {', '.join(REQUIRED)}, parted by tabs; "
        f"the first line here is {', '.join(name[:40] for name in names[:12])}.{hint(table)}"
    )


def _row(table: Path, number: int, values: dict[str, str]) -> Row | BadRow:
    name = values["path"]
    if not name:
        return BadRow(f"{table}, line {number}: the path is empty", text=values["sentence"])
    clips = table.parent / "clips"
    folder = table.parent.name
    return Row(
        id=os.path.splitext(name)[0],
        path=locate(clips if os.path.isdir(clips) else table.parent, name, any_ending=True),
        text=_unquoted(values["sentence"]),
        speaker=values.get("client_id") or None,
        language=values.get("locale") or (folder if LANGUAGE.fullmatch(folder) else None),
        gender=gender_name(values.get("gender", "")),
        custom={key: value for key, value in values.items() if key not in KNOWN and key and value},
    )


def _unquoted(text: str) -> str:
    """A sentence without the quotes that a CSV writer put around and into it; "Yes" stays what was said."""
    inner = text[1:-1]
    if len(text) > 1 and text[0] == text[-1] == '"' and '""' in inner and '"' not in inner.replace('""', ""):
        return inner.replace('""', '"')
    return text
