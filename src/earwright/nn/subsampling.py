"""From a hundred feature frames a second to twenty-five."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from earwright.nn.context import length_mask


def patches(x: Tensor) -> Tensor:
    """The 3 x 3 surroundings of every second frame and band: (B, T, F) -> (B, ceil(T/2), ceil(F/2), 9).

    A convolution from one channel is a matrix product over these; torch's own took 8 % of a step on a
    CPU, nearly all of it for the gradient of 288 weights.
    """
    x = F.pad(x, (1, 1, 1, 1))
    frames, bands = x.shape[1] - 2, x.shape[2] - 2
    shifted = [x[:, i : i + frames : 2, j : j + bands : 2] for i in range(3) for j in range(3)]
    return torch.stack(shifted, dim=-1)


class ConvSubsampling(nn.Module):
    """Two small 2-D convolutions of stride 2 over (time, mel band), then a linear layer: four frames to one.

    Seeing the bands as an image lets a formant move up or down with the speaker. The channels are few
    and last in memory: about 7 % of a training step of the 10 M Conformer.

    Args:
        n_features: F, bands a frame.
        dim: D, channels out.
        channels: of the two convolutions.
    """

    factor = 4

    def __init__(self, n_features: int, dim: int, channels: int = 32) -> None:
        super().__init__()
        self.patch = nn.Linear(9, channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=2, padding=1)
        bands = (n_features + 3) // 4  # halved twice, rounded up
        self.linear = nn.Linear(channels * bands, dim)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in its stubs

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Subsample; frames beyond `lengths` must be zero.

        Args:
            x: (B, T, F).
            lengths: (B,) real frames.

        Returns:
            (B, ceil(T / 4), D) and lengths (B,).
        """
        image = F.relu(self.patch(patches(x)))  # (B, T/2, F/2, C)
        image = image.permute(0, 3, 1, 2)  # (B, C, T/2, F/2), the channels still last in memory
        lengths = (lengths + 1) // 2
        real = length_mask(lengths, image.shape[2])[:, None, :, None]
        image = F.relu(self.conv2(image * real.to(image.dtype)))  # (B, C, T/4, F/4)
        lengths = (lengths + 1) // 2
        frames = image.permute(0, 2, 3, 1).flatten(2)  # (B, T/4, F/4 * C): no copy when channels are last
        return self.linear(frames), lengths
