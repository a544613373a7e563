"""The drawing of an utterance over time: everything at its place, nothing upon something else."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.evaluation.align import Pair
from earwright.evaluation.confidence import Placed
from earwright.evaluation.page.timeline import MOST_LINES, PER_SECOND, timeline
from earwright.pages.clips import Excerpt, make_excerpt
from earwright.pages.svg import LEFT, RIGHT, text_width
from earwright.text.visible import visible
from earwright.transcript import Word
from page_checks import HOSTILE, parse_svg


def excerpt(seconds: float) -> Excerpt:
    return make_excerpt(np.zeros(round(16000 * seconds), np.float32), 16000, 10_000_000)


TEN = excerpt(10.0)


def written(picture: ElementTree.Element) -> dict[str, list[ElementTree.Element]]:
    """Texts by class."""
    found: dict[str, list[ElementTree.Element]] = {}
    for text in picture.iter("text"):
        found.setdefault(text.attrib.get("class", ""), []).append(text)
    return found


def test_words_stand_at_their_times() -> None:
    placed = [
        Placed(Pair("correct", "the", "the"), 1.0, 1.5, 0.9),
        Placed(Pair("substitution", "cat", "hat"), 2.0, 2.5, 0.8),
        Placed(Pair("deletion", "sat", ""), 3.0, 3.0, None),
        Placed(Pair("insertion", "", "mat"), 4.0, 4.5, 0.7),
        Placed(Pair("correct", "late", "late"), 10.5, 11.0, 0.7),  # beyond the excerpt
    ]
    tokens = [Word("t", 1.0, 1.04, 0.99), Word("▁", 1.2, 1.24, 0.5)]
    picture = parse_svg(timeline(TEN, placed, tokens, "a <b>"))
    assert picture.attrib["aria-label"] == "a <b>"
    assert float(picture.attrib["width"]) == LEFT + RIGHT + 10 * PER_SECOND
    texts = written(picture)
    place = {
        text.text: float(text.attrib["x"]) for kind in ("word", "wrong", "token") for text in texts[kind]
    }
    assert place == {
        **{"the": LEFT + 100, "hat (S)": LEFT + 200, "cat": LEFT + 200, "sat (D)": LEFT + 300},
        **{"mat (I)": LEFT + 400, "t": LEFT + 100, "▁": LEFT + 120},
    }
    edges = {
        (float(line.attrib["x1"]) - LEFT, "wrong-edge" in line.attrib["class"])
        for line in picture.iter("line")
        if line.attrib["class"].startswith("edge")
    }
    right = {(100.0, False), (150.0, False)}
    assert edges == right | {(200.0, True), (250.0, True), (400.0, True), (450.0, True)}
    titles = {title.text for title in picture.iter("title")}
    assert "hat (S): 2.00 to 2.50 s, confidence 0.80, substitution" in titles
    assert "sat (D): at about 3.00 s, deletion" in titles
    assert "t: 1.00 to 1.04 s, confidence 0.99" in titles
    assert [text.text for text in texts[""] if text.text in ("heard", "said", "tokens")] == [
        "heard",
        "said",
        "tokens",
    ]


@given(
    st.lists(st.tuples(st.floats(0, 10), st.floats(0, 2), st.text(min_size=1, max_size=60)), max_size=40),
)
def test_no_word_lies_upon_another(rows: list[tuple[float, float, str]]) -> None:
    placed = [
        Placed(Pair("correct", text, text), start, start + length, 0.5)
        for start, length, text in sorted(rows)
    ]
    picture = parse_svg(timeline(TEN, placed, [], "x"))
    lines: dict[str, list[tuple[float, float]]] = {}
    for text in written(picture).get("word", []):
        x = float(text.attrib["x"])
        lines.setdefault(text.attrib["y"], []).append((x, x + text_width(text.text or "")))
        assert x >= LEFT
    assert len(lines) <= MOST_LINES
    for spans in lines.values():
        assert all(end <= start + 0.1 for (_, end), (start, _) in pairwise(spans))


def test_a_short_utterance_is_as_wide_as_the_others() -> None:
    picture = parse_svg(timeline(excerpt(0.5), [], [], "x"))
    assert float(picture.attrib["width"]) == pytest.approx(360, abs=1)


def test_hostile_words() -> None:
    for text in HOSTILE:
        placed = [Placed(Pair("substitution", text, text), 0.0, 1.0, 0.5)]
        picture = parse_svg(timeline(TEN, placed, [Word(text, 0.0, 0.1, 0.5)], visible(text)))
        assert {element.tag for element in picture.iter()} == {
            "svg",
            "image",
            "line",
            "text",
            "rect",
            "title",
        }
