"""The measurement before there is a run: it trains the very model, on as much audio as it says."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from earwright.models.conformer import Conformer
from earwright.training import Recipe
from earwright.training.lanes import Lanes
from earwright.training.machine import Machine
from earwright.training.proposal import speed
from earwright.training.proposal.speed import Clips, measure_speed

CPU = torch.device("cpu")


@pytest.mark.parametrize("lanes", [1, 2])
def test_a_step_is_timed_on_all_lanes(recipe: Recipe, monkeypatch: pytest.MonkeyPatch, lanes: int) -> None:
    steps: list[tuple[int, float, int]] = []
    real = Lanes.run

    def run(self: Lanes, work: object, batch: object) -> object:
        result = real(self, work, batch)  # type: ignore[arg-type]
        gradients = [p.grad for p in self.models[0].parameters() if p.grad is not None]
        assert gradients and all(torch.isfinite(gradient).all() for gradient in gradients)
        steps.append((len(self.models), batch.seconds / 16000, len(batch.lengths)))  # type: ignore[attr-defined]
        return result

    monkeypatch.setattr(Lanes, "run", run)
    machine = Machine("a processor", 1, 50.0, 1.0)
    ticks = iter([0.0, 4.0, 4.0, 6.0, 6.0, 11.0])  # steps of 4, 2 and 5 seconds
    monkeypatch.setattr(speed.time, "perf_counter", lambda: next(ticks))
    found = measure_speed(recipe, Clips(1.5, 9.0, 3), machine, CPU, (lanes, 1))
    assert steps == [(lanes, 6.0, 4)] * 4
    assert found.precision == "fp32" and found.audio_per_second == pytest.approx(6.0 / 2.0)
    model = Conformer(recipe.model, recipe.features.n_mels, 4, 100.0)
    assert found.parameters == sum(p.numel() for p in model.parameters())


def test_a_slow_machine_is_timed_once(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0.0, 40.0])
    monkeypatch.setattr(speed.time, "perf_counter", lambda: next(ticks))
    machine = Machine("a processor", 1, 50.0, 1.0)
    # Clips longer than a batch go alone, and more letters than fit into their time are not tried.
    long = dataclasses.replace(recipe.training, batch_seconds=1.0)
    found = measure_speed(
        dataclasses.replace(recipe, training=long), Clips(2.0, 500.0, 3), machine, CPU, (1, 1)
    )
    assert found.audio_per_second == pytest.approx(2.0 / 40.0)
