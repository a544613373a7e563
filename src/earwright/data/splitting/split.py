"""Train, dev and test out of one prepared corpus, so that no speaker is in two of them.

The manifest is read twice: once for a few numbers a cut, by which its part is chosen, and once to copy each
line to its part as it stands.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from earwright.cuts import CUTS_NAME, Cut, find_manifest, iterate_lines, parse_line
from earwright.data.preparation.prepared import REJECTED_NAME, SUMMARY_NAME
from earwright.data.preparation.summary import Summary, summarize
from earwright.data.splitting.columns import MICROSECONDS, Columns, Integers, read_columns
from earwright.data.splitting.groups import (
    OUT,
    Division,
    assign,
    check_division,
    choose_by,
    divide,
    duration,
    earlier_parts,
    say_what_is_off,
    say_what_is_unbalanced,
)
from earwright.data.splitting.options import PARTS, SplitOptions
from earwright.data.splitting.report import SplitReport, part_figures, shares, what_is_shared
from earwright.data.splitting.sentences import drop_shared_sentences, keep_sentences_together
from earwright.errors import EarwrightError
from earwright.files import atomic_write

REPORT_NAME = "split.json"
FORMAT = "split"  # in the summary of a part
VALUES_SHOWN = 8

Tell = Callable[[str, int, int | None], None]


def split(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    options: SplitOptions | None = None,
    on_progress: Tell = lambda doing, done, total: None,
) -> SplitReport:
    """Make prepared folders train, dev and test of one.

    Args:
        source: a prepared folder or a manifest of cuts.
        out: the folder to write train, dev, test and split.json to.
        options: how; None takes the defaults.
        on_progress: told what is being done, how many cuts are done, and of how many (None: nobody knows).

    Returns:
        What is in split.json.

    Raises:
        EarwrightError: the manifest cannot be read or not be split like this, or `out` cannot be written; the
            files in `out` are then untouched.
    """
    options = options or SplitOptions()
    manifest = find_manifest(source)
    _check_place(manifest, Path(out))
    if options.column:
        asked = {options.column, *options.balance}
    else:
        asked = {*(options.by or ("utterance",)), *options.balance}
    columns = read_columns(
        manifest,
        sorted({"speaker", "recording"} | asked),
        may_be_empty={"speaker", "recording"} - set(options.balance),
        on_progress=lambda done: on_progress("reading", done, None),
    )
    report, part = (_by_column if options.column else _by_groups)(str(source), manifest, columns, options)
    left = [name for name in PARTS if name not in report.parts and (Path(out) / name / CUTS_NAME).exists()]
    if left:
        raise EarwrightError(
            f"{Path(out) / left[0]}: an earlier split left it, and this one makes no {left[0]}; remove it or "
            "name another OUT."
        )
    _write(manifest, Path(out), report, part, on_progress)
    return report


def _check_place(manifest: Path, out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise EarwrightError(f"{out}: this is a file; name a folder to write to.")
    for name in PARTS:
        if manifest.resolve().parent == (out / name).resolve():
            raise EarwrightError(
                f"{manifest}: the split would overwrite what it is made of; name another OUT."
            )
        if (out / name / CUTS_NAME).exists() and not _is_part(out / name):
            raise EarwrightError(
                f"{out / name}: this was prepared, not split, and would be lost; name another OUT."
            )


def _is_part(folder: Path) -> bool:
    """Whether an earlier split made this prepared folder."""
    try:
        return bool(json.loads((folder / SUMMARY_NAME).read_text("utf-8"))["format"] == FORMAT)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _by_groups(
    source: str, manifest: Path, columns: Columns, options: SplitOptions
) -> tuple[SplitReport, Integers]:
    """Parts of whole groups, of the hours that are asked for."""
    by, why = (options.by, "") if options.by else choose_by(columns)
    names = options.wanted_parts
    division = alone = divide(columns, by)
    check_division(manifest, division, columns, names)
    wanted = _wanted_seconds(manifest, columns, division, options)
    if options.shared_texts == "part":
        division = keep_sentences_together(manifest, columns, division, wanted, options)
    fixed = earlier_parts(division, columns, Path(options.keep), names) if options.keep else None
    part = assign(columns, division, wanted, options.balance, options.seed, fixed)
    empty = [name for number, name in enumerate(names) if not (part == number).any()]
    if empty:  # groups enough there are, so it is those that are held
        raise EarwrightError(
            f"{manifest}: {empty[0]} would be empty, since {options.keep} has all {division.what} elsewhere; "
            "split anew, without --keep."
        )
    nameless = int((division.group < 0).sum())
    left_out = {f"without a {' and a '.join(by)}": nameless} if nameless else {}
    notes = say_what_is_off(
        columns, alone, names, wanted, part
    )  # of speakers, not of what sentences tie together
    if options.shared_texts == "drop":
        part, dropped = drop_shared_sentences(manifest, columns, part, names)
        left_out |= {f"of {name}, said in another part too": count for name, count in dropped.items()}
    balance = shares(columns, part, names, options.balance)
    report = SplitReport(
        source=source,
        by=" and ".join(by),
        why=why,
        seed=options.seed,
        parts=part_figures(columns, part, division.group, dict(zip(names, wanted, strict=True))),
        balance=balance,
        shared=what_is_shared(columns, part, names),
        left_out=left_out,
        notes=notes + say_what_is_unbalanced(balance, names),
    )
    return report, part


def _wanted_seconds(
    manifest: Path, columns: Columns, division: Division, options: SplitOptions
) -> list[float]:
    """What each part should have."""
    seconds = np.array(columns.microseconds, dtype=np.float64)
    total = float(seconds[division.group >= 0].sum()) / MICROSECONDS
    amounts = {"dev": options.dev.seconds(total), "test": options.test.seconds(total)}
    rest = total - sum(amounts.values())
    if rest <= 0:
        asked = " and ".join(duration(amount) for amount in amounts.values() if amount)
        raise EarwrightError(
            f"{manifest}: dev and test are to have {asked} of {duration(total)}, which leaves nothing to "
            "train on; ask for less (--dev, --test)."
        )
    return [rest if name == "train" else amounts[name] for name in options.wanted_parts]


def _by_column(
    source: str, manifest: Path, columns: Columns, options: SplitOptions
) -> tuple[SplitReport, Integers]:
    """The parts that the corpus itself names."""
    name = options.column or ""
    column = columns.values[name]
    counts = np.bincount(column.numbers + 1, minlength=len(column.names) + 1)  # the first: no value
    parts_of = {value.lower(): part for value, part in options.parts_of.items()}
    values = ["", *column.names]
    strange = [(v, int(n)) for v, n in zip(values, counts, strict=True) if n and v.lower() not in parts_of]
    if strange:
        raise EarwrightError(f"{manifest}: {_describe_strange(name, strange)}")
    there = {value.lower() for value, count in zip(values, counts, strict=True) if count}
    missing = next((v for v in options.parts_of if v.lower() not in there and options.parts_of[v] != v), None)
    if missing is not None:
        what = f"the value {missing!r}" if missing else "no value"
        raise EarwrightError(
            f"{manifest}: no cut has {what} in the column {name!r}; it has {_listed(there)}."
        )
    names = [part for part in PARTS if any(parts_of.get(value) == part for value in there)]
    if len(names) < 2:
        raise EarwrightError(
            f"{manifest}: the column {name!r} has {_listed(there)} alone, and a split has two parts or more."
        )
    number_of = {part: number for number, part in enumerate(names)}
    numbers = [number_of.get(parts_of.get(value.lower(), ""), OUT) for value in values]
    part = np.array(numbers, dtype=np.int64)[column.numbers + 1]
    out = int((part == OUT).sum())
    report = SplitReport(
        source=source,
        by=f"column {name}",
        why="",
        seed=options.seed,
        parts=part_figures(columns, part, None, dict.fromkeys(names)),
        balance=shares(columns, part, names, options.balance),
        shared=what_is_shared(columns, part, names),
        left_out={f"with a {name} that is no part": out} if out else {},
    )
    return report, part


def _describe_strange(column: str, strange: Sequence[tuple[str, int]]) -> str:
    shown = [f"{value!r} ({count:,} cuts)" if value else f"none ({count:,} cuts)" for value, count in strange]
    more = f" and {len(shown) - VALUES_SHOWN:,} more" if len(shown) > VALUES_SHOWN else ""
    example = strange[0][0]
    return (
        f"the column {column!r} has the value {', '.join(shown[:VALUES_SHOWN])}{more}, which is no part; say "
        f"which it is (--parts dev={example}) or leave it out (--parts none={example})."
    )


def _listed(values: set[str]) -> str:
    shown = [repr(value) for value in sorted(values) if value]
    return ", ".join(shown[:VALUES_SHOWN]) + (" and others" if len(shown) > VALUES_SHOWN else "")


def _write(manifest: Path, out: Path, report: SplitReport, part: Integers, on_progress: Tell) -> None:
    """Write all parts, and put them in place only when all are whole."""
    with contextlib.ExitStack() as files:
        for number, (name, figures) in enumerate(report.parts.items()):
            cuts_file = files.enter_context(atomic_write(out / name / CUTS_NAME, "wb"))
            # Nothing is rejected here; a list that lay there would speak of other rows.
            files.enter_context(atomic_write(out / name / REJECTED_NAME))
            summary_file = files.enter_context(atomic_write(out / name / SUMMARY_NAME))
            copied = _copy(manifest, part == number, cuts_file)
            told = _tell(copied, f"writing {name}", figures.utterances, on_progress)
            _dump(summarize(FORMAT, report.source, figures.utterances, told, Counter()), summary_file)
        _dump(report, files.enter_context(atomic_write(out / REPORT_NAME)))


def _copy(manifest: Path, chosen: npt.NDArray[np.bool_], file: IO[bytes]) -> Iterator[Cut]:
    """Write the chosen lines as they stand: they may say more than a cut keeps. Yields their cuts."""
    with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
        place = -1
        for place, (number, line) in enumerate(iterate_lines(manifest)):
            if place < len(chosen) and chosen[place]:
                packed.write(line.rstrip("\r\n").encode("utf-8") + b"\n")
                yield parse_line(line, manifest, number)
    if place + 1 != len(chosen):
        raise EarwrightError(f"{manifest}: the manifest changed while it was split; run again.")


def _tell(cuts: Iterable[Cut], doing: str, total: int, on_progress: Tell) -> Iterator[Cut]:
    for done, cut in enumerate(cuts, 1):
        if done % 1000 == 0 or done == total:
            on_progress(doing, done, total)
        yield cut


def _dump(figures: Summary | SplitReport, file: IO[str]) -> None:
    json.dump(figures.to_dict(), file, ensure_ascii=False, indent=1)
    file.write("\n")
