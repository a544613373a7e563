"""What a batch gives to an update: from waveforms to what is learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from earwright.data.batches import Batch
from earwright.losses.ctc import ctc_loss
from earwright.models import EncoderOutput
from earwright.nn.context import Context
from earwright.nn.specaugment import spec_augment
from earwright.training.schedule import first_augmented

if TYPE_CHECKING:
    from earwright.training.loop import Run


class Share(NamedTuple):
    """What a batch gives to an update.

    Attributes:
        total: what is learnt from.
        told: by name, what it consists of, unweighted: "loss" is that of CTC per token.
        skipped: utterances that were left out of it.
    """

    total: Tensor
    told: dict[str, Tensor]
    skipped: int


def share_of(
    run: Run,
    model: nn.Module,
    batch: Batch,
    precision: str,
    context: Context | None = None,
    skipped: Sequence[bool] = (),
) -> Share:
    """A batch's share of the update's loss per token.

    Args:
        run: its features, normalization and plan.
        model: its own, or a copy.
        batch: waveforms and targets.
        precision: "fp32" or "bf16".
        context, skipped: as the model drew them for this update.
    """
    parts, device = run.parts, run.device
    x, lengths = parts.features(batch.waveform.to(device), batch.lengths.to(device))
    x = parts.normalization(x, lengths)  # (B, T, F)
    if run.progress.step >= first_augmented(run.recipe.augment.start, run.progress.steps):
        x = _augment(run, x, lengths)
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
        output: EncoderOutput = model(x, lengths, context, skipped)  # log-probs (B, T', V)
    targets, target_lengths = batch.targets.to(device), batch.target_lengths.to(device)
    run.vitals.see_output(output.log_probs, output.lengths, target_lengths)
    main = ctc_loss(output.log_probs, output.lengths, targets, target_lengths)
    total = main.total
    if output.intermediate:
        weight = parts.model.intermediate_weight
        inner = [ctc_loss(p, output.lengths, targets, target_lengths).total for p in output.intermediate]
        total = (1 - weight) * total + weight * torch.stack(inner).mean()
    # Divided by what all processes learn from in this update; DDP averages over processes.
    processes, tokens = run.accelerator.num_processes, batch.plan.update_tokens
    total = total * processes / tokens
    told, weights = {"loss": total.detach()}, parts.model.loss_weights(run.progress.step)
    for name, loss in output.losses.items():  # means over frames; a batch counts by its tokens, as above
        loss = loss * processes * target_lengths.sum() / tokens
        told[f"{name}_loss"] = loss.detach()
        total = total + weights[name] * loss
    return Share(total, told, int((~main.usable).sum()))


def _augment(run: Run, x: Tensor, lengths: Tensor) -> Tensor:
    augment = run.recipe.augment
    return spec_augment(
        x,
        lengths,
        frequency_masks=augment.frequency_masks,
        frequency_width=augment.frequency_width,
        time_masks_per_second=augment.time_masks_per_second,
        time_seconds=augment.time_seconds,
        time_share=augment.time_share,
        warp_seconds=augment.warp_seconds,
        frame_rate=1.0 / run.recipe.features.frame_shift,
    )
