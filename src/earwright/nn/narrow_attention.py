"""Attention of narrow heads on a CPU, forwards and backwards, without ever holding the T x T weights.

PyTorch's fused attention multiplies small matrices, and with 8 numbers a head these are so narrow that most
of the work is not arithmetic. Here a cell takes about half of the time, forwards and backwards together, and
a step of the walk-through's model too (`benchmarks/reference_speed.py`). The loops run over keys side
by side, in pieces that stay in the fastest cache; queries go by one after the other, four for each sum over
queries.

Source: Milakov and Gimelshein 2018 (arXiv:1805.02867), softmax in one pass; Dao et al. 2022
(arXiv:2205.14135), section 3 and appendix B, weights made again from their log-sums in the backward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from numba import types
from numba.extending import intrinsic
from torch import Tensor

from earwright.compiling import compile_kernel

Array = npt.NDArray[np.float32]

WIDEST = 16  # numbers a head; with more, PyTorch's is quick enough
LONG = 256  # frames from which on it is worth while
KEYS = 512  # in a piece: with 8 numbers a head, keys and values of a piece take 32 KB
F = np.float32


def is_narrow(query: Tensor) -> bool:
    """Whether `narrow_attention` takes (B, H, T, d) and is quicker with it."""
    width, frames = query.shape[3], query.shape[2]
    return query.device.type == "cpu" and width <= WIDEST and width % 4 == 0 and frames >= LONG


def narrow_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """softmax(query key' / sqrt(d)) value, in float32 whatever the precision around it.

    Args:
        query, key, value: (B, H, T, d), d a multiple of 4; every frame sees all.

    Returns:
        (B, H, T, d) float32.
    """
    with torch.autocast("cpu", enabled=False):
        scaled = query.float() * query.shape[3] ** -0.5
        result: Tensor = _attention(scaled, key.float(), value.float())[0]
    return result


# Operators of PyTorch's own kind, so that a step's memory can be estimated with tensors that hold nothing.
@torch.library.custom_op("earwright::narrow_attention", mutates_args=(), device_types="cpu")
def _attention(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Of queries that are scaled already: (B, H, T, d), and the logarithms of the sums (B * H, T')."""
    frames = query.shape[2]
    q, k, v = map(_columns, (query, key, value))
    out, sums = np.zeros_like(q), np.zeros((q.shape[0], q.shape[2]), np.float32)
    _side_by_side(lambda n: _forward(q[n], k[n], v[n], frames, out[n], sums[n]), len(q))
    return _rows(out, query.shape), torch.from_numpy(sums)


@torch.library.custom_op("earwright::narrow_attention_backward", mutates_args=(), device_types="cpu")
def _attention_backward(
    gradient: Tensor, query: Tensor, key: Tensor, value: Tensor, out: Tensor, sums: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    frames = query.shape[2]
    g, q, k, v, o = map(_columns, (gradient, query, key, value, out))
    dq, dk, dv = (np.zeros_like(q) for _ in range(3))
    log_sums = sums.numpy()

    def work(n: int) -> None:
        _backward(q[n], k[n], v[n], frames, o[n], log_sums[n], g[n], dq[n], dk[n], dv[n])

    _side_by_side(work, len(q))
    return _rows(dq, query.shape), _rows(dk, query.shape), _rows(dv, query.shape)


def _fake(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    batch, heads, frames, _ = query.shape
    return torch.empty_like(query), query.new_empty(batch * heads, -(-frames // 4) * 4)


def _fake_backward(gradient: Tensor, query: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(query), torch.empty_like(query), torch.empty_like(query)


def _keep(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(*inputs, *output)


def _gradients(ctx: Any, gradient: Tensor, _: Any) -> tuple[Tensor, Tensor, Tensor]:
    found: tuple[Tensor, Tensor, Tensor] = _attention_backward(gradient, *ctx.saved_tensors)
    return found


_attention.register_fake(_fake)
_attention_backward.register_fake(_fake_backward)
_attention.register_autograd(_gradients, setup_context=_keep)


def _columns(x: Tensor) -> Array:
    """(B, H, T, d) -> (B * H, d, T'), T' the next multiple of 4; zeros behind."""
    batch, heads, frames, width = x.shape
    columns = np.zeros((batch * heads, width, -(-frames // 4) * 4), np.float32)
    columns[:, :, :frames] = x.detach().reshape(batch * heads, frames, width).numpy().transpose(0, 2, 1)
    return columns


def _rows(columns: Array, shape: torch.Size) -> Tensor:
    """The way back."""
    rows = np.ascontiguousarray(columns[:, :, : shape[2]].transpose(0, 2, 1))
    return torch.from_numpy(rows).view(shape)


def _side_by_side(work: Callable[[int], None], count: int) -> None:
    """On as many cores as PyTorch would use here: in a lane of several that is one."""
    threads = min(torch.get_num_threads(), count)
    if threads == 1:
        for number in range(count):
            work(number)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(count)))


# -- kernels: columns of q, k, v and the rest are frames, rows are the numbers of a head --------------------


@intrinsic
def _as_float(context: Any, bits: Any) -> Any:
    """The float32 that has these bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.float32))

    return types.float32(types.int32), generate


def _kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    # Sums in any order, or nothing is computed side by side; no infinities or NaN come in.
    return compile_kernel(function, nogil=True, fastmath=True)


@_kernel
def _exp(x: Any) -> Any:
    """e^x of x <= 0, to 2e-7 of itself: 2^n by its bits, the rest by a polynomial. Below -87 it is 1e-38."""
    t = max(x, F(-87.0)) * F(1.44269504)
    n = np.floor(t + F(0.5))
    f = t - n
    p = F(1.5403530e-4)
    p = p * f + F(1.33335581e-3)
    p = p * f + F(9.61812911e-3)
    p = p * f + F(5.55041087e-2)
    p = p * f + F(2.40226507e-1)
    p = p * f + F(6.93147181e-1)
    p = p * f + F(1.0)
    return p * _as_float((np.int32(n) + np.int32(127)) << np.int32(23))  # type: ignore[call-arg]


@_kernel
def _dots(q: Any, i: int, k: Any, first: int, count: int, scores: Any) -> None:
    """scores[j] = sum over c of q[c, i] k[c, first + j]."""
    last = first + count
    scores[:count] = F(0)
    for c in range(0, q.shape[0], 4):
        qa, qb, qc, qd = q[c, i], q[c + 1, i], q[c + 2, i], q[c + 3, i]
        ka, kb, kc, kd = k[c, first:last], k[c + 1, first:last], k[c + 2, first:last], k[c + 3, first:last]
        for j in range(count):
            scores[j] += qa * ka[j] + qb * kb[j] + qc * kc[j] + qd * kd[j]


@_kernel
def _gather(weights: Any, v: Any, first: int, count: int, kept: Any, out: Any, i: int) -> None:
    """out[c, i] = kept * out[c, i] + sum over j of weights[j] v[c, first + j]."""
    last = first + count
    for c in range(0, v.shape[0], 4):
        va, vb, vc, vd = v[c, first:last], v[c + 1, first:last], v[c + 2, first:last], v[c + 3, first:last]
        a, b, e, d = F(0), F(0), F(0), F(0)
        for j in range(count):
            a += weights[j] * va[j]
            b += weights[j] * vb[j]
            e += weights[j] * vc[j]
            d += weights[j] * vd[j]
        out[c, i] = out[c, i] * kept + a
        out[c + 1, i] = out[c + 1, i] * kept + b
        out[c + 2, i] = out[c + 2, i] * kept + e
        out[c + 3, i] = out[c + 3, i] * kept + d


@_kernel
def _spread(weights: Any, q: Any, i: int, first: int, count: int, out: Any) -> None:
    """out[c, first + j] += sum over four r of weights[r, j] q[c, i + r]."""
    wa, wb, wc, wd = weights[0, :count], weights[1, :count], weights[2, :count], weights[3, :count]
    for c in range(q.shape[0]):
        a, b, e, d = q[c, i], q[c, i + 1], q[c, i + 2], q[c, i + 3]
        row = out[c, first : first + count]
        for j in range(count):
            row[j] += a * wa[j] + b * wb[j] + e * wc[j] + d * wd[j]


@_kernel
def _forward(q: Any, k: Any, v: Any, frames: int, out: Any, log_sums: Any) -> None:
    """One head: q, k, v, out (d, T') with `frames` that are real; log_sums (T',) of the exponentials."""
    scores = np.empty(KEYS, np.float32)
    top = np.full(frames, F(-1e30), np.float32)
    total = np.zeros(frames, np.float32)
    for first in range(0, frames, KEYS):
        count = min(KEYS, frames - first)
        for i in range(frames):
            _dots(q, i, k, first, count, scores)
            highest = top[i]
            for j in range(count):
                highest = max(highest, scores[j])
            kept, top[i] = _exp(top[i] - highest), highest
            here = F(0)
            for j in range(count):
                scores[j] = _exp(scores[j] - highest)
                here += scores[j]
            total[i] = total[i] * kept + here
            _gather(scores, v, first, count, kept, out, i)
    for i in range(frames):
        log_sums[i] = top[i] + np.log(total[i])
        for c in range(q.shape[0]):
            out[c, i] /= total[i]


@_kernel
def _backward(
    q: Any, k: Any, v: Any, frames: int, out: Any, log_sums: Any, g: Any, dq: Any, dk: Any, dv: Any
) -> None:
    """One head: g (d, T') the gradient of out; dq, dk, dv (d, T') zeros that become theirs.

    Frames that are not real have g = 0, and so give nothing to dk and dv.
    """
    weights, slopes = np.empty((4, KEYS), np.float32), np.empty((4, KEYS), np.float32)
    shared = np.zeros(q.shape[1], np.float32)  # what a change of all weights of a query alike would do
    for c in range(q.shape[0]):
        for i in range(q.shape[1]):
            shared[i] += g[c, i] * out[c, i]
    for first in range(0, frames, KEYS):
        count = min(KEYS, frames - first)
        for start in range(0, q.shape[1], 4):
            for r in range(4):
                i, w, s = start + r, weights[r], slopes[r]
                log_sum, common = log_sums[i], shared[i]
                _dots(q, i, k, first, count, w)
                _dots(g, i, v, first, count, s)
                for j in range(count):
                    w[j] = _exp(w[j] - log_sum)
                    s[j] = w[j] * (s[j] - common)
                _gather(s, k, first, count, F(1), dq, i)
            _spread(slopes, q, start, first, count, dk)
            _spread(weights, g, start, first, count, dv)
