"""What came of a split, in figures: how large each part is, how alike they are, and what they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from earwright.data.splitting.columns import MICROSECONDS, Columns, Integers, count_together


@dataclass(frozen=True)
class PartFigures:
    """One part.

    Attributes:
        utterances, hours: what is in it.
        share: of all hours that are in any part.
        wanted_hours: what was asked for; None where a column says who is in it.
        speakers: how many are named.
        recordings: files that it uses.
        groups: of the kind that the split keeps together; None where a column says who is in it.
    """

    utterances: int
    hours: float
    share: float
    wanted_hours: float | None
    speakers: int
    recordings: int
    groups: int | None


@dataclass(frozen=True)
class Shared:
    """What two parts have in common.

    Attributes:
        what: "sentences", "speakers" or "recordings".
        parts: of the two; the second is the one that is tested on.
        different: how many sentences, speakers or recordings.
        utterances: of the second part that are concerned.
        share: of its utterances.
    """

    what: str
    parts: tuple[str, str]
    different: int
    utterances: int
    share: float


@dataclass(frozen=True)
class SplitReport:
    """A whole split.

    Attributes:
        source: the manifest.
        by: what was kept together, or "column NAME".
        why: how that was chosen; "" where the user said it.
        seed: of the draw.
        parts: in the order train, dev, test.
        balance: column -> value -> part (or "all") -> share of the hours.
        shared: only what there is.
        left_out: reason -> cuts that are in no part.
        notes: sentences about what could not be had.
    """

    source: str
    by: str
    why: str
    seed: int
    parts: dict[str, PartFigures]
    balance: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    shared: list[Shared] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries, ready for JSON."""
        return asdict(self)


def part_figures(
    columns: Columns, part: Integers, group: Integers | None, wanted: Mapping[str, float | None]
) -> dict[str, PartFigures]:
    """The size of each part.

    Args:
        columns: of the manifest.
        part: (N,) number of each cut's part.
        group: (N,) number of each cut's group; None where it has none.
        wanted: name of each part -> seconds asked for.
    """
    seconds = np.array(columns.microseconds, dtype=np.float64) / MICROSECONDS
    total = float(seconds[part >= 0].sum())
    figures = {}
    for number, (name, amount) in enumerate(wanted.items()):
        inside = part == number
        have = float(seconds[inside].sum())
        figures[name] = PartFigures(
            utterances=int(inside.sum()),
            hours=round(have / 3600, 4),
            share=round(have / total, 4),
            wanted_hours=None if amount is None else round(amount / 3600, 4),
            speakers=_different(columns.values["speaker"].numbers[inside]),
            recordings=_different(columns.values["recording"].numbers[inside]),
            groups=None if group is None else _different(group[inside]),
        )
    return figures


def shares(
    columns: Columns, part: Integers, names: Sequence[str], balance: Sequence[str]
) -> dict[str, dict[str, dict[str, float]]]:
    """For each value of the balanced columns its share of the hours, in all and in each part."""
    seconds = np.array(columns.microseconds, dtype=np.float64)
    table: dict[str, dict[str, dict[str, float]]] = {}
    for column in balance:
        values, numbers = count_together(columns.values[column], seconds)
        table[column] = {value: {} for value in values}
        for name, inside in [("all", part >= 0), *((name, part == n) for n, name in enumerate(names))]:
            sums = np.bincount(numbers[inside], seconds[inside], len(values))
            for value, amount in zip(values, sums / max(float(sums.sum()), 1.0), strict=True):
                table[column][value][name] = round(float(amount), 4)
    return table


def what_is_shared(columns: Columns, part: Integers, names: Sequence[str]) -> list[Shared]:
    """Sentences, speakers and recordings that are in two parts, each pair of parts by itself."""
    found = []
    kinds = {
        "sentences": columns.texts.numbers,
        "speakers": columns.values["speaker"].numbers,
        "recordings": columns.values["recording"].numbers,
    }
    for what, numbers in kinds.items():
        for a, b in combinations(range(len(names)), 2):
            common = np.intersect1d(numbers[(part == a) & (numbers >= 0)], numbers[part == b])
            if len(common):
                concerned = int(np.isin(numbers[part == b], common).sum())
                share = concerned / int((part == b).sum())
                found.append(Shared(what, (names[a], names[b]), len(common), concerned, round(share, 4)))
    return found


def _different(numbers: Integers) -> int:
    return len(np.unique(numbers[numbers >= 0]))
