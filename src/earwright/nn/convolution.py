"""The Conformer's convolution module, full or chunk by chunk."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from earwright.nn.context import Context


class _TapByTap(torch.autograd.Function):
    """A depthwise convolution as one multiply-and-add a tap, on frames as they lie in memory (B, T, D).

    In place of torch's own, for two reasons. oneDNN, which does it on CPUs, never ends making its kernel
    for some shapes (bfloat16, 144 channels, 34 frames, seven utterances, for one: oneDNN in PyTorch 2.13
    on AVX-512), and makes a new kernel for every new shape. And its gradient takes longer than this one.
    Sums are float32 in any precision.
    """

    @staticmethod
    def forward(ctx: Any, padded: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """(B, T + K - 1, D), (K, D), (D,) -> (B, T, D)."""
        taps = weight.shape[0]
        frames = padded.shape[1] - taps + 1
        ctx.save_for_backward(padded, weight)
        x = padded.float()
        out = torch.addcmul(bias.float(), x[:, :frames], weight[0].float())
        for tap in range(1, taps):
            out.addcmul_(x[:, tap : tap + frames], weight[tap].float())
        return out.to(padded.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The gradient to the input is the same convolution with the taps the other way round."""
        padded, weight = ctx.saved_tensors
        taps, frames = weight.shape[0], grads[0].shape[1]
        grad, x = grads[0].float(), padded.float()
        grad_padded = torch.zeros_like(x)
        grad_weight = torch.empty_like(weight, dtype=torch.float32)
        for tap in range(taps):
            grad_padded[:, tap : tap + frames].addcmul_(grad, weight[tap].float())
            grad_weight[tap] = (x[:, tap : tap + frames] * grad).sum((0, 1))
        return grad_padded.to(padded.dtype), grad_weight.to(weight.dtype), grad.sum((0, 1))


class DepthwiseConvolution(nn.Module):
    """One filter over time for each channel.

    With a context, a frame sees the past and its own chunk, never the next chunk: windows of
    (half a kernel of past + chunk) are convolved one by one, with zeros to their right.

    Args:
        dim: D, channels.
        kernel_size: frames, odd.
    """

    def __init__(self, dim: int, kernel_size: int) -> None:
        super().__init__()
        self.reach = kernel_size // 2
        self.weight = nn.Parameter(torch.empty(kernel_size, dim))
        self.bias = nn.Parameter(torch.zeros(dim))
        nn.init.uniform_(self.weight, -(kernel_size**-0.5), kernel_size**-0.5)

    def forward(self, x: Tensor, context: Context | None = None) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        if context is None:
            return self._convolve(F.pad(x, (0, 0, self.reach, self.reach)))
        batch, frames, dim = x.shape
        chunks = (frames + context.chunk - 1) // context.chunk  # ONNX divides negative numbers another way
        padded = F.pad(x, (0, 0, self.reach, chunks * context.chunk - frames))
        windows = padded.unfold(1, context.chunk + self.reach, context.chunk)  # (B, chunks, D, half + chunk)
        windows = windows.permute(0, 1, 3, 2).reshape(batch * chunks, -1, dim)
        windows = F.pad(windows, (0, 0, 0, self.reach))
        return self._convolve(windows).reshape(batch, -1, dim)[:, :frames]

    def _convolve(self, padded: Tensor) -> Tensor:
        """(B, T + K - 1, D) -> (B, T, D)."""
        if padded.device.type == "cpu" and not torch.compiler.is_exporting():
            out: Tensor = _TapByTap.apply(padded, self.weight, self.bias)  # type: ignore[no-untyped-call]
            return out
        weight = self.weight.t().unsqueeze(1)  # (D, 1, K)
        return F.conv1d(padded.transpose(1, 2), weight, self.bias, groups=padded.shape[2]).transpose(1, 2)


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
