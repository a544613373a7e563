"""Error rates of the parts of a set: of each speaker, and of the cuts that share a value of a column."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from earwright.cuts import Cut
from earwright.evaluation.align import Counts
from earwright.evaluation.score import Utterance

VALUES = 12  # a column with more values than this is no grouping
COLUMNS = 8  # columns that are looked at
NOT_GIVEN = "not given"


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


def grouping_columns(cuts: Sequence[Cut]) -> dict[str, list[str]]:
    """The columns of cuts with few values: gender, language and what else the corpus says, a value a cut."""
    names = Counter(name for cut in cuts for name in cut.custom)
    columns = {}
    for name in ("gender", "language"):
        columns[name] = [str(getattr(cut, name) or NOT_GIVEN) for cut in cuts]
    for name, _ in names.most_common(10 * COLUMNS):
        if name not in columns:
            columns[name] = [_value(cut.custom.get(name)) for cut in cuts]
    few = {name: values for name, values in columns.items() if _is_grouping(values)}
    return dict(list(few.items())[:COLUMNS])


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
