"""Spectrograms as pictures with axes."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from earwright.pages.mel import hz_to_mel
from earwright.pages.numbers import ticks
from earwright.pages.svg import LEFT, RIGHT, TOP, WIDTH, draw, write

SPECTROGRAM_HEIGHT = 180
SPECTROGRAM_BOTTOM = 20
LINE = 12  # between ticks, so that their letters do not touch
LOWEST_TICK = 250  # Hz; the others are octaves of it
# matplotlib's magma at nine places: dark to bright evenly, told apart without colour too.
MAGMA = ("000004", "1d1147", "51127c", "822681", "b63679", "e65164", "fb8861", "fec287", "fcfdbf")
LEVELS = 64  # of brightness: more cannot be told apart, and would cost bytes


def spectrogram(picture: bytes, seconds: float, sample_rate: int, label: str) -> str:
    """A spectrogram with its axes as SVG.

    Args:
        picture: PNG, mel bands from 0 Hz to half the sample rate.
        seconds: how long it is.
        sample_rate: in Hz.
        label: what to tell those who do not see it.
    """
    return draw(WIDTH, SPECTROGRAM_HEIGHT, label, spectrogram_parts(picture, seconds, sample_rate, WIDTH))


def spectrogram_parts(picture: bytes, seconds: float, sample_rate: int, width: float) -> list[str]:
    """What `spectrogram` draws, from LEFT to `width` less RIGHT, for drawings with more than that in them."""
    base, right = SPECTROGRAM_HEIGHT - SPECTROGRAM_BOTTOM, width - RIGHT
    high = hz_to_mel(sample_rate / 2)
    parts = [
        f'<image href="data:image/png;base64,{base64.b64encode(picture).decode()}" x="{LEFT}" y="{TOP}" '
        f'width="{right - LEFT:g}" height="{base - TOP}" preserveAspectRatio="none"/>'
    ]
    above = float(base)
    for hz in (LOWEST_TICK << octave for octave in range(20)):
        y = base - hz_to_mel(hz) / high * (base - TOP)
        if hz <= sample_rate / 2 and above - y >= LINE:
            above = y
            parts.append(f'<line class="rule" x1="{LEFT - 4}" x2="{LEFT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(write(LEFT - 6, y + 4, f"{hz / 1000:g}k" if hz >= 1000 else f"{hz}", "end"))
    places = ticks(0.0, seconds, round(6 * width / WIDTH))
    for tick in places:
        x = LEFT + tick / seconds * (right - LEFT)
        parts.append(f'<line class="rule" x1="{x:.1f}" x2="{x:.1f}" y1="{base}" y2="{base + 4}"/>')
        unit = " s" if tick == places[-1] else ""
        parts.append(write(x, base + 16, f"{tick:g}{unit}", "middle"))
    parts.append(write(2, 10, "Hz", "start"))
    return parts


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
