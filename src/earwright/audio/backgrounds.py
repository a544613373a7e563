"""Folders of noise, music and impulse responses: by class, parted into what one trains and tests with."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from earwright.audio.mix import SILENT
from earwright.audio.read import AUDIO_SUFFIXES, CONTAINER_SUFFIXES, Samples, read_audio
from earwright.errors import EarwrightError, first_line

TEST_SHARE = 0.3  # of the files of a class
PARTS = ("train", "test", "all")
# What tells takes of one place apart: "Hall position 2", "HallPosition2", "rain-take-1", "street_ch3".
_TAKE = re.compile(
    r"[ ._-]*(position|microphone|channel|take)[ ._-]*\d+$|[ ._-]+(pos|mic|ch)[ ._-]*\d+$", re.I
)


@dataclass(frozen=True)
class Background:
    """A recording that belongs behind speech, or that speech is folded with.

    Attributes:
        kind: its class: the folder below the one that was named, or that one's own name.
        path: of the file.
    """

    kind: str
    path: Path


def find_backgrounds(folders: Iterable[str | os.PathLike[str]], part: str = "all") -> list[Background]:
    """The recordings below some folders, in a fixed order.

    Which part a file belongs to follows from the names of its class and itself alone, so that training and a
    report on another machine part them alike. Takes of one place ("HallPosition1", "HallPosition2") stay
    together. A class of one file, or of one place, is trained with, and not tested with.

    Args:
        folders: each with files, or with a folder a class.
        part: "train", "test" or "all".

    Raises:
        EarwrightError: a folder is missing, cannot be read or has no audio, or nothing is left in this part.
    """
    assert part in PARTS
    found: list[Background] = []
    for folder in map(Path, folders):
        own_name = os.path.basename(os.path.abspath(folder))  # "." has one, too
        classes: dict[str, list[Path]] = {}
        for path in _files(folder):
            inner = path.relative_to(folder).parts
            classes.setdefault(inner[0] if len(inner) > 1 else own_name, []).append(path)
        for kind, paths in classes.items():
            chosen = set(paths) if part == "all" else _part(kind, paths, part)
            found += [Background(kind, path) for path in paths if path in chosen]
    if not found:
        names = ", ".join(map(str, folders))
        raise EarwrightError(
            f"{names}: no recording is in the {part} part; a class needs two at least to be parted."
        )
    return found


def _files(folder: Path) -> list[Path]:
    """The audio below a folder, sorted; no class is missing without a word because it cannot be listed."""
    try:
        if not folder.is_dir():
            raise EarwrightError(f"{folder} is not a folder of recordings.")
        files = sorted(
            path
            for inner, _, names in os.walk(folder, onerror=_raise)
            for path in (Path(inner, name) for name in names)
            if path.suffix.lower() in AUDIO_SUFFIXES | CONTAINER_SUFFIXES and path.is_file()
        )
    except OSError as error:
        where = error.filename or folder
        raise EarwrightError(f"{where}: this folder cannot be read ({error.strerror or error}).") from error
    if not files:
        raise EarwrightError(f"{folder}: there is no recording in it.")
    return files


def _raise(error: OSError) -> None:
    raise error


def _part(kind: str, paths: list[Path], part: str) -> set[Path]:
    places: dict[Path, list[Path]] = {}
    for path in paths:
        places.setdefault(path.with_name(_TAKE.sub("", path.stem).lower() or "take"), []).append(path)

    def chance(takes: list[Path]) -> bytes:
        return hashlib.sha256(f"{kind}/{min(path.name for path in takes)}".encode()).digest()

    wanted = max(1, round(TEST_SHARE * len(paths))) if len(places) > 1 else 0
    test: set[Path] = set()
    for takes in sorted(places.values(), key=chance):
        if len(test) < wanted and len(takes) <= len(paths) / 2:
            test.update(takes)
    return test if part == "test" else set(paths) - test


def read_backgrounds(
    backgrounds: Iterable[Background], sample_rate: int, skipped: Callable[[Path, str], None]
) -> list[tuple[Background, Samples]]:
    """Decode them; one that cannot be read, or is silent, is skipped and told.

    Args:
        backgrounds: what `find_backgrounds` gives.
        sample_rate: Hz to resample to.
        skipped: called with a path and the reason.

    Raises:
        EarwrightError: nothing is left.
    """
    read: list[tuple[Background, Samples]] = []
    reasons: list[str] = []
    for background in backgrounds:
        try:
            samples = read_audio(background.path, sample_rate)
            if float((samples.astype("float64") ** 2).mean()) <= SILENT:
                raise EarwrightError("it is silent")
        except EarwrightError as error:
            reason = first_line(error).removeprefix(f"{background.path}: ").rstrip(".")
            skipped(background.path, reason)
            reasons.append(f"{background.path} ({reason})")
            continue
        read.append((background, samples))
    if not read:
        raise EarwrightError(
            f"none of {len(reasons)} recordings can be used: each is unreadable or silent, such as "
            f"{reasons[0]}."
        )
    return read
