"""Features with mean 0 and variance 1 over the training set."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from earwright.nn.context import length_mask


class FeatureNormalization(nn.Module):
    """Subtract a mean and divide by a deviation, both constants of the training set.

    Constants, not statistics of the utterance, so that a stream and a file see the same numbers.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, F) and lengths (B,) -> (B, T, F), zero beyond the lengths."""
        normalized = (features - self.mean) * self.scale
        return normalized * length_mask(lengths, features.shape[1]).unsqueeze(-1).to(features.dtype)

    @torch.no_grad()
    def set_from(self, frames: Tensor, alike: bool = False) -> None:
        """Take mean and deviation from frames (N, F) of the training set.

        Args:
            frames: of it.
            alike: all features are the same thing, samples around 0: no mean, and one scale for all.
        """
        if alike:
            self.mean.zero_()
            self.scale.fill_(1.0 / float(frames.square().mean().sqrt().clamp(min=1e-4)))
            return
        self.mean.copy_(frames.mean(dim=0))
        # A band that never changes (above an MP3's cut-off, say) must not be blown up.
        self.scale.copy_(1.0 / frames.std(dim=0).clamp(min=0.1))
