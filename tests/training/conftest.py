"""A corpus so small that a run takes seconds: tones for letters, spelled by the text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwright.data.preparation.options import PrepareOptions
from earwright.data.preparation.prepare import prepare
from earwright.training.recipe import Recipe, load_recipe

RATE = 16000
TONES = {"a": 400.0, "b": 900.0, "c": 1800.0, "d": 3000.0, " ": 0.0}

TINY = """
name = "tiny"
[text]
languages = ["en"]
[features]
n_mels = 40
[model]
dim = 32
layers = 2
heads = 2
feed_forward = 2.0
kernel_size = 5
stem_channels = 4
half_rate = [0, 0]
intermediate_ctc = [1]
[training]
steps = 12
batch_seconds = 6.0
learning_rate = 5e-3
precision = "fp32"
evaluate_every = 6
[data]
workers = 0
dev_utterances = 4
"""


def sing(text: str, generator: np.random.Generator) -> np.ndarray:
    """A fifth of a second of tone for each letter, with a gap between letters and a little noise."""
    pieces = []
    for letter in text:
        time = np.arange(int(RATE * generator.uniform(0.16, 0.22))) / RATE
        pieces += [0.3 * np.sin(2 * np.pi * TONES[letter] * time), np.zeros(int(0.06 * RATE))]
    samples = np.concatenate(pieces)
    return (samples + 0.005 * generator.standard_normal(len(samples))).astype(np.float32)


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared folder of 24 sung texts by three speakers."""
    return prepared_tones(tmp_path_factory.mktemp("tones"), "abc", 0)


@pytest.fixture(scope="session")
def other_tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another one, with a letter that the first does not have, and without one that it has."""
    return prepared_tones(tmp_path_factory.mktemp("other-tones"), "bcd", 1)


def prepared_tones(folder: Path, letters: str, seed: int) -> Path:
    """Sing, write down, and prepare."""
    generator = np.random.default_rng(seed)
    rows = ["path\ttext\tspeaker"]
    for number in range(24):
        words = ["".join(generator.choice(list(letters), size=generator.integers(1, 4))) for _ in range(2)]
        text = " ".join(words)
        soundfile.write(folder / f"{number}.wav", sing(text, generator), RATE)
        rows.append(f"{number}.wav\t{text}\ts{number % 3}")
    (folder / "list.tsv").write_text("\n".join(rows) + "\n")
    prepare("tsv", folder / "list.tsv", folder / "prepared", PrepareOptions(jobs=1))
    return folder / "prepared"


@pytest.fixture
def recipe(tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """A recipe for a model that learns the tones."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tones.parent / "cache"))
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return load_recipe(path, [f"data.train={tones}", f"data.dev={tones}"])
