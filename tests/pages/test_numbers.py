"""Numbers as people write them."""

from __future__ import annotations

from earwright.pages.numbers import hours


def test_hours_are_said_as_people_say_them() -> None:
    cases = {0.0: "0 s", 0.02: "72 s", 0.5: "30 min", 1.0: "1 h 00 min", 1234.51: "1,234 h 31 min"}
    assert {number: hours(number) for number in cases} == cases
