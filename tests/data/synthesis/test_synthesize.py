"""Synthetic training data: reproducible, balanced, and not stopped by a text that crashes the synthesizer."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from earwright.cuts import read_cut_audio, read_cuts
from earwright.data.synthesis.espeak import variants
from earwright.data.synthesis.synthesize import (
    SynthesisOptions,
    _crashed,
    _Item,
    _speak_item,
    choose_voices,
    synthesize,
    variants_in,
)
from earwright.data.workers import run_all
from earwright.errors import EarwrightError

pytest.importorskip("espeakng_loader", reason="needs earwright[synthesize]")

TEXTS = ["turn on the light", "one two three", "...", "stop the music", "set a timer for nine minutes"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synthesize") / "heard voices"
    options = SynthesisOptions(voices=4, per_text=2, seed=3)
    made = []
    summary = synthesize(TEXTS, out, options, jobs=2, advance=made.append)
    assert sum(made) == 10
    assert (summary.rows, summary.kept, summary.rejected) == (10, 8, {"unspeakable": 2})
    return out


def test_cuts_are_what_was_said(folder: Path) -> None:
    cuts = read_cuts(folder)
    assert [cut.text for cut in cuts] == [text for text in TEXTS if text != "..." for _ in range(2)]
    assert len({cut.id for cut in cuts}) == 8
    for cut in cuts:
        samples = read_cut_audio(cut, 16000)
        assert len(samples) == round(cut.duration * 16000) == cut.recording_samples
        assert 0.05 < np.abs(samples).max() <= 1
        assert soundfile.info(cut.path).format == "FLAC"
        assert cut.speaker is not None and cut.custom["variant"] in cut.speaker
        assert cut.language == "en"
    # Two different voices say each text.
    assert all(a.speaker != b.speaker for a, b in zip(cuts[::2], cuts[1::2], strict=True))


def test_rejected_rows_say_why(folder: Path) -> None:
    rows = [json.loads(line) for line in (folder / "rejected.jsonl").read_text().splitlines()]
    assert [row["text"] for row in rows] == ["...", "..."]
    assert all("can be said" in row["detail"] for row in rows)
    assert json.loads((folder / "summary.json").read_text())["kept"] == 8


def test_the_same_again_with_other_processes(folder: Path, tmp_path: Path) -> None:
    synthesize(TEXTS, tmp_path / "again", SynthesisOptions(voices=4, per_text=2, seed=3), jobs=1)
    files = sorted(path.name for path in (folder / "audio").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "again" / "audio").iterdir())
    for name in files:
        assert (folder / "audio" / name).read_bytes() == (tmp_path / "again" / "audio" / name).read_bytes()


def test_lhotse_reads_the_manifest(folder: Path) -> None:
    lhotse = pytest.importorskip("lhotse", reason="needs earwright[train]")
    cuts = lhotse.load_manifest(folder / "cuts.jsonl.gz")
    assert len(cuts) == 8
    assert next(iter(cuts)).load_audio().shape[0] == 1


def test_unheard_voices_share_no_variant(folder: Path) -> None:
    heard = variants_in(folder)
    unheard = {voice.variant for voice in choose_voices("en", 100, seed=3, without=heard)}
    assert heard and unheard and not heard & unheard


def test_voices() -> None:
    voices = choose_voices("en", len(variants()), seed=1)
    assert len({voice.variant for voice in voices}) == len(voices)
    assert len({voice.accent for voice in voices}) > 4
    assert choose_voices("en", 5, seed=1) == voices[:5]
    assert choose_voices("en", 5, seed=2) != voices[:5]
    assert len(set(choose_voices("en-us", 500, seed=1))) > 490
    with pytest.raises(EarwrightError, match="no voice is left"):
        choose_voices("en", 1, without=variants())


class _Deadly(str):
    """A text that ends the process that unpickles it, as a crash in the library would."""

    def __reduce__(self) -> Any:
        return os._exit, (3,)


def test_a_crash_costs_one_text(tmp_path: Path) -> None:
    (voice,) = choose_voices("en", 1)
    texts = ["one", "two", _Deadly("boom"), "three", "four", "five"]
    items = [
        _Item(i, text, voice, str(tmp_path / f"{i}.flac"), seed=i, speaker=voice.name)
        for i, text in enumerate(texts)
    ]
    speak_one = functools.partial(_speak_item, options=SynthesisOptions())
    results = run_all(speak_one, items, 2, _crashed)
    assert [bool(result.samples) for result in results] == [True, True, False, True, True, True]
    assert "crashed" in results[2].detail


def test_other_peoples_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(EarwrightError, match="holds other things"):
        synthesize(["one"], tmp_path)
    with pytest.raises(EarwrightError, match="this is a file"):
        synthesize(["one"], tmp_path / "thesis.txt")
    assert (tmp_path / "thesis.txt").read_text() == "precious"


def test_nothing_to_say(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="nothing was synthesized"):
        synthesize(["..."], tmp_path / "out", jobs=1)
    assert not (tmp_path / "out").exists()
    with pytest.raises(EarwrightError, match="no texts"):
        synthesize([], tmp_path / "out")
