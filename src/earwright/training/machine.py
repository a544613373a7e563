"""What this machine can do: its matrix-product peak, the faster precision, the speed of a step."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

# Below this gain of the bare product, half precision cannot win a step; on CPUs without bf16
# instructions it is a hundred times slower, so such a step must not even be tried.
WORTH_TRYING = 1.2


@dataclass(frozen=True)
class Machine:
    """Peaks of the matrix product in GFLOP/s, threads, and the processor's name."""

    processor: str
    threads: int
    fp32_peak: float
    bf16_peak: float

    def peak(self, precision: str) -> float:
        """GFLOP/s in "fp32" or "bf16"."""
        return self.bf16_peak if precision == "bf16" else self.fp32_peak


def measure_machine(device: torch.device) -> Machine:
    """Time the matrix product in both precisions, in under two seconds."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name()
    return Machine(
        name, torch.get_num_threads(), matmul_peak(torch.float32, device), matmul_peak(torch.bfloat16, device)
    )


def matmul_peak(dtype: torch.dtype, device: torch.device, size: int = 1536, budget: float = 0.5) -> float:
    """GFLOP/s of the best of several square products."""
    # A small product first: where bf16 is emulated, a large one would take a minute.
    small = _time_product(dtype, device, 256, 0.05)
    if small < 10.0:
        return small
    return _time_product(dtype, device, size, budget)


def _time_product(dtype: torch.dtype, device: torch.device, size: int, budget: float) -> float:
    a = torch.randn(size, size, device=device).to(dtype)
    b = torch.randn(size, size, device=device).to(dtype)
    best, spent = float("inf"), 0.0
    while spent < budget:
        began = time.perf_counter()
        a @ b
        synchronize(device)
        took = time.perf_counter() - began
        best, spent = min(best, took), spent + took
    return 2 * size**3 / best / 1e9


def synchronize(device: torch.device) -> None:
    """Wait for a GPU; a CPU is always done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def processor_name() -> str:
    """The CPU's name as the system knows it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def choose_precision(
    asked: str, machine: Machine, seconds_of_steps: Callable[[str], float]
) -> tuple[str, dict[str, float]]:
    """Decide between float32 and bfloat16 by timing the very steps that will be run.

    Args:
        asked: "fp32", "bf16" or "auto".
        machine: its peaks rule out a hopeless bf16.
        seconds_of_steps: runs a few steps in a precision and returns the seconds they took.

    Returns:
        The precision, and the seconds measured in each that was tried.
    """
    candidates = [asked]
    if asked == "auto":
        worth = machine.bf16_peak > WORTH_TRYING * machine.fp32_peak
        candidates = ["fp32", "bf16"] if worth else ["fp32"]
    seconds = {precision: seconds_of_steps(precision) for precision in candidates}
    return min(seconds, key=lambda precision: seconds[precision]), seconds
