"""`propose`: from cuts to a recipe on disk that loads and trains."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from earwright.errors import EarwrightError
from earwright.training import Recipe, Reporter, load_recipe, train
from earwright.training.machine import Machine
from earwright.training.proposal import propose as proposal
from earwright.training.proposal.propose import propose
from earwright.training.proposal.speed import Clips, Speed
from earwright.training.recipe import recipe_to_dict


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> list[Clips]:
    """One that need not be measured; the clips that it would have been measured with."""
    asked: list[Clips] = []

    def measure(recipe: Recipe, clips: Clips, *more: Any) -> Speed:
        asked.append(clips)
        return Speed(100.0, "fp32", 3_000_000)

    known = Machine("a processor", 1, 50.0, 1.0)
    monkeypatch.setattr(proposal, "measure_speed", measure)
    monkeypatch.setattr(proposal, "measure_machine", lambda device: known)
    monkeypatch.setattr("earwright.training.plan.measure_machine", lambda device: known)
    return asked


def test_a_recipe_that_trains(
    tones: Path, tmp_path: Path, machine: list[Clips], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    dev = tmp_path / "dev"
    dev.mkdir()
    (dev / "cuts.jsonl.gz").write_bytes((tones / "cuts.jsonl.gz").read_bytes())
    told: list[str] = []
    made = propose(tmp_path / "my tones", tones, dev, time="45m", languages=("xx",), report=told.append)
    assert made.path == tmp_path / "my tones" / "recipe.toml"
    assert told == ["measuring the machine", "measuring a model with dim 144"]
    assert machine[0].vocabulary == 3  # the letters a, b, c
    text = made.path.read_text(encoding="utf-8")
    assert "kept result" in text and "docs/results" in text and "less than it had" in text
    recipe = load_recipe(made.path)
    assert recipe == made.fit.recipe
    assert recipe.name == "my-tones" and recipe.training.max_time == "45m"
    assert recipe.data.train == (str(tones),) and recipe.data.dev == (str(dev),)
    assert recipe.data.dev_utterances == 24 and recipe.text.languages == ("xx",)
    told_json = json.loads(json.dumps(made.to_dict()))
    assert told_json["values"] == recipe_to_dict(recipe) and told_json["data"]["utterances"] == 24

    exported: list[str] = []
    monkeypatch.setattr(
        "earwright.training.run.export_bundle", lambda path, *more: exported.append(path.name)
    )
    smaller = load_recipe(
        made.path,
        [f"training.{told}" for told in ("max_time=", "steps=2", "batch_seconds=8")]
        + ["model.dim=16", "data.workers=0"],
    )
    train(smaller, tmp_path / "run", Reporter(lambda line: None))
    assert exported == ["my-tones.ear"]


def test_a_split_brings_its_dev(tones: Path, tmp_path: Path) -> None:
    for part in ("train", "dev"):
        (tmp_path / "parts" / part).mkdir(parents=True)
        (tmp_path / "parts" / part / "cuts.jsonl.gz").write_bytes((tones / "cuts.jsonl.gz").read_bytes())
    made = propose(tmp_path / "new", tmp_path / "parts")
    assert made.fit.recipe.data.train == (str(tmp_path / "parts" / "train"),)
    assert made.fit.recipe.data.dev == (str(tmp_path / "parts" / "dev"),)
    alone = propose(tmp_path / "other", tmp_path / "parts" / "train", name="other one")
    assert alone.fit.recipe.data.dev == () and alone.fit.recipe.name == "other one"


def test_faults(tones: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text("mine")
    with pytest.raises(EarwrightError, match="is there already; give another folder, or --force"):
        propose(tmp_path, tones)
    assert (tmp_path / "recipe.toml").read_text() == "mine"
    propose(tmp_path, tones, force=True)
    assert dataclasses.asdict(load_recipe(tmp_path / "recipe.toml"))["seed"] == 1
    with pytest.raises(EarwrightError, match="dev is what it learns from; make two of it"):
        propose(tmp_path / "a", tones, tones)
    with pytest.raises(EarwrightError, match=r"there is no cuts\.jsonl\.gz in it"):
        propose(tmp_path / "a", tmp_path)
    with pytest.raises(EarwrightError, match="there is no such file"):
        propose(tmp_path / "a", tones, tmp_path / "nowhere")
    with pytest.raises(EarwrightError, match="is no length of time"):
        propose(tmp_path / "a", tones, time="soon")
    (tmp_path / "file").write_text("")
    with pytest.raises(EarwrightError, match="file"):
        propose(tmp_path / "file" / "new", tones)
    assert not (tmp_path / "a").exists()
