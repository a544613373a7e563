"""Distributions against numpy, whatever the values; the sentences that say what stands out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.data.inspection.figures import BINS, distribution

values = st.lists(
    st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, -3.5, 1e-7, 8000.0]), min_size=1, max_size=60
)


@given(values, st.booleans())
def test_every_value_is_in_one_bar_or_outside(numbers: list[float], whole: bool) -> None:
    found = distribution(numbers, whole=whole)
    assert found is not None
    assert found.count == len(numbers) == sum(found.counts) + found.below + found.above
    assert len(found.edges) == len(found.counts) + 1 <= BINS + 3
    assert all(low < high for low, high in zip(found.edges, found.edges[1:], strict=False))
    assert found.mean == pytest.approx(np.mean(numbers))
    for rank, value in found.percentiles.items():
        assert value == np.percentile(numbers, float(rank), method="inverted_cdf")
    for low, high, count in zip(found.edges, found.edges[1:], found.counts, strict=False):
        last = high == found.edges[-1]
        assert count == sum(low <= number < high or (last and number == high) for number in numbers)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60))
def test_a_whole_histogram_leaves_nothing_out(numbers: list[float]) -> None:
    found = distribution(numbers, whole=True)
    assert found is not None and found.edges[0] == 0.0
    assert (found.below, found.above) == (0, 0)


def test_wild_values_do_not_squash_the_bars() -> None:
    numbers = [*np.random.default_rng(0).normal(5.0, 1.0, 1000), 1e9, -1e9]
    found = distribution(numbers)
    assert found is not None
    assert (found.below, found.above) == (1, 1)
    assert found.edges[0] > -5 and found.edges[-1] < 15 and len(found.counts) > 10


def test_nothing_and_no_numbers() -> None:
    assert distribution([]) is None
    assert distribution([float("nan"), float("inf")]) is None
    one = distribution([8000.0, float("nan")])
    assert one is not None and one.counts == (1,) and one.edges[0] <= 8000 <= one.edges[1]
