from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from earwright.nn.context import Context
from earwright.nn.convolution import DepthwiseConvolution


def depthwise(dim: int, kernel_size: int) -> DepthwiseConvolution:
    torch.manual_seed(dim + kernel_size)
    module = DepthwiseConvolution(dim, kernel_size)
    torch.nn.init.normal_(module.bias)
    return module


def by_torch(module: DepthwiseConvolution, x: torch.Tensor) -> torch.Tensor:
    """torch's own grouped convolution in float64, which oneDNN does not do: the oracle."""
    weight = module.weight.double().t().unsqueeze(1)
    out = F.conv1d(
        x.double().transpose(1, 2), weight, module.bias.double(), padding=module.reach, groups=x.shape[2]
    )
    return out.transpose(1, 2)


@settings(max_examples=40)
@given(
    batch=st.integers(1, 3),
    frames=st.integers(1, 40),
    dim=st.integers(1, 20),
    kernel_size=st.sampled_from([1, 3, 5, 15]),
)
def test_values_and_gradients_equal_torchs(batch: int, frames: int, dim: int, kernel_size: int) -> None:
    module = depthwise(dim, kernel_size)
    x = torch.randn(batch, frames, dim, requires_grad=True)
    direction = torch.randn(batch, frames, dim)
    wanted = by_torch(module, x)
    got = module(x)
    torch.testing.assert_close(got.double(), wanted, atol=1e-5, rtol=1e-5)
    inputs = (x, module.weight, module.bias)
    for mine, theirs in zip(
        torch.autograd.grad((got * direction).sum(), inputs),
        torch.autograd.grad((wanted * direction).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("shape", [(7, 34, 144), (1, 56, 144), (13, 62, 144), (8, 125, 256)])
def test_shapes_for_which_onednn_never_ends(shape: tuple[int, int, int]) -> None:
    """In bfloat16 the first three stand still inside oneDNN of PyTorch 2.13 on AVX-512."""
    module = depthwise(shape[2], 15)
    x = torch.randn(shape)
    with torch.autocast("cpu", torch.bfloat16):
        out = module(x.bfloat16())
    assert out.dtype == torch.bfloat16
    wanted = by_torch(module, x.bfloat16())
    torch.testing.assert_close(out.double(), wanted, atol=2e-2, rtol=2e-2)
    out.float().sum().backward()
    assert module.weight.grad is not None and bool(module.weight.grad.isfinite().all())


@given(frames=st.integers(1, 50), chunk=st.integers(1, 12))
def test_chunks_see_the_past_and_themselves(frames: int, chunk: int) -> None:
    module = depthwise(4, 5)
    x = torch.randn(2, frames, 4)
    out = module(x, Context(chunk, 100))
    for start in range(0, frames, chunk):
        seen = x[:, : start + chunk]  # nothing of the next chunk
        torch.testing.assert_close(
            out[:, start : start + chunk].double(), by_torch(module, seen)[:, start:], atol=1e-5, rtol=1e-5
        )
