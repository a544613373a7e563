"""Multi-head self-attention with rotary positions."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def rotary_angles(frames: int, head_dim: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines that turn each pair of channels by an angle proportional to time.

    Source: RoFormer, Su et al. 2021 (arXiv:2104.09864), section 3.2.

    Returns:
        cos, sin: (T, head_dim / 2) float32 each.
    """
    rates = 10000.0 ** (-torch.arange(0, head_dim, 2, device=device, dtype=torch.float32) / head_dim)
    angles = torch.arange(frames, device=device, dtype=torch.float32).unsqueeze(1) * rates
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn channel i together with channel i + head_dim/2: (..., T, head_dim) -> the same shape."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class RotarySelfAttention(nn.Module):
    """Every frame asks (query), answers (key) and tells (value); rotations make answers relative in time.

    Args:
        dim: D, channels.
        heads: H; D must be divisible by 2 H.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.head_dim = dim // heads
        self.to_qkv = nn.Linear(dim, 3 * dim)
        self.to_out = nn.Linear(dim, dim)

    def forward(self, x: Tensor, allowed: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
        """Attend.

        Args:
            x: (B, T, D).
            allowed: bool, broadcastable to (B, H, T, T); True where a key may be seen.
            angles: cos and sin from `rotary_angles`.

        Returns:
            (B, T, D).
        """
        batch, frames, dim = x.shape
        qkv = self.to_qkv(x).view(batch, frames, 3, self.heads, self.head_dim)
        cos, sin = (angle.to(qkv.dtype) for angle in angles)
        query, key = rotate(qkv[:, :, :2].permute(2, 0, 3, 1, 4), cos, sin).unbind(0)  # each (B, H, T, D/H)
        value = qkv[:, :, 2].transpose(1, 2)
        query = query * self.head_dim**-0.5
        # Written out rather than scaled_dot_product_attention: on CPUs the fused kernel took three
        # times as long in bfloat16 at our lengths (a few hundred frames), and this exports as it reads.
        scores = query @ key.transpose(-1, -2)  # (B, H, T, T)
        # A large finite number, not -inf, so that a row without any allowed key stays finite.
        weights = scores.masked_fill(~allowed, -30000.0).softmax(dim=-1)
        out = (weights @ value).transpose(1, 2).reshape(batch, frames, dim)
        result: Tensor = self.to_out(out)
        return result
