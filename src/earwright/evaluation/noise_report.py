"""Noise, rooms and silence in the terminal: a table of what they cost, by level and class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from earwright.evaluation.bootstrap import LEVEL
from earwright.evaluation.noise import Condition, Conditions
from earwright.evaluation.nothing import ROOM, SILENCE, Nothing, NothingReport
from earwright.evaluation.report import plain_table, shorten
from earwright.pages.numbers import hours, percent
from earwright.text.visible import visible

WIDE = 100  # columns from which on intervals of the rates are shown, too
NARROW = 76  # and below which the interval of the difference is not
CELL = 11  # columns of a rate in the table of classes: "100.00 %" and the space beside it, and some more
NAME = 24  # the longest name of a class
INVENTIONS = 5  # shown of each class
NAMED = 5  # recordings or classes that are named in a sentence

TITLES = {"noise": "With noise behind the speech", "rooms": "In rooms"}


def level(snr: float | None) -> str:
    """A ratio of speech to noise; nothing in rooms."""
    return "" if snr is None else f"{snr:g} dB"


def change(row: Condition) -> str:
    """The difference relative to the rate without, with its sign."""
    return "" if row.relative is None else f"{100 * row.relative:+.0f} %"


def points(row: Condition) -> str:
    """The difference of the rates in points, with its sign."""
    return f"{100 * row.difference:+.2f}"


def point_range(row: Condition) -> str:
    """The interval of the difference."""
    return " to ".join(f"{100 * end:+.2f}" for end in row.difference_interval)


def notes(report: Conditions) -> list[str]:
    """What else there is to say of a report, a sentence each."""
    backdrop = report.backdrop
    what = "recording" if report.what == "noise" else "impulse response"
    said = [
        f"{_number(len(backdrop.recordings), what)} ({_part(backdrop.part)}), one an utterance, drawn with "
        f"seed {report.seed}; {LEVEL:.0%} intervals of the difference by paired bootstrap draws of "
        f"{report.interval_unit}s"
    ]
    if report.skipped:
        said.append(f"passed over: {_number(len(report.skipped), what)}: {_named(report.skipped)}")
    if report.too_short:
        are = "is" if report.too_short == 1 else "are"
        said.append(
            f"{_number(report.too_short, 'utterance')} {are} shorter than the impulse response of "
            f"{'its' if report.too_short == 1 else 'their'} room, of which only the beginning is heard"
        )
    return said + left_out(backdrop.left_out, backdrop.part)


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def left_out(kinds: Sequence[str], part: str) -> list[str]:
    """That classes have no recording in a part, if there are such classes."""
    if not kinds:
        return []
    named = ", ".join(visible(kind) for kind in kinds[:NAMED])
    more = f" and {len(kinds) - NAMED:,} more" if len(kinds) > NAMED else ""
    return [f"no recording in the {part} part: {named}{more}"]


def _part(part: str) -> str:
    return "all of them" if part == "all" else f"the {part} part"


def _named(skipped: Sequence[tuple[str, str]]) -> str:
    shown = "; ".join(f"{visible(name)}: {visible(reason).rstrip('.')}" for name, reason in skipped[:NAMED])
    return shown + (f"; and {len(skipped) - NAMED:,} more" if len(skipped) > NAMED else "")


def conditions_report(report: Conditions, width: int) -> RenderableType:
    """The section of a report on noise or rooms, for a terminal of so many columns."""
    parts: list[RenderableType] = [Text(TITLES[report.what], style="bold"), _totals(report, width)]
    if report.what == "noise":
        parts += [Text(), Text("WER by class", style="bold"), *_by_kind(report, width)]
    parts += [Text(note, style="dim") for note in notes(report)]
    return Group(Text(), *parts)


def _totals(report: Conditions, width: int) -> RenderableType:
    """A line for each level, or for all rooms and each class of them."""
    wide, narrow = width >= WIDE, width < NARROW
    rooms = report.what == "rooms"
    table = plain_table(
        "rooms" if rooms else " SNR", *((" utt.",) if rooms else ()), " WER",
        *((f"{LEVEL:.0%} interval", " CER", " clean WER") if wide else ()),
        " points", *(() if narrow else (f"{LEVEL:.0%} interval",)), " relative",
    )  # fmt: skip
    clean = ["clean", *([""] if rooms else []), percent(report.clean.rate)]
    table.add_row(*(Text(cell) for cell in clean))
    for row in report.rows if rooms else [row for row in report.rows if row.kind is None]:
        cells = [
            shorten(visible(row.kind or "all"), NAME - 8 if narrow else NAME) if rooms else level(row.snr),
            *([f"{row.utterances:,}"] if rooms else []),
            percent(row.words.rate),
        ]
        if wide:
            low, high = row.interval
            cells += [f"{100 * low:.2f} to {100 * high:.2f}", percent(row.characters.rate)]
            cells += [percent(row.clean.rate)]
        cells += [points(row), *(() if narrow else (point_range(row),)), change(row)]
        table.add_row(*(Text(cell, style="bold" if row.kind is None else "") for cell in cells))
    return table


def _by_kind(report: Conditions, width: int) -> Iterator[RenderableType]:
    """A line for each class and a column for each level, in as many tables as there is not room for."""
    name = max((min(cell_len(visible(kind)), NAME) for kind in report.kinds), default=0)
    fit = max(1, (width - name - 2 - 2 * CELL) // CELL)
    levels = report.snrs
    for at in range(0, len(levels), fit):
        shown = levels[at : at + fit]
        table = plain_table("class", " utt.", " clean", *(f" {level(snr)}" for snr in shown))
        for kind in report.kinds:
            rows = [report.find(kind, snr) for snr in shown]
            first = next(row for row in (*rows, *(report.find(kind, snr) for snr in levels)) if row)
            table.add_row(
                Text(shorten(visible(kind), NAME)),
                f"{first.utterances:,}",
                percent(first.clean.rate),
                *(percent(row.words.rate) if row else "" for row in rows),
            )
        yield table


def nothing_report(report: NothingReport, width: int, inventions: int = INVENTIONS) -> RenderableType:
    """The section of a report on what was heard where nobody speaks.

    Args:
        report: what to show.
        width: columns of the terminal.
        inventions: how many texts to show of each class.
    """
    table = plain_table("class", " time", " recordings", " words", " a minute")
    for kind in report.kinds:
        figures = (hours(kind.seconds / 3600), f"{kind.recordings:,}", f"{kind.words:,}")
        table.add_row(
            Text(shorten(visible(kind.kind), NAME)),
            *figures,
            Text(f"{kind.per_minute:.2f}", style="bold"),
        )
    parts: list[RenderableType] = [Text("Words invented where nobody speaks", style="bold"), table]
    failed = [each for kind in report.kinds for each in kind.failed]
    recorded = any(kind.kind not in (SILENCE, ROOM) for kind in report.kinds)
    said = [f"recordings: {_part(report.part)}"] if recorded else []
    said += [f"could not be read: {_number(len(failed), 'recording')}: {_named(failed)}"] if failed else []
    parts += [Text(note, style="dim") for note in said + left_out(report.left_out, report.part)]
    for kind in report.kinds:
        parts += _inventions(kind, width, inventions)
    return Group(Text(), *parts)


def _inventions(kind: Nothing, width: int, limit: int) -> Iterator[RenderableType]:
    if not kind.segments:
        return
    heading = f"Heard in {visible(kind.kind)}, {kind.segments:,} times in all"
    if kind.segments > limit:
        heading += f"; the first {limit}"
    yield Text()
    yield Text(heading, style="bold")
    for one in kind.inventions[:limit]:
        line = Text(f"{shorten(visible(one.source), NAME)} at {one.start:.1f} s: ", style="dim", no_wrap=True)
        line.append(visible(one.text), style="not dim")
        line.truncate(width, overflow="ellipsis")
        yield line
