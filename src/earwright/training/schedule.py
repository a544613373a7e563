"""The learning rate at every step."""

from __future__ import annotations

import math

import torch

from earwright.training.options import TrainingOptions

# Looks at dev in a run that does not say how many.
LOOKS = 30


def learning_rate(step: int, steps: int, options: TrainingOptions) -> float:
    """The rate of update `step`, counted from 0, in a run of `steps`.

    It rises in a line over the warm-up, then falls as a cosine (Loshchilov and Hutter 2017) or as the
    inverse square root of the step (Vaswani et al. 2017).
    """
    warmup = max(1, round(options.warmup * steps))
    if step < warmup:
        return options.learning_rate * (step + 1) / warmup
    if options.decay == "inverse_sqrt":
        return options.learning_rate * math.sqrt(warmup / (step + 1))
    done = (step - warmup) / max(1, steps - warmup)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    return options.learning_rate * (options.final_rate + (1 - options.final_rate) * cosine)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Let every group of parameters learn at this rate times its own `factor`."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]


def steps_between_looks(steps: int, asked: int = 0) -> int:
    """After how many steps a run looks at dev, of so many in all; what is asked for, if it is."""
    return asked or max(1, steps // LOOKS)


def first_augmented(start: float, steps: int) -> int:
    """The update, counted from 0, with which augmentation sets in; see `AugmentOptions.start`."""
    return math.ceil(start * steps)
