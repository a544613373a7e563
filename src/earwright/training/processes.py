"""One process or many: what they run on, and what they tell each other."""

from __future__ import annotations

import os
from typing import Any

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.utils import gather_object
from torch import Tensor

from earwright.errors import EarwrightError


def build_accelerator(find_unused_parameters: bool, asked: str = "auto") -> Accelerator:
    """Whatever there is: a GPU, this CPU, or one of many that `accelerate launch` or `torchrun` started.

    Args:
        find_unused_parameters: whether a step may leave some out.
        asked: "auto", "cpu" or "gpu".

    Raises:
        EarwrightError: a GPU is asked for, and there is none.
    """
    if asked == "gpu" and not torch.accelerator.is_available():
        raise EarwrightError(
            'training.device = "gpu", and PyTorch finds no GPU here; leave it out to train on the CPU, or '
            "install a PyTorch that was built for this machine's GPU."
        )
    # Without a GPU, accelerate takes several processes for several separate runs, unless it is told.
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    handler = DistributedDataParallelKwargs(find_unused_parameters=find_unused_parameters)
    on_cpu = asked == "cpu" or (several and not torch.accelerator.is_available())
    return Accelerator(cpu=True if on_cpu else None, kwargs_handlers=[handler])


def gather_notes(accelerator: Accelerator, notes: list[Any]) -> list[Any]:
    """The notes of all processes (see `AcousticModel.take_notes`), in the order of the processes."""
    if accelerator.num_processes == 1:
        return notes
    gathered: list[Any] = gather_object(notes)
    return gathered


def sum_over_processes(accelerator: Accelerator, *values: float) -> list[float]:
    """The same values in every process; a process alone keeps its own to the last bit."""
    if accelerator.num_processes == 1:
        return list(values)
    total: Tensor = accelerator.reduce(
        torch.tensor(values, dtype=torch.float64, device=accelerator.device), "sum"
    )
    return [float(value) for value in total]
