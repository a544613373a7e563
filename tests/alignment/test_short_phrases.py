"""The script that cuts sentences into short phrases: what it cuts is what was said there."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from types import ModuleType

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from benchmark_scripts import load_script
from earwright import Recognizer
from earwright.alignment.align import AlignedWord
from earwright.cli.main import main
from earwright.errors import EarwrightError
from runtime_bundle import RATE, say


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script("short_phrases")


def prepared(tmp_path: Path, texts: list[str]) -> Path:
    """What `earwright prepare` makes of so many recordings."""
    rows = ["path\ttext\tspeaker"]
    for number, text in enumerate(texts):
        soundfile.write(tmp_path / f"{number}.wav", say(text.lower().replace(".", "")), RATE)
        rows.append(f"{number}.wav\t{text}\tjo")
    (tmp_path / "metadata.tsv").write_text("\n".join(rows) + "\n")
    assert main(["prepare", "tsv", str(tmp_path / "metadata.tsv"), str(tmp_path / "prepared")]) == 0
    return tmp_path / "prepared"


def test_what_was_cut_says_its_text(script: ModuleType, tmp_path: Path, runtime_bundle: Path) -> None:
    folder = prepared(tmp_path, ["Hello you there my friend.", "some words make sentences"])
    count, seconds, lost = script.cut_all(str(runtime_bundle), folder, tmp_path / "out", seed=2)
    rows = list(csv.DictReader((tmp_path / "out" / "metadata.tsv").open(), delimiter="\t"))
    assert lost == 0 and count == len(rows) >= 3
    said = " ".join(row["text"] for row in rows)
    assert said == "hello you there my friend some words make sentences"
    recognizer = Recognizer.load(runtime_bundle)
    durations = []
    for row in rows:
        samples, rate = soundfile.read(tmp_path / "out" / row["path"], dtype="float32")
        assert row["text"] in recognizer.transcribe(samples, rate).text and row["speaker"] == "jo"
        durations.append(len(samples) / rate)
    assert sum(durations) == pytest.approx(seconds, abs=0.001 * count)
    assert main(["prepare", "tsv", str(tmp_path / "out" / "metadata.tsv"), str(tmp_path / "phrases")]) == 0


WORDS = st.lists(
    st.tuples(st.floats(0, 0.5), st.floats(0.05, 1), st.floats(0, 1), st.booleans()), min_size=1, max_size=12
)


@given(WORDS, st.integers(0, 99))
def test_phrases_are_runs_of_words_with_their_times(
    script: ModuleType, drawn: list[tuple[float, float, float, bool]], seed: int
) -> None:
    words, at = [], 0.0
    for number, (pause, length, confidence, missing) in enumerate(drawn):
        start, at = at + pause, at + pause + length
        times = (None, None, 0.0) if missing else (start, at, confidence)
        words.append(AlignedWord(f"w{number}", 1, *times))
    position = -1
    for start, end, text in script.phrases(words, at, random.Random(seed)):
        chosen = [words[int(name[1:])] for name in text.split()]
        first = int(text.split()[0][1:])
        assert chosen == words[first : first + len(chosen)] and 1 <= len(chosen) <= 3 and first > position
        assert all(word.start is not None and word.confidence >= 0.2 for word in chosen)
        assert 0 <= start <= chosen[0].start <= chosen[-1].end <= end + 1e-9 <= at + 2e-9
        assert start >= chosen[0].start - 0.0801 and end <= chosen[-1].end + 0.2001
        position = first + len(chosen) - 1


def test_single_words_and_a_folder_that_is_missing(
    script: ModuleType, tmp_path: Path, runtime_bundle: Path
) -> None:
    folder = prepared(tmp_path, ["hello", "you"])
    assert script.cut_all(str(runtime_bundle), folder, tmp_path / "out", seed=1)[0] == 2
    with pytest.raises(EarwrightError):
        script.cut_all(str(runtime_bundle), tmp_path / "nowhere", tmp_path / "out", seed=1)
