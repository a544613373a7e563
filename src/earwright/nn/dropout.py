"""Dropout whose mask is shared by all frames of an utterance, so that drawing it costs nothing."""

from __future__ import annotations

from torch import Tensor, nn

from earwright.nn.randomness import uniform


class SharedDropout(nn.Module):
    """Drops whole channels of an utterance: one mask (B, 1, D) for all T frames.

    An independent mask a frame costs more on a CPU than the matrix product before it (the random
    numbers are drawn by one thread), and neighbouring frames would fill each other's gaps anyway.
    Source: Kaldi's `dropout-per-dim` with time-shared masks; Gal and Ghahramani 2016.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        if not self.training or self.probability == 0.0:
            return x
        keep = 1.0 - self.probability
        mask = uniform(x.shape[0], 1, x.shape[2]) < keep
        return x * (mask / keep).to(x)
