"""Pictures for a page without scripts: histograms and spectrograms as SVG.

The classes `bar`, `far`, `rule` and `mark` and all text get their colours from the page's style sheet, so
that one picture serves light and dark.
"""

from __future__ import annotations

import base64
import html
import math
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from earwright.data.inspection.figures import Distribution, Quantity
from earwright.data.preparation.measure import hz_to_mel

# Units of the drawings; a narrow window shows them about as large as they are, so that letters stay legible.
WIDTH = 360
HEIGHT = 190
LEFT, RIGHT, TOP, BOTTOM = 46, 18, 22, 34  # margins
BASE = HEIGHT - BOTTOM
FAR_WIDTH = 12  # of the bars for what lies outside
GAP = 1  # between bars

SPECTROGRAM_HEIGHT = 180
SPECTROGRAM_BOTTOM = 20
LINE = 12  # between ticks, so that their letters do not touch
LOWEST_TICK = 250  # Hz; the others are octaves of it
# matplotlib's magma at nine places: dark to bright evenly, told apart without colour too.
MAGMA = ("000004", "1d1147", "51127c", "822681", "b63679", "e65164", "fb8861", "fec287", "fcfdbf")
LEVELS = 64  # of brightness: more cannot be told apart, and would cost bytes


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
    top = _nice_ceiling(most)

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
    for tick in _ticks(first, last):
        parts.append(_text(across(tick), BASE + 14, f"{tick:,g}", "middle"))
    parts.append(f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{BASE}" y2="{BASE}"/>')
    parts.append(_text(WIDTH - RIGHT, HEIGHT - 4, quantity.unit, "end"))
    parts.append(_text(2, 10, "cuts", "start"))
    return _svg(WIDTH, HEIGHT, label, parts)


def spectrogram(picture: bytes, seconds: float, sample_rate: int, label: str) -> str:
    """A spectrogram with its axes as SVG.

    Args:
        picture: PNG, mel bands from 0 Hz to half the sample rate.
        seconds: how long it is.
        sample_rate: in Hz.
        label: what to tell those who do not see it.
    """
    base, right = SPECTROGRAM_HEIGHT - SPECTROGRAM_BOTTOM, WIDTH - RIGHT
    high = hz_to_mel(sample_rate / 2)
    parts = [
        f'<image href="data:image/png;base64,{base64.b64encode(picture).decode()}" x="{LEFT}" y="{TOP}" '
        f'width="{right - LEFT}" height="{base - TOP}" preserveAspectRatio="none"/>'
    ]
    above = float(base)
    for hz in (LOWEST_TICK << octave for octave in range(20)):
        y = base - hz_to_mel(hz) / high * (base - TOP)
        if hz <= sample_rate / 2 and above - y >= LINE:
            above = y
            parts.append(f'<line class="rule" x1="{LEFT - 4}" x2="{LEFT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(_text(LEFT - 6, y + 4, f"{hz / 1000:g}k" if hz >= 1000 else f"{hz}", "end"))
    ticks = _ticks(0.0, seconds)
    for tick in ticks:
        x = LEFT + tick / seconds * (right - LEFT)
        parts.append(f'<line class="rule" x1="{x:.1f}" x2="{x:.1f}" y1="{base}" y2="{base + 4}"/>')
        unit = " s" if tick == ticks[-1] else ""
        parts.append(_text(x, base + 16, f"{tick:g}{unit}", "middle"))
    parts.append(_text(2, 10, "Hz", "start"))
    return _svg(WIDTH, SPECTROGRAM_HEIGHT, label, parts)


def share_bar(share: float) -> str:
    """A bar in a table, which says what the numbers beside it say: `share` from 0 to 1."""
    return (
        '<svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="bar" width="{100 * min(max(share, 0.0), 1.0):.1f}" height="8"/></svg>'
    )


def encode_png(decibels: npt.NDArray[Any], shown: float) -> bytes:
    """A picture of a spectrogram as PNG with a palette, the loudest bright.

    Args:
        decibels: (bands, T), the lowest band first; it becomes the lowest row.
        shown: dB from the darkest to the brightest.
    """
    high = float(decibels.max())
    scaled = np.clip((decibels - high) / shown + 1, 0, 1) * (LEVELS - 1)
    pixels = np.rint(scaled).astype(np.uint8)[::-1]
    height, width = pixels.shape
    anchors = np.array([list(bytes.fromhex(colour)) for colour in MAGMA])
    places = np.linspace(0, len(anchors) - 1, LEVELS)
    palette = np.stack([np.interp(places, range(len(anchors)), anchors[:, c]) for c in range(3)], axis=1)
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels], axis=1)  # each row: filter 0, pixels
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", np.rint(palette).astype(np.uint8).tobytes()),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _svg(width: int, height: int, label: str, parts: list[str]) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(label)}">'
        f"{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _rules(top: int) -> str:
    """Lines across at 0, half and all of the tallest bar, with their numbers of cuts."""
    parts = []
    for count in (top // 2, top) if top % 2 == 0 else (top,):
        y = BASE - count / top * (BASE - TOP)
        parts.append(f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(LEFT - 6, y + 4, _short(count), "end"))
    return "".join([*parts, _text(LEFT - 6, BASE + 4, "0", "end")])


def _short(count: int) -> str:
    """12,000 as 12k, 1,200,000 as 1.2M."""
    if count >= 10**6:
        return f"{count / 10**6:g}M"
    return f"{count / 1000:g}k" if count >= 10**4 else f"{count:,}"


def _nice_ceiling(count: int) -> int:
    """The next number from here on that is easily halved: 2, 4, 6, 8, 10, 12, 16, 20, 30, 40 ..."""
    power = 10 ** max(len(str(count)) - 1, 0)
    tops = (
        step * power // 10 for step in (10, 12, 16, 20, 30, 40, 50, 60, 80, 100) if step * power % 10 == 0
    )
    return next((top for top in tops if top >= count and top % 2 == 0), 2)


def _ticks(low: float, high: float, number: int = 6) -> list[float]:
    """At most about so many round numbers from low to high."""
    rough = (high - low) / number
    if rough <= 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    width = next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= rough * (1 - 1e-9))
    digits = max(2 - math.floor(math.log10(width)), 0)
    first, last = math.ceil(low / width - 1e-9), math.floor(high / width + 1e-9)
    return [round(place * width, digits) for place in range(first, last + 1)]
