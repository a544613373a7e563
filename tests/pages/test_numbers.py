"""Numbers as people write them, and ticks at round ones."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.pages.numbers import hours, log_ticks, nice_ceiling, percent, short, ticks


def test_hours_are_said_as_people_say_them() -> None:
    cases = {0.0: "0 s", 0.02: "72 s", 0.5: "30 min", 1.0: "1 h 00 min", 1234.51: "1,234 h 31 min"}
    assert {number: hours(number) for number in cases} == cases


def test_counts_and_rates() -> None:
    cases = {
        0: "0",
        9999: "9,999",
        12_000: "12k",
        12_345: "12.3k",
        999_600: "1M",
        1_234_567: "1.23M",
        10**9: "1G",
    }
    assert {number: short(number) for number in cases} == cases
    assert percent(0.02837) == "2.84 %" and percent(1.5) == "150.00 %"


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_are_few_and_inside(low: float, span: float) -> None:
    high = low + span
    places = ticks(low, high)
    slack = 1e-6 * max(abs(low), abs(high), span)
    assert len(places) <= 8 and all(low - slack <= place <= high + slack for place in places)
    assert places == sorted(places)


@given(st.floats(1e-12, 1e12), st.floats(8, 1e12))
def test_logarithmic_ticks_are_few_round_and_inside(low: float, times: float) -> None:
    high = low * times
    places = log_ticks(low, high)
    assert 1 <= len(places) <= 8 and places == sorted(set(places))
    for place in places:
        assert low <= place <= high
        power = math.floor(math.log10(place) + 1e-9)
        assert place == pytest.approx(round(place / 10.0**power) * 10.0**power)
        assert round(place / 10.0**power) in (1, 2, 5)


@given(st.integers(0, 10**12))
def test_a_nice_ceiling_is_halved_easily(count: int) -> None:
    top = nice_ceiling(count)
    assert top >= max(count, 2) and top % 2 == 0 and top <= max(2 * count, 2)
