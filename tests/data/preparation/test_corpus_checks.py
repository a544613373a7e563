"""Every kind of oddity is found where it was put, and good rows are left alone."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwright.cli.main import main
from earwright.data.preparation.checks import WARNINGS
from earwright.data.preparation.options import PrepareOptions
from earwright.data.preparation.prepare import prepare
from earwright.errors import EarwrightError

RATE = 16000
WORDS = """
time year people way day man thing woman life child world school state family student
group country problem hand part place case week company system program question work
government number night point
""".split()  # noqa: SIM905


def speech(seed: int, seconds: float = 4.0, band: float = 8000.0) -> np.ndarray:
    """Noise with the rise and fall of syllables, up to `band` Hz."""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum[np.fft.rfftfreq(count, 1 / RATE) > band] = 0
    envelope = np.clip(np.sin(2 * np.pi * 3 * np.arange(count) / RATE), 0.02, 1)
    samples = np.fft.irfft(spectrum, count) * envelope
    return 0.4 * samples / np.abs(samples).max()


def sentence(seed: int, words: int = 6) -> str:
    rng = np.random.default_rng((1, seed))
    return " ".join(rng.choice(WORDS, words, replace=False))


class Corpus:
    """Forty good rows, and whatever is added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines = ["path\ttext\tid\tspeaker"]
        for seed in range(40):
            self.add(f"good{seed}", speech(seed), sentence(seed), f"s{seed % 7}")

    def add(self, name: str, samples: np.ndarray, text: str, speaker: str = "x") -> None:
        soundfile.write(self.folder / f"{name}.wav", samples, RATE, subtype="PCM_16")
        self.lines.append(f"{name}.wav\t{text}\t{name}\t{speaker}")

    def warnings(self, **options: object) -> dict[str, set[str]]:
        (self.folder / "t.tsv").write_text("\n".join(self.lines) + "\n", encoding="utf-8")
        prepare("tsv", self.folder / "t.tsv", self.folder / "out", PrepareOptions(jobs=1, **options))  # type: ignore[arg-type]
        found: dict[str, set[str]] = defaultdict(set)
        for line in (self.folder / "out/warnings.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            assert row["detail"] and row["reason"] in WARNINGS
            found[row["reason"]].add(row["id"])
        return dict(found)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path)


def test_good_rows_are_left_alone(corpus: Corpus) -> None:
    assert corpus.warnings() == {}


def test_every_oddity_is_found(corpus: Corpus) -> None:
    loud = np.clip(4 * speech(100, band=1500), -0.6, 0.6)
    corpus.add("clipped", loud, sentence(100))
    corpus.add("offset", speech(101) + 0.05, sentence(101))
    opposite = np.stack([speech(102), -0.9 * speech(102)], axis=1)
    corpus.add("cancel", opposite, sentence(102))
    corpus.add("narrow", speech(103, band=5800), sentence(103))
    corpus.add("slow", speech(104, 15.0), "time")
    corpus.add("fast", speech(105, 2.2), sentence(105, 8))
    corpus.add("digits", speech(106), sentence(106) + " 12")
    corpus.add("symbols", speech(107), sentence(107) + " %")
    corpus.add("script", speech(108), sentence(108) + " рeople")  # a Cyrillic letter in a Latin word
    corpus.add("damage", speech(109), sentence(109) + " caf\ufffd")
    corpus.add("rare", speech(110), sentence(110) + " naïve")
    corpus.add("same", speech(5), sentence(111))
    corpus.add("said twice", speech(112), sentence(7).upper() + "!", "s0")
    corpus.add("nearly", speech(113), sentence(8).replace(" ", "  ", 1) + "s", "y")
    corpus.add("prompt", speech(114), sentence(9), "another speaker")
    found = corpus.warnings()
    assert found["clipped"] == {"clipped"}
    assert found["dc-offset"] == {"offset"}
    assert found["channels-cancel"] == {"cancel"}
    assert found["narrow-band"] == {"narrow"}
    assert found["speaking-rate"] == {"slow", "fast"}
    assert found["digits"] == {"digits"}
    assert found["symbols"] == {"symbols"}
    assert found["mixed-scripts"] == {"script"}
    assert found["control-characters"] == {"damage"}
    assert {"rare", "script"} <= found["rare-character"]
    assert found["duplicate-audio"] == {"same"}
    assert found["duplicate-text"] == {"said twice"}
    assert found["near-duplicate-text"] == {"nearly"}


def test_warnings_can_reject(corpus: Corpus) -> None:
    corpus.add("same", speech(5), sentence(111))
    corpus.add("offset", speech(101) + 0.05, sentence(101))
    assert corpus.warnings(reject=("duplicate-audio",)) == {"dc-offset": {"offset"}}
    rejected = [json.loads(line) for line in (corpus.folder / "out/rejected.jsonl").read_text().splitlines()]
    assert [(row["id"], row["reason"]) for row in rejected] == [("same", "duplicate-audio")]
    assert "good5 has it too, with another text" in rejected[0]["detail"]
    with pytest.raises(EarwrightError, match="no warning 'loud' to reject for; there are clipped"):
        PrepareOptions(reject=("loud",))


def test_all_but_silent(corpus: Corpus) -> None:
    corpus.add("faint", 1e-3 * speech(100), sentence(100))
    corpus.add("cancelled", np.stack([speech(102), -0.99 * speech(102)], axis=1), sentence(102))
    corpus.warnings()
    row, other = [
        json.loads(line) for line in (corpus.folder / "out/rejected.jsonl").read_text().splitlines()
    ]
    assert (row["id"], row["reason"]) == ("faint", "all-but-silent") and "dBFS" in row["detail"]
    assert (other["id"], other["reason"]) == ("cancelled", "all-but-silent")
    assert "take one: --channels 0" in other["detail"]


def test_leaks_between_two_sets(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = Corpus(tmp_path_factory.mktemp("other"))
    other.lines = other.lines[:1]
    other.add("their own", speech(200), sentence(200), "t1")
    other.add("my audio", speech(3), sentence(201), "t2")
    other.add("my text", speech(202), sentence(4).title() + ".", "t3")
    other.add("my speaker", speech(203), sentence(203), "s5")
    other.warnings()
    shared = str(other.folder / "out")
    for again in range(2):
        found = corpus.warnings(against=(shared,))
        assert found["shared-audio"] == {"good3"}
        assert found["shared-text"] == {"good4"}
        assert found["shared-speaker"] == {f"good{seed}" for seed in range(40) if seed % 7 == 5}
        if not again:  # then without what prepare heard, as for a manifest of somebody else's
            (other.folder / "out/.prepare/heard.sqlite").unlink()
    summary = json.loads((corpus.folder / "out/summary.json").read_text())
    assert summary["shared"] == {shared: {"shared-speaker": 5, "shared-audio": 1, "shared-text": 1}}
    with pytest.raises(EarwrightError, match=r"no cuts\.jsonl\.gz in it"):
        corpus.warnings(against=(str(corpus.folder),))


def test_the_command(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    corpus.add("same", speech(5), sentence(111) + " 5")
    corpus.warnings()
    arguments = ["prepare", "auto", str(corpus.folder / "t.tsv"), str(corpus.folder / "out"), "--jobs", "1"]
    assert main([*arguments, "--reject", "duplicate-audio"]) == 0
    printed = capsys.readouterr()
    assert "format tsv: its first line names the columns path, text, id, speaker" in printed.err
    assert "rejected    1  (duplicate-audio 1)" in printed.out and "warnings    none" in printed.out
    assert main([*arguments, "--spell-numbers", "--language", "en"]) == 0
    assert "duplicate-audio 1" in capsys.readouterr().out
    assert main(["prepare", "auto", str(corpus.folder / "good1.wav"), "out"]) == 1
    assert "no format fits (a .wav file)" in capsys.readouterr().err
    assert main([*arguments, "--columns", "text"]) == 1
    assert "write NAME=VALUE" in capsys.readouterr().err
