"""What drawings are made of."""

from __future__ import annotations

from earwright.pages.svg import share_bar
from page_checks import parse_svg


def test_a_share_is_a_part_of_the_bar() -> None:
    (bar,) = parse_svg(share_bar(0.25)).iter("rect")
    assert bar.attrib["width"] == "25.0"
    assert 'width="100.0"' in share_bar(7.0) and 'width="0.0"' in share_bar(-1.0)
