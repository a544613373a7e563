"""Curves side by side in the terminal: small multiples with one axis, in the dots of braille letters."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Place = tuple[float, float]

NARROWEST = 34  # cells of a panel, and
WIDEST = 76
ROWS = 8  # lines of a plot
GAP = 2  # cells between panels
MARGIN = 7  # cells for the numbers on the left
# A braille letter has four rows of two dots, whose bits these are (Unicode, block U+2800).
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
BRAILLE = 0x2800
# What lies above the curves when this share of them is over is drawn at the upper edge: the beginning, where
# every model knows nothing, would flatten all that is worth seeing.
BEGINNING = 0.15
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # distances of round numbers, times a power of ten


@dataclass(frozen=True)
class Panel:
    """One curve with its title; points (x, y) in the order of x."""

    title: str
    points: Sequence[Place]


@dataclass(frozen=True)
class Axes:
    """What all panels share."""

    right: float
    bottom: float
    top: float


def small_multiples(
    panels: Sequence[Panel],
    width: int,
    show_x: Callable[[float], str] = "{:,.4g}".format,
    show_y: Callable[[float], str] = "{:,.4g}".format,
    x_label: str = "",
    braille: bool = True,
) -> list[str]:
    """Panels side by side, as many in a row as there is room for, all with the same axes.

    Args:
        panels: what to draw; those without points are drawn empty.
        width: cells of the terminal.
        show_x, show_y: write a number on an axis.
        x_label: what the horizontal axis counts.
        braille: False draws with asterisks, for terminals without Unicode.

    Returns:
        Lines of at most `width` cells.
    """
    axes = find_axes([panel.points for panel in panels])
    if axes is None:
        return []
    beside = max(1, min(len(panels), (width + GAP) // (NARROWEST + GAP)))
    size = max(MARGIN + 2, min(WIDEST, (width - GAP * (beside - 1)) // beside))
    lines: list[str] = []
    for start in range(0, len(panels), beside):
        row = [
            _panel(panel, axes, size, show_x, show_y, x_label, braille)
            for panel in panels[start : start + beside]
        ]
        lines += [(" " * GAP).join(cells).rstrip() for cells in zip(*row, strict=True)]
        lines.append("")
    return lines[:-1]


def find_axes(curves: Sequence[Sequence[Place]]) -> Axes | None:
    """Axes that fit all curves, between round numbers; None if there is no point at all."""
    right = max((x for curve in curves for x, _ in curve), default=0.0)
    if right <= 0:
        return None
    bottom = min(y for curve in curves for _, y in curve)
    late = [y for curve in curves for x, y in curve if x > BEGINNING * curve[-1][0]]
    top = max([*late, bottom])
    step = _round_step((top - bottom) / 4 or abs(top) / 4 or 1.0)
    low, high = math.floor(bottom / step + 1e-9) * step, math.ceil(top / step - 1e-9) * step
    return Axes(right, low, high if high > low else low + step)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in STEPS if step * power >= rough * (1 - 1e-9))


def _panel(
    panel: Panel,
    axes: Axes,
    size: int,
    show_x: Callable[[float], str],
    show_y: Callable[[float], str],
    x_label: str,
    braille: bool,
) -> list[str]:
    """Lines of `size` cells each: title, plot, axis."""
    across = size - MARGIN
    rows = _letters(draw(panel.points, axes, 2 * across, 4 * ROWS), braille)
    middle = (axes.bottom + axes.top) / 2
    marks = {0: show_y(axes.top), ROWS // 2: show_y(middle), ROWS - 1: show_y(axes.bottom)}
    corner, side, floor = ("└", "│", "─") if braille else ("+", "|", "-")
    lines = [_fit(panel.title, size)]
    lines += [f"{marks.get(number, ''):>{MARGIN - 1}}{side}{row}" for number, row in enumerate(rows)]
    lines.append(" " * (MARGIN - 1) + corner + floor * across)
    end = f"{show_x(axes.right)} {x_label}".rstrip()
    lines.append(" " * MARGIN + _fit("0" + end.rjust(across - 1), across))
    return lines


def draw(points: Sequence[Place], axes: Axes, width: int, height: int) -> list[list[bool]]:
    """The dots of a curve: rows from the top, each of `width` dots. Points are joined by straight lines."""
    dots = [[False] * width for _ in range(height)]

    def column(x: float) -> int:
        return min(width - 1, max(0, round(x / axes.right * (width - 1))))

    def row(y: float) -> int:
        share = (axes.top - y) / (axes.top - axes.bottom)
        return min(height - 1, max(0, round(share * (height - 1))))

    places = [(column(x), row(y)) for x, y in points]
    for column_, row_ in places[:1]:
        dots[row_][column_] = True
    for (c0, r0), (c1, r1) in itertools.pairwise(places):
        reach = max(abs(c1 - c0), abs(r1 - r0), 1)
        for part in range(reach + 1):
            share = part / reach
            dots[round(r0 + share * (r1 - r0))][round(c0 + share * (c1 - c0))] = True
    return dots


def _letters(dots: Sequence[Sequence[bool]], braille: bool) -> list[str]:
    """Four rows of dots become a line, two columns a letter."""
    lines = []
    for top in range(0, len(dots), 4):
        line = ""
        for left in range(0, len(dots[0]), 2):
            bits = sum(
                DOTS[row][column] for row in range(4) for column in range(2) if dots[top + row][left + column]
            )
            line += (chr(BRAILLE + bits) if braille else "*") if bits else " "
        lines.append(line)
    return lines


def _fit(text: str, size: int) -> str:
    """Exactly so many cells, whatever the text."""
    from rich.cells import set_cell_size

    return set_cell_size(text, size)
