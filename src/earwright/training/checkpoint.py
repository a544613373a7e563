"""A training run on disk: one safetensors file with everything in it, replaced whole."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from earwright.errors import EarwrightError, first_line
from earwright.files import atomic_path, describe_os_error

# 2 tells which weights are kept beside it, and the settled batch_seconds; 1 is read as a run that kept none.
FORMAT_VERSION = 2
READABLE_VERSIONS = (1, 2)


class Look(NamedTuple):
    """What a look at dev found; error rates as fractions."""

    step: int
    cer: float
    wer: float


@dataclass
class Progress:
    """Where a run stands, apart from its tensors.

    `steps`, `evaluate_every` (of a run by time), `precision`, `lanes` and `batch_seconds` are settled once,
    at the first start, and hold for the whole run: the schedule follows steps, so a resumed run is the same
    run. `kept` are the looks at dev whose weights lie beside the checkpoint, in the order of their steps;
    `last_look` is the latest of all.
    `init` is the checksum of the weights that fine-tuning began with; `before` and `after` are the errors on
    new and old speech at the first look and at the last one.
    """

    step: int = 0
    steps: int = 0
    evaluate_every: int = 0
    precision: str = "fp32"
    lanes: int = 0
    batch_seconds: float = 0.0
    epoch: int = 0
    position: int = 0
    audio_seconds: float = 0.0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    wait_seconds: float = 0.0
    skipped_steps: int = 0
    skipped_utterances: int = 0
    best_cer: float | None = None
    best_step: int = 0
    kept: list[Look] = field(default_factory=list)
    last_look: Look | None = None
    init: str = ""
    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)


def save_checkpoint(
    path: Path,
    progress: Progress,
    recipe: dict[str, Any],
    modules: Mapping[str, nn.Module],
    averages: Mapping[str, Tensor],
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write everything that a run needs to go on.

    Raises:
        EarwrightError: the disk is full or cannot be written; the checkpoint before it survives.
    """
    tensors: dict[str, Tensor] = {}
    for prefix, module in modules.items():
        tensors |= {f"{prefix}.{name}": value for name, value in module.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in averages.items()}
    for index, slots in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in slots.items()}
    state = {"format": FORMAT_VERSION, "progress": asdict(progress), "recipe": recipe}
    write_tensors(path, tensors, {"earwright": json.dumps(state)})


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file beside its place and rename it."""
    with atomic_path(path) as temporary:
        try:
            save_file(
                {name: value.detach().contiguous().cpu() for name, value in tensors.items()},
                temporary,
                metadata,
            )
        except SafetensorError as error:
            # The library wraps the system's errors and gives their text alone.
            number = re.search(r"os error (\d+)", str(error))
            if number:
                known = OSError(int(number[1]), os.strerror(int(number[1])))
                raise EarwrightError(describe_os_error(known, path)) from error
            raise EarwrightError(
                f"{path}: cannot be written ({first_line(error)}); what was there before is untouched."
            ) from error


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as read."""

    progress: Progress
    recipe: dict[str, Any]
    tensors: dict[str, Tensor]

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors of one module, or the averages."""
        return {
            name.removeprefix(f"{prefix}."): t
            for name, t in self.tensors.items()
            if name.startswith(f"{prefix}.")
        }

    def restore_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """Put the moments back into an optimizer over the same parameters."""
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        slots: dict[int, dict[str, Tensor]] = {}
        for name, value in self.part("optimizer").items():
            index, _, slot = name.partition(".")
            if value.ndim:
                # The fused optimizer walks through memory: a moment must lie as its parameter does.
                value = torch.empty_like(parameters[int(index)]).copy_(value)
            slots.setdefault(int(index), {})[slot] = value
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": slots, "param_groups": groups})


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        EarwrightError: it is damaged, of a newer version, or no checkpoint of earwright.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a dictionary
    except (SafetensorError, OSError) as error:
        raise EarwrightError(
            f"{path}: the checkpoint cannot be read ({first_line(error)}); remove it to start anew."
        ) from error
    state = json.loads(metadata.get("earwright", "{}"))
    if state.get("format") not in READABLE_VERSIONS:
        raise EarwrightError(
            f"{path}: not a checkpoint of this version of earwright (format {state.get('format')})."
        )
    return Checkpoint(_progress(state["progress"]), state["recipe"], tensors)


def _progress(values: dict[str, Any]) -> Progress:
    """JSON knows no named tuples."""
    progress = Progress(**values)
    progress.kept = [Look(*look) for look in progress.kept]
    progress.last_look = Look(*progress.last_look) if progress.last_look else None
    return progress
