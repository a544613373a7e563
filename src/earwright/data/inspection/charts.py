"""Histograms for a page without scripts, as SVG."""

from __future__ import annotations

import html

from earwright.data.inspection.figures import Distribution, Quantity
from earwright.pages.numbers import nice_ceiling, short, ticks
from earwright.pages.svg import BASE, HEIGHT, LEFT, RIGHT, TOP, WIDTH, draw, write

FAR_WIDTH = 12  # of the bars for what lies outside
GAP = 1  # between bars


def histogram(values: Distribution, quantity: Quantity, label: str) -> str:
    """A histogram as SVG.

    Args:
        values: to draw.
        quantity: what they are.
        label: what to tell those who do not see it.
    """
    most = max(*values.counts, values.below, values.above)
    left = LEFT + (FAR_WIDTH + 4) * bool(values.below)
    right = WIDTH - RIGHT - (FAR_WIDTH + 4) * bool(values.above)
    first, last = values.edges[0], values.edges[-1]
    top = nice_ceiling(most)

    def across(value: float) -> float:
        return left + (value - first) / (last - first) * (right - left)

    def bar(x: float, width: float, count: int, what: str, kind: str = "bar") -> str:
        height = count / top * (BASE - TOP)
        if count:
            height = max(height, 1.0)  # a single cut among a million is seen
        return (
            f'<rect class="{kind}" x="{x:.1f}" y="{BASE - height:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}"><title>{html.escape(what)}: {count:,}</title></rect>'
        )

    parts = [_rules(top)]
    for low, high, count in zip(values.edges, values.edges[1:], values.counts, strict=False):
        x = across(low)
        width = max(across(high) - x - GAP, 0.5)
        parts.append(bar(x, width, count, f"{low:,g} to {high:,g} {quantity.unit}"))
    if values.below:
        parts.append(bar(LEFT, FAR_WIDTH, values.below, f"under {first:,g} {quantity.unit}", "far"))
    if values.above:
        x = WIDTH - RIGHT - FAR_WIDTH
        parts.append(bar(x, FAR_WIDTH, values.above, f"over {last:,g} {quantity.unit}", "far"))
    if first <= values.percentiles["50"] <= last:
        x = across(values.percentiles["50"])
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" y2="{BASE}"/>')
    for tick in ticks(first, last):
        parts.append(write(across(tick), BASE + 14, f"{tick:,g}", "middle"))
    parts.append(f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{BASE}" y2="{BASE}"/>')
    parts.append(write(WIDTH - RIGHT, HEIGHT - 4, quantity.unit, "end"))
    parts.append(write(2, 10, "cuts", "start"))
    return draw(WIDTH, HEIGHT, label, parts)


def _rules(top: int) -> str:
    """Lines across at 0, half and all of the tallest bar, with their numbers of cuts."""
    parts = []
    for count in (top // 2, top) if top % 2 == 0 else (top,):
        y = BASE - count / top * (BASE - TOP)
        parts.append(f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(write(LEFT - 6, y + 4, short(count), "end"))
    return "".join([*parts, write(LEFT - 6, BASE + 4, "0", "end")])
