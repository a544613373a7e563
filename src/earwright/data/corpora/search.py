"""Looking through a folder: its audio, its other files, and what kind of corpus it may be."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from earwright.audio.read import AUDIO_SUFFIXES, CONTAINER_SUFFIXES
from earwright.data.corpora.formats import FORMATS
from earwright.data.corpora.row import BadRow
from earwright.errors import EarwrightError

ENDINGS_SHOWN = 5
ENDINGS = (*sorted(AUDIO_SUFFIXES), *sorted(CONTAINER_SUFFIXES))


def walk(
    folder: Path, refused: list[BadRow] | None = None, levels: int | None = None
) -> Iterator[tuple[Path, list[str]]]:
    """Every folder from `folder` down with its files' names, in alphabetical order, hidden ones left out.

    Links to folders are followed, each folder once: corpora are often linked together, sometimes in a ring.

    Args:
        folder: where to begin.
        refused: gets a bad row for each folder that cannot be listed, and is therefore left out.
        levels: how far down to go: 0 is `folder` alone; None goes all the way.
    """
    seen: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        if refused is not None:
            refused.append(left_out(error))

    for place, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        try:
            stat = os.stat(place)
        except OSError as error:  # taken away while we looked
            refuse(error)
            folders.clear()
            continue
        if (stat.st_dev, stat.st_ino) in seen:
            folders.clear()
            continue
        seen.add((stat.st_dev, stat.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if levels is not None and len(Path(place).relative_to(folder).parts) >= levels:
            folders.clear()
        yield Path(place), sorted(name for name in names if not name.startswith("."))


def find_named(folder: Path, name: str, levels: int, refused: list[BadRow] | None = None) -> Iterator[Path]:
    """Every file of a name in a folder or up to `levels` below it, upper ones first.

    Beneath a folder that has such a file nothing is looked for or listed: there may lie a million clips.

    Args:
        folder: where to begin.
        name: of the file.
        levels: how far down to go: 0 is `folder` alone.
        refused: as in `walk`.
    """
    seen: set[tuple[int, int]] = set()
    places = [str(folder)]
    for level in range(levels + 1):
        below: list[str] = []
        for place in places:
            if os.path.isfile(os.path.join(place, name)):
                yield Path(place, name)
            elif level < levels:
                try:
                    below += _folders_in(place, seen)
                except OSError as error:
                    if refused is not None:
                        refused.append(left_out(error))
        places = below


def _folders_in(place: str, seen: set[tuple[int, int]]) -> list[str]:
    """The folders in a folder that were not seen before, hidden ones left out, in alphabetical order."""
    with os.scandir(place) as entries:
        paths = sorted(entry.path for entry in entries if entry.is_dir() and entry.name[0] != ".")
    found = []
    for path in paths:
        stat = os.stat(path)
        if (stat.st_dev, stat.st_ino) not in seen:
            seen.add((stat.st_dev, stat.st_ino))
            found.append(path)
    return found


def left_out(error: OSError) -> BadRow:
    """The bad row for a folder that cannot be listed."""
    path = os.fsdecode(error.filename or "")
    return BadRow(f"{path}: the folder is left out, it cannot be listed ({error.strerror})", path=path)


def locate(folder: str | os.PathLike[str], name: str, any_ending: bool = False) -> str:
    """The path of an audio file that a corpus names, spelt as it is on disk.

    Corpora travel: a name written on Windows has backslashes, macOS takes letters and their accents apart
    (NFD) where others keep them together (NFC), and audio is converted without its table being told.

    Args:
        folder: what the name is relative to.
        name: a path, perhaps with folders in it, or an absolute one.
        any_ending: also take a file of that name with another ending of audio.

    Returns:
        The path; as named where there is no such file.
    """
    written = os.path.join(folder, name)
    if (name.isascii() and "\\" not in name and not any_ending) or os.path.isfile(written):
        return written
    for spelling in dict.fromkeys((name, name.replace("\\", "/") if os.sep == "/" else name)):
        found = _on_disk(os.fspath(folder), spelling, any_ending)
        if found is not None:
            return found
    return written


def _on_disk(folder: str, name: str, any_ending: bool) -> str | None:
    """The path with each of its parts in the form that is on disk; None if one is not there in any form."""
    place = folder
    if os.path.isabs(name):
        drive, name = os.path.splitdrive(name)
        place = drive + os.sep
    parts = name.replace(os.sep, "/").strip("/").split("/")
    for number, part in enumerate(parts):
        candidates = _forms(part)
        if any_ending and number == len(parts) - 1:
            stem = os.path.splitext(part)[0] if is_audio(part) else part
            candidates += [form + ending for ending in ENDINGS for form in _forms(stem)]
            candidates += [form + ending.upper() for ending in ENDINGS for form in _forms(stem)]
        paths = (os.path.join(place, candidate) for candidate in candidates)
        is_there = os.path.isfile if number == len(parts) - 1 else os.path.isdir
        found = next((path for path in paths if is_there(path)), None)
        if found is None:
            return None
        place = found
    return place


def _forms(name: str) -> list[str]:
    """A name as it is, composed and decomposed, each once."""
    if name.isascii():
        return [name]
    return list(dict.fromkeys((name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD")))))


def is_audio(name: str) -> bool:
    """Whether a file's ending is one of audio, also of a kind that cannot be read: that is to be reported."""
    suffix = os.path.splitext(name)[1].lower()
    return suffix in AUDIO_SUFFIXES or suffix in CONTAINER_SUFFIXES


def audio_by_stem(names: list[str]) -> dict[str, str]:
    """The audio files among `names`, by name without ending; of several, one that can be read."""
    found: dict[str, str] = {}
    for name in names:
        stem, suffix = os.path.splitext(name)
        if is_audio(name) and (stem not in found or suffix.lower() in AUDIO_SUFFIXES):
            found[stem] = name
    return found


def require_folder(source: Path, format_name: str) -> None:
    """Raise an EarwrightError unless `source` is a folder that can be listed."""
    if not os.path.lexists(source):
        raise EarwrightError(f"{source}: there is no such folder.")
    if os.path.isfile(source):
        raise EarwrightError(
            f"{source}: {format_name} is read from a folder, and this is a file.{hint(source)}"
        )
    try:
        os.scandir(source).close()
    except OSError as error:
        raise EarwrightError(f"{source}: the folder cannot be listed ({error.strerror}).") from error


def found_in(source: Path) -> str:
    """What lies in a folder, for the message that it is not what was expected: "12 .wav, 3 .csv"."""
    endings: Counter[str] = Counter()
    for _, names in walk(source):
        endings.update(os.path.splitext(name)[1].lower() or "without ending" for name in names)
    if not endings:
        return "nothing"
    shown = [f"{count} {ending}" for ending, count in endings.most_common(ENDINGS_SHOWN)]
    return ", ".join(shown) + (" and others" if len(endings) > ENDINGS_SHOWN else "")


def hint(source: Path) -> str:
    """The format that a source looks like, as a sentence to add to a message; "" if nobody knows."""
    guess = guess_format(source)
    return f" It looks like `earwright prepare {guess}`." if guess else ""


def guess_format(source: Path) -> str | None:
    """The name of the format that a source seems to be in: what its recognizers say, or else its tables."""
    for name, kind in FORMATS.items():
        if kind.recognize(source):
            return name
    if os.path.isfile(source):
        return {".csv": "csv", ".tsv": "tsv"}.get(source.suffix.lower())
    for place, names in walk(source) if os.path.isdir(source) else ():
        for name in names:
            if name.lower().endswith((".csv", ".tsv")):
                return f"{name[-3:].lower()} {place / name}"
    return None
