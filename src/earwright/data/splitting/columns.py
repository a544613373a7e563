"""What a manifest says about its cuts, column by column, in a few bytes a cut."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
from array import array
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from earwright.cuts import Cut, iterate_cuts
from earwright.errors import EarwrightError
from earwright.text import normalize

Integers = npt.NDArray[np.int64]

# Columns that every cut has a place for; whatever else a corpus says is in `custom`, under its own name.
FIELDS: dict[str, Callable[[Cut], Any]] = {
    "speaker": lambda cut: cut.speaker,
    "gender": lambda cut: cut.gender,
    "sex": lambda cut: cut.gender,
    "language": lambda cut: cut.language,
    "sample_rate": lambda cut: cut.sample_rate,
    "recording": lambda cut: (
        cut.path
    ),  # its id is not one for all: a row of a table is a recording of its own
    "utterance": lambda cut: cut.id,
}
NOT_NAMED = "not named"  # the value of cuts that have none, where they are counted too
MICROSECONDS = 1_000_000  # whole ones add up to the same sum in any order
MANY_NUMBERS = 10  # a column with more different numbers (ages, years) is looked at in ranges
RANGES = 5
MANY_VALUES = 20  # of a column with more values the smaller ones are counted together


class Column:
    """The values of one column: `numbers` has for each cut the place of its value in `names`, or -1."""

    def __init__(self) -> None:
        self._places: dict[Hashable, int] = {}
        self._numbers = array("i")

    def add(self, value: Hashable | None) -> None:
        """The value of the next cut; None if it has none."""
        self._numbers.append(-1 if value is None else self._places.setdefault(value, len(self._places)))

    @property
    def names(self) -> list[str]:
        """The different values, in the order in which they came."""
        return [str(value) for value in self._places]

    @property
    def numbers(self) -> Integers:
        """(N,)"""
        return np.array(self._numbers, dtype=np.int64)


@dataclass
class Columns:
    """A manifest by columns.

    Attributes:
        microseconds: how long each cut is.
        values: name -> column, of those asked for.
        texts: what is said, normalized (basic), as numbers alone; empty texts have none.
        known: names of all columns in which any cut has a value.
    """

    microseconds: array[int] = field(default_factory=lambda: array("q"))
    values: dict[str, Column] = field(default_factory=dict)
    texts: Column = field(default_factory=Column)
    known: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.microseconds)


def read_columns(
    manifest: Path,
    names: Iterable[str],
    may_be_empty: Iterable[str] = (),
    on_progress: Callable[[int], None] = lambda done: None,
) -> Columns:
    """Go through a manifest once.

    Args:
        manifest: a file of cuts.
        names: of the columns to keep.
        may_be_empty: those of them in which no cut need have a value.
        on_progress: told how many cuts have been read.

    Raises:
        EarwrightError: the manifest is damaged or empty, a cut has no length, or no cut has a value in one of
            the columns; the nearest name is named.
    """
    columns = Columns(values={name: Column() for name in names})
    for cut in iterate_cuts(manifest):
        if not (math.isfinite(cut.duration) and cut.duration > 0):
            raise EarwrightError(f"{manifest}: cut {cut.id!r} is {cut.duration} s long; prepare it again.")
        columns.microseconds.append(max(round(cut.duration * MICROSECONDS), 1))
        for name, column in columns.values.items():
            column.add(value_of(cut, name))
        columns.known.update(cut.custom, (name for name, get in FIELDS.items() if get(cut)))
        columns.texts.add(_digest(normalize(cut.text, "basic")))
        if len(columns) % 1000 == 0:
            on_progress(len(columns))
    if not len(columns):
        raise EarwrightError(f"{manifest}: there are no cuts in it.")
    for name, column in columns.values.items():
        if not column.names and name not in may_be_empty:
            raise EarwrightError(f"{manifest}: no cut says its {name}{_nearest(name, columns.known)}")
    return columns


def value_of(cut: Cut, column: str) -> str | None:
    """What a cut says in a column: a field of the cut, or else one of its `custom`; None if nothing."""
    value = FIELDS[column](cut) if column in FIELDS else None
    if value is None:
        value = cut.custom.get(column)
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False, sort_keys=True) if value else None
    return None if value is None else str(value).strip() or None


def count_together(column: Column, seconds: npt.NDArray[np.float64]) -> tuple[list[str], Integers]:
    """The values of a column few enough to compare: numbers in ranges, the rarer values as one.

    Args:
        column: any.
        seconds: (N,) how long each cut is.

    Returns:
        The names of the values, and for each cut the place of its own; those without a value have one too.
    """
    names, numbers = column.names, column.numbers
    weights = np.bincount(numbers[numbers >= 0], seconds[numbers >= 0], len(names)).tolist()
    measured = [_number(name) for name in names]
    numeric = all(math.isfinite(number) for number in measured)
    if len(names) > MANY_NUMBERS and numeric:
        names, places = _ranges(measured, weights)
    else:
        order = sorted(
            range(len(names)), key=lambda place: (measured[place] if numeric else 0.0, names[place])
        )
        if len(names) > MANY_VALUES:
            order = sorted(order, key=lambda place: -weights[place])[: MANY_VALUES - 1]
        ranks = {place: rank for rank, place in enumerate(order)}
        places = [ranks.get(place, len(order)) for place in range(len(names))]
        names = [names[place] for place in order] + (["others"] if len(names) > MANY_VALUES else [])
    # The last place is for -1, so that it is found from behind.
    if (numbers < 0).any():
        places.append(len(names))
        names = [*names, NOT_NAMED]
    return names, np.array(places, dtype=np.int64)[numbers]


def _ranges(measured: Sequence[float], weights: Sequence[float]) -> tuple[list[str], list[int]]:
    """Ranges of numbers with about the same hours each: their names, and the range of each number."""
    places = [0] * len(measured)
    spans: list[list[float]] = []
    passed, total, last = 0.0, sum(weights), -1
    for place in sorted(range(len(measured)), key=lambda place: measured[place]):
        middle = passed + weights[place] / 2
        passed += weights[place]
        if (piece := int(RANGES * middle / total)) != last:
            spans.append([])
            last = piece
        spans[-1].append(measured[place])
        places[place] = len(spans) - 1
    names = [f"{span[0]:g}" if span[0] == span[-1] else f"{span[0]:g} to {span[-1]:g}" for span in spans]
    return names, places


def _number(name: str) -> float:
    try:
        return float(name)
    except ValueError:
        return math.nan


def _digest(text: str) -> int | None:
    """Eight bytes for a text: in a million there are two alike with a chance of one in forty million."""
    if not text:
        return None
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
    )


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known, 1, 0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(sorted(known))}."
