"""Several processes train the model that one process with all their batches trains."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from earwright.training.log import read_log
from earwright.training.recipe import Recipe, load_recipe, recipe_to_toml

RECIPES = Path(__file__).parents[2] / "recipes"


def test_two_processes_are_one_with_twice_the_batch(recipe: Recipe, tmp_path: Path) -> None:
    # What is drawn for a batch depends on the process, so nothing is drawn.
    model = dataclasses.replace(recipe.model, dropout=0.0, stochastic_depth=0.0)
    augment = dataclasses.replace(recipe.augment, frequency_masks=0, time_masks_per_second=0.0)
    one, two = train_both(dataclasses.replace(recipe, model=model, augment=augment), tmp_path)
    names = [name for name in one if name.startswith(("model", "average"))]
    assert len(names) > 20
    for name in names:
        np.testing.assert_allclose(two[name], one[name], rtol=1e-3, atol=1e-5, err_msg=name)


def test_codebooks_learn_from_what_all_processes_have_chosen(tones: Path, tmp_path: Path) -> None:
    """They begin, move and are revived alike; a code that one process alone chooses moves in both."""
    sure = ["model.dropout=0", "model.quantizer.dropout=0", "augment.time_masks_per_second=0"]
    size = ["model.dim=32", "model.hidden=[16, 16, 32]", "model.layers=1", "model.intermediate_ctc=[]"]
    books = ["model.quantizer.size=32", "model.quantizer.code_dim=8", "model.quantizer.revive=0.5"]
    data = [f"data.train={tones}", f"data.dev={tones}", "data.workers=0", "data.dev_utterances=2"]
    budget = [
        "training.max_time=",
        "training.steps=12",
        "training.evaluate_every=6",
        "training.batch_seconds=6",
    ]
    rest = ["training.precision=fp32", "model.feed_forward=2.0", "model.heads=2", "model.vq_start=0.3"]
    recipe = load_recipe(RECIPES / "reference.toml", [*sure, *size, *books, *data, *budget, *rest])
    one, two = train_both(recipe, tmp_path)
    for name in ("books", "usage", "tally", "sums"):
        name = f"model.quantizer.{name}"
        assert np.abs(one[name]).max() > 0
        np.testing.assert_allclose(two[name], one[name], rtol=1e-3, atol=1e-4, err_msg=name)
    assert float(one["model.quantizer.started"]) == float(two["model.quantizer.started"]) == 1.0


def train_both(recipe: Recipe, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The checkpoints of one process with two batches an update and of two with one each; curves compared."""
    (folder / "recipe.toml").write_text(recipe_to_toml(recipe))
    train = ["-m", "earwright.cli.main", "train", str(folder / "recipe.toml"), "--no-weights", "--out"]
    together = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", *train, "two"]
    alone = [*train, "one", "--set", "training.accumulate=2"]
    for command in (alone, together):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=folder,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.split()) == 1, "only the first process speaks"

    logs = [read_log(folder / out / "log.jsonl") for out in ("one", "two")]
    losses, norms = (
        [[line[value] for line in log if line["kind"] == "step"] for log in logs]
        for value in ("loss", "gradient_norm")
    )
    assert len(losses[0]) == 12
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    np.testing.assert_allclose(norms[1], norms[0], rtol=1e-3)
    looks = [[line["step"] for line in log if line["kind"] == "dev"] for log in logs]
    assert looks[0] == looks[1] == [6, 12]
    one, two = (load_file(folder / out / "checkpoint.safetensors") for out in ("one", "two"))
    return one, two
