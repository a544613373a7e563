"""Key terms in the terminal: what they gain and cost at each boost, and what became of each."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from earwright.evaluation.bootstrap import LEVEL
from earwright.evaluation.keyterms import BoostPoint, KeytermCurve
from earwright.evaluation.report import plain_table, shorten
from earwright.pages.numbers import percent

WIDE = 100  # columns from which on intervals are shown
BAR_WIDTH = 20


def keyterm_report(curve: KeytermCurve, width: int, terms: int = 10) -> RenderableType:
    """The section of a report.

    Args:
        curve: what to show.
        width: columns of the terminal.
        terms: how many to show by name: those said most often.
    """
    said = sum(row.said > 0 for row in curve.rows)
    shown = curve.rows[:terms]
    note = f"{curve.terms:,} terms, {said:,} of them said; * marks the boost in use, --keyterm-boost sets it"
    if width >= WIDE:
        note += f"; {LEVEL:.0%} intervals by bootstrap draws of {curve.interval_unit}s"
    parts: list[RenderableType] = [Text("Key terms over the boost", style="bold"), _curve(curve, width)]
    parts += [Text(note, style="dim")]
    parts += [Text("damage: growth of the errors of all words that belong to no term", style="dim")]
    if shown:
        table = plain_table("term", " said", " found", " without", " put in")
        for row in shown:
            figures = (row.said, row.found, row.found_without, row.put_in)
            table.add_row(shorten(row.term, 30), *(f"{figure:,}" for figure in figures))
        parts += [Text(), Text("Terms said most often", style="bold"), table]
    return Group(Text(), *parts)


def _curve(curve: KeytermCurve, width: int) -> RenderableType:
    wide = width >= WIDE
    table = plain_table(
        " boost", " found", " recall", *((f"{LEVEL:.0%} interval",) if wide else ()), " put in",
        *((" precision", " WER") if wide else ()), " WER else", " damage",
        *((f"{LEVEL:.0%} interval", "") if wide else ()),
    )  # fmt: skip
    for point in curve.points:
        used = point.boost == curve.boost
        cells = [
            f"{'*' if used else ''}{point.boost:g}",
            f"{point.found:,}/{point.said:,}",
            percent(point.recall),
            *((_range(point.recall_interval),) if wide else ()),
            f"{point.put_in:,}",
            *((percent(point.precision), percent(point.wer)) if wide else ()),
            percent(point.elsewhere),
            change(point),
            *((_range(point.damage_interval, "+") if point.boost else "",) if wide else ()),
        ]
        bar = [Text("█" * round(BAR_WIDTH * point.recall), style="dim")] if wide else []
        table.add_row(*(Text(cell, style="bold" if used else "") for cell in cells), *bar)
    return table


def change(point: BoostPoint) -> str:
    """The damage with its sign; nothing where there are no terms."""
    return f"{100 * point.damage:+.2f} %" if point.boost else ""


def _range(interval: tuple[float, float], sign: str = "") -> str:
    return " to ".join(f"{100 * end:{sign}.2f}" for end in interval)
