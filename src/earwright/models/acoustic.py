"""What training, export and watching ask of a model of speech, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from earwright.nn.context import Context


class EncoderOutput(NamedTuple):
    """What a model makes of a batch.

    Attributes:
        log_probs: (B, T', V) float32.
        lengths: (B,) of them.
        intermediate: log-probs of intermediate heads.
        losses: further losses by name, unweighted; see `AcousticModel.loss_weights`.
        frames: (B, T', D) what the last layers read; before it is quantized, if it is.
        codes: (B, K, T') of a model with a quantizer, -1 in padding.
    """

    log_probs: Tensor
    lengths: Tensor
    intermediate: list[Tensor]
    losses: Mapping[str, Tensor] = {}  # of a named tuple; nobody writes to it
    frames: Tensor | None = None
    codes: Tensor | None = None


class AcousticModel(nn.Module):
    """Features in, log-probs of tokens out; what is not every model's is a default here.

    Its parts have the names that `[finetune]` speaks of: `subsampling`, `blocks` and `output`.

    Attributes:
        frame_shift: seconds a frame of the log-probs.
        stochastic_depth: probability that a step skips the last block.
        intermediate_weight: share of the intermediate losses in the total.
    """

    frame_shift: float
    blocks: nn.ModuleList
    output: nn.Linear
    feedback: nn.Linear | None
    stochastic_depth: float = 0.0
    intermediate_weight: float = 0.0

    def draw(self) -> tuple[Context | None, list[bool]]:
        """Context and skipped blocks of one training step, from torch's generator.

        Drawn outside of `forward`, so that every process of a distributed run draws the same.
        """
        return None, []

    def inference_context(self) -> Context | None:
        """What a file is read with."""
        return None

    def loss_weights(self, step: int) -> dict[str, float]:
        """What each of `EncoderOutput.losses` counts in the update after `step` others."""
        return {}

    def take_notes(self) -> list[Any]:
        """What this copy of the model has noted in its forward passes in training, since it was last asked.

        What is not learnt by gradients goes this way: a copy (see `Lanes`) must not change what it shares.
        """
        return []

    def learn(self, notes: Sequence[Any], generator: torch.Generator) -> None:
        """Take in the notes of all copies, after the optimizer's step."""

    def jumped(self) -> dict[str, Tensor]:
        """Rows of tensors of the state, as masks, that the last `learn` has put somewhere else altogether.

        An average of what they were and what they are now would be neither.
        """
        return {}

    def vitals(self) -> dict[str, Any]:
        """Numbers, and lists of them, that are worth a curve."""
        return {}
