"""The page: strictly parsed, nothing from outside, nothing of the data taken for markup, readable by all."""

from __future__ import annotations

import json
import re
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
from page_checks import HOSTILE, StrictParser, check_page

CLIPS = Path(__file__).parents[1] / "librispeech"


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


def test_the_page_is_one_that_all_can_use(page: str) -> None:
    parser = check_page(page)
    players = parser.all("audio")
    assert players and all(player["src"].startswith("data:audio/flac;") for player in players)


def test_what_the_data_says_is_text(page: str) -> None:
    parser = StrictParser(page)
    text = "".join(parser.text)
    for said in HOSTILE[:3]:
        assert said in text
    assert "نص عربي" in text
    for attributes in parser.all("p", "bdi", "span"):
        assert set(attributes) <= {"class", "dir", "lang", "tabindex", "title"}
    assert {attributes["lang"] for attributes in parser.all("p") if "lang" in attributes} == {"en"}


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
