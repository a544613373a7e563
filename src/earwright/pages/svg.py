"""What all drawings are made of: SVG whose colours and letters come from the style sheet of the page.

So one picture serves light and dark, and print.
"""

from __future__ import annotations

import html
from collections.abc import Iterable

# Units of the drawings; a narrow window shows them about as large as they are, so that letters stay legible.
WIDTH = 360
HEIGHT = 190
LEFT, RIGHT, TOP, BOTTOM = 46, 18, 22, 34  # margins
BASE = HEIGHT - BOTTOM  # where the horizontal axis lies


def draw(width: float, height: float, label: str, parts: Iterable[str]) -> str:
    """A drawing as large as its place allows.

    Args:
        width, height: of what `parts` lie in.
        label: what to tell those who do not see it.
        parts: SVG elements.
    """
    return (
        f'<svg class="chart" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{html.escape(label)}">'
        f"{''.join(parts)}</svg>"
    )


def write(x: float, y: float, text: str, anchor: str) -> str:
    """A line of text whose "start", "middle" or "end" (`anchor`) is at `x`, standing on `y`."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'


def share_bar(share: float) -> str:
    """A bar in a table, which says what the numbers beside it say: `share` from 0 to 1."""
    return (
        '<svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="bar" width="{100 * min(max(share, 0.0), 1.0):.1f}" height="8"/></svg>'
    )
