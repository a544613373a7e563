"""How sure the recognizer was against how often it was right, as SVG."""

from __future__ import annotations

from collections.abc import Sequence

from earwright.evaluation.confidence import ConfidenceBin
from earwright.pages.numbers import short
from earwright.pages.svg import BASE, HEIGHT, LEFT, RIGHT, TOP, WIDTH, draw, write

FEW = 20  # words: a bar of fewer says little, and is drawn pale
GAP = 2


def reliability(bins: Sequence[ConfidenceBin], label: str) -> str:
    """A bar for each confidence, as high as the share of words that are correct; on the diagonal all is well.

    Args:
        bins: from 0 to 1.
        label: what to tell those who do not see it.
    """
    span, rise = WIDTH - LEFT - RIGHT, BASE - TOP

    def across(value: float) -> float:
        return LEFT + value * span

    def up(value: float) -> float:
        return BASE - value * rise

    parts = []
    for share in (0.0, 0.5, 1.0):
        y = up(share)
        parts.append(f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(write(LEFT - 6, y + 4, f"{share:.0%}", "end"))
    for each in bins:
        if each.words:
            x, width = across(each.low) + GAP / 2, span / len(bins) - GAP
            height = max(each.accuracy * rise, 1.0)
            parts.append(
                f'<rect class="{"bar" if each.words >= FEW else "far"}" x="{x:.1f}" y="{BASE - height:.1f}" '
                f'width="{width:.1f}" height="{height:.1f}"><title>confidence {each.low:g} to {each.high:g}: '
                f"{each.correct:,} of {each.words:,} words correct</title></rect>"
            )
    parts.append(
        f'<line class="mark" x1="{across(0):.1f}" y1="{up(0):.1f}" x2="{across(1):.1f}" y2="{up(1):.1f}"/>'
    )
    parts += [write(across(tick / 5), BASE + 14, f"{tick / 5:g}", "middle") for tick in range(6)]
    parts += [
        write(across((each.low + each.high) / 2), 10, short(each.words), "middle")
        for each in bins
        if each.words
    ]
    parts.append(write(2, 10, "words"))
    parts.append(write(WIDTH - RIGHT, HEIGHT - 4, "confidence", "end"))
    return draw(WIDTH, HEIGHT, label, parts)
