"""Attention of narrow heads against PyTorch's own, in float64."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from earwright.nn.narrow_attention import KEYS, LONG, is_narrow, narrow_attention


def random(seed: int, *shape: int, loud: float = 1.0) -> Tensor:
    return loud * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def with_gradients(attend: object, inputs: list[Tensor], gradient: Tensor) -> list[Tensor]:
    leaves = [one.detach().clone().requires_grad_() for one in inputs]
    out = attend(*leaves)  # type: ignore[operator]
    out.backward(gradient.to(out.dtype))
    return [out.detach(), *(leaf.grad for leaf in leaves if leaf.grad is not None)]


def close(found: list[Tensor], expected: list[Tensor], tolerance: float = 2e-5) -> None:
    assert len(found) == len(expected) == 4
    for a, b in zip(found, expected, strict=True):
        assert (a.double() - b.double()).abs().max() <= tolerance * b.abs().max()


@settings(max_examples=20, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 40) | st.integers(KEYS - 3, KEYS + 5) | st.just(2 * KEYS + 1),
    st.sampled_from([4, 8, 12, 16]),
    st.sampled_from([0.01, 1.0, 5.0]),
    st.integers(0, 99),
)
def test_it_is_attention_and_so_are_its_gradients(
    batch: int, heads: int, frames: int, width: int, loud: float, seed: int
) -> None:
    inputs = [random(3 * seed + n, batch, heads, frames, width, loud=loud) for n in range(3)]
    gradient = random(seed + 1000, batch, heads, frames, width)
    found = with_gradients(narrow_attention, inputs, gradient)
    expected = with_gradients(F.scaled_dot_product_attention, [x.double() for x in inputs], gradient)
    close(found, expected, 1e-4 if loud > 1 else 2e-5)


def test_one_frame_that_is_much_louder_than_all_others() -> None:
    """Scores of hundreds: all exponentials but one vanish, none overflows."""
    inputs = [random(n, 1, 1, 700, 8) for n in range(3)]
    inputs[1][0, 0, 650] *= 200.0
    gradient = random(9, 1, 1, 700, 8)
    found = with_gradients(narrow_attention, inputs, gradient)
    expected = with_gradients(F.scaled_dot_product_attention, [x.double() for x in inputs], gradient)
    assert all(bool(torch.isfinite(one).all()) for one in found)
    close(found, expected, 1e-3)


def test_threads_and_memory_layout_change_nothing() -> None:
    inputs = [random(n, 2, 300, 3, 8).transpose(1, 2) for n in range(3)]
    gradient = random(9, 2, 300, 3, 8).transpose(1, 2)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            results.append(with_gradients(narrow_attention, inputs, gradient))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_in_bf16_it_is_computed_in_float32() -> None:
    inputs = [random(n, 1, 2, 300, 8) for n in range(3)]
    with torch.autocast("cpu", torch.bfloat16):
        found = narrow_attention(*[one.bfloat16() for one in inputs])
    expected = narrow_attention(*[one.bfloat16().float() for one in inputs])
    assert found.dtype == torch.float32 and torch.equal(found, expected)


@pytest.mark.parametrize("shape, narrow", [((2, 4, LONG, 8), True), ((2, 4, LONG - 1, 8), False)])
def test_what_it_is_for(shape: tuple[int, ...], narrow: bool) -> None:
    assert is_narrow(torch.empty(shape)) == narrow
    assert not is_narrow(torch.empty(*shape[:3], 48))
    assert not is_narrow(torch.empty(*shape[:3], 6))


def test_its_memory_can_be_estimated() -> None:
    with FakeTensorMode():
        inputs = [torch.empty(2, 4, 301, 8, requires_grad=True) for _ in range(3)]
        out = narrow_attention(*inputs)
        out.sum().backward()
        assert out.shape == (2, 4, 301, 8)
        assert all(one.grad is not None and one.grad.shape == one.shape for one in inputs)
