"""Key terms on the page: recall and damage over the boost as curves and in numbers, and each term."""

from __future__ import annotations

from earwright.evaluation.bootstrap import LEVEL
from earwright.evaluation.keyterms import KeytermCurve
from earwright.pages.curves import Axis, Series, curves
from earwright.pages.markup import escape, make_details, make_table, make_totals
from earwright.pages.numbers import percent

TERMS_SHOWN = 20  # rows that are not folded away
TERMS_KEPT = 500
LONGEST_TERM = 60  # characters


def keyterm_section(curve: KeytermCurve) -> str:
    """What the page says of them."""
    used, without = curve.in_use, curve.points[0]
    totals = make_totals(
        [
            ("found", f"{used.found:,} of {used.said:,}"),
            ("recall", percent(used.recall)),
            ("recall without terms", percent(without.recall)),
            ("put in, not said", f"{used.put_in:,}"),
            ("damage", f"{100 * used.damage:+.2f} %"),
        ]
    )
    return (
        totals
        + f'<div class="grid wide">{_gain(curve)}{_cost(curve)}</div>\n'
        + _numbers(curve)
        + _terms(curve)
    )


def _gain(curve: KeytermCurve) -> str:
    boosts = [point.boost for point in curve.points]
    drawn = curves(
        [
            Series("recall", boosts, [100 * point.recall for point in curve.points], points=True),
            Series("precision", boosts, [100 * point.precision for point in curve.points], points=True),
        ],
        Axis("boost", "boost {:g}"),
        Axis("%", "{:.1f} %", from_zero=True),
        "Recall and precision of the terms over the boost; the table below has the numbers.",
        marks=[(curve.boost, f"boost {curve.boost:g} is in use")],
    )
    words = (
        "Recall: how many of the terms that were said were found. Precision: how many of those that were "
        "recognized were said. The dashed line is at the boost in use."
    )
    return f"<figure><h3>What the terms gain</h3>{drawn}<figcaption>{words}</figcaption></figure>"


def _cost(curve: KeytermCurve) -> str:
    drawn = curves(
        [
            Series(
                "error rate",
                [point.boost for point in curve.points],
                [100 * point.elsewhere for point in curve.points],
                points=True,
            )
        ],
        Axis("boost", "boost {:g}"),
        Axis("WER of everything else, %", "{:.2f} %"),
        "Error rate of all words that belong to no term over the boost; the table below has the numbers.",
        marks=[(curve.boost, f"boost {curve.boost:g} is in use")],
    )
    words = (
        "The error rate of everything else: of the words that belong to no term that was said, with what was "
        "put in among them. How far it rises over where it begins, without terms, is the damage."
    )
    return f"<figure><h3>What they cost</h3>{drawn}<figcaption>{words}</figcaption></figure>"


def _numbers(curve: KeytermCurve) -> str:
    rows = [
        [
            f"<b>{point.boost:g}</b>, in use" if point.boost == curve.boost else f"{point.boost:g}",
            f"{point.found:,} of {point.said:,}",
            percent(point.recall),
            _range(point.recall_interval),
            f"{point.put_in:,}",
            percent(point.precision),
            percent(point.wer),
            percent(point.elsewhere),
            f"{100 * point.damage:+.2f} %" if point.boost else "",
            _range(point.damage_interval, "+") if point.boost else "",
        ]
        for point in curve.points
    ]
    interval = f" {LEVEL:.0%} interval"
    headings = (
        "boost", " found", " recall", interval, " put in", " precision", " WER", " WER of everything else",
        " damage", interval,
    )  # fmt: skip
    return make_table("Key terms over the boost; 0 is without them", headings, rows)


def _terms(curve: KeytermCurve) -> str:
    said = sum(row.said > 0 for row in curve.rows)
    rows = [
        [f"<bdi>{escape(row.term, LONGEST_TERM)}</bdi>"]
        + [f"{figure:,}" for figure in (row.said, row.found_without, row.found, row.put_in)]
        for row in curve.rows[:TERMS_KEPT]
    ]
    headings = ("term", " said", " found without", f" found with {curve.boost:g}", " put in")
    caption = f"{curve.terms:,} terms, {said:,} of them said"
    content = make_table(f"{caption}; those said most often", headings, rows[:TERMS_SHOWN]) if rows else ""
    if rest := rows[TERMS_SHOWN:]:
        more = make_table("The other terms that were said or put in", headings, rest)
        content += make_details(f"{len(rest):,} more terms", more)
    return content


def _range(interval: tuple[float, float], sign: str = "") -> str:
    return " to ".join(f"{100 * end:{sign}.2f}" for end in interval) + " %"
