"""What all drawings are made of: SVG whose colours and letters come from the style sheet of the page.

So one picture serves light and dark, and print.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from earwright.pages.markup import escape

# Units of the drawings; a narrow window shows them about as large as they are, so that letters stay legible.
WIDTH = 360
HEIGHT = 190
LEFT, RIGHT, TOP, BOTTOM = 46, 18, 22, 34  # margins
BASE = HEIGHT - BOTTOM  # where the horizontal axis lies


def draw(width: float, height: float, label: str, parts: Iterable[str], *, fixed: bool = False) -> str:
    """A drawing.

    Args:
        width, height: of what `parts` lie in.
        label: what to tell those who do not see it.
        parts: SVG elements.
        fixed: as large as it is, to be scrolled where there is less room; or else as large as its place.
    """
    size = f' fixed" width="{width:.0f}" height="{height:.0f}"' if fixed else '"'
    return (
        f'<svg class="chart{size} viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def write(x: float, y: float, text: str, anchor: str = "start", kind: str = "") -> str:
    """A line of text whose "start", "middle" or "end" (`anchor`) is at `x`, standing on `y`; a class."""
    kind = f' class="{kind}"' if kind else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def text_width(text: str, size: float = 11.0) -> float:
    """About how wide a text is in sans-serif letters of this size."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    capitals = sum(character.isupper() for character in text)
    return size * (0.56 * (len(text) - wide) + 0.12 * capitals + wide)


def share_bar(share: float) -> str:
    """A bar in a table, which says what the numbers beside it say: `share` from 0 to 1."""
    return (
        '<svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="bar" width="{100 * min(max(share, 0.0), 1.0):.1f}" height="8"/></svg>'
    )
