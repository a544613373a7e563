"""The page: strictly parsed, nothing from outside, nothing of the data taken for markup, readable by all."""

from __future__ import annotations

import base64
import io
import json
import re
from collections import Counter
from html.parser import HTMLParser
from importlib import resources
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwright.cuts import Cut, write_cuts
from earwright.data.inspection.inspect import Inspection, inspect_cuts
from earwright.data.inspection.listening import excerpts
from earwright.data.inspection.page import build_page
from earwright.data.preparation.options import PrepareOptions
from earwright.data.preparation.prepare import prepare

CLIPS = Path(__file__).parents[1] / "librispeech"

VOID = {"meta", "br", "img", "hr", "link", "input"}  # elements without an end
SELF_CLOSING = {"rect", "line", "image"}  # in SVG
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


def page_of(inspection: Inspection) -> str:
    beside = (*inspection.warned.values(), *inspection.rejected.values())
    clips = [*inspection.clips, *(clip for group in beside for clip in group)]
    return build_page(inspection, dict(zip(clips, excerpts(clips, 1), strict=True)))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of good cuts, cuts full of markup, missing audio, warnings and rejected rows."""
    folder = tmp_path_factory.mktemp("page")
    samples = np.random.default_rng(0).normal(0, 0.05, 16000)
    samples[:4000] = 0
    cuts = []
    for number, text in enumerate(HOSTILE):
        path = folder / f"<b>{number}&'\".wav"
        soundfile.write(path, samples * (number + 1), 16000)
        cuts.append(
            Cut(
                *(text + str(number), str(path), 0.0, 0.2 + 0.1 * number, 16000),
                text=f"{text} " * (1 + 200 * (number == 2)),
                speaker=text,
                language=text if number else 'ar"><script>',
                gender=text,
                custom={text: text},
            )
        )
    cuts.append(Cut("missing", str(folder / "none.wav"), 0.0, 1.0, 16000, text="hello\u200b", language="en"))
    with open(folder / "cuts.jsonl.gz", "wb") as file:
        write_cuts([cut for cut in cuts if "\ud800" not in cut.id], file)
    rows = [
        {"id": text, "path": cuts[0].path, "reason": text, "detail": text, "text": text} for text in HOSTILE
    ]
    (folder / "rejected.jsonl").write_text("\n".join(map(json.dumps, rows)))
    warned = [{"id": cuts[1].id, "reason": HOSTILE[0], "detail": HOSTILE[1]}]
    (folder / "warnings.jsonl").write_text("\n".join(map(json.dumps, warned)))
    (folder / "summary.json").write_text(json.dumps({"format": HOSTILE[0], "source": HOSTILE[1]}))
    return page_of(inspect_cuts(folder, jobs=1))


def test_every_element_is_closed_and_every_name_is_there(page: str) -> None:
    parser = StrictParser(page)
    ids = Counter(attributes["id"] for _, attributes in parser.elements if "id" in attributes)
    assert max(ids.values()) == 1
    for attributes in parser.all("a"):
        assert attributes["href"].startswith("#") and attributes["href"][1:] in ids
    for _, attributes in parser.elements:
        assert attributes.get("aria-labelledby", "main") in ids


def test_nothing_comes_from_outside(page: str) -> None:
    parser = StrictParser(page)
    assert "http:" not in page and "https:" not in page and "//" not in re.sub(r"base64,[^\"]*", "", page)
    tags = {tag for tag, _ in parser.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "base", "form", "img"}
    assert "url(" not in page and "@import" not in page
    for tag, attributes in parser.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcset")]
        for name in ("src", "href"):
            if name in attributes:
                assert attributes[name].startswith(("data:image/png;", "data:audio/") if tag != "a" else "#")
    (policy,) = [meta["content"] for meta in parser.all("meta") if "http-equiv" in meta]
    assert "default-src 'none'" in policy and "script-src" not in policy


def test_what_the_data_says_is_text(page: str) -> None:
    parser = StrictParser(page)
    text = "".join(parser.text)
    for said in HOSTILE[:3]:
        assert said in text
    assert "نص عربي" in text
    assert not re.search("[\0\x1b\u202e\ud800]", page)
    page.encode("utf-8")
    for attributes in parser.all("p", "bdi", "span"):
        assert set(attributes) <= {"class", "dir", "lang", "tabindex", "title"}
    assert {attributes["lang"] for attributes in parser.all("p") if "lang" in attributes} == {"en"}


def test_everybody_can_use_it(page: str) -> None:
    parser = StrictParser(page)
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
    players = parser.all("audio")
    assert players
    for attributes in players:
        assert "controls" in attributes and attributes["aria-label"].startswith("Play ")
    assert len(parser.all("caption")) == len(parser.all("table"))
    for attributes in parser.all("p"):
        if attributes.get("class") == "text":
            assert attributes["dir"] == "auto"


def test_the_players_play(page: str) -> None:
    for attributes in StrictParser(page).all("audio"):
        kind, _, data = attributes["src"].partition(";base64,")
        samples, rate = soundfile.read(io.BytesIO(base64.b64decode(data, validate=True)))
        assert kind == "data:audio/flac" and rate == 16000 and len(samples) >= 3200


def test_faults_are_shown(page: str) -> None:
    text = "".join(StrictParser(page).text)
    assert "1 cuts that cannot be decoded" in text and "there is no such file." in text
    assert "No sound: there is no such file." in text
    assert "zero width space" in text and "U+200B" in text


def test_a_long_text_is_cut_and_can_be_scrolled(page: str) -> None:
    parser = StrictParser(page)
    assert any("tabindex" in attributes for attributes in parser.all("p"))
    assert re.search(r"\([\d,]+ characters\)", "".join(parser.text))
    assert max(map(len, parser.text)) < 12_000  # the style sheet is the longest


def test_real_speech_makes_a_small_page(tmp_path: Path) -> None:
    prepare("librispeech", CLIPS, tmp_path, PrepareOptions(jobs=1))
    inspection = inspect_cuts(tmp_path, jobs=1)
    page = page_of(inspection)
    assert page == page_of(inspect_cuts(tmp_path, jobs=1))
    parser = StrictParser(page)
    assert len(parser.all("audio")) == len(parser.all("image")) == 4
    assert 50_000 < len(page) < 1_000_000
    assert all(clip.text in "".join(parser.text) for clip in inspection.clips)


def test_only_text_no_audio_no_speakers(tmp_path: Path) -> None:
    with open(tmp_path / "c.jsonl", "wb") as file:
        write_cuts([Cut("a", "/none.wav", 0.0, 1.0, 16000), Cut("b", "/none.wav", 0.0, 1.0, 16000)], file)
    for sample in (0, 10):
        text = "".join(StrictParser(page_of(inspect_cuts(tmp_path / "c.jsonl", sample=sample, jobs=1))).text)
        assert "No cut names its speaker." in text and "No cut has a text." in text


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_have_contrast(theme: str) -> None:
    style = resources.files("earwright.data.inspection").joinpath("page.css").read_text("utf-8")
    blocks = re.findall(r":root \{([^}]*)\}", style)
    assert len(blocks) == 2
    colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", blocks[theme == "dark"]))
    for name, least in (("ink", 7.0), ("soft", 4.5), ("link", 4.5), ("bar", 3.0), ("mark", 3.0)):
        for ground in ("ground", "raised"):
            low, high = sorted((luminance(colours[name]), luminance(colours[ground])))
            assert (high + 0.05) / (low + 0.05) >= least, (name, ground)
