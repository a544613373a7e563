"""How fast this machine would learn: a few steps of a recipe's model on noise, before there is a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from earwright.data.batches import Batch
from earwright.data.frames import frames_in
from earwright.data.order import BatchPlan
from earwright.losses.ctc import ctc_loss
from earwright.models import build_model, output_shift
from earwright.nn.features import build_features
from earwright.nn.normalization import FeatureNormalization
from earwright.nn.randomness import drawing_from
from earwright.training.lanes import Lanes
from earwright.training.machine import Machine, choose_precision, synchronize
from earwright.training.recipe import Recipe
from earwright.training.setup import build_optimizer

STEPS = 3  # the quickest of them counts: the others shared the processor with something
LONG_ENOUGH = 10.0  # seconds: a large model on a small machine is timed once


@dataclass(frozen=True)
class Speed:
    """Seconds of audio a second in the faster precision, and the model's numbers."""

    audio_per_second: float
    precision: str
    parameters: int


@dataclass(frozen=True)
class Clips:
    """What the batches are made of: seconds a clip, characters a second, different characters."""

    seconds: float
    characters_per_second: float
    vocabulary: int


def measure_speed(
    recipe: Recipe, clips: Clips, machine: Machine, device: torch.device, lanes: tuple[int, int]
) -> Speed:
    """Time whole steps: features, forward, loss, backward, optimizer.

    Args:
        recipe: its features, model and training; its batch_seconds is a number.
        clips: a batch is filled with such.
        machine: its peaks say whether bf16 is worth a try.
        device: where to train.
        lanes: as `lanes_for` says.
    """
    torch.manual_seed(recipe.seed)
    batch = _noise(recipe, clips)
    features = build_features(recipe.features).to(device)
    normalization = FeatureNormalization(features.dim).to(device)
    rate = 1.0 / recipe.features.frame_shift
    model = build_model(recipe.model, features.dim, clips.vocabulary + 1, rate).to(device)
    optimizer = build_optimizer(model, recipe)
    shared = Lanes(model, *lanes)
    shared.train()

    def step(precision: str) -> None:
        context, skipped = model.draw()

        def work(copy: nn.Module, part: Batch, lane: int) -> None:
            x, lengths = features(part.waveform.to(device), part.lengths.to(device))
            x = normalization(x, lengths)  # (B, T, F)
            with drawing_from(torch.Generator().manual_seed(lane)):
                with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
                    output = copy(x, lengths, context, skipped)  # log-probs (B, T', V)
                targets, sizes = part.targets.to(device), part.target_lengths.to(device)
                loss = ctc_loss(output.log_probs, output.lengths, targets, sizes)
                loss.total.backward()  # type: ignore[no-untyped-call]

        shared.run(work, batch)
        nn.utils.clip_grad_norm_(model.parameters(), recipe.training.clip)
        optimizer.step()
        optimizer.zero_grad()

    precision, measured = choose_precision(
        recipe.training.precision, machine, lambda name: _quickest(lambda: step(name), device)
    )
    seconds = batch.seconds / recipe.features.sample_rate
    return Speed(seconds / measured[precision], precision, sum(p.numel() for p in model.parameters()))


def _noise(recipe: Recipe, clips: Clips) -> Batch:
    """A batch of clips of equal length, with as many random tokens as they can hold."""
    generator = torch.Generator().manual_seed(recipe.seed)
    size = recipe.training.batch_seconds
    assert not isinstance(size, str)
    count = max(1, int(size / clips.seconds))
    samples = max(1, round(clips.seconds * recipe.features.sample_rate))
    shift = output_shift(recipe.model, recipe.features.dim, recipe.features.frame_shift)
    fitting = frames_in(clips.seconds, shift) // 2
    tokens = max(1, min(round(clips.characters_per_second * clips.seconds), fitting))
    return Batch(
        0.1 * torch.randn(count, samples, generator=generator),
        torch.full((count,), samples),
        torch.randint(1, clips.vocabulary + 1, (count, tokens), generator=generator),
        torch.full((count,), tokens),
        BatchPlan([], count * tokens, 0, 0),
    )


def _quickest(step: Callable[[], None], device: torch.device) -> float:
    """Seconds of the quickest of a few steps."""
    step()  # the first pays for memory and kernels
    best, spent = float("inf"), 0.0
    for _ in range(STEPS):
        began = time.perf_counter()
        step()
        synchronize(device)
        took = time.perf_counter() - began
        best, spent = min(best, took), spent + took
        if spent > LONG_ENOUGH:
            break
    return best
