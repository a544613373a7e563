"""Counting while a manifest goes by: what is kept grows with the speakers, and by 32 bytes a cut."""

from __future__ import annotations

import heapq
import json
import math
import random
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from earwright.cuts import Cut
from earwright.data.inspection.figures import TEXT_QUANTITIES, Listed, Share
from earwright.data.inspection.odd_characters import Character, characters
from earwright.errors import EarwrightError, first_line

LISTED = 5  # cuts at each end of a distribution
SPEAKERS = 20  # speakers with a line of their own
VALUES = 30  # a custom column with more values than this is no grouping, it is a text
KNOWN_VALUES = 200  # languages there may be more of
COLUMNS = 50  # custom columns that are counted
SHORT = 80  # characters of a name or a text in a table
BESIDE = 3  # rows of each reason that are kept for listening
REASONS = 100  # kinds of reasons that are counted one by one
NOT_GIVEN = "not given"


class Ends:
    """The cuts with the lowest and the highest values of many."""

    def __init__(self) -> None:
        self._lowest: list[tuple[float, int, Cut]] = []
        self._highest: list[tuple[float, int, Cut]] = []
        self._offered = 0

    def offer(self, value: float, cut: Cut) -> None:
        """Keep a cut if it belongs here; of equal values the earlier ones stay."""
        self._offered += 1
        for heap, key in ((self._lowest, -value), (self._highest, value)):
            entry = (key, -self._offered, cut)  # numbers differ, so that cuts are never compared
            if len(heap) < LISTED:
                heapq.heappush(heap, entry)
            elif entry > heap[0]:
                heapq.heapreplace(heap, entry)

    def lowest(self) -> list[tuple[float, Cut]]:
        """From the lowest up; none where all values are equal."""
        return [(-key, cut) for key, _, cut in sorted(self._lowest, reverse=True)] if self._differ() else []

    def highest(self) -> list[tuple[float, Cut]]:
        """From the highest down; none where all values are equal."""
        return [(key, cut) for key, _, cut in sorted(self._highest, reverse=True)] if self._differ() else []

    def _differ(self) -> bool:
        return bool(self._lowest) and -max(self._lowest)[0] < max(self._highest)[0]


@dataclass
class _Group:
    """Cuts that have something in common; `example` is the place of one of them, drawn at random."""

    cuts: int = 0
    seconds: float = 0.0
    example: int = 0

    def share(self, name: str) -> Share:
        return Share(name, self.cuts, self.seconds / 3600)


class Tally:
    """What is counted of all cuts."""

    def __init__(self, rng: random.Random) -> None:
        self.cuts = 0
        self.seconds = 0.0
        self.words = 0
        self.without_text = 0
        self.values = {key: array("d") for key in TEXT_QUANTITIES}
        self.ends = {key: Ends() for key in TEXT_QUANTITIES}
        self.long_columns: list[str] = []
        self._rng = rng
        self._recordings = array("q")  # hashes of the paths: 8 bytes a cut
        self._speakers: dict[str, _Group] = {}
        self._columns: dict[str, dict[str, _Group]] = {}
        self._characters: Counter[str] = Counter()
        self._first: dict[str, str] = {}  # character -> the first cut that has it

    def add(self, cut: Cut) -> None:
        """Count one more cut."""
        seconds = cut.duration if math.isfinite(cut.duration) and cut.duration > 0 else 0.0
        self._recordings.append(hash(cut.path))
        if cut.speaker:
            group = self._speakers.setdefault(str(cut.speaker), _Group())
            self._count(group, seconds)
            if self._rng.random() * group.cuts < 1:  # each of them is equally likely to stay
                group.example = self.cuts
        for name, value in _columns(cut):
            self._add_to_column(name, value, seconds)
        self._add_text(cut, seconds)
        self.cuts += 1
        self.seconds += seconds

    @property
    def recordings(self) -> int:
        """Different files."""
        return len(np.unique(np.frombuffer(self._recordings, np.int64)))

    @property
    def speakers(self) -> int:
        """Different speakers."""
        return len(self._speakers)

    @property
    def without_speaker(self) -> int:
        """Cuts that name none."""
        return self.cuts - sum(group.cuts for group in self._speakers.values())

    def largest_speakers(self) -> tuple[list[Share], Share | None]:
        """Those with the most hours, and all others as one."""
        ordered = _ordered(self._speakers)
        rest = ordered[SPEAKERS:]
        hours = sum(share.hours for share in rest)
        others = Share(f"{len(rest):,} more", sum(share.cuts for share in rest), hours) if rest else None
        return ordered[:SPEAKERS], others

    def columns(self) -> dict[str, list[Share]]:
        """What each column has, the cuts without it among them."""
        found = {}
        for name, groups in self._columns.items():
            missing = self.cuts - sum(group.cuts for group in groups.values())
            seconds = self.seconds - sum(group.seconds for group in groups.values())
            rest = [Share(NOT_GIVEN, missing, max(seconds, 0.0) / 3600)] if missing else []
            found[name] = _ordered(groups) + rest
        return found

    def characters(self) -> list[Character]:
        """All of them."""
        return characters(self._characters, self._first)

    def draw(self, number: int) -> list[int]:
        """Places of cuts by as many speakers as there are, or else spread over all; in no order."""
        if not number:
            return []
        named = list(self._speakers.values())
        places = [group.example for group in self._rng.sample(named, min(number, len(named)))]
        others = spread(self.cuts, min(number, self.cuts), self._rng)
        self._rng.shuffle(others)
        return list(dict.fromkeys([*places, *others]))[:number]

    @staticmethod
    def _count(group: _Group, seconds: float) -> None:
        group.cuts += 1
        group.seconds += seconds

    def _add_to_column(self, name: str, value: str, seconds: float) -> None:
        if name in self.long_columns:
            return
        if name not in self._columns and len(self._columns) >= COLUMNS:
            return
        groups = self._columns.setdefault(name, {})
        self._count(groups.setdefault(value, _Group()), seconds)
        if len(groups) > (KNOWN_VALUES if name in ("language", "gender") else VALUES):
            del self._columns[name]
            self.long_columns.append(name)

    def _add_text(self, cut: Cut, seconds: float) -> None:
        words = len(cut.text.split())
        self.words += words
        self.without_text += not words
        self._characters.update(cut.text)
        for character in set(cut.text):
            if character not in self._first:
                self._first[character] = cut.id
        self._measure("duration", cut.duration, cut)
        if words and seconds:
            self._measure("words_per_second", words / seconds, cut)
            self._measure("characters_per_second", len(cut.text) / seconds, cut)

    def _measure(self, key: str, value: float, cut: Cut) -> None:
        if math.isfinite(value):
            self.values[key].append(value)
            self.ends[key].offer(value, cut)


class Reasons:
    """Rows that `earwright prepare` wrote beside the cuts with a reason each: the rejected, the warnings.

    All are counted, and of each reason a few are kept, drawn at random.
    """

    def __init__(self, path: Path | None, rng: random.Random) -> None:
        self.counts: Counter[str] = Counter()
        self.rows: dict[str, list[dict[str, Any]]] = {}
        for row in _rows(path) if path else ():
            reason = str(row.get("reason") or "no reason given")[:SHORT]
            if reason not in self.counts and len(self.counts) >= REASONS:
                reason = "another reason"
            self.counts[reason] += 1
            kept = self.rows.setdefault(reason, [])
            if len(kept) < BESIDE:
                kept.append(row)
            elif (place := rng.randrange(self.counts[reason])) < BESIDE:
                kept[place] = row

    def ordered(self) -> dict[str, int]:
        """Reason -> rows, most frequent first."""
        return dict(sorted(self.counts.items(), key=lambda item: (-item[1], item[0])))


def listed(ends: list[tuple[float, Cut]]) -> list[Listed]:
    """Cuts at an end, for a table."""
    return [Listed(cut.id, value, str(cut.speaker or ""), cut.text[: SHORT + 1]) for value, cut in ends]


def spread(total: int, number: int, rng: random.Random) -> list[int]:
    """Places of `number` of `total` cuts, one from each of equal stretches: corpora are in some order."""
    edges = [place * total // number for place in range(number + 1)] if number else []
    return [rng.randrange(low, high) for low, high in pairwise(edges)]


def _columns(cut: Cut) -> Iterator[tuple[str, str]]:
    yield "sample rate", f"{cut.sample_rate} Hz"
    yield "channels", str(len(cut.channels))
    for name in ("language", "gender"):
        if value := getattr(cut, name):
            yield name, str(value)[:SHORT]
    for name, value in cut.custom.items():
        if isinstance(value, str | int | float) and value != "":
            yield f"custom: {str(name)[:SHORT]}", str(value)[:SHORT]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file of JSON lines, which need not be there."""
    if not path.is_file():
        return
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.strip():
                    try:
                        row = json.loads(line)
                    except (ValueError, RecursionError):
                        row = None
                    yield row if isinstance(row, dict) else {"reason": "damaged line", "detail": line[:SHORT]}
    except OSError as error:
        raise EarwrightError(f"{path}: the file cannot be read ({first_line(error)}).") from error


def _ordered(groups: dict[str, _Group]) -> list[Share]:
    shares = [group.share(name) for name, group in groups.items()]
    return sorted(shares, key=lambda share: (-share.hours, -share.cuts, share.name))
