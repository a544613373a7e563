"""Pictures: PNG that another reader reads, SVG that is well-formed and says in numbers what it shows."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.data.inspection.charts import LEVELS, WIDTH, encode_png, histogram, share_bar, spectrogram
from earwright.data.inspection.figures import QUANTITIES, distribution

SVG = "{http://www.w3.org/2000/svg}"


def parse(svg: str) -> ElementTree.Element:
    """The picture as XML; in a page it needs no name space, as XML it has none."""
    return ElementTree.fromstring(svg)


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


@given(st.lists(st.floats(-100, 1e5), min_size=1, max_size=40), st.sampled_from(sorted(QUANTITIES)))
def test_histograms_say_every_count(values: list[float], key: str) -> None:
    found = distribution(values, whole=QUANTITIES[key].whole)
    assert found is not None
    picture = parse(histogram(found, QUANTITIES[key], 'all "values" & more'))
    assert picture.attrib["role"] == "img" and picture.attrib["aria-label"] == 'all "values" & more'
    titles = [title.text or "" for title in picture.iter("title")]
    counts = [int(title.rpartition(": ")[2].replace(",", "")) for title in titles]
    assert sum(counts) == len(values)
    for rectangle in picture.iter("rect"):
        x, y, width, height = (float(rectangle.attrib[name]) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + width <= WIDTH and y >= 0 and height >= 0
    assert QUANTITIES[key].unit in {text.text for text in picture.iter("text")}


@pytest.mark.parametrize(("seconds", "rate"), [(0.01, 8000), (3.37, 16000), (10.0, 48000), (10.0, 192000)])
def test_spectrograms_have_both_axes(seconds: float, rate: int) -> None:
    picture = parse(spectrogram(b"PNG", seconds, rate, "a <b>"))
    assert picture.attrib["aria-label"] == "a <b>"
    (image,) = picture.iter("image")
    assert image.attrib["href"].startswith("data:image/png;base64,")
    texts = [text.text or "" for text in picture.iter("text")]
    hertz = [1000 * float(text[:-1]) for text in texts if re.fullmatch(r"[\d.]+k", text)]
    assert max(hertz) <= rate / 2 and 2 * max(hertz) > rate / 2
    assert any(text.endswith(" s") for text in texts) and "Hz" in texts


def test_a_share_is_a_part_of_the_bar() -> None:
    (bar,) = parse(share_bar(0.25)).iter("rect")
    assert bar.attrib["width"] == "25.0"
    assert 'width="100.0"' in share_bar(7.0) and 'width="0.0"' in share_bar(-1.0)
