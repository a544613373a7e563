"""Curves: well-formed whatever the values, small however many, no extreme lost, all of it said in numbers."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from earwright.pages.curves import BUCKETS, MOST_MARKS, Axis, Series, curves, moving_mean, thin
from earwright.pages.svg import BASE, LEFT, RIGHT, TOP, WIDTH
from page_checks import HOSTILE, parse_svg

STEPS, LOSS = Axis("steps", "step {:,.0f}"), Axis("a token")
numbers = st.floats(width=32) | st.sampled_from([0.0, 1.0, 1e-30, 1e29, float("nan"), float("inf")])


def coordinates(picture: ElementTree.Element) -> list[tuple[float, float]]:
    """Every place of every curve and its band."""
    text = [line.attrib["points"] for line in picture.iter("polyline")]
    text += [path.attrib["d"].strip("MZ") for path in picture.iter("path")]
    pairs = (place.split(",") for part in text for place in part.split())
    return [(float(x), float(y)) for x, y in pairs]


@given(
    st.lists(st.tuples(numbers, numbers), max_size=30),
    st.lists(st.tuples(numbers, numbers), max_size=30),
    st.booleans(),
    st.booleans(),
)
@example([], [(0.0, 1.0), (1.0, 1e-30)], True, False)
@settings(max_examples=25)
def test_any_values_give_a_picture_within_its_frame(
    first: list[tuple[float, float]], second: list[tuple[float, float]], log: bool, points: bool
) -> None:
    series = [
        Series(name, [x for x, _ in pairs], [y for _, y in pairs], points)
        for name, pairs in (("a & b", first), ("c", second))
    ]
    svg = curves(series, STEPS, LOSS, 'all "values" & more', log=log, marks=[(0.0, "<b>")])
    drawable = [abs(x) < 1e30 and abs(y) < 1e30 for x, y in first + second]
    assert bool(svg) == any(drawable)
    if svg:
        picture = parse_svg(svg)
        assert picture.attrib["aria-label"] == 'all "values" & more'
        for x, y in coordinates(picture):
            assert LEFT - 0.1 <= x <= WIDTH - RIGHT + 0.1 and TOP - 0.1 <= y <= BASE + 0.1


def test_every_point_of_a_few_is_said() -> None:
    svg = curves([Series("WER", [10, 20, 30], [50, 25.5, 5], points=True)], STEPS, Axis("%", "{:.2f} %"), "x")
    picture = parse_svg(svg)
    titles = [title.text for title in picture.iter("title")]
    assert titles == ["step 10: WER 50.00 %", "step 20: WER 25.50 %", "step 30: WER 5.00 %"]
    assert len(list(picture.iter("circle"))) == 3
    # The columns in which they are said lie side by side over the whole chart.
    hits = [rectangle.attrib for rectangle in picture.iter("rect") if rectangle.attrib["class"] == "hit"]
    edges = [(float(hit["x"]), float(hit["x"]) + float(hit["width"])) for hit in hits]
    assert edges[0][0] == LEFT and edges[-1][1] == pytest.approx(WIDTH - RIGHT, abs=0.2)
    assert all(abs(a[1] - b[0]) < 0.2 for a, b in pairwise(edges))


def test_two_series_are_told_apart_without_colour() -> None:
    both = [Series("WER", [1, 2], [3, 4], points=True), Series("CER", [1, 2], [1, 2], points=True)]
    picture = parse_svg(curves(both, STEPS, LOSS, "x"))
    assert {line.attrib["class"] for line in picture.iter("polyline")} == {"line line-1", "line line-2"}
    assert (
        len(list(picture.iter("circle"))) == 3 and svg_class(picture, "dot-2") == 3
    )  # one each in the legend
    assert {"WER", "CER"} <= {text.text for text in picture.iter("text")}
    assert [title.text for title in picture.iter("title")] == ["step 1: WER 3, CER 1", "step 2: WER 4, CER 2"]


def svg_class(picture: ElementTree.Element, name: str) -> int:
    return sum(name in element.attrib.get("class", "").split() for element in picture.iter())


def test_a_long_log_gives_a_small_picture() -> None:
    steps = np.arange(1, 1_000_001)
    loss = 5 * np.exp(-steps / 2e5) + np.random.default_rng(0).uniform(0, 0.5, len(steps))
    loss[[123_456, 777_777]] = 40.0, 0.001
    svg = curves([Series("loss", steps, loss)], STEPS, LOSS, "x", log=True)
    assert len(svg) < 60_000
    titles = " ".join(title.text or "" for title in parse_svg(svg).iter("title"))
    assert "to 40)" in titles and "(0.001 to" in titles


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=500), st.integers(1, 50))
def test_thinning_loses_no_extreme(values: list[float], buckets: int) -> None:
    x, y = np.arange(len(values), dtype=float), np.array(values)
    thinned = thin(x, y, buckets)
    assert len(thinned.x) <= buckets
    assert thinned.low.min() == y.min() and thinned.high.max() == y.max()
    assert (thinned.low <= thinned.high).all() and (np.diff(thinned.x) > 0).all()
    assert thinned.smooth.min() >= y.min() - 1e-6 and thinned.smooth.max() <= y.max() + 1e-6


def test_buckets_hold_what_lies_in_them() -> None:
    """Against a brute force over a clumped axis."""
    x = np.sort(np.random.default_rng(1).exponential(10, 5000))
    y = np.random.default_rng(2).normal(size=5000)
    thinned = thin(x, y)
    numbers = np.minimum((x - x[0]) / ((x[-1] - x[0]) / BUCKETS), BUCKETS - 1).astype(int)
    filled = sorted(set(numbers.tolist()))
    assert len(thinned.x) == len(filled)
    for place, number in enumerate(filled):
        inside = numbers == number
        assert thinned.low[place] == y[inside].min() and thinned.high[place] == y[inside].max()
        assert thinned.x[place] == pytest.approx(x[inside].mean())


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60), st.integers(1, 80))
def test_the_moving_mean_is_one(values: list[float], window: int) -> None:
    expected = []
    for place in range(len(values)):
        reach = min(window // 2, place, len(values) - 1 - place)
        expected.append(np.mean(values[place - reach : place + reach + 1]))
    np.testing.assert_allclose(moving_mean(np.array(values), window), expected, atol=1e-9)


def test_a_logarithmic_axis_where_it_helps() -> None:
    def ticks(values: list[float]) -> list[str]:
        svg = curves([Series("loss", range(len(values)), values)], STEPS, LOSS, "x", log=True)
        return re.findall(r'text-anchor="end">([\d.e-]+)</text>', svg)

    assert ticks([100.0, 10.0, 2.0]) == ["2", "5", "10", "20", "50", "100"]
    assert ticks([3.0, 2.0]) == ["2", "2.5", "3"]  # not far enough apart
    assert "0" in ticks([100.0, 10.0, 0.0])  # no logarithm


def test_an_axis_that_begins_at_zero_does_not_enlarge_little_things() -> None:
    flat = [Series("CER", [1, 2], [99.99, 99.9])]
    assert ">99.95<" in curves(flat, STEPS, LOSS, "x")
    drawn = curves(flat, STEPS, Axis("%", from_zero=True), "x")
    assert ">0<" in drawn and ">100<" in drawn and ">99.95<" not in drawn


def test_marks_lie_where_they_belong() -> None:
    marks = [(float(n), f"{text} {n}") for n, text in enumerate(HOSTILE * 20)]
    picture = parse_svg(
        curves([Series("a", [0, 100], [1, 2])], STEPS, LOSS, "x", marks=[*marks, (1e9, "far")])
    )
    lines = [line for line in picture.iter("line") if line.attrib["class"] == "mark"]
    assert 1 <= len(lines) <= MOST_MARKS
    first = lines[0].find("title")
    assert float(lines[0].attrib["x1"]) == LEFT and first is not None and first.text == f"{HOSTILE[0]} 0"
