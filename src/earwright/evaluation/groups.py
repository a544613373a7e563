"""Error rates of the parts of a set: of each speaker, and of the cuts that share a value of a column."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from earwright.cuts import Cut
from earwright.errors import EarwrightError
from earwright.evaluation.align import Counts
from earwright.evaluation.score import Evaluation, Utterance

VALUES = 12  # a column with more values than this is no grouping
COLUMNS = 8  # columns that are looked at
NOT_GIVEN = "not given"
OF_CUTS = ("speaker", "gender", "language")  # columns that every cut has, if need be without a value
# Where groups of ages begin, unless others are asked for: children, youths, adults, and the old.
AGES = (12.0, 18.0, 30.0, 60.0)


@dataclass(frozen=True)
class Group:
    """Some of the utterances.

    Attributes:
        name: what they share.
        utterances: how many.
        seconds: their length in all.
        words: counts over them.
        columns: what else they all have in common: column -> value.
    """

    name: str
    utterances: int
    seconds: float
    words: Counts
    columns: dict[str, str] = field(default_factory=dict)


def by_speaker(scored: Sequence[Utterance], cuts: Sequence[Cut]) -> list[Group]:
    """Each speaker's counts, the highest error rate first; utterances that name none are left out.

    Args:
        scored: utterances.
        cuts: theirs, in the same order.
    """
    columns = grouping_columns(cuts)
    speakers = [cut.speaker or "" for cut in cuts]
    return [group for group in _grouped(scored, speakers, columns) if group.name]


def by_column(scored: Sequence[Utterance], cuts: Sequence[Cut]) -> dict[str, list[Group]]:
    """For each column with several but few values the counts of each value, the highest error rate first.

    Args:
        scored: utterances.
        cuts: theirs, in the same order.
    """
    return {
        name: _grouped(scored, values, {})
        for name, values in grouping_columns(cuts).items()
        if len(set(values)) > 1
    }


@dataclass(frozen=True)
class Grouping:
    """What to group cuts by.

    Attributes:
        column: speaker, gender, language, or any that the corpus has.
        bounds: where a group of numbers begins; () takes values as they are, and ages by `AGES`.
    """

    column: str
    bounds: tuple[float, ...] = ()

    def names(self, cuts: Sequence[Cut]) -> list[str]:
        """The name of the group that each cut is in.

        Raises:
            EarwrightError: no cut has such a column, or bounds are given and none of its values is a number.
        """
        values = [column_value(cut, self.column) for cut in cuts]
        if set(values) <= {NOT_GIVEN}:
            there = [name for name in OF_CUTS if any(getattr(cut, name) for cut in cuts)]
            there += sorted({name for cut in cuts for name in cut.custom})
            raise EarwrightError(
                f"no cut has a {self.column}; there are {', '.join(there)}."
                if there
                else f"no cut has a {self.column}, or any other column to group by."
            )
        if self.bounds and all(_number(value) is None for value in values):
            raise EarwrightError(f"no {self.column} is a number, so bounds do not part them; leave them out.")
        return _banded(values, self.bounds or (AGES if self.column == "age" else ()))


def column_value(cut: Cut, name: str) -> str:
    """What a cut has in a column, its own or the corpus's; `NOT_GIVEN` for nothing."""
    return _value(getattr(cut, name) if name in OF_CUTS else cut.custom.get(name))


def parse_grouping(text: str) -> Grouping:
    """ "gender", or "age:8,12,16" with the numbers at which groups begin.

    Raises:
        EarwrightError: no column is named, or the numbers are none or do not rise.
    """
    column, colon, numbers = text.partition(":")
    bounds = tuple(_number(number) for number in numbers.split(",")) if colon else ()
    known = tuple(bound for bound in bounds if bound is not None)
    if not column.strip() or len(known) < len(bounds) or any(a >= b for a, b in pairwise(known)):
        raise EarwrightError(f'--by "{text}": write a column, or age:8,12,16 with numbers that rise.')
    return Grouping(column.strip(), known)


def evaluate_groups(evaluation: Evaluation, cuts: Sequence[Cut], grouping: Grouping) -> dict[str, Evaluation]:
    """The evaluation of each group: those of numbers in their order, others by error, the highest first.

    Args:
        evaluation: of all.
        cuts: those of its utterances, in the same order.
        grouping: what to group by.

    Raises:
        EarwrightError: see `Grouping.names`.
    """
    members: defaultdict[str, list[Utterance]] = defaultdict(list)
    for name, utterance in zip(grouping.names(cuts), evaluation.scored, strict=True):
        members[name].append(utterance)
    found = {name: evaluation.of(utterances) for name, utterances in members.items()}
    bands = [name for name, _ in _bands(grouping.bounds or AGES)]
    order = {name: number for number, name in enumerate(bands)} if set(found) & set(bands) else {}
    return dict(
        sorted(found.items(), key=lambda item: (order.get(item[0], len(order)), -item[1].wer, item[0]))
    )


def grouping_columns(cuts: Sequence[Cut]) -> dict[str, list[str]]:
    """The columns of cuts with few values: gender, language and what else the corpus says, a value a cut."""
    names = Counter(name for cut in cuts for name in cut.custom)
    columns = {}
    for name in ("gender", "language"):
        columns[name] = [str(getattr(cut, name) or NOT_GIVEN) for cut in cuts]
    for name, _ in names.most_common(10 * COLUMNS):
        if name not in columns:
            values = [_value(cut.custom.get(name)) for cut in cuts]
            columns[name] = _banded(values, AGES if name == "age" else ())
    few = {name: values for name, values in columns.items() if _is_grouping(values)}
    return dict(list(few.items())[:COLUMNS])


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _bands(bounds: Sequence[float]) -> list[tuple[str, float]]:
    """The names of groups of numbers, each with where it begins."""
    if not bounds:
        return []
    names = [(f"under {bounds[0]:g}", -math.inf)]
    names += [(f"{low:g} to below {high:g}", low) for low, high in pairwise(bounds)]
    return [*names, (f"{bounds[-1]:g} and over", bounds[-1])]


def _banded(values: Sequence[str], bounds: Sequence[float]) -> list[str]:
    """Numbers by the group that they are in; what is no number (twenties) stays as it is."""
    bands = _bands(bounds)
    numbers = [_number(value) if bounds else None for value in values]
    return [
        value if number is None else bands[bisect_right(bounds, number)][0]
        for value, number in zip(values, numbers, strict=True)
    ]


def _value(value: object) -> str:
    return NOT_GIVEN if value is None or value == "" else str(value)


def _is_grouping(values: Sequence[str]) -> bool:
    """Whether a column's values group the cuts: few, and not one for each cut."""
    different = set(values)
    return different != {NOT_GIVEN} and len(different) <= min(VALUES, max(1, len(values) // 2))


def _grouped(scored: Sequence[Utterance], keys: Iterable[str], columns: dict[str, list[str]]) -> list[Group]:
    members: defaultdict[str, list[int]] = defaultdict(list)
    for number, key in enumerate(keys):
        members[key].append(number)
    groups = [
        Group(
            name=name,
            utterances=len(numbers),
            seconds=sum(scored[number].duration or 0.0 for number in numbers),
            words=sum((scored[number].words for number in numbers), Counts()),
            columns={
                column: values[numbers[0]]
                for column, values in columns.items()
                if len({values[number] for number in numbers}) == 1
            },
        )
        for name, numbers in members.items()
    ]
    return sorted(groups, key=lambda group: (-group.words.rate, group.name))
