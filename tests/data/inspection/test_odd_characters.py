"""Which characters are odd, and what they are called."""

from __future__ import annotations

from collections import Counter

import pytest

from earwright.data.inspection.odd_characters import characters


def oddities(text: str) -> dict[str, str]:
    found = characters(Counter(text), dict.fromkeys(text, "u1"))
    assert [entry.count for entry in found] == sorted(Counter(text).values(), reverse=True)
    return {entry.character: entry.oddity for entry in found if entry.oddity}


ENGLISH = "It is a truth universally acknowledged, that a single man (of 30) wants a wife. " * 200


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ENGLISH, {}),
        (ENGLISH + "caf\u00e9", {"\u00e9": ""}),
        (ENGLISH + "caf\u00e9" + ENGLISH * 50, {"\u00e9": "rare"}),
        (ENGLISH + "cafe\u0301", {"\u0301": "combining mark"}),
        (ENGLISH + "m\u0430n", {"\u0430": "another script"}),  # a Cyrillic a
        (ENGLISH + "a\u00a0b", {"\u00a0": "not the plain space"}),
        (ENGLISH + "a\u200bb\u00adc", {"\u200b": "invisible", "\u00ad": "invisible"}),
        (ENGLISH + "\x07", {"\x07": "control character"}),
        (
            ENGLISH + "it\u2019s \u2013 5 \u20ac",
            {"\u2019": "punctuation", "\u2013": "punctuation", "\u20ac": "symbol"},
        ),
        (ENGLISH + "\ue000\U000e0fff", {"\ue000": "private use", "\U000e0fff": "not assigned"}),
        (ENGLISH + "\u0663", {"\u0663": "digit of another script"}),
        # What other scripts are written with is not odd in them.
        ("我不知道，你知道吗？很好。カタカナひらがな" * 20, {}),
        ("यह हिन्दी में लिखा है। " * 50, {}),
        ("این یک جمله‌ی فارسی است، نه؟ " * 50, {}),
        ("Это русский текст. " * 50, {}),
    ],
)
def test_oddities(text: str, expected: dict[str, str]) -> None:
    assert oddities(text) == {char: why for char, why in expected.items() if why}


def test_names() -> None:
    named = {entry.character: entry for entry in characters(Counter("é\x07"), {"é": "u1"})}
    assert (named["é"].code_point, named["é"].name) == ("U+00E9", "LATIN SMALL LETTER E WITH ACUTE")
    assert (named["\x07"].code_point, named["\x07"].name) == ("U+0007", "control character")
    assert (named["é"].first, named["\x07"].first) == ("u1", "")
