"""How much memory there is and how much of it is taken, beside what the system says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from earwright.training.memory_use import memory_in_use, memory_limit, peak_memory

CPU = torch.device("cpu")


def test_memory_is_measured() -> None:
    before = peak_memory(CPU)
    block = torch.ones(64 * 2**20 // 4)
    assert 0 < memory_in_use(CPU) <= 1.01 * peak_memory(CPU) < memory_limit(CPU)
    assert peak_memory(CPU) >= before and block.sum() > 0


def test_a_container_s_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from earwright.training import memory_use

    real = Path.read_text

    def fake(path: Path, *args: Any, **more: Any) -> str:
        if str(path) == "/proc/self/cgroup":
            return "5:cpu,memory:/old/group\n0::/outer/inner\n"
        return real(path, *args, **more)

    monkeypatch.setattr(Path, "read_text", fake)
    monkeypatch.setattr(memory_use, "CGROUPS", tmp_path)
    physical = memory_limit(CPU)
    for place, text in (
        ("outer/inner/memory.max", "max\n"),
        ("outer/memory.max", "300000000\n"),
        ("memory/old/group/memory.limit_in_bytes", "9223372036854771712\n"),
    ):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)
    assert memory_limit(CPU) == 300e6 < physical
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("200000000")
    assert memory_limit(CPU) == 200e6
