"""Noise, rooms and what is heard in silence, on the page."""

from __future__ import annotations

from collections.abc import Sequence

from earwright.evaluation.bootstrap import LEVEL
from earwright.evaluation.noise import Conditions
from earwright.evaluation.noise_report import change, left_out, level, notes, point_range, points
from earwright.evaluation.nothing import NothingReport
from earwright.pages.markup import escape, make_details, make_table, make_totals, short_name
from earwright.pages.numbers import hours, percent

LONGEST_TEXT = 300  # characters of an invention


def conditions_section(reports: Sequence[Conditions]) -> str:
    """What noise and rooms cost, a table each."""
    return "".join(_table(report) + _notes(notes(report)) for report in reports)


def _table(report: Conditions) -> str:
    noisy = report.what == "noise"
    caption = "Errors with noise behind the speech" if noisy else "Errors in rooms"
    rows = [
        [
            f"<b>{name}</b>" if row.kind is None else name,
            *([level(row.snr)] if noisy else []),
            f"{row.utterances:,}",
            percent(row.words.rate),
            f"{100 * row.interval[0]:.2f} to {100 * row.interval[1]:.2f}",
            percent(row.characters.rate),
            percent(row.clean.rate),
            points(row),
            point_range(row),
            change(row),
        ]
        for row in report.rows
        for name in ["all" if row.kind is None else short_name(row.kind)]
    ]
    headings = (
        "class", *((" SNR",) if noisy else ()), " utterances", " WER", f" {LEVEL:.0%} interval", " CER",
        " clean WER", " points", f" {LEVEL:.0%} interval", " relative",
    )  # fmt: skip
    return make_table(caption, headings, rows)


def nothing_section(report: NothingReport) -> str:
    """How many words were heard where nobody speaks, and which."""
    totals = make_totals(
        [
            ("invented words", f"{report.words:,}"),
            ("audio", hours(report.seconds / 3600)),
            ("words a minute", f"{60 * report.words / report.seconds:.2f}" if report.seconds else "0"),
        ]
    )
    rows = [
        [
            short_name(kind.kind),
            hours(kind.seconds / 3600),
            f"{kind.recordings:,}",
            f"{kind.words:,}",
            f"{kind.per_minute:.2f}",
        ]
        for kind in report.kinds
    ]
    headings = ("class", " time", " recordings", " words", " a minute")
    table = make_table("Words invented where nobody speaks", headings, rows)
    failed = sum(len(kind.failed) for kind in report.kinds)
    said = [f"could not be read: {failed:,} recordings"] if failed else []
    return totals + table + _notes(said + left_out(report.left_out, report.part)) + _inventions(report)


def _inventions(report: NothingReport) -> str:
    rows = [
        [
            short_name(kind.kind),
            short_name(one.source),
            f"{one.start:.1f} s",
            f"<bdi>{escape(one.text, LONGEST_TEXT)}</bdi>",
            f"{one.confidence:.2f}",
        ]
        for kind in report.kinds
        for one in kind.inventions
    ]
    if not rows:
        return ""
    headings = ("class", "recording", " at", "heard", " confidence")
    return make_details(f"{len(rows):,} of them", make_table("What was heard", headings, rows, tall=True))


def _notes(said: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in said)}</ul>\n" if said else ""
