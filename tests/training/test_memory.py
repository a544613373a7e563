from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from earwright.errors import EarwrightError
from earwright.models.conformer import Conformer, ConformerOptions
from earwright.training import memory
from earwright.training.memory import PARAMETER_BYTES, check_memory, free_memory, training_memory

CPU = torch.device("cpu")
SMALL = ConformerOptions(dim=32, layers=2, heads=2, half_rate=(0, 0), stem_channels=4)


def test_weights_are_counted_as_torch_counts_them() -> None:
    count = sum(parameter.numel() for parameter in Conformer(SMALL, 40, 30).parameters())
    assert training_memory(SMALL, 40, 30, []) == PARAMETER_BYTES * count


def test_what_a_real_step_keeps_is_what_was_foreseen() -> None:
    """Beside what autograd keeps of a real forward pass, tensor by tensor."""
    torch.manual_seed(0)
    options = ConformerOptions(
        dim=48,
        layers=4,
        heads=2,
        half_rate=(1, 3),
        stem_channels=8,
        intermediate_ctc=(2,),
        self_conditioning=True,
    )
    model, shape = Conformer(options, 40, 30), (3, 333)
    own = {parameter.data_ptr() for parameter in model.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = model(torch.randn(shape[0], shape[1], 40), torch.tensor([333, 200, 100]))
    sizes = [tensor.untyped_storage().nbytes() for place, tensor in kept.items() if place not in own]
    del output
    foreseen = training_memory(options, 40, 30, [shape]) - training_memory(options, 40, 30, [])
    assert foreseen == pytest.approx(memory.IN_PASSING * (sum(sizes) + 2 * max(sizes)), rel=0.02)


def test_a_model_of_any_size_is_judged_without_building_it() -> None:
    huge = ConformerOptions(dim=16384, layers=30, heads=16, half_rate=(0, 0))
    with pytest.raises(EarwrightError) as caught:
        check_memory(huge, 80, 30, [(8, 1000)], CPU)
    said = re.fullmatch(
        r"a training step needs about ([\d.]+) GiB of memory, and ([\d.]+) are free; use a smaller "
        r"training\.batch_seconds \(and training\.accumulate\) or a smaller model\.",
        str(caught.value),
    )
    assert said and float(said[1]) > 1000 * 20 / 16 > float(said[2]) > 0


def test_the_processes_of_one_machine_share_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    need = training_memory(SMALL, 40, 30, [(2, 100)])
    monkeypatch.setattr(memory, "free_memory", lambda device: 3 * need)
    check_memory(SMALL, 40, 30, [(2, 100)], CPU)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    with pytest.raises(EarwrightError, match="needs about"):
        check_memory(SMALL, 40, 30, [(2, 100)], CPU)
    monkeypatch.setattr(memory, "free_memory", lambda device: None)  # not known: nothing is said
    check_memory(SMALL, 40, 30, [(2, 100)], CPU)


def test_each_lane_has_gradients_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    count = sum(parameter.numel() for parameter in Conformer(SMALL, 40, 30).parameters())
    assert training_memory(SMALL, 40, 30, [], lanes=3) == (PARAMETER_BYTES + 2 * 4) * count


@pytest.mark.parametrize("version", ["2", "1"])
def test_a_container_s_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """That of the process's own group, and those of the groups around it."""
    free = free_memory(CPU)
    assert free is None or free > 0
    kind = getattr(memory, f"VERSION{version}")
    monkeypatch.setattr(memory, f"VERSION{version}", kind._replace(root=tmp_path))
    own = tmp_path / "job" / "task"
    own.mkdir(parents=True)
    membership = {"2": "0::/job/task\n", "1": "7:blkio:/\n4:cpu,memory:/job/task\n0::/\n"}[version]
    read = Path.read_text

    def read_text(path: Path, **options: str) -> str:
        return membership if str(path) == "/proc/self/cgroup" else read(path, **options)

    monkeypatch.setattr(Path, "read_text", read_text)
    for folder, limit in ((own, "9000"), (own.parent, "1000"), (tmp_path, "max")):
        (folder / kind.used).write_text("900\n")
        (folder / "memory.stat").write_text(f"anon 500\n{kind.idle} 300\n")
        (folder / kind.limit).write_text(f"{limit}\n")
    assert free_memory(CPU) == 400
    (own / kind.limit).write_text("750\n")
    assert free_memory(CPU) == 150
