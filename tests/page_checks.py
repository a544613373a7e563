"""What every page must hold to: well-formed, nothing from outside, readable by all, light and dark."""

from __future__ import annotations

import base64
import io
import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import soundfile

VOID = {"meta", "br", "img", "hr", "link", "input"}  # elements without an end
SELF_CLOSING = {"rect", "line", "image", "path", "circle", "polyline"}  # in SVG
TEXT_ATTRIBUTES = {"aria-label", "title"}  # they are shown, never followed
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'&amp; </p></article></main>",
    "\u202eright to left\x1b[31m\0",
    "نص عربي",
    "\ud800",
    "javascript:alert(1)",
)


class StrictParser(HTMLParser):
    """Every element is closed in its turn; what is found is kept."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"<{tag}> has an attribute twice"
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SELF_CLOSING and "svg" in self.open
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, *tags: str) -> list[dict[str, str]]:
        """The attributes of all elements of these kinds."""
        return [attributes for tag, attributes in self.elements if tag in tags]

    def said(self) -> str:
        """All text of the page, its style sheet too, runs of white space made one space."""
        return " ".join("".join(self.text).split())


def check_page(page: str) -> StrictParser:
    """Assert everything that holds for any page; returns it parsed."""
    parser = StrictParser(page)
    page.encode("utf-8")
    _names_are_there(parser)
    _nothing_comes_from_outside(parser)
    _everybody_can_use_it(parser)
    _players_play(parser)
    assert not re.search("[\0\x1b\u202e\ud800]", page)
    return parser


def _names_are_there(parser: StrictParser) -> None:
    ids = Counter(attributes["id"] for _, attributes in parser.elements if "id" in attributes)
    assert max(ids.values()) == 1
    for attributes in parser.all("a"):
        assert attributes["href"].startswith("#") and attributes["href"][1:] in ids
    for _, attributes in parser.elements:
        assert attributes.get("aria-labelledby", "main") in ids


def _nothing_comes_from_outside(parser: StrictParser) -> None:
    tags = {tag for tag, _ in parser.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "base", "form", "img", "input", "use"}
    assert len(parser.all("style")) == 1
    (style,) = [text for text in parser.text if ":root" in text]
    assert "url(" not in style and "@import" not in style and "//" not in style
    for tag, attributes in parser.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcset")]
        for name, value in attributes.items():
            if name in ("src", "href"):
                assert value.startswith(("data:image/png;", "data:audio/") if tag != "a" else "#")
            elif name not in TEXT_ATTRIBUTES:
                assert "//" not in value and "url(" not in value
    (policy,) = [meta["content"] for meta in parser.all("meta") if "http-equiv" in meta]
    assert "default-src 'none'" in policy and "script-src" not in policy


def _everybody_can_use_it(parser: StrictParser) -> None:
    assert parser.all("html") == [{"lang": "en"}]
    assert len(parser.all("h1")) == len(parser.all("main")) == 1
    headings = [int(tag[1]) for tag, _ in parser.elements if re.fullmatch(r"h\d", tag)]
    assert headings[0] == 1
    assert all(deeper - level <= 1 for level, deeper in pairwise(headings))
    for attributes in parser.all("svg"):
        assert attributes.get("aria-hidden") == "true" or (
            attributes["role"] == "img" and attributes["aria-label"]
        )
    for attributes in parser.all("th"):
        assert attributes["scope"] in ("col", "row")
    for attributes in parser.all("audio"):
        assert "controls" in attributes and attributes["aria-label"].startswith("Play ")
    assert len(parser.all("caption")) == len(parser.all("table"))
    for attributes in parser.all("p"):
        if attributes.get("class") == "text":
            assert attributes["dir"] == "auto"


def _players_play(parser: StrictParser) -> None:
    for attributes in parser.all("audio"):
        kind, _, data = attributes["src"].partition(";base64,")
        samples, rate = soundfile.read(io.BytesIO(base64.b64decode(data, validate=True)))
        assert kind in ("data:audio/flac", "data:audio/ogg") and rate >= 8000 and len(samples) > 0


def parse_svg(svg: str) -> ElementTree.Element:
    """The picture as XML; in a page it needs no name space, as XML it has none."""
    return ElementTree.fromstring(svg)


def contrast(colour: str, ground: str) -> float:
    """The ratio of two colours as WCAG 2 defines it."""
    low, high = sorted((_luminance(colour), _luminance(ground)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
