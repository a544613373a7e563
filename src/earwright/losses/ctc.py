"""The CTC loss of a batch, with every utterance that cannot be learnt from left out and counted."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class CtcLoss(NamedTuple):
    """`total`: summed over the usable utterances, differentiable. `usable`: (B,) bool."""

    total: Tensor
    usable: Tensor


def ctc_loss(log_probs: Tensor, lengths: Tensor, targets: Tensor, target_lengths: Tensor) -> CtcLoss:
    """Negative log-probability of each text, summed over all its alignments.

    Source: Graves et al. 2006; torch's kernel, in float32.

    Args:
        log_probs: (B, T, V) float32, blank 0.
        lengths: (B,) int64 frames.
        targets: (B, S) int64 tokens, any value beyond their lengths.
        target_lengths: (B,) int64.

    Returns:
        The sum, and which utterances are in it: those whose loss is finite. A text too long for its
        frames has no alignment, so its loss is infinite; it adds nothing, not even a gradient.
    """
    losses = F.ctc_loss(
        log_probs.float().transpose(0, 1),
        targets,
        lengths,
        target_lengths,
        reduction="none",
        zero_infinity=False,
    )
    usable = torch.isfinite(losses)
    # The gradient of an infinite loss is nan, and nan times zero is nan: where() must hide the utterance
    # from the kernel's backward too, which zero_infinity does for losses that are infinite.
    if not bool(usable.all()):
        losses = F.ctc_loss(
            torch.where(
                usable[:, None, None], log_probs.float(), log_probs.detach().float().nan_to_num(0.0)
            ).transpose(0, 1),
            targets,
            lengths,
            target_lengths,
            reduction="none",
            zero_infinity=True,
        )
        losses = torch.where(usable, losses, torch.zeros_like(losses))
    return CtcLoss(losses.sum(), usable)
