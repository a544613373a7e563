"""Error rates to expect: the table is what docs/results say, and the figures are read off it rightly."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.training.proposal.expected import KeptRun, KeptScore, expect, load_kept_runs

ROOT = Path(__file__).parent.parent.parent.parent
SCORE = KeptScore("few-test", "other speakers", 50, 0.3, (0.2, 0.4), 0.8, (0.7, 0.9))
FEW = KeptRun(
    "few", "books", "en", 5.0, 10_000_000, 60.0, "a machine", "2026-11-23", (SCORE,),
    ((10.0, 0.9, 1.0), (20.0, 0.5, 0.9), (40.0, 0.3, 0.7)),
)  # fmt: skip
MANY = replace(FEW, name="many", hours=100.0, curve=())


def test_the_table_is_what_docs_results_say() -> None:
    script = ROOT / "benchmarks" / "kept_results.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_comes_along_is_beside_its_source() -> None:
    runs = load_kept_runs()
    assert runs
    for run in runs:
        for score in run.scores:
            source = json.loads((ROOT / "docs" / "results" / f"{score.name}.json").read_text())
            assert score.cer == pytest.approx(source["cer"], abs=1e-4)
            assert score.wer == pytest.approx(source["wer"], abs=1e-4)
            assert score.utterances == source["utterances"]
            assert score.cer_interval[0] <= score.cer <= score.cer_interval[1]
        assert [point[0] for point in run.curve] == sorted(point[0] for point in run.curve)
        assert run.scores[0].cer == min(score.cer for score in run.scores)


@given(st.floats(0.1, 100.0))
def test_the_curve_is_read_as_numpy_reads_it(audio_hours: float) -> None:
    found = expect(5.0, audio_hours, ["en"], [FEW])
    assert found is not None
    places, cers, wers = zip(*FEW.curve, strict=True)
    assert found.cer == pytest.approx(np.interp(audio_hours, places, cers))
    assert found.wer == pytest.approx(np.interp(audio_hours, places, wers))


def test_the_nearest_is_taken_and_what_differs_is_said() -> None:
    alike = expect(6.0, 20.0, ["en", "de"], [FEW, MANY])
    assert alike is not None and alike.run is FEW and alike.notes == ()
    said = " ".join(alike.sentences())
    assert "few-test in docs/results" in said and "5.0 h of books" in said
    assert "a CER of 30 % (20 % to 40 %) and a WER of 80 % on 50 utterances of other speakers." in said
    assert "it stood at a CER of 50 % and a WER of 90 % on dev." in said

    less = expect(1.0, 80.0, ["de"], [FEW, MANY])
    assert less is not None and less.run is FEW
    assert [note.split(":")[0].split(",")[0] for note in less.notes] == [
        "Here are 1.0 h",
        "It learnt another language (en)",
        "It ended after 40 h of audio; this run will go on longer.",
    ]
    unnamed = expect(5.0, 20.0, [], [FEW])
    assert unnamed is not None and unnamed.notes == ("It learnt the language en; the data here name none.",)
    more = expect(300.0, 5.0, ["en"], [FEW, MANY])
    assert more is not None and more.run is MANY and more.cer is None and "more than it had" in more.notes[0]
    assert "stood at" not in " ".join(more.sentences())
    assert expect(5.0, 5.0, ["en"], []) is None
