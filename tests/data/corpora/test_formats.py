"""All formats side by side: their names, what they recognize, and the whole way to cuts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwright.cuts import read_cut_audio, read_cuts
from earwright.data.corpora import FORMATS, find_format
from earwright.data.preparation.options import PrepareOptions
from earwright.data.preparation.prepare import prepare
from earwright.errors import EarwrightError

RATE = 16000
# What is said where: the same in every format.
SAID = [(0.5, 1.5, "hello there"), (2.25, 3.0, "good day")]
TIER = "".join(f"{start} {end} {json.dumps(text)}\n" for start, end, text in SAID)
TRANSCRIPTS = {
    "srt": "".join(
        f"{n}\n00:00:0{start:.3f} --> 00:00:0{end:.3f}\n{text}\n\n"
        for n, (start, end, text) in enumerate(SAID, 1)
    ),
    "vtt": "WEBVTT\n\n"
    + "".join(f"00:0{start:.3f} --> 00:0{end:.3f}\n{text}\n\n" for start, end, text in SAID),
    "textgrid": f'"ooTextFile"\n"TextGrid"\n0 4 <exists> 1\n"IntervalTier" "text" 0 4 2\n{TIER}',
    "elan": "<ANNOTATION_DOCUMENT><TIME_ORDER>"
    + "".join(
        f'<TIME_SLOT TIME_SLOT_ID="a{n}" TIME_VALUE="{1000 * start:.0f}"/>'
        f'<TIME_SLOT TIME_SLOT_ID="b{n}" TIME_VALUE="{1000 * end:.0f}"/>'
        for n, (start, end, _) in enumerate(SAID)
    )
    + '</TIME_ORDER><TIER TIER_ID="x">'
    + "".join(
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="c{n}" TIME_SLOT_REF1="a{n}" TIME_SLOT_REF2="b{n}">'
        f"<ANNOTATION_VALUE>{text}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>"
        for n, (_, _, text) in enumerate(SAID)
    )
    + "</TIER></ANNOTATION_DOCUMENT>",
    "stm": "".join(f"talk 1 ann {start} {end} <o,f0,female> {text}\n" for start, end, text in SAID),
    "ctm": "talk 1 0.5 0.4 hello\ntalk 1 1.0 0.5 there\ntalk 1 2.25 0.25 good\ntalk 1 2.5 0.5 day\n",
}
ENDINGS = {"elan": ".eaf", "textgrid": ".TextGrid"}


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """A folder with a recording of four seconds."""
    samples = np.random.default_rng(0).uniform(-0.3, 0.3, 4 * RATE).astype(np.float32)
    soundfile.write(tmp_path / "talk.wav", samples, RATE, subtype="FLOAT")
    return tmp_path


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_a_long_recording_becomes_cuts(talk: Path, name: str) -> None:
    transcript = talk / f"talk{ENDINGS.get(name, f'.{name}')}"
    transcript.write_text(TRANSCRIPTS[name])
    recognized = [key for key, each in FORMATS.items() if each.recognize(talk)]
    assert recognized == [name] == [key for key, each in FORMATS.items() if each.recognize(transcript)]
    out = talk / "out"
    assert prepare(name, talk, out, PrepareOptions(jobs=1)).rejected == {}
    cuts = read_cuts(out)
    assert [(cut.start, cut.start + cut.duration, cut.text) for cut in cuts] == SAID
    assert [cut.id for cut in cuts] == ["talk-00000500-00001500", "talk-00002250-00003000"]
    whole, _ = soundfile.read(talk / "talk.wav", dtype="float32")
    for cut in cuts:
        start, end = round(cut.start * RATE), round((cut.start + cut.duration) * RATE)
        assert np.array_equal(read_cut_audio(cut, None), whole[start:end])


def test_times_go_before_a_plain_text(talk: Path) -> None:
    for name, text in TRANSCRIPTS.items():
        (talk / f"talk{ENDINGS.get(name, f'.{name}')}").write_text(text)
    (talk / "talk.txt").write_text("hello there good day")
    recognized = [key for key, each in FORMATS.items() if each.recognize(talk)]
    assert recognized == ["elan", "textgrid", "stm", "ctm", "srt", "vtt", "folder"]


@pytest.mark.parametrize("name", FORMATS)
def test_recognizing_never_raises(tmp_path: Path, name: str) -> None:
    for ending in (
        ".srt",
        ".vtt",
        ".TextGrid",
        ".eaf",
        ".stm",
        ".ctm",
        ".csv",
        ".tsv",
        ".json",
        ".trans.txt",
    ):
        (tmp_path / f"a{ending}").write_bytes(b"\xff\xfe\x00\x01\x1f\x8b <\n")
    (tmp_path / "cuts.jsonl.gz").write_bytes(b"\x1f\x8b\x08\0\0")
    (tmp_path / "supervisions.json").write_bytes(b"[" * 100_000)
    (tmp_path / "b.srt").mkdir()
    (tmp_path / "c.wav").symlink_to(tmp_path / "c.wav")
    for place in [tmp_path, *tmp_path.iterdir(), tmp_path / "none", tmp_path / ("x" * 200)]:
        found = FORMATS[name].recognize(place)
        assert found is None or (name == "librispeech" and "a.trans.txt" in found)


def test_names_that_are_none() -> None:
    assert find_format("srt") is FORMATS["srt"]
    for name, message in (
        (
            "strt",
            r"there is no format 'strt'; there are commonvoice, .* and lhotse:NAME; did you mean srt\?$",
        ),
        ("lhotse", r"did you mean lhotse:NAME\?$"),
        ("qqqq", r"and lhotse:NAME\.$"),
        ("lhotse:", r"lhotse has no corpus ''"),
        ("Srt:x", r"there is no format 'Srt:x'"),
    ):
        with pytest.raises(EarwrightError, match=message):
            find_format(name)
