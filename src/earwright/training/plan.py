"""What is settled before the first step and then holds: precision, number of steps."""

from __future__ import annotations

import itertools
import math
import time
from typing import TYPE_CHECKING

import torch
from torch.utils.flop_counter import FlopCounterMode

from earwright.data.batches import Batch
from earwright.errors import EarwrightError
from earwright.training.log import duration
from earwright.training.machine import Machine, choose_precision, measure_machine, synchronize
from earwright.training.options import parse_time

if TYPE_CHECKING:
    from earwright.training.loop import Run

# Batches that the measurement runs, from the shortest to the longest.
MEASURED_BATCHES = 5
# Looks at dev, checkpoints and the export take their part of a budget of time.
SHARE_FOR_STEPS = 0.96


def settle(run: Run) -> tuple[Machine, float]:
    """Measure the machine; at a first start, choose the precision and turn a budget of time into steps.

    Returns:
        The machine, and the floating-point operations of a training step for a second of audio.
    """
    machine = measure_machine(run.device)
    batches = _sample_batches(run)
    flops = _count_flops(run, batches[len(batches) // 2])
    progress, training = run.progress, run.recipe.training
    say = run.reporter.say
    say(
        f"{machine.processor}, {machine.threads} threads: matrix products at "
        f"{machine.fp32_peak:.0f} GFLOP/s in fp32, {machine.bf16_peak:.0f} in bf16"
    )
    if progress.steps:
        return machine, flops
    audio = (
        sum(part.seconds for batch in batches for part in run.parts_of(batch))
        / run.recipe.features.sample_rate
    )
    precision, seconds = choose_precision(
        training.precision, machine, lambda name: _time_steps(run, batches, name)
    )
    speeds = ", ".join(f"{name} {audio / s:.0f}x real time" for name, s in seconds.items())
    say(f"precision {precision} ({speeds})")
    progress.precision = precision
    plan = run.parts.stream(run.recipe, run.accelerator, 0, 0).epoch_plan(0)
    updates_per_epoch = len(plan) / (training.accumulate * run.accelerator.num_processes)
    per_update = seconds[precision] / len(batches) * training.accumulate
    progress.steps = _steps(run, updates_per_epoch, per_update)
    say(
        f"{progress.steps} steps, {progress.steps / updates_per_epoch:.1f} epochs, "
        f"about {duration(progress.steps * per_update / SHARE_FOR_STEPS)}"
    )
    return machine, flops


def _steps(run: Run, updates_per_epoch: float, seconds_per_update: float) -> int:
    training = run.recipe.training
    if training.steps:
        return training.steps
    if training.max_time:
        return max(1, int(parse_time(training.max_time) * SHARE_FOR_STEPS / seconds_per_update))
    if training.epochs:
        return max(1, math.ceil(training.epochs * updates_per_epoch))
    raise EarwrightError(
        "the recipe sets no length: give training.epochs, training.steps or training.max_time."
    )


def _sample_batches(run: Run) -> list[Batch]:
    """Batches of an epoch at even distances in length; their mean is the epoch's."""
    stream = run.parts.stream(run.recipe, run.accelerator, 0, 0)
    size = len(stream.epoch_plan(0))
    plans = list(itertools.islice(iter(stream), max(1, min(size, 200) // run.accelerator.num_processes)))
    plans.sort(
        key=lambda plan: max(run.parts.training_set.examples[item.example].seconds for item in plan.items)
    )
    count = min(MEASURED_BATCHES, len(plans))
    picked = [plans[int((i + 0.5) * len(plans) / count)] for i in range(count)]
    reader = run.parts.reader(run.recipe)
    return [reader[plan] for plan in picked]


def _step(run: Run, batch: Batch, precision: str) -> None:
    """A training step that changes nothing: forward, backward, gradients thrown away."""
    for part in run.parts_of(batch):
        run.gradients(part, precision)
    run.optimizer.zero_grad()


def _time_steps(run: Run, batches: list[Batch], precision: str) -> float:
    torch.manual_seed(0)
    run.lanes.train()
    _step(run, batches[0], precision)  # the first step pays for memory and kernels
    began = time.perf_counter()
    for batch in batches:
        _step(run, batch, precision)
    synchronize(run.device)
    return time.perf_counter() - began


def _count_flops(run: Run, batch: Batch) -> float:
    torch.manual_seed(0)
    run.lanes.train()
    with FlopCounterMode(display=False) as counter:  # counts what this thread does, so no lanes
        loss, _ = run.loss(run.model, batch, "fp32", *run.parts.model.draw())
        run.accelerator.backward(loss)
    run.optimizer.zero_grad()
    seconds = batch.seconds / run.recipe.features.sample_rate
    return float(counter.get_total_flops()) / seconds
