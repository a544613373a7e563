"""A bundle to start from: it reads the tones of `tones`."""

from __future__ import annotations

from pathlib import Path

import pytest

from earwright.training import Reporter, load_recipe, train


@pytest.fixture(scope="session")
def bundle(tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a short run made; it writes a, b and c."""
    folder = tmp_path_factory.mktemp("bundle")
    path = folder / "old.toml"
    path.write_text(RECIPE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        recipe = load_recipe(path, [f"data.train={tones}"])
        return train(recipe, folder / "run", Reporter(lambda line: None))


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left in the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


RECIPE = """
name = "old"
[text]
languages = ["en"]
[features]
n_mels = 40
[augment]
speeds = [1.0]
frequency_masks = 0
[model]
dim = 32
layers = 2
heads = 2
feed_forward = 2.0
kernel_size = 5
stem_channels = 4
half_rate = [0, 0]
dropout = 0.0
stochastic_depth = 0.0
[training]
steps = 140
batch_seconds = 12.0
learning_rate = 1e-2
precision = "fp32"
ema_decay = 0.9
[data]
workers = 0
"""
