"""Size and shape of a reference model, checked before it is built."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from earwright.errors import EarwrightError
from earwright.nn.rvq import QuantizerOptions


@dataclass(frozen=True)
class ReferenceOptions:
    """Size and shape of a reference model; the defaults are those of recipes/reference.toml.

    Attributes:
        kind: "reference".
        dim: D, channels of the Transformer.
        pool: samples that are averaged into one before everything else.
        strides: of the downsampling blocks; with `pool` they multiply to samples a frame.
        hop: samples from one place where the first block looks for its patterns to the next; its stride is a
            multiple of it.
        hidden: channels of each block.
        kernels: of each block's first convolution, in samples as they are there.
        reduce_kernels: of its second one, which reduces; nothing for the same.
        final_kernel: of the final projection, in frames.
        layers: Transformer blocks.
        heads: attention heads; dim must be divisible by their number.
        feed_forward: hidden channels of a feed-forward, as a multiple of dim.
        dropout: probability on each branch and inside the feed-forward.
        even_start: convolutions begin as loud as what they hear, and those that reduce mostly as averages;
            otherwise all at random, as PyTorch has it.
        filters: how the first convolution begins: "mel", as bands that are equally wide in mel, or "random".
        compress: whether the first block ends with a logarithm (of both signs).
        norm: of the downsampling: "clip" is one behind the first block that looks at a channel over the time
            of a clip, "batch" one in each block over the whole batch, padding and all.
        norm_first: norms before the branches of the Transformer (and one at its end), or after them.
        intermediate_ctc: a CTC loss also after these blocks, 0 before the first (arXiv:2102.03216): while all
            say only blanks, it reaches the convolutions past layers that have learnt to look away.
        intermediate_weight: share of the intermediate losses in the total.
        masks: padding is hidden from convolutions, attention, quantizer and loss. Without, a clip's result
            depends on what it is batched with.
        quantize: whether there is a quantizer at all.
        quantizer: its size and upkeep.
        vq_start: share of all steps before codes are in use, with the quantizer's `start` "kmeans": frames of
            a model that says only blanks are all alike, and codes put among them are of no use later.
        vq_weight: of the quantizer's losses at the first step,
        vq_weight_end: and after `vq_steps`; it falls in a line between them.
        vq_steps: see there.
    """

    kind: str = "reference"
    dim: int = 192
    pool: int = 2
    strides: tuple[int, ...] = (40, 2, 2)
    hop: int = 4
    hidden: tuple[int, ...] = (64, 128, 192)
    kernels: tuple[int, ...] = (128, 5, 5)
    reduce_kernels: tuple[int, ...] = (20, 4, 4)
    final_kernel: int = 5
    layers: int = 6
    heads: int = 4
    feed_forward: float = 4.0
    dropout: float = 0.1
    even_start: bool = True
    filters: str = "mel"
    compress: bool = True
    norm: str = "clip"
    norm_first: bool = True
    intermediate_ctc: tuple[int, ...] = (0, 3)
    intermediate_weight: float = 0.3
    masks: bool = True
    quantize: bool = True
    quantizer: QuantizerOptions = field(default_factory=lambda: QuantizerOptions(code_dim=16))
    vq_start: float = 0.2
    vq_weight: float = 1.0
    vq_weight_end: float = 1.0
    vq_steps: int = 0

    def __post_init__(self) -> None:
        if not self.reduce_kernels:
            object.__setattr__(self, "reduce_kernels", self.kernels)
        self._check_blocks()
        _check(
            (self.dim > 0 and self.layers > 0 and self.heads > 0, "dim, layers and heads must be above 0"),
            (
                self.dim % 2 == 0 and self.dim % max(1, self.heads) == 0,
                f"dim {self.dim} must be even and divisible by {self.heads} heads",
            ),
            (self.feed_forward > 0, "feed_forward must be above 0"),
            (0 <= self.dropout < 1, "dropout must lie in [0, 1)"),
            (
                all(0 <= index < self.layers for index in self.intermediate_ctc),
                f"intermediate_ctc must name blocks before the last, 0 to {self.layers - 1}",
            ),
            (0 <= self.intermediate_weight < 1, "intermediate_weight must lie in [0, 1)"),
            (self.norm in ("clip", "batch"), f'norm "{self.norm}" is neither clip nor batch'),
            (self.filters in ("mel", "random"), f'filters "{self.filters}" is neither mel nor random'),
            (0 <= self.vq_start < 1, f"vq_start is {self.vq_start}; give a share of the steps, below 1"),
            (
                self.vq_weight >= 0 and self.vq_weight_end >= 0 and self.vq_steps >= 0,
                "vq_weight, vq_weight_end and vq_steps must be 0 or more",
            ),
        )

    def _check_blocks(self) -> None:
        names = ("strides", "hidden", "kernels", "reduce_kernels")
        counts = {name: len(getattr(self, name)) for name in names}
        _check(
            (
                self.strides and min(self.strides) >= 1,
                f"strides {list(self.strides)}: a stride is 1 or more",
            ),
            (self.pool >= 1, f"pool is {self.pool}; give 1 for none, or more"),
            (
                len(set(counts.values())) == 1,
                f"{', '.join(f'{name} names {count}' for name, count in counts.items())} blocks; name each "
                "as often",
            ),
        )
        _check(
            (
                min(*self.hidden, self.final_kernel) >= 1,
                "hidden and final_kernel must be above 0",
            ),
            (
                self.hop >= 1 and self.strides[0] % self.hop == 0,
                f"hop is {self.hop}; give a number that divides the first stride, {self.strides[0]}",
            ),
        )
        strides = (self.strides[0] // self.hop, *self.strides[1:])
        _check(
            (
                self.kernels[0] >= self.hop
                and min(self.kernels) >= 1
                and all(k >= s for k, s in zip(self.reduce_kernels, strides, strict=True)),
                f"kernels {list(self.kernels)} and reduce_kernels {list(self.reduce_kernels)} are shorter "
                f"than the steps they take, {self.hop} and {list(strides)}: what lies between would not be "
                "heard",
            ),
        )

    @property
    def downsampling(self) -> int:
        """R: samples a frame."""
        return self.pool * math.prod(self.strides)


def _check(*checks: tuple[Any, str]) -> None:
    for fine, message in checks:
        if not fine:
            raise EarwrightError(f"[model] {message}.")
