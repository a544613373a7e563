"""The Conformer's convolution module, full or chunk by chunk."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from earwright.nn.context import Context


class DepthwiseConvolution(nn.Module):
    """One filter over time for each channel, on frames as they lie in memory.

    With a context, a frame sees the past and its own chunk, never the next chunk: windows of
    (half a kernel of past + chunk) are convolved one by one, with zeros to their right.

    Args:
        dim: D, channels.
        kernel_size: frames, odd.
    """

    def __init__(self, dim: int, kernel_size: int) -> None:
        super().__init__()
        self.reach = kernel_size // 2
        self.weight = nn.Parameter(torch.empty(dim, 1, 1, kernel_size))
        self.bias = nn.Parameter(torch.zeros(dim))
        nn.init.uniform_(self.weight, -(kernel_size**-0.5), kernel_size**-0.5)

    def forward(self, x: Tensor, context: Context | None = None) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        if context is None:
            return self._convolve(x, self.reach)
        batch, frames, dim = x.shape
        chunks = (frames + context.chunk - 1) // context.chunk  # ONNX divides negative numbers another way
        padded = F.pad(x, (0, 0, self.reach, chunks * context.chunk - frames))
        windows = padded.unfold(1, context.chunk + self.reach, context.chunk)  # (B, chunks, D, half + chunk)
        windows = windows.permute(0, 1, 3, 2).reshape(batch * chunks, -1, dim)
        windows = F.pad(windows, (0, 0, 0, self.reach))
        return self._convolve(windows, 0).reshape(batch, -1, dim)[:, :frames]

    def _convolve(self, x: Tensor, padding: int) -> Tensor:
        # Seen as an image (B, D, 1, T) whose memory is channels-last, so that nothing is copied:
        # three times as fast on CPUs as a Conv1d on the transposed tensor.
        image = x.transpose(1, 2).unsqueeze(2)
        out = F.conv2d(image, self.weight, self.bias, padding=(0, padding), groups=x.shape[2])
        return out.squeeze(2).transpose(1, 2)


class ConvolutionModule(nn.Module):
    """Pointwise, gate, depthwise over time, norm, SiLU, pointwise.

    Source: Conformer, Gulati et al. 2020 (arXiv:2005.08100), section 2.2; layer norm in place of
    batch norm, so that neither neighbours in the batch nor padding can change a result.
    """

    def __init__(self, dim: int, kernel_size: int) -> None:
        super().__init__()
        self.expand = nn.Linear(dim, 2 * dim)
        self.depthwise = DepthwiseConvolution(dim, kernel_size)
        self.norm = nn.LayerNorm(dim)
        self.project = nn.Linear(dim, dim)

    def forward(self, x: Tensor, real: Tensor, context: Context | None = None) -> Tensor:
        """(B, T, D) and real (B, T, 1), 1.0 where a frame is real -> (B, T, D)."""
        # Padded frames carry biases by now; as zeros they equal what a clip alone is padded with.
        x = F.glu(self.expand(x), dim=-1) * real.to(x.dtype)
        x = F.silu(self.norm(self.depthwise(x, context)))
        result: Tensor = self.project(x)
        return result
