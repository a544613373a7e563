"""A plain folder of recordings with a .txt of the same name beside each: a.wav and a.txt, in any depth."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from earwright.data.corpora.row import BadRow, ReaderOptions, Row
from earwright.data.corpora.search import audio_by_stem, found_in, hint, require_folder, walk
from earwright.errors import EarwrightError


def recognize(source: Path) -> str | None:
    """A folder with an audio file in it that has a .txt of its name beside it, at any depth."""
    if source.is_dir():
        for folder, names in walk(source):
            for stem, name in audio_by_stem(names).items():
                if f"{stem}.txt" in names:
                    return f"{(folder / name).relative_to(source)} has a .txt of the same name beside it"
    return None


def read(source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
    """Read a folder of audio files with a .txt beside each.

    Args:
        source: the folder.
        options: nothing in them concerns this format.

    Yields:
        Rows in order of path; the id is the path in `source` without its ending. Audio without a .txt has the
        text "", a .txt without audio a path that does not exist.

    Raises:
        EarwrightError: there is no such folder, or not one audio file with a .txt in it.
    """
    require_folder(source, "`folder`")
    rows: list[Row | BadRow] = []
    refused: list[BadRow] = []
    pairs = 0
    for folder, names in walk(source, refused):
        audio = audio_by_stem(names)
        if not audio:
            continue  # a README.txt of its own is no utterance that has lost its audio
        texts = {os.path.splitext(name)[0]: name for name in names if name.lower().endswith(".txt")}
        pairs += len(audio.keys() & texts.keys())
        for stem in sorted(audio.keys() | texts.keys()):
            rows.append(_row(source, folder, stem, audio.get(stem), texts.get(stem)))
    if not pairs:
        raise EarwrightError(
            f"{source}: no audio file here has a .txt of the same name beside it; found {found_in(source)}."
            f"{hint(source)}"
        )
    yield from rows
    yield from refused


def _row(source: Path, folder: Path, stem: str, audio: str | None, text_name: str | None) -> Row | BadRow:
    identity = (folder / stem).relative_to(source).as_posix()
    path = str(folder / (audio or f"{stem}.wav"))
    if text_name is None:
        return Row(id=identity, path=path, text="")
    try:
        # utf-8-sig: Windows editors begin a file with a mark that is no part of the text.
        text = (folder / text_name).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return BadRow(f"{folder / text_name}: not UTF-8 text", id=identity, path=path)
    except OSError as error:
        return BadRow(f"{folder / text_name}: {error.strerror}", id=identity, path=path)
    return Row(id=identity, path=path, text=text)
