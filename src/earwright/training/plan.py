"""What is settled before the first step and then holds: precision, batch size, number of steps."""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import torch
from accelerate.utils import broadcast_object_list
from torch.utils.flop_counter import FlopCounterMode

from earwright.data.batches import Batch
from earwright.data.order import BatchPlan, Item, UpdateStream, count_tokens
from earwright.errors import EarwrightError
from earwright.training.batch_size import (
    FEWEST_BATCHES,
    SHARE_OF_MEMORY,
    SIZES,
    Trial,
    Trials,
    choose_batch_size,
)
from earwright.training.log import duration
from earwright.training.machine import Machine, choose_precision, measure_machine, synchronize
from earwright.training.memory import free_memory
from earwright.training.memory_use import memory_in_use, memory_limit, peak_memory
from earwright.training.options import parse_time
from earwright.training.schedule import LOOKS, set_learning_rate, steps_between_looks
from earwright.training.share import share_of

if TYPE_CHECKING:
    from earwright.training.loop import Run

Measured = TypeVar("Measured")

# Batches that the measurement runs, from the shortest to the longest.
MEASURED_BATCHES = 5
# Seconds of measurement that are worth a second one.
QUICK = 10.0
# Seconds of a step beside which what a first step costs more is nothing, so that one tells enough.
SLOW = 5.0
# Of a budget of time, what steps and looks at dev may take; checkpoints and the doctor take the rest.
SHARE_TO_PLAN = 0.98
# What looks at dev may take of that: thirty took more than a third of a run of a minute and a half.
SHARE_FOR_LOOKS = 0.15
# Seconds of a look beside which what the first one costs more is nothing.
LONG_LOOK = 3.0


def settle(run: Run) -> tuple[Machine, float]:
    """Measure the machine; at a first start, choose precision and batch size, and turn a time into steps.

    Returns:
        The machine, and the floating-point operations of a training step for a second of audio.
    """
    machine = measure_machine(run.device)
    progress, asked = run.progress, _asked_batch_seconds(run)
    # A run that an older version began has the recipe's number.
    run.parts.batch_seconds = progress.batch_seconds or asked or SIZES[0]
    batches = _sample_batches(run)
    middle = batches[len(batches) // 2]
    flops = _count_flops(run, middle)
    run.reporter.say(
        f"{machine.processor}, {machine.threads} thread{'s' * (machine.threads != 1)}: matrix products at "
        f"{machine.fp32_peak:.0f} GFLOP/s in fp32, {machine.bf16_peak:.0f} in bf16"
    )
    if not progress.steps:
        if slow := _is_slow(run, middle):
            batches = [middle]
        per_batch = _settle_precision(run, machine, batches, warm=not slow)
        if asked is None:
            per_batch = _settle_batch_size(run)
        _settle_steps(run, per_batch)
    progress.batch_seconds = run.parts.batch_seconds
    return machine, flops


def _asked_batch_seconds(run: Run) -> float | None:
    """What the recipe says; None where it is to be measured."""
    asked = run.recipe.training.batch_seconds
    return None if isinstance(asked, str) else asked


def _is_slow(run: Run, batch: Batch) -> bool:
    """Whether one step on a batch takes so long that a few are too many to measure by."""
    asked = run.recipe.training.precision  # a batch that fits into memory in bf16 need not in fp32
    return agreed(run, _time_steps(run, [batch], "fp32" if asked == "auto" else asked, warm=False)) > SLOW


def _settle_precision(run: Run, machine: Machine, batches: list[Batch], warm: bool) -> float:
    """Choose the precision, and return the seconds that a step on a batch takes in it."""
    audio = _audio(run, batches)
    precision, seconds = choose_precision(
        run.recipe.training.precision, machine, lambda name: _time_steps(run, batches, name, warm)
    )
    speeds = ", ".join(f"{name} {audio / s:.0f}x real time" for name, s in seconds.items())
    # Several processes measure different times; the first one's holds.
    precision, per_batch = agreed(run, (precision, seconds[precision] / len(batches)))
    run.reporter.say(f"precision {precision} ({speeds})")
    run.progress.precision = precision
    return per_batch


def _settle_batch_size(run: Run) -> float:
    """Choose the batch size, and return the seconds that a step on a batch of it takes."""
    trials = _try_batch_sizes(run)
    run.reporter.say(trials.describe())
    run.parts.batch_seconds = trials.taken.batch_seconds
    return trials.taken.seconds_per_batch


def _settle_steps(run: Run, seconds_per_batch: float) -> None:
    training, progress = run.recipe.training, run.progress
    seconds_per_batch = agreed(run, _with_augmentation(run, seconds_per_batch))
    batches = _count_batches(run.parts.stream(run.recipe, run.accelerator, 0, 0))
    updates_per_epoch = batches / (training.accumulate * run.accelerator.num_processes)
    per_update = seconds_per_batch * training.accumulate
    took = 0.0
    if training.steps:
        progress.steps = training.steps
    elif training.max_time:
        took = agreed(run, _time_look(run))
        progress.steps, progress.evaluate_every = spend(
            parse_time(training.max_time) * SHARE_TO_PLAN, per_update, took, training.evaluate_every
        )
    elif training.epochs:
        progress.steps = max(1, math.ceil(training.epochs * updates_per_epoch))
    else:
        raise EarwrightError(
            "the recipe sets no length: give training.epochs, training.steps or training.max_time."
        )
    every = steps_between_looks(progress.steps, progress.evaluate_every)
    seconds = progress.steps * (per_update + took / every) / SHARE_TO_PLAN
    run.reporter.say(
        f"{progress.steps} steps, {progress.steps / updates_per_epoch:.1f} epochs, about {duration(seconds)}"
    )


def spend(budget: float, per_update: float, look: float, evaluate_every: int = 0) -> tuple[int, int]:
    """How many updates fit into a budget of time beside the looks at dev, and how many from look to look.

    Args:
        budget, per_update, look: seconds, of all, of an update and of a look (0 without a dev set).
        evaluate_every: the latter, if it is asked for.
    """
    if evaluate_every:
        return max(1, int(budget / (per_update + look / evaluate_every))), evaluate_every
    looks = LOOKS if look * LOOKS <= SHARE_FOR_LOOKS * budget else int(SHARE_FOR_LOOKS * budget / look)
    looks = max(1, looks)  # the last step is always looked at
    steps = max(1, int((budget - looks * look) / per_update))
    return steps, math.ceil(steps / looks)


def _time_look(run: Run) -> float:
    """Seconds of a look at dev; 0 without one."""
    if run.parts.dev is None or not run.accelerator.is_main_process:
        return 0.0
    for _ in range(2):  # the first one pays for memory and kernels
        began = time.perf_counter()
        run.look_at(run.parts.watched, run.average)
        took = time.perf_counter() - began
        if took > LONG_LOOK:
            break
    return took


def _with_augmentation(run: Run, seconds_per_batch: float) -> float:
    """What a step takes where batches are also augmented, by workers on the same cores or by itself."""
    if run.parts.augmenter is None:
        return seconds_per_batch
    plans, reader = _sample_plans(run), run.parts.reader(run.recipe)
    began = time.process_time()
    for plan in plans:
        reader[plan]
    reading, workers = (time.process_time() - began) / len(plans), run.recipe.data.workers
    if not workers:
        return seconds_per_batch + reading
    if run.device.type == "cpu":
        seconds_per_batch += reading * run.accelerator.num_processes / (os.cpu_count() or 1)
    return max(seconds_per_batch, reading / workers)


def _sample_batches(run: Run) -> list[Batch]:
    """Batches of an epoch at even distances in length; their mean is the epoch's."""
    reader = run.parts.reader(run.recipe)
    return [reader[plan] for plan in _sample_plans(run)]


def _sample_plans(run: Run) -> list[BatchPlan]:
    stream = run.parts.stream(run.recipe, run.accelerator, 0, 0)
    size = _count_batches(stream)
    plans = list(itertools.islice(iter(stream), max(1, min(size, 200) // run.accelerator.num_processes)))
    plans.sort(key=lambda plan: _longest(run, plan.items))
    count = min(MEASURED_BATCHES, len(plans))
    return [plans[int((i + 0.5) * len(plans) / count)] for i in range(count)]


def _longest_batch(run: Run) -> Batch:
    """The batch of the epoch that takes the most memory: attention grows with the square of the length."""
    plan = run.parts.stream(run.recipe, run.accelerator, 0, 0).epoch_plan(0)
    items = max(plan, key=lambda batch: (_longest(run, batch), len(batch)))
    examples, space = run.parts.training_set.examples, run.parts.training_set.space
    tokens = count_tokens(items, examples, space)
    return run.parts.reader(run.recipe)[BatchPlan(items, tokens, 0, 0)]


def _longest(run: Run, items: Sequence[Item]) -> float:
    """Seconds of the longest utterance, as it is played."""
    return max(item.seconds(run.parts.training_set.examples) for item in items)


def _count_batches(stream: UpdateStream) -> int:
    """Batches of the first epoch."""
    return sum(1 for _ in stream.epoch_plan(0))


def _try_batch_sizes(run: Run) -> Trials:
    stream = run.parts.stream(run.recipe, run.accelerator, 0, 0)
    fewest = FEWEST_BATCHES * run.accelerator.num_processes

    def batches_of(size: float) -> int:
        batching = dataclasses.replace(stream.batching, batch_seconds=size)
        return _count_batches(UpdateStream(stream.examples, batching))

    sizes = [size for size in SIZES if size == SIZES[0] or batches_of(size) >= fewest]
    in_use = memory_in_use(run.device)
    allowed, free = SHARE_OF_MEMORY * memory_limit(run.device), free_memory(run.device)
    allowed = allowed if free is None else min(allowed, in_use + free)
    trials = choose_batch_size(lambda size: try_batch_size(run, size), allowed, in_use, sizes)
    if trials.tried[-1].batch_seconds == sizes[-1] and len(sizes) < len(SIZES) and not trials.why_no_more:
        why = f"larger ones would make an epoch of fewer than {fewest} batches"
        return dataclasses.replace(trials, why_no_more=why)
    return trials


def try_batch_size(run: Run, size: float) -> Trial:
    """Steps on batches of `size` seconds of audio: how fast they are, and what memory they take."""
    run.parts.batch_seconds = size
    batches, longest = _sample_batches(run), _longest_batch(run)
    audio = _audio(run, batches)
    try:
        _rehearse(run, longest, run.progress.precision)
        seconds = _time_steps(run, batches, run.progress.precision)
        if seconds < QUICK:  # again, since something else may have run meanwhile
            seconds = min(seconds, _time_steps(run, batches, run.progress.precision))
        trial = Trial(size, audio / seconds, peak_memory(run.device), seconds / len(batches))
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            raise
        run.lanes.zero_grad()
        trial = Trial(size, 0.0, peak_memory(run.device))
    return agreed(run, trial)


def agreed(run: Run, measured: Measured) -> Measured:
    """What the main process measured, so that all of them settle on the same."""
    if run.accelerator.num_processes == 1:
        return measured
    told = [measured]
    broadcast_object_list(told)
    return told[0]


def _audio(run: Run, batches: Sequence[Batch]) -> float:
    """Seconds of audio that are computed for batches, padding included."""
    computed = sum(part.seconds for batch in batches for part in run.parts_of(batch))
    return computed / run.recipe.features.sample_rate


def _rehearse(run: Run, batch: Batch, precision: str) -> None:
    """A whole update at a rate of 0, which leaves the weights and their average as they are."""
    for part in run.parts_of(batch):
        run.gradients(part, precision)
    set_learning_rate(run.optimizer, 0.0)
    run.move(rehearsal=True)


def _time_steps(run: Run, batches: list[Batch], precision: str, warm: bool = True) -> float:
    torch.manual_seed(0)
    run.lanes.train()
    for batch in batches if warm else ():  # pays for memory, and for kernels, which are made once for a shape
        _rehearse(run, batch, precision)
    began = time.perf_counter()
    for batch in batches:
        _rehearse(run, batch, precision)
    synchronize(run.device)
    took = time.perf_counter() - began
    # What the optimizer remembers of this is not to be in the run.
    getattr(run.optimizer, "optimizer", run.optimizer).state.clear()
    return took


def _count_flops(run: Run, batch: Batch) -> float:
    torch.manual_seed(0)
    run.lanes.train()
    with FlopCounterMode(display=False) as counter:  # counts what this thread does, so no lanes
        share = share_of(run, run.model, batch, "fp32", *run.parts.model.draw())
        run.accelerator.backward(share.total)
    run.optimizer.zero_grad()
    seconds = batch.seconds / run.recipe.features.sample_rate
    return float(counter.get_total_flops()) / seconds
