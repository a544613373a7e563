"""Looking through a folder: its audio, its other files, and what kind of corpus it may be."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from earwright.audio.read import AUDIO_SUFFIXES, UNREADABLE_SUFFIXES
from earwright.errors import EarwrightError

ENDINGS_SHOWN = 5


def walk(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Every folder from `folder` down with its files' names, in alphabetical order, hidden ones left out.

    Links to folders are followed, each folder once: corpora are often linked together, sometimes in a ring.
    """
    seen: set[tuple[int, int]] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        stat = os.stat(place)
        if (stat.st_dev, stat.st_ino) in seen:
            folders.clear()
            continue
        seen.add((stat.st_dev, stat.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield Path(place), sorted(name for name in names if not name.startswith("."))


def is_audio(name: str) -> bool:
    """Whether a file's ending is one of audio, also of a kind that cannot be read: that is to be reported."""
    suffix = os.path.splitext(name)[1].lower()
    return suffix in AUDIO_SUFFIXES or suffix in UNREADABLE_SUFFIXES


def audio_by_stem(names: list[str]) -> dict[str, str]:
    """The audio files among `names`, by name without ending; of several, one that can be read."""
    found: dict[str, str] = {}
    for name in names:
        stem, suffix = os.path.splitext(name)
        if is_audio(name) and (stem not in found or suffix.lower() in AUDIO_SUFFIXES):
            found[stem] = name
    return found


def require_folder(source: Path, format_name: str) -> None:
    """Raise an EarwrightError unless `source` is a folder."""
    if not source.exists():
        raise EarwrightError(f"{source}: there is no such folder.")
    if not source.is_dir():
        raise EarwrightError(
            f"{source}: {format_name} is read from a folder, and this is a file.{hint(source)}"
        )


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
    """The name of the format that a source seems to be in."""
    if source.is_file():
        return {".csv": "csv", ".tsv": "tsv"}.get(source.suffix.lower())
    tables = []
    for place, names in walk(source):
        if any(name.endswith(".trans.txt") for name in names):
            return "librispeech"
        if any(f"{stem}.txt" in names for stem in audio_by_stem(names)):
            return "folder"
        tables += [place / name for name in names if name.lower().endswith((".csv", ".tsv"))]
    return f"{tables[0].suffix[1:].lower()} {tables[0]}" if tables else None
