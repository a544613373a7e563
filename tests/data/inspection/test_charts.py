"""Histograms: well-formed, and every count is said in them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from earwright.data.inspection.charts import histogram
from earwright.data.inspection.figures import QUANTITIES, distribution
from earwright.pages.svg import WIDTH
from page_checks import parse_svg

# Nothing that is measured lies nearer to 0 than 1e-9 without being 0.
values = st.floats(-100, 1e5).map(lambda value: round(value, 9))


@given(st.lists(values, min_size=1, max_size=40), st.sampled_from(sorted(QUANTITIES)))
def test_histograms_say_every_count(values: list[float], key: str) -> None:
    found = distribution(values, whole=QUANTITIES[key].whole)
    assert found is not None
    picture = parse_svg(histogram(found, QUANTITIES[key], 'all "values" & more'))
    assert picture.attrib["role"] == "img" and picture.attrib["aria-label"] == 'all "values" & more'
    titles = [title.text or "" for title in picture.iter("title")]
    counts = [int(title.rpartition(": ")[2].replace(",", "")) for title in titles]
    assert sum(counts) == len(values)
    for rectangle in picture.iter("rect"):
        x, y, width, height = (float(rectangle.attrib[name]) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + width <= WIDTH and y >= 0 and height >= 0
    assert QUANTITIES[key].unit in {text.text for text in picture.iter("text")}
