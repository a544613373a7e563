"""What the two forms of lattice files have in common: reading lines, and saying which of them is wrong."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from earwright.decoding.lattice.graph import Lattice, assemble
from earwright.errors import EarwrightError

Path = str | os.PathLike[str]


def read_lines(path: Path) -> list[str]:
    """The lines of a file.

    Raises:
        EarwrightError: it cannot be read as UTF-8 text.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read().split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise EarwrightError(f"{path}: cannot be read as UTF-8 text ({error}).") from error


def wrong(path: Path, line: int, what: str) -> EarwrightError:
    """The error for a line, counted from 1."""
    return EarwrightError(f"{path}, line {line}: {what}")


def number(path: Path, line: int, text: str, what: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise wrong(path, line, f"{what} is {text!r}; a finite number belongs here.")
    return value


def index(path: Path, line: int, text: str, what: str, size: int | None = None) -> int:
    """A whole number from 0 up (and below `size`)."""
    if not (text.isascii() and text.isdigit()) or (size is not None and int(text) >= size):
        limit = "0 or more" if size is None else f"0 to {size - 1}"
        raise wrong(path, line, f"{what} is {text!r}; a whole number of {limit} belongs here.")
    return int(text)


def check_words(lattice: Lattice, nothing: str) -> None:
    """Whether a lattice's words can be written.

    Raises:
        EarwrightError: one has a space in it, or is the sign for no word.
    """
    for word in lattice.words:
        if word == nothing or (word and word.split() != [word]):
            raise EarwrightError(f"a lattice with the word {word!r} cannot be written in this form.")


@dataclass
class ArcList:
    """Arcs as they are read."""

    sources: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    acoustic: list[float] = field(default_factory=list)
    lm: list[float] = field(default_factory=list)
    other: list[float] = field(default_factory=list)
    alignments: list[tuple[int, ...]] = field(default_factory=list)

    def add(
        self,
        source: int,
        target: int,
        word: str,
        acoustic: float,
        lm: float,
        other: float,
        alignment: Iterable[int] = (),
    ) -> None:
        """One more."""
        self.sources.append(source)
        self.targets.append(target)
        self.words.append(word)
        self.acoustic.append(acoustic)
        self.lm.append(lm)
        self.other.append(other)
        self.alignments.append(tuple(alignment))

    def lattice(
        self, path: Path, line: int, times: list[int], lm_weight: float, start: int, end: int
    ) -> Lattice:
        """The lattice that they make.

        Raises:
            EarwrightError: they make a circle; with the line at which the lattice begins.
        """
        try:
            return assemble(
                times, self.sources, self.targets, self.words, self.acoustic, self.lm, self.other,
                self.alignments, lm_weight=lm_weight, start=start, end=end,
            )  # fmt: skip
        except EarwrightError as error:
            raise wrong(path, line, str(error)) from error
