"""Spectrograms: PNG that another reader reads, and both axes."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest

from earwright.pages.spectrogram import LEVELS, encode_png, spectrogram
from page_checks import parse_svg


def test_png_is_read_by_another_reader() -> None:
    image = pytest.importorskip("matplotlib.image", reason="needs earwright[train]")
    decibels = np.random.default_rng(0).uniform(-90, -10, (7, 13))
    decibels[0, 0], decibels[6, 12] = -10.0, -200.0
    pixels = image.imread(io.BytesIO(encode_png(decibels, 70.0)))[:, :, :3]
    assert pixels.shape == (7, 13, 3)
    bright = pixels.sum(axis=2)
    # The lowest band is the lowest row; louder is brighter.
    assert bright[6, 0] == bright.max() and bright[0, 12] == bright.min()
    order = np.argsort(np.maximum(decibels[::-1], -80.0).ravel(), kind="stable")
    assert (np.diff(bright.ravel()[order]) >= -0.02).all()
    assert len(np.unique(np.round(pixels.reshape(-1, 3) * 255) @ [65536, 256, 1])) <= LEVELS


@pytest.mark.parametrize(("seconds", "rate"), [(0.01, 8000), (3.37, 16000), (10.0, 48000), (10.0, 192000)])
def test_spectrograms_have_both_axes(seconds: float, rate: int) -> None:
    picture = parse_svg(spectrogram(b"PNG", seconds, rate, "a <b>"))
    assert picture.attrib["aria-label"] == "a <b>"
    (image,) = picture.iter("image")
    assert image.attrib["href"].startswith("data:image/png;base64,")
    texts = [text.text or "" for text in picture.iter("text")]
    hertz = [1000 * float(text[:-1]) for text in texts if re.fullmatch(r"[\d.]+k", text)]
    assert max(hertz) <= rate / 2 and 2 * max(hertz) > rate / 2
    assert any(text.endswith(" s") for text in texts) and "Hz" in texts
