"""What is measured of a training step, of one in many: gradients and updates by layer, what was written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

# Rows of a batch whose frames are counted; the rest of them are of the same length and the same model.
ROWS = 8
# A watched step costs a twentieth of a step on two cores, so of ten steps one may be.
SELDOM = 10
LOOKS = 300  # and that many are enough for a curve


class Vitals:
    """Measures some of the steps; on the others, and between them, its methods do nothing.

    It draws no random numbers, and touches neither weights nor gradients: with it and without it, a run is
    the same to the bit.

    Args:
        model: what is trained, not wrapped.
        every: steps from one that is measured to the next; 0 measures none.
    """

    def __init__(self, model: nn.Module, every: int) -> None:
        self.model, self.every = model, every
        self.measured: dict[str, Any] = {}
        self._watching = self._alarmed = False
        self._before: list[Tensor] = []
        # Of each part of the batch: frames, blanks, nats, tokens written, tokens of the texts.
        self._counts: list[tuple[float, ...]] = []

    def begin(self, step: int) -> None:
        """Before step `step`, counted from 1; the one after a gradient that is not finite is measured too."""
        due = bool(self.every) and (step == 1 or step % self.every == 0)
        self._watching, self._alarmed = due or self._alarmed, False
        self.measured, self._counts = {}, []

    @torch.no_grad()
    def see_output(self, log_probs: Tensor, lengths: Tensor, target_lengths: Tensor) -> None:
        """What the model makes of a batch.

        Args:
            log_probs: (B, T, V), blank 0.
            lengths: (B,) frames.
            target_lengths: (B,) tokens.
        """
        if self._watching:
            counts = count_output(log_probs[:ROWS], lengths[:ROWS])
            self._counts.append((*counts, float(target_lengths[:ROWS].sum())))  # lanes do so side by side

    @torch.no_grad()
    def see_gradients(self) -> None:
        """Between the backward pass and what is done to its gradients."""
        if not self._watching:
            return
        norms = layer_norms({name: p.grad for name, p in self.model.named_parameters() if p.requires_grad})
        self.measured["gradients"] = {
            name: norm if math.isfinite(norm) else None for name, norm in norms.items()
        }
        self._before = [p.detach().clone() for p in self.model.parameters()]

    @torch.no_grad()
    def see_update(self, done: bool) -> None:
        """After the optimizer's step; `done` says whether there was one."""
        self._alarmed = bool(self.every) and not done
        if not self._watching:
            return
        if done:
            matrices = [
                (name, p.detach(), old)
                for (name, p), old in zip(self.model.named_parameters(), self._before, strict=True)
                if p.ndim >= 2
            ]
            moved = layer_norms({name: new - old for name, new, old in matrices})
            sizes = layer_norms({name: old for name, _, old in matrices})
            self.measured["updates"] = {name: moved[name] / max(sizes[name], 1e-12) for name in moved}
        self._before = []
        # fsum is exact, so it does not matter which lane was first.
        frames, blanks, nats, written, expected = map(math.fsum, zip(*self._counts, strict=True))
        self.measured |= {
            "blank": blanks / max(frames, 1.0),
            "entropy": nats / max(frames, 1.0),
            "written": written / max(expected, 1.0),
        }
        self._watching = False


def seldom(steps: int) -> int:
    """How many steps apart the measured ones lie in a run of `steps`."""
    return max(SELDOM, steps // LOOKS)


def layer_of(parameter: str) -> str:
    """The layer that a parameter belongs to: "blocks.3" for blocks.3.attention.output.weight."""
    first, _, rest = parameter.partition(".")
    second = rest.partition(".")[0]
    return f"{first}.{second}" if second.isdigit() else first


def layer_norms(tensors: Mapping[str, Tensor | None]) -> dict[str, float]:
    """The Euclidean norm over all tensors of each layer, in the order of the model; None counts as zero."""
    there = [(name, tensor) for name, tensor in tensors.items() if tensor is not None]
    squares = {layer_of(name): 0.0 for name in tensors}
    if there:
        norms = torch.stack([norm.float() for norm in torch._foreach_norm([t for _, t in there])]).tolist()
        for (name, _), norm in zip(there, norms, strict=True):
            squares[layer_of(name)] += norm * norm
    return {name: math.sqrt(square) for name, square in squares.items()}


def count_output(log_probs: Tensor, lengths: Tensor) -> tuple[float, float, float, float]:
    """Frames, how many of them are blank, the sum of their entropies in nats, and the tokens written.

    Args:
        log_probs: (B, T, V), blank 0.
        lengths: (B,) frames.
    """
    real = torch.arange(log_probs.shape[1], device=lengths.device)[None, :] < lengths[:, None]  # (B, T)
    best = log_probs.argmax(dim=-1)
    entropy = -(log_probs.exp() * log_probs).nansum(dim=-1)
    before = torch.nn.functional.pad(best[:, :-1], (1, 0))
    written = real & (best != 0) & (best != before)
    values = [real.sum(), (real & (best == 0)).sum(), (entropy * real).sum(), written.sum()]
    frames, blanks, nats, tokens = torch.stack([value.float() for value in values]).tolist()
    return frames, blanks, nats, tokens
