"""How much memory there is, and how much of it this process has taken."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

CGROUPS = Path("/sys/fs/cgroup")
# What the first version of control groups says where there is no limit is near the largest 64-bit number.
NO_LIMIT = 2**60


def memory_limit(device: torch.device) -> float:
    """Bytes that this process can hope for: of the GPU, or of the machine or container that it runs in."""
    if device.type == "cuda":
        return float(torch.cuda.get_device_properties(device).total_memory)
    physical = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min([physical, *_container_limits()])


def memory_in_use(device: torch.device) -> float:
    """Bytes that this process holds now."""
    if device.type == "cuda":
        return float(torch.cuda.memory_allocated(device))
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    except (OSError, ValueError, IndexError):
        return peak_memory(device)
    return float(pages * os.sysconf("SC_PAGE_SIZE"))


def peak_memory(device: torch.device) -> float:
    """The most bytes that this process has held at any time."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    unit = 1 if sys.platform == "darwin" else 1024  # bytes on macOS, KiB elsewhere
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def _container_limits() -> Iterator[float]:
    """The limits of this process's control group and of all that it lies in."""
    try:
        groups = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in groups:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers == "":
            root, name = CGROUPS, "memory.max"
        elif "memory" in controllers.split(","):
            root, name = CGROUPS / "memory", "memory.limit_in_bytes"
        else:
            continue
        folder = root / path.strip("/")
        for place in (folder, *folder.parents):
            if place == root.parent:
                break
            try:
                limit = float((place / name).read_text(encoding="utf-8"))
            except (OSError, ValueError):  # "max" is no number, and none is meant
                continue
            if 0 < limit < NO_LIMIT:
                yield limit
