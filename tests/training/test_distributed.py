"""Several processes train the model that one process with all their batches trains."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from earwright.training.log import read_log
from earwright.training.recipe import Recipe, recipe_to_toml


def test_two_processes_are_one_with_twice_the_batch(recipe: Recipe, tmp_path: Path) -> None:
    # What is drawn for a batch depends on the process, so nothing is drawn.
    model = dataclasses.replace(recipe.model, dropout=0.0, stochastic_depth=0.0)
    augment = dataclasses.replace(recipe.augment, frequency_masks=0, time_masks_per_second=0.0)
    sure = dataclasses.replace(recipe, model=model, augment=augment)
    (tmp_path / "recipe.toml").write_text(recipe_to_toml(sure))
    train = ["-m", "earwright.cli.main", "train", str(tmp_path / "recipe.toml"), "--no-weights", "--out"]
    together = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", *train, "two"]
    alone = [*train, "one", "--set", "training.accumulate=2"]
    for command in (alone, together):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.split()) == 1, "only the first process speaks"

    logs = [read_log(tmp_path / out / "log.jsonl") for out in ("one", "two")]
    losses, norms = (
        [[line[value] for line in log if line["kind"] == "step"] for log in logs]
        for value in ("loss", "gradient_norm")
    )
    assert len(losses[0]) == 12
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    np.testing.assert_allclose(norms[1], norms[0], rtol=1e-3)
    looks = [[line["step"] for line in log if line["kind"] == "dev"] for log in logs]
    assert looks[0] == looks[1] == [6, 12]

    one, two = (load_file(tmp_path / out / "checkpoint.safetensors") for out in ("one", "two"))
    names = [name for name in one if name.startswith(("model", "average"))]
    assert len(names) > 20
    for name in names:
        np.testing.assert_allclose(two[name], one[name], rtol=1e-3, atol=1e-5, err_msg=name)
