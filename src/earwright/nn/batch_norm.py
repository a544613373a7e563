"""Batch norm whose forward pass writes nothing, for copies of a model that share what they have."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class BatchNorm(nn.Module):
    """A channel's mean and deviation over the whole batch, padding and all; in use, their running averages.

    Torch's own writes the averages in its forward pass, which copies that share them must not do at one time
    (`Lanes`); this notes what it has seen.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int, momentum: float = 0.1) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))
        self.momentum = momentum
        self.noted: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        mean, variance = self.mean, self.variance
        if self.training:
            variance, mean = torch.var_mean(x.float(), dim=(0, 1), correction=0)
            self.noted.append(torch.stack([mean, variance]).detach())
        scale = self.weight * (variance + 1e-5).rsqrt()
        return x * scale.to(x.dtype) + (self.bias - mean * scale).to(x.dtype)

    def learn(self, noted: Sequence[Tensor]) -> None:
        """Take in the (2, C) that copies have noted, each a batch."""
        for mean, variance in noted:
            self.mean.lerp_(mean.to(self.mean.device), self.momentum)
            self.variance.lerp_(variance.to(self.mean.device), self.momentum)
