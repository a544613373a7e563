"""How far each part of a model may move: frozen, or at a share of the learning rate."""

from __future__ import annotations

from typing import Any

from torch import nn

from earwright.errors import EarwrightError
from earwright.models import AcousticModel
from earwright.training.finetuning.options import PART, FinetuneOptions
from earwright.training.options import TrainingOptions


def freeze(model: AcousticModel, options: FinetuneOptions) -> str:
    """Take the parameters that are to stay as they are out of training.

    Returns:
        What was frozen, in a line; "" if nothing.

    Raises:
        EarwrightError: the model has no such part, or nothing would be left to train.
    """
    prefixes = frozen_parts(model, options)
    count = total = 0
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(prefixes))
        total += parameter.numel()
        count += 0 if parameter.requires_grad else parameter.numel()
    if count == total:
        raise EarwrightError("[finetune] freeze leaves nothing to train; take a part out of it.")
    if not model.output.weight.requires_grad and model.stochastic_depth > 0:
        # A step that skips every block which still learns would have nothing to learn at all.
        raise EarwrightError(
            "[finetune] freeze holds the output while blocks are skipped at random; "
            "set model.stochastic_depth = 0."
        )
    parts = ", ".join(prefix.rstrip(".") for prefix in prefixes)
    return f"frozen: {parts} ({count / 1e6:.1f} of {total / 1e6:.1f} M parameters)" if prefixes else ""


def frozen_parts(model: AcousticModel, options: FinetuneOptions) -> tuple[str, ...]:
    """What the names of frozen parameters begin with, such as "blocks.0."

    Raises:
        EarwrightError: the model has no such part.
    """
    parts: set[str] = set()
    blocks: set[int] = set(range(options.freeze_first))
    if options.freeze_first:
        parts.add("subsampling.")
    for part in options.freeze:
        match = PART.fullmatch(part)
        assert match  # checked with the options
        if part == "blocks":
            blocks |= set(range(len(model.blocks)))
        elif match[1]:
            blocks |= set(range(int(match[1]), int(match[2] or match[1]) + 1))
        elif part == "feedback" and model.feedback is None:
            raise EarwrightError(
                "[finetune] freeze names the feedback, which this model does not have "
                "(model.self_conditioning)."
            )
        else:
            parts.add(f"{part}.")
    if blocks and max(blocks) >= len(model.blocks):
        raise EarwrightError(
            f"[finetune] freeze: there is no block {max(blocks)}; the model has "
            f"blocks.0-{len(model.blocks) - 1}."
        )
    return (*sorted(parts), *(f"blocks.{index}." for index in sorted(blocks)))


def rate_factor(name: str, model: AcousticModel, options: FinetuneOptions) -> float:
    """What the learning rate is multiplied with for a parameter of this name."""
    part, _, rest = name.partition(".")
    if part == "blocks":
        below = len(model.blocks) - 1 - int(rest.partition(".")[0])
    elif part == "subsampling":
        below = len(model.blocks)
    else:
        return options.head_rate
    return float(options.layer_decay**below)


def parameter_groups(
    model: AcousticModel, training: TrainingOptions, options: FinetuneOptions
) -> list[dict[str, Any]]:
    """The optimizer's groups, from the output down: weight decay on matrices only, since norms and biases
    have nothing to shrink, and a `factor` that the schedule's rate is multiplied with.

    Frozen parameters are in none of them, so that the optimizer keeps no state for them.
    """
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            key = (rate_factor(name, model, options), parameter.ndim >= 2)
            groups.setdefault(key, []).append(parameter)
    return [
        {"params": members, "weight_decay": training.weight_decay if matrix else 0.0, "factor": factor}
        for (factor, matrix), members in sorted(groups.items(), key=lambda item: item[0], reverse=True)
    ]
