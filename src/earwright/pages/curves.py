"""Curves of a handful or of a million values as SVG, small however many there are.

Of many values a band shows all from the lowest to the highest, and a line their moving average; a few are
marked one by one. Whatever the pointer rests on is said in numbers, without a script.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from earwright.pages.markup import escape
from earwright.pages.numbers import log_ticks, ticks
from earwright.pages.svg import BASE, HEIGHT, LEFT, RIGHT, TOP, WIDTH, draw, text_width, write

Array = npt.NDArray[np.float64]

BUCKETS = 200  # that many values are thinned to: about as many as a narrow window has dots for
MOST_POINTS = 200  # more than this are too many to mark one by one
MOST_MARKS = 60
SMOOTH = 0.02  # of all values, which the line is the mean of
SPREAD = 8.0  # times as large must the largest value be as the smallest for a logarithmic axis to help
FARTHEST = 1e30  # beyond it nothing is drawn


@dataclass(frozen=True)
class Series:
    """Values to draw: `y` over `x`, both (N,); those that are not finite are left out.

    Attributes:
        points: whether each is marked, or all are drawn as a band with a line.
    """

    name: str
    x: npt.ArrayLike
    y: npt.ArrayLike
    points: bool = False


class Axis(NamedTuple):
    """What an axis is of (`unit`), how a value is said where the pointer rests, whether it begins at zero."""

    unit: str
    said: str = "{:,.4g}"
    from_zero: bool = False


class Envelope(NamedTuple):
    """Many values in few buckets: where each is, its lowest, highest and smoothed value; all (B,)."""

    x: Array
    low: Array
    high: Array
    smooth: Array


def curves(
    series: Sequence[Series],
    across: Axis,
    up: Axis,
    label: str,
    *,
    log: bool = False,
    marks: Sequence[tuple[float, str]] = (),
) -> str:
    """A chart of one or two series.

    Args:
        series: what to draw.
        across, up: the axes.
        label: what to tell those who do not see it.
        log: whether the axis upwards is logarithmic, where the values are positive and far enough apart.
        marks: places across, and what is said of each where the pointer rests on its line.

    Returns:
        SVG; "" if there is nothing to draw.
    """
    drawn = [(each, *_finite(each)) for each in series]
    drawn = [(each, x, y) for each, x, y in drawn if len(x)]
    if not drawn:
        return ""
    left, right = min(float(x[0]) for _, x, _ in drawn), max(float(x[-1]) for _, x, _ in drawn)
    scale = _scale([y for _, _, y in drawn], log, up.from_zero)

    def place(value: float) -> float:
        return LEFT + (value - left) / ((right - left) or 1.0) * (WIDTH - LEFT - RIGHT)

    parts = [*_grid(scale, up), *_ticks_across(left, right, place, across)]
    said: dict[float, list[str]] = {}
    for number, (each, x, y) in enumerate(drawn, 1):
        marked = each.points and len(x) <= MOST_POINTS
        envelope = Envelope(x, y, y, y) if marked else thin(x, y)
        parts += _line(envelope, number, marked, place, scale.height)
        for at, words in _sayings(each.name, envelope, up):
            said.setdefault(at, []).append(words)
    parts += _legend([each.name for each, _, _ in drawn]) if len(drawn) > 1 else []
    parts += _hits(said, place, across)
    for at, words in list(marks)[:MOST_MARKS]:
        if left <= at <= right:
            x_mark = f"{place(at):.1f}"
            parts.append(
                f'<line class="mark" x1="{x_mark}" x2="{x_mark}" y1="{TOP}" y2="{BASE}">'
                f"<title>{escape(words)}</title></line>"
            )
    return draw(WIDTH, HEIGHT, label, parts)


def thin(x: Array, y: Array, buckets: int = BUCKETS) -> Envelope:
    """Many values as an envelope of few: no extreme is lost.

    Args:
        x: ascending, (N,), N > 0.
        y: (N,).
        buckets: of equal width over x; those without a value are left out.
    """
    width = (x[-1] - x[0]) / buckets
    numbers = np.minimum((x - x[0]) / width, buckets - 1).astype(np.int64) if width > 0 else np.zeros_like(x)
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    counts = np.diff(np.append(starts, len(x)))
    smooth = moving_mean(y, max(round(SMOOTH * len(y)), 1))
    return Envelope(
        np.add.reduceat(x, starts) / counts,
        np.minimum.reduceat(y, starts),
        np.maximum.reduceat(y, starts),
        # Sums of large and tiny values leave the range by rounding, and a logarithm has no value at zero.
        np.clip(np.add.reduceat(smooth, starts) / counts, y.min(), y.max()),
    )


def moving_mean(values: Array, window: int) -> Array:
    """The mean of `window` values around each, (N,); at the ends of those that there are."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(len(values))
    # As many before as after: at the ends fewer of both, so that a falling curve is not pulled up or down.
    reach = np.minimum(window // 2, np.minimum(places, len(values) - 1 - places))
    mean: Array = (sums[places + reach + 1] - sums[places - reach]) / (2 * reach + 1)
    return mean


class _Scale(NamedTuple):
    """The axis upwards: its ends, whether it is logarithmic, and the ticks on it."""

    low: float
    high: float
    log: bool
    ticks: list[float]

    def height(self, value: float) -> float:
        """Where a value lies, in units of the drawing."""
        low, high = (math.log10(self.low), math.log10(self.high)) if self.log else (self.low, self.high)
        value = math.log10(value) if self.log else value
        return BASE - (value - low) / (high - low) * (BASE - TOP)


def _finite(series: Series) -> tuple[Array, Array]:
    """What of a series can be drawn, in the order of x."""
    x, y = np.asarray(series.x, np.float64), np.asarray(series.y, np.float64)
    kept = (np.abs(x) < FARTHEST) & (np.abs(y) < FARTHEST)  # false for what is not a number
    x, y = x[kept], y[kept]
    order = np.argsort(x, kind="stable")
    return x[order], y[order]


def _scale(values: Sequence[Array], log: bool, from_zero: bool) -> _Scale:
    low, high = min(float(y.min()) for y in values), max(float(y.max()) for y in values)
    if log and low > 0 and high >= SPREAD * low:
        low, high = log_ticks(low / 10, low)[-1], high * 1.1
        return _Scale(low, high, True, log_ticks(low, high))
    if 0 <= low <= (high if from_zero else 0.5 * high):
        low = 0.0
    if high - low <= 1e-9 * max(abs(low), abs(high)):  # all alike: a line in the middle
        high, low = low + (abs(low) or 1.0), low - (abs(low) or 1.0)
    room = 0.05 * (high - low)
    low = low if low == 0.0 else low - room
    return _Scale(low, high + room, False, ticks(low, high + room, 4))


def _grid(scale: _Scale, up: Axis) -> list[str]:
    parts = []
    for tick in scale.ticks:
        y = scale.height(tick)
        parts.append(f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(write(LEFT - 6, y + 4, f"{tick:g}", "end"))
    return [*parts, write(2, 10, up.unit)]


def _ticks_across(left: float, right: float, place: Any, across: Axis) -> list[str]:
    parts = [f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{BASE}" y2="{BASE}"/>']
    parts += [write(place(tick), BASE + 14, f"{tick:,g}", "middle") for tick in ticks(left, right, 5)]
    return [*parts, write(WIDTH - RIGHT, HEIGHT - 4, across.unit, "end")]


def _line(envelope: Envelope, number: int, marked: bool, place: Any, height: Any) -> Iterable[str]:
    x = [place(value) for value in envelope.x.tolist()]
    smooth, low, high = (
        [height(value) for value in part.tolist()] for part in (envelope.smooth, envelope.low, envelope.high)
    )
    if not marked:
        there = [f"{a:.1f},{b:.1f}" for a, b in zip(x, high, strict=True)]
        back = [f"{a:.1f},{b:.1f}" for a, b in zip(reversed(x), reversed(low), strict=True)]
        yield f'<path class="band band-{number}" d="M{" ".join([*there, *back])}Z"/>'
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, smooth, strict=True))
    yield f'<polyline class="line line-{number}" points="{points}"/>'
    if marked or len(x) == 1:
        yield from (_dot(a, b, number) for a, b in zip(x, smooth, strict=True))


def _dot(x: float, y: float, number: int) -> str:
    """Round for the first series, square for the second: they are told apart without colour."""
    if number == 1:
        return f'<circle class="dot-1" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>'
    return f'<rect class="dot-2" x="{x - 2.5:.1f}" y="{y - 2.5:.1f}" width="5" height="5"/>'


def _sayings(name: str, envelope: Envelope, up: Axis) -> Iterable[tuple[float, str]]:
    for x, low, high, smooth in zip(*(part.tolist() for part in envelope), strict=True):
        words = f"{name} {up.said.format(smooth)}"
        if low != high:
            words += f" ({up.said.format(low)} to {up.said.format(high)})"
        yield x, words


def _hits(said: dict[float, list[str]], place: Any, across: Axis) -> Iterable[str]:
    """Unseen columns from halfway to halfway, which say what lies in them."""
    places = sorted(said)
    spots = [place(at) for at in places]
    edges = [float(LEFT), *((a + b) / 2 for a, b in pairwise(spots)), float(WIDTH - RIGHT)]
    for at, (left, right) in zip(places, pairwise(edges), strict=True):
        title = escape(f"{across.said.format(at)}: {', '.join(said[at])}")
        yield (
            f'<rect class="hit" x="{left:.1f}" y="{TOP}" width="{max(right - left, 0.1):.1f}" '
            f'height="{BASE - TOP}"><title>{title}</title></rect>'
        )


def _legend(names: Sequence[str]) -> Iterable[str]:
    """A piece of each line with its name, at the right over the chart."""
    right = float(WIDTH - RIGHT)
    for number, name in reversed(list(enumerate(names, 1))):
        yield write(right, 10, name, "end")
        x = right - text_width(name) - 6
        yield f'<line class="line line-{number}" x1="{x - 16:.1f}" x2="{x:.1f}" y1="6" y2="6"/>'
        yield _dot(x - 8, 6, number)
        right = x - 26
