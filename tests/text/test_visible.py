"""No text can act on a terminal or a page."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from earwright.text.visible import visible


@given(st.text() | st.text(st.sampled_from("a\x1b\x9b\u202e\ud800\r\n\t\u2028\0\u200d")))
def test_what_is_visible_does_nothing(text: str) -> None:
    shown = visible(text)
    assert len(shown) == len(text)
    assert all(
        unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"} or character == " "
        for character in shown
    )
    assert "\u202e" not in shown
    shown.encode("utf-8")
    assert visible(shown) == shown


@given(st.text(), st.integers(1, 20))
def test_a_long_text_ends_in_dots(text: str, longest: int) -> None:
    shown = visible(text, longest)
    assert len(shown) == min(len(text), longest)
    assert shown.endswith("…") or len(text) <= longest
