"""What stays together when a corpus is split: speakers, recordings, sentences; and which part gets which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earwright.cuts import iterate_cuts
from earwright.data.splitting.columns import MICROSECONDS, Column, Columns, Integers, count_together, value_of
from earwright.data.splitting.partition import Groups, partition
from earwright.errors import EarwrightError

# Where so many cuts name their speaker, the few others are left out; where fewer do, speakers part nothing.
NEARLY_ALL = 0.99
FAR_OFF = 0.1  # of the hours asked for, or of the share that a value has in all: from there on it is said
OUT = -1  # the number of the part that no cut of is written
PLURALS = {"speaker": "speakers", "recording": "recordings", "utterance": "utterances"}


@dataclass(frozen=True)
class Division:
    """Cuts in groups that must not be parted.

    Attributes:
        names: of the groups, sorted.
        group: (N,) each cut's, -1 where it has none.
        by: the columns whose values stay together.
    """

    names: list[str]
    group: Integers
    by: tuple[str, ...]

    @property
    def what(self) -> str:
        """The groups' kind, as a plural."""
        return "groups of " + " and ".join(map(plural, self.by)) if len(self.by) > 1 else plural(self.by[0])


def plural(column: str) -> str:
    """What several values of a column are called."""
    return PLURALS.get(column, f"values of {column}")


def choose_by(columns: Columns) -> tuple[tuple[str, ...], str]:
    """The column to split by where nobody said it, and why."""
    total = len(columns)
    named = int((columns.values["speaker"].numbers >= 0).sum())
    if named >= NEARLY_ALL * total:
        return ("speaker",), f"{'all' if named == total else f'{named:,} of'} {total:,} cuts name theirs"
    without = f"only {named:,} of {total:,} cuts name a speaker" if named else "no cut names a speaker"
    recordings = len(columns.values["recording"].names)
    if recordings < total:
        return ("recording",), f"{without}, and {total:,} cuts lie in {recordings:,} recordings"
    return ("utterance",), f"{without}, and each lies in a recording of its own"


def divide(columns: Columns, by: Sequence[str], together: Iterable[Integers] = ()) -> Division:
    """Put cuts into groups.

    Args:
        columns: of the manifest, those of `by` among them.
        by: columns; cuts with the same value in any of them are in one group, and so on from cut to cut.
        together: further values (N,), -1 for none, that must not be parted either.
    """
    first = columns.values[by[0]]
    names = first.names
    order = np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)
    place = np.empty(len(names) + 1, dtype=np.int64)
    place[order] = np.arange(len(names))
    place[-1] = -1
    group = place[first.numbers]
    missing = group < 0
    others = [columns.values[name].numbers for name in by[1:]]
    for other in others:
        missing |= other < 0
    group[missing] = -1
    group = _joined(group, [*others, *together])
    # A group bears the name of the first of its values; those that were joined to it are gone.
    kept = np.unique(group[group >= 0])
    number = np.full(len(names) + 1, -1)
    number[kept] = np.arange(len(kept))
    return Division([names[order[place]] for place in kept], number[group], tuple(by))


def _joined(group: Integers, others: Sequence[Integers]) -> Integers:
    """Groups with a common value in any of `others` become the one of the lowest number."""
    if not others or not len(group):
        return group
    parent = list(range(int(group.max()) + 1))

    def top(member: int) -> int:
        while parent[member] != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member

    for other in others:
        first: dict[int, int] = {}
        for member, value in zip(group.tolist(), other.tolist(), strict=True):
            if member >= 0 and value >= 0:
                a, b = top(member), top(first.setdefault(value, member))
                parent[max(a, b)] = min(a, b)
    tops = np.array([top(member) for member in range(len(parent))] + [-1], dtype=np.int64)
    return tops[group]


def assign(
    columns: Columns,
    division: Division,
    wanted: Sequence[float],
    balance: Sequence[str],
    seed: int,
    fixed: Integers | None = None,
) -> Integers:
    """The part of each cut (N,), OUT for cuts without a group.

    Args:
        columns: of the manifest, those of `balance` among them.
        division: the groups, at least as many as there are parts.
        wanted: seconds of each part.
        balance: columns whose values each part should have in like shares.
        seed: of the draw.
        fixed: (G,) parts that groups are in already, -1 for new groups.
    """
    seconds = np.array(columns.microseconds, dtype=np.float64)
    inside = division.group >= 0
    traits, count = [], 0
    for name in balance:
        names, numbers = count_together(columns.values[name], seconds)
        traits.append(numbers[inside] + count)
        count += len(names)
    group = division.group[inside]
    nothing = np.array([], dtype=np.int64)
    groups = Groups(
        division.names,
        np.bincount(group, seconds[inside], len(division.names)).astype(np.float64),
        np.tile(group, len(traits)),
        np.concatenate(traits) if traits else nothing,
        np.tile(seconds[inside], len(traits)),
    )
    parts, _ = partition(groups, [amount * MICROSECONDS for amount in wanted], seed, fixed)
    return np.append(parts, OUT)[division.group]


def earlier_parts(division: Division, columns: Columns, folder: Path, parts: Sequence[str]) -> Integers:
    """Where an earlier split has put the groups: the number of the part (G,), -1 for groups new since.

    Args:
        division: the groups now.
        columns: of the manifest.
        folder: of the earlier split.
        parts: names of the parts that are made now.

    Raises:
        EarwrightError: there is no such split, one of its parts is not made now, or a group is in two parts.
    """
    group_of = {by: _groups_by_value(columns.values[by], division) for by in division.by}
    fixed = np.full(len(division.names), -1)
    found = [name for name in ("train", "dev", "test") if (folder / name).is_dir()]
    if not found:
        raise EarwrightError(f"{folder}: there is no earlier split to keep to, no train, dev or test in it.")
    for name in found:
        if name not in parts:
            raise EarwrightError(
                f"{folder}: the split to keep to has the part {name}, and none is asked for now."
            )
        for cut in iterate_cuts(folder / name):
            for by, groups in group_of.items():
                value = value_of(cut, by)
                group = groups.get(value, -1)
                if group < 0:
                    continue
                if fixed[group] not in (-1, parts.index(name)):
                    raise EarwrightError(
                        f"{folder}: {by} {value!r} is in {name}, and with it belongs what is in "
                        f"{parts[fixed[group]]}; keep to a split that was made by the same rule."
                    )
                fixed[group] = parts.index(name)
    return fixed


def _groups_by_value(column: Column, division: Division) -> dict[str | None, int]:
    named = column.numbers >= 0
    groups = np.full(len(column.names), -1)
    groups[column.numbers[named]] = division.group[named]
    return dict(zip(column.names, groups.tolist(), strict=True))


def check_division(source: Path, division: Division, columns: Columns, parts: Sequence[str]) -> None:
    """Refuse groups that cannot make so many parts.

    Raises:
        EarwrightError: too few groups, or too many cuts without one.
    """
    total, without = len(columns), int((division.group < 0).sum())
    what = " and ".join(division.by)
    if without > (1 - NEARLY_ALL) * total:
        other = _finer(division, columns, parts)
        raise EarwrightError(
            f"{source}: {without:,} of {total:,} cuts do not say their {what}, and may be of one that is in "
            f"another part; {f'split --by {other}, or ' if other else ''}prepare them with it."
        )
    count = len(division.names)
    if count < len(parts):
        kind = division.what if count > 1 else f"{what} ({division.names[0]})"
        remedies = [f"split --by {other}" if (other := _finer(division, columns, parts)) else ""]
        remedies += ["do without dev (--dev 0)" if count > 1 and "dev" in parts else ""]
        raise EarwrightError(
            f"{source}: there {'is' if count == 1 else 'are'} only {count} {kind} for {len(parts)} parts, "
            f"{', '.join(parts[:-1])} and {parts[-1]}; "
            f"{' or '.join(filter(None, remedies)) or 'record more'}."
        )


def _finer(division: Division, columns: Columns, parts: Sequence[str]) -> str:
    """A column with values enough for all parts; "" if there is none."""
    if "recording" not in division.by and "utterance" not in division.by:
        recordings = columns.values["recording"].names
        if len(recordings) >= len(parts):
            return "recording"
    return "utterance" if "utterance" not in division.by and len(columns) >= len(parts) else ""


def say_what_is_off(
    columns: Columns, division: Division, parts: Sequence[str], wanted: Sequence[float], part: Integers
) -> list[str]:
    """A sentence for dev and test if far from what was asked for, and for a group larger than a part."""
    seconds = np.array(columns.microseconds, dtype=np.float64) / MICROSECONDS
    inside = division.group >= 0
    sizes = np.bincount(division.group[inside], seconds[inside], len(division.names))
    largest = int(sizes.argmax())
    notes = []
    smallest = min(range(len(parts)), key=lambda number: wanted[number])
    if sizes[largest] > wanted[smallest] and len(division.by) == 1:
        home = parts[int(part[division.group == largest][0])]
        notes.append(
            f"{division.by[0]} {division.names[largest]} has {duration(sizes[largest])}, more than the "
            f"{duration(wanted[smallest])} that {parts[smallest]} should have, and is in {home}."
        )
    for number, name in enumerate(parts[1:], 1):
        have = float(seconds[part == number].sum())
        if abs(have - wanted[number]) > FAR_OFF * wanted[number]:
            notes.append(
                f"{name} has {duration(have)} where {duration(wanted[number])} were asked for; "
                f"{len(division.names):,} {division.what} come no nearer."
            )
    return notes


def say_what_is_unbalanced(
    balance: Mapping[str, Mapping[str, Mapping[str, float]]], parts: Sequence[str]
) -> list[str]:
    """A sentence for each column and each of dev and test that is far from the whole.

    Args:
        balance: column -> value -> part (or "all") -> share of the hours.
        parts: train and the others.
    """
    notes = []
    for column, values in balance.items():
        for name in parts[1:]:
            value, shares = max(values.items(), key=lambda item: abs(item[1][name] - item[1]["all"]))
            if abs(shares[name] - shares["all"]) > FAR_OFF:
                notes.append(
                    f"{name} is out of balance: {column} {value} has {shares[name]:.0%} of its hours and "
                    f"{shares['all']:.0%} of all."
                )
    return notes


def duration(seconds: float) -> str:
    """Hours, or minutes where it is less than one."""
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"
