"""A small corpus of noises with texts, prepared, and in shards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwright.data.preparation.options import PrepareOptions
from earwright.data.preparation.prepare import prepare
from earwright.data.shards import fetch
from earwright.data.shards.write import ShardOptions

RATE = 16000
COUNT = 23


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 23 recordings of noise by three speakers."""
    folder = tmp_path_factory.mktemp("noises")
    generator = np.random.default_rng(0)
    rows = ["path\ttext\tspeaker"]
    for number in range(COUNT):
        noise = 0.1 * generator.standard_normal(int(RATE * generator.uniform(0.5, 2)))
        soundfile.write(folder / f"{number}.wav", noise.astype(np.float32), RATE)
        rows.append(f"{number}.wav\thello {'abc'[number % 3]}\ts{number % 3}")
    (folder / "list.tsv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def shards(corpus: Path, tmp_path: Path) -> Path:
    """Five shards of it, to do with as a test likes."""
    options = PrepareOptions(jobs=1, shards=ShardOptions(size=5))
    prepare("tsv", corpus / "list.tsv", tmp_path / "prepared", options)
    return tmp_path / "prepared" / "shards"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Attempts follow one another at once."""
    monkeypatch.setattr(fetch, "PAUSES", (0.0, 0.0, 0.0))
    yield
