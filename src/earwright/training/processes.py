"""One process or many: what they run on, and what they tell each other."""

from __future__ import annotations

import os

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from torch import Tensor


def build_accelerator(find_unused_parameters: bool) -> Accelerator:
    """Whatever there is: a GPU, this CPU, or one of many that `accelerate launch` or `torchrun` started."""
    # Without a GPU, accelerate takes several processes for several separate runs, unless it is told.
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    handler = DistributedDataParallelKwargs(find_unused_parameters=find_unused_parameters)
    return Accelerator(
        cpu=True if several and not torch.accelerator.is_available() else None, kwargs_handlers=[handler]
    )


def sum_over_processes(accelerator: Accelerator, *values: float) -> list[float]:
    """The same values in every process; a process alone keeps its own to the last bit."""
    if accelerator.num_processes == 1:
        return list(values)
    total: Tensor = accelerator.reduce(
        torch.tensor(values, dtype=torch.float64, device=accelerator.device), "sum"
    )
    return [float(value) for value in total]
