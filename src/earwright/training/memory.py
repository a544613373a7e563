"""Whether a training step fits into memory, found out before the first one.

The model is built and run on a batch of the largest shape with tensors that have a shape and no storage
(torch's fake tensors), and what autograd would keep for the way back is added up.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from earwright.errors import EarwrightError
from earwright.models import AcousticModel, ModelOptions, build_model
from earwright.training.lanes import lanes_for

GIB = 2**30
# Bytes a parameter, all float32: weight, average, gradient, and AdamW's two moments.
PARAMETER_BYTES = 20
GRADIENT_BYTES = 4
# What is held in passing, and what the allocator cannot hand out again: with it, the estimates of six models
# and batches (10 to 43 M parameters, 40 to 200 s) lay within 5 % of the peaks that were measured.
IN_PASSING = 1.5


def check_memory(
    model: ModelOptions,
    n_features: int,
    vocab_size: int,
    batches: Iterable[tuple[int, int]],
    device: torch.device,
) -> None:
    """Raise if a training step cannot fit.

    Args:
        model: to be built.
        n_features: F.
        vocab_size: V.
        batches: shapes (B, T) in feature frames of the batches that could be the largest.
        device: to train on.

    Raises:
        EarwrightError: it needs more memory than is free.
    """
    free = free_memory(device)
    if free is None:
        return
    # On a CPU the processes of a distributed run share the memory of their machine.
    shared = int(os.environ.get("LOCAL_WORLD_SIZE", 1)) if device.type == "cpu" else 1
    lanes, _ = lanes_for(device, shared)
    need = shared * training_memory(model, n_features, vocab_size, batches, lanes)
    if need > free:
        raise EarwrightError(
            f"a training step needs about {need / GIB:.1f} GiB of memory, and {free / GIB:.1f} are free; use "
            "a smaller training.batch_seconds (and training.accumulate) or a smaller model."
        )


def training_memory(
    options: ModelOptions,
    n_features: int,
    vocab_size: int,
    batches: Iterable[tuple[int, int]],
    lanes: int = 1,
) -> int:
    """Bytes that a step takes in float32, with all that is kept between steps.

    Args:
        options, n_features, vocab_size, batches: as above.
        lanes: into which a batch is split; each has gradients of its own.
    """
    with torch.device("meta"):
        model = build_model(options, n_features, vocab_size)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    steps = [_step_bytes(model, n_features, *shape) for shape in batches]
    return (PARAMETER_BYTES + GRADIENT_BYTES * (lanes - 1)) * parameters + round(
        IN_PASSING * max(steps, default=0)
    )


def _step_bytes(model: AcousticModel, n_features: int, batch: int, frames: int) -> int:
    """What autograd keeps of a forward pass, and twice its largest tensor for the gradients in passing."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage
        return tensor

    with FakeTensorMode():
        # Not meta tensors: autocast, which the model speaks of, knows CPUs and GPUs alone.
        weights = {name: torch.empty(p.shape, requires_grad=True) for name, p in model.named_parameters()}
        # Codebooks and the like.
        state = {name: torch.empty(b.shape) for name, b in model.named_buffers()}
        inputs = torch.zeros(batch, frames, n_features), torch.full((batch,), frames)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            output = torch.func.functional_call(model, weights | state, inputs)
        for weight in weights.values():
            kept.pop(weight.untyped_storage()._cdata, None)
        sizes = [storage.nbytes() for storage in kept.values()]
        del output
    return sum(sizes) + 2 * max(sizes)


def free_memory(device: torch.device) -> int | None:
    """Bytes that could be taken now; None where that is not known."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type != "cpu":
        return None
    known = [free for free in (_free_in_system(), _free_in_group()) if free is not None]
    return min(known, default=None)


def _free_in_system() -> int | None:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def _free_in_group() -> int | None:
    """Of what a container or a scheduler gave this process (control groups, version 2 or 1)."""
    found = []
    for kind in (VERSION2, VERSION1):
        for folder in _group_folders(kind):
            try:
                most, now = int((folder / kind.limit).read_text()), int((folder / kind.used).read_text())
                lines = (folder / "memory.stat").read_text().splitlines()
            except (OSError, ValueError):  # there is none, or it says "max"
                continue
            idle = dict(line.split() for line in lines).get(kind.idle, "0")
            found.append(most - now + int(idle))  # files that are only cached give way
    return min(found, default=None)


class _Groups(NamedTuple):
    """Where a version of control groups lies, its controller in /proc/self/cgroup, and its files' names."""

    root: Path
    controller: str
    limit: str
    used: str
    idle: str


VERSION2 = _Groups(Path("/sys/fs/cgroup"), "", "memory.max", "memory.current", "inactive_file")
VERSION1 = _Groups(
    Path("/sys/fs/cgroup/memory"),
    "memory",
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    "total_inactive_file",
)


def _group_folders(kind: _Groups) -> list[Path]:
    """This process's group and those around it, any of which may have the limit."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    # "4:cpu,memory:/path" in version 1, "0::/path" in version 2.
    rows = [line.split(":", 2) for line in lines]
    places = [row[2].strip("/") for row in rows if len(row) == 3 and kind.controller in row[1].split(",")]
    own = kind.root / places[0] if places else kind.root
    return [folder for folder in (own, *own.parents) if folder.is_relative_to(kind.root)]
