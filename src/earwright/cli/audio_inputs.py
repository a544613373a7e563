"""What the arguments of a verb that reads audio stand for: files, folders, patterns, stdin."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from earwright.errors import EarwrightError

STDIN = "-"


@dataclass
class AudioInputs:
    """The files that were found, in order and once each, and what was asked for and not found."""

    paths: list[str] = field(default_factory=list)
    problems: list[EarwrightError] = field(default_factory=list)


def find_audio(arguments: Iterable[str]) -> AudioInputs:
    """Follow each argument to its files.

    A folder stands for all audio below it. A pattern stands for what it matches; shells do that themselves,
    but not where it was quoted, nor on Windows. A file that does not exist is passed on: reading it says so.

    Args:
        arguments: of the command line.
    """
    found = AudioInputs()
    seen: set[str] = set()
    for argument in arguments:
        if argument == STDIN or os.path.isfile(argument):
            paths = [argument]
        elif os.path.isdir(argument):
            paths = _audio_below(argument)
            if not paths:
                found.problems.append(EarwrightError(f"{argument}: there is no audio in this folder."))
        elif glob.has_magic(argument):
            paths = sorted(path for path in glob.glob(argument, recursive=True) if os.path.isfile(path))
            if not paths:
                found.problems.append(EarwrightError(f"{argument}: no file matches this pattern."))
        else:
            paths = [argument]
        found.paths.extend(path for path in paths if path not in seen)
        seen.update(paths)
    return found


def output_stems(paths: list[str]) -> list[str]:
    """A name to write each file's results under, no two alike.

    The file's name without its ending, as whisper has it; with its ending where two files share that; with
    folders, from where they part, where two share even that.
    """
    plain = ["stdin" if path == STDIN else Path(path).stem for path in paths]
    full = ["stdin" if path == STDIN else Path(path).name for path in paths]
    # Compared without case, for the file systems of macOS and Windows.
    plain_count = Counter(name.casefold() for name in plain)
    full_count = Counter(name.casefold() for name in full)
    stems = []
    for short, name, path in zip(plain, full, paths, strict=True):
        if plain_count[short.casefold()] == 1:
            stems.append(short)
        elif full_count[name.casefold()] == 1:
            stems.append(name)
        else:
            twins = [twin for twin in paths if Path(twin).name.casefold() == name.casefold()]
            stems.append(_from_the_parting(twins, path))
    if len({stem.casefold() for stem in stems}) < len(stems):  # a.wav and a.mp3 beside a.wav.flac
        return [_from_the_parting(paths, path) for path in paths]
    return stems


def _from_the_parting(paths: list[str], path: str) -> str:
    """One of several paths, without the folders that they have in common."""
    absolute = os.path.abspath(path)
    try:
        return os.path.relpath(absolute, os.path.commonpath([os.path.abspath(p) for p in paths]))
    except ValueError:  # two drives of Windows have nothing in common
        return absolute.replace(":", "")


def opened(path: str) -> str | bytes | BinaryIO:
    """What to hand to the recognizer: the path, or stdin copied to a file, since audio is read to and fro."""
    if path != STDIN:
        return path
    copy = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the recognizer reads it)
    shutil.copyfileobj(sys.stdin.buffer, copy)
    if copy.tell() == 0:
        return b""  # which says what the matter is better than an empty file
    copy.seek(0)
    return cast(BinaryIO, copy)


def seconds_of(paths: Iterable[str]) -> float:
    """Seconds of audio as the headers say, for a progress bar; what cannot be told counts as none."""
    from earwright.audio.read import audio_info

    total = 0.0
    for path in paths:
        with contextlib.suppress(EarwrightError):
            total += audio_info(path).duration if path != STDIN else 0.0
    return total


def _audio_below(folder: str) -> list[str]:
    from earwright.audio.read import AUDIO_SUFFIXES

    paths = (path for path in Path(folder).rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
    return sorted(str(path) for path in paths if path.is_file() and not path.name.startswith("."))
