"""What tests ask of training runs: a recipe with changes, a kill, and what a run has left."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch

from earwright.training import Recipe
from earwright.training.checkpoint import load_checkpoint
from earwright.training.log import read_log


class Killed(BaseException):
    """Stands for kill -9: nothing in the code catches it, nothing is saved on the way out."""


def changed(recipe: Recipe, table: str, **values: Any) -> Recipe:
    return dataclasses.replace(recipe, **{table: dataclasses.replace(getattr(recipe, table), **values)})


def curve(folder: Path) -> list[tuple[int, float, float]]:
    steps = [line for line in read_log(folder / "log.jsonl") if line["kind"] == "step"]
    return [(line["step"], line["loss"], line["gradient_norm"]) for line in steps]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(folder / "checkpoint.safetensors").tensors
