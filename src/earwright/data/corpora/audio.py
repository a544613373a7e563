"""A folder of audio without texts: noise and music to train with, or speech that nobody has written down."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from earwright.data.corpora.row import BadRow, ReaderOptions, Row
from earwright.data.corpora.search import found_in, hint, is_audio, require_folder, walk
from earwright.errors import EarwrightError

# What texts and times are kept in; a .txt may as well be a README or a licence, unless its name says not.
TEXT_ENDINGS = frozenset(
    {
        *(".csv", ".tsv", ".json", ".jsonl", ".parquet", ".arrow", ".xlsx", ".xml", ".gz", ".tar", ".scp"),
        *(".stm", ".ctm", ".trn", ".trs", ".eaf", ".textgrid", ".srt", ".vtt", ".lab", ".mlf", ".rttm"),
    }
)
TEXT_NAMES = ("transcri", "prompt", "text", "sentence", "metadata", "line_index")


def recognize(source: Path) -> str | None:
    """A folder with audio in it and nothing that may be its texts; to be asked when no other format fits."""
    if not os.path.isdir(source):
        return None
    count = 0
    for _, names in walk(source):
        for name in names:
            if os.path.splitext(name)[1].lower() in TEXT_ENDINGS or name.lower().startswith(TEXT_NAMES):
                return None
            count += is_audio(name)
    return f"audio ({count} files) is all there is in it, without texts" if count else None


def read(source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
    """Read a folder of audio files.

    Args:
        source: the folder.
        options: nothing in them concerns this format.

    Yields:
        Rows in order of path, each with the text "" and in `custom` its "folder" relative to `source` ("."
        for `source` itself): often the class of a noise. The id is the path without its ending, but with it
        where two files differ in nothing else.

    Raises:
        EarwrightError: there is no such folder, or no audio in it.
    """
    require_folder(source, "`audio`")
    refused: list[BadRow] = []
    empty = True
    for folder, names in walk(source, refused):
        above = folder.relative_to(source)
        audio = [name for name in names if is_audio(name)]
        taken = set()
        for name in audio:
            empty = False
            stem = os.path.splitext(name)[0]
            unique = stem not in taken
            taken.add(stem)
            yield Row(
                id=(above / (stem if unique else name)).as_posix(),
                path=str(folder / name),
                text="",
                custom={"folder": above.as_posix()},
            )
    if empty:
        raise EarwrightError(f"{source}: there is no audio in it, but {found_in(source)}.{hint(source)}")
    yield from refused
