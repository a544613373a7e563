"""LJSpeech's layout: metadata.csv with lines id|text or id|text|normalized text, the audio in wavs/id.wav.

The audio may be in any format, and in folders below wavs, or beside metadata.csv where there is no wavs. The
text is the last column that is not empty. So of a line id|speaker|text, which some programs write, the text
is right, and the speaker is taken for the text before normalization: to have speakers, give such a table a
first line that names its columns and read it as csv. Quotes are letters like others.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from earwright.data.corpora.lines import head, is_unicode, read_lines
from earwright.data.corpora.row import BadRow, ReaderOptions, Row
from earwright.data.corpora.search import (
    audio_by_stem,
    found_in,
    hint,
    is_audio,
    locate,
    require_folder,
    walk,
)
from earwright.errors import EarwrightError

METADATA_NAME = "metadata.csv"
AUDIO_FOLDERS = ("wavs", "wav")
COLUMNS = 3


def recognize(source: Path) -> str | None:
    """A folder with metadata.csv, or that file, with a bar in its first line and audio where it should be."""
    table = source / METADATA_NAME if os.path.isdir(source) else source
    first, *_ = head(table) or [""]
    name, bar, _ = first.partition("|")
    if not bar or not name.strip():
        return None
    folder = _audio_folder(table.parent)
    if folder == table.parent and not os.path.isfile(locate(folder, name.strip(), any_ending=True)):
        return None
    return f"{table.name} has lines of the form id|text, and audio lies in {folder.name}"


def read(source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
    """Read a corpus in LJSpeech's layout.

    Args:
        source: the folder, or a table in it such as metadata.csv.
        options: nothing in them concerns this format.

    Yields:
        Rows in order of line; where there is a normalized text, `custom` has the other as "transcription". If
        `source` is the folder, audio that no line names follows, with the text "".

    Raises:
        EarwrightError: there is no such folder, no metadata.csv in it, or its lines have no bars.
    """
    table = _find_table(source)
    folder = _audio_folder(table.parent)
    refused: list[BadRow] = []
    audio = _audio_by_key(folder, refused)
    named = set()
    for number, line in read_lines(table):
        row = _row(table, number, line, folder, audio)
        named.add(_key(row.id))
        yield row
    if table != source:
        yield from (Row(id=key, path=path, text="") for key, path in audio.items() if key not in named)
    yield from refused


def _find_table(source: Path) -> Path:
    """The table of a source. Raises an EarwrightError if there is none or it is of another kind."""
    table = source
    if not os.path.isfile(source):
        require_folder(source, "LJSpeech")
        table = source / METADATA_NAME
        if not os.path.isfile(table):
            raise EarwrightError(
                f"{source}: this is not LJSpeech's layout: no {METADATA_NAME} in it, but {found_in(source)}."
                f"{hint(source)}"
            )
    first = head(table, 5)
    if first and not any("|" in line for line in first):
        raise EarwrightError(
            f"{table}: LJSpeech's lines have the form id|text, with a bar; the first one here is "
            f"{first[0][:60]!r}.{hint(source)}"
        )
    return table


def _audio_folder(folder: Path) -> Path:
    return next((folder / name for name in AUDIO_FOLDERS if os.path.isdir(folder / name)), folder)


def _audio_by_key(folder: Path, refused: list[BadRow]) -> dict[str, str]:
    """The path of every audio file, by `_key`; of several with one key, one that can be read."""
    found: dict[str, str] = {}
    for place, names in walk(folder, refused):
        above = place.relative_to(folder).as_posix()
        for stem, name in audio_by_stem(names).items():
            found[_key(stem if above == "." else f"{above}/{stem}")] = str(place / name)
    return found


def _key(name: str) -> str:
    """What an id and a path in the folder of audio have in common: the path without ending, composed."""
    name = unicodedata.normalize("NFC", name.strip().replace("\\", "/")).removeprefix("./")
    for folder in AUDIO_FOLDERS:
        name = name.removeprefix(f"{folder}/")
    return os.path.splitext(name)[0] if is_audio(name) else name


def _row(table: Path, number: int, line: str, folder: Path, audio: dict[str, str]) -> Row | BadRow:
    where = f"{table}, line {number}: "
    name, bar, rest = line.partition("|")
    identity, texts = _key(name), [text.strip() for text in rest.split("|")]
    if not is_unicode(line):
        return BadRow(where + "not UTF-8 text; save the table as UTF-8", id=identity)
    if not bar:
        return BadRow(where + "there is no bar between id and text", text=line)
    if not identity:
        return BadRow(where + "the id is empty", text=rest)
    if any(texts[COLUMNS - 1 :]):
        return BadRow(
            where + f"{len(texts) + 1} columns where there are at most {COLUMNS}", identity, text=rest
        )
    path = audio.get(identity) or str(folder / (name.strip() if is_audio(name) else f"{identity}.wav"))
    raw, normalized = texts[0], texts[1] if len(texts) > 1 else ""
    if normalized and raw:
        return Row(identity, path, normalized, custom={"transcription": raw})
    return Row(identity, path, normalized or raw)
