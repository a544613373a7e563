"""The Conformer: attention for what is far, convolution for what is near, CTC for the rest.

Source: Gulati et al. 2020 (arXiv:2005.08100). What differs, and why: rotary positions (nothing to
learn, exports as it reads), layer norm where they have batch norm (padding must never change a result),
the middle layers at half the frame rate as in a U-Net (twice as fast, and characters still find their
frames at the full rate), dropout masks shared over time (drawing them is the cost on a CPU).

    waveform -> features (B, T, F) at 100 Hz
             -> subsampling (B, T/4, D) at 25 Hz -> first blocks
             -> pairs averaged (B, T/8, D) at 12.5 Hz -> middle blocks -> repeated, added back
             -> last blocks (B, T/4, D) -> linear -> log-probs (B, T/4, V)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from earwright.errors import EarwrightError
from earwright.models.acoustic import AcousticModel, EncoderOutput
from earwright.nn.attention import RotarySelfAttention, rotary_angles
from earwright.nn.context import Context, attention_mask, length_mask
from earwright.nn.convolution import ConvolutionModule
from earwright.nn.dropout import SharedDropout
from earwright.nn.subsampling import ConvSubsampling


@dataclass(frozen=True)
class ConformerOptions:
    """Size and shape of a Conformer.

    Attributes:
        kind: "conformer".
        dim: D, channels of the residual stream.
        layers: number of blocks.
        heads: attention heads; dim must be divisible by twice their number.
        feed_forward: hidden channels of a feed-forward, as a multiple of dim.
        kernel_size: frames of the depthwise convolution, odd.
        stem_channels: channels of the subsampling convolutions.
        half_rate: blocks [first, last) that run at half the frame rate; equal numbers switch it off.
        dropout: probability on each branch and inside the feed-forward.
        stochastic_depth: probability that the last block is skipped in a training step; earlier
            blocks are skipped less, in proportion to their depth (arXiv:1603.09382).
        intermediate_ctc: a CTC loss also after these blocks, 1 the first (arXiv:2102.03216).
        intermediate_weight: share of the intermediate losses in the total.
        self_conditioning: feed the intermediate predictions back into the stream (arXiv:2104.02724).
        context: "full", "limited" (chunk and left context of `chunk_seconds` and `left_seconds`), or
            "drawn" (in training a chunk is drawn from `chunk_seconds` or, every other time, full; files
            are read with full context).
        chunk_seconds: chunk lengths to use or to draw from.
        left_seconds: left context that attention sees beside its chunk.
    """

    kind: str = "conformer"
    dim: int = 256
    layers: int = 10
    heads: int = 4
    feed_forward: float = 4.0
    kernel_size: int = 15
    stem_channels: int = 32
    half_rate: tuple[int, int] = (2, 8)
    dropout: float = 0.1
    stochastic_depth: float = 0.1
    intermediate_ctc: tuple[int, ...] = ()
    intermediate_weight: float = 0.3
    self_conditioning: bool = False
    context: str = "full"
    chunk_seconds: tuple[float, ...] = (0.32, 0.64, 1.28)
    left_seconds: float = 5.12

    def __post_init__(self) -> None:
        first, last = self.half_rate
        checks = (
            (self.dim > 0 and self.layers > 0 and self.heads > 0, "dim, layers and heads must be above 0"),
            (
                self.dim % (2 * max(1, self.heads)) == 0,
                f"dim {self.dim} must be divisible by 2 x {self.heads} heads",
            ),
            (self.kernel_size % 2 == 1, f"kernel_size {self.kernel_size} must be odd"),
            (
                0 <= first <= last <= self.layers,
                f"half_rate {self.half_rate} must lie within 0 and {self.layers}",
            ),
            (0 <= self.dropout < 1 and 0 <= self.stochastic_depth < 1, "probabilities must lie in [0, 1)"),
            (
                all(0 < i < self.layers for i in self.intermediate_ctc),
                "intermediate_ctc must name blocks before the last",
            ),
            (0 <= self.intermediate_weight < 1, "intermediate_weight must lie in [0, 1)"),
            (
                self.context in ("full", "limited", "drawn"),
                f'context "{self.context}" is none of full, limited, drawn',
            ),
            (
                self.context == "full" or bool(self.chunk_seconds),
                "chunk_seconds must name at least one length",
            ),
        )
        for fine, message in checks:
            if not fine:
                raise EarwrightError(f"[model] {message}.")

    @property
    def downsampling(self) -> int:
        """Feature frames in a frame of the output."""
        return ConvSubsampling.factor


class FeedForward(nn.Module):
    """Widen, bend, narrow: what each frame works out by itself."""

    def __init__(self, options: ConformerOptions) -> None:
        super().__init__()
        hidden = int(options.dim * options.feed_forward)
        self.norm = nn.LayerNorm(options.dim)
        self.widen = nn.Linear(options.dim, hidden)
        self.dropout = SharedDropout(options.dropout)
        self.narrow = nn.Linear(hidden, options.dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        result: Tensor = self.narrow(self.dropout(F.silu(self.widen(self.norm(x)))))
        return result


class ConformerBlock(nn.Module):
    """Half a feed-forward, attention, convolution, half a feed-forward, norm (figure 1 of the paper)."""

    def __init__(self, options: ConformerOptions) -> None:
        super().__init__()
        self.feed_forward1 = FeedForward(options)
        self.attention_norm = nn.LayerNorm(options.dim)
        self.attention = RotarySelfAttention(options.dim, options.heads)
        self.convolution_norm = nn.LayerNorm(options.dim)
        self.convolution = ConvolutionModule(options.dim, options.kernel_size)
        self.feed_forward2 = FeedForward(options)
        self.norm = nn.LayerNorm(options.dim)
        self.dropout = SharedDropout(options.dropout)

    def forward(self, x: Tensor, sight: Sight) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        x = x + 0.5 * self.dropout(self.feed_forward1(x))
        x = x + self.dropout(self.attention(self.attention_norm(x), sight.allowed, sight.angles))
        x = x + self.dropout(self.convolution(self.convolution_norm(x), sight.real, sight.context))
        x = x + 0.5 * self.dropout(self.feed_forward2(x))
        result: Tensor = self.norm(x)
        return result


class Sight(NamedTuple):
    """What the blocks at one frame rate need to know of time: made once, used by each of them."""

    real: Tensor  # (B, T, 1) 1.0 where a frame is real
    allowed: Tensor  # attention mask, see attention_mask
    angles: tuple[Tensor, Tensor]  # rotary cos and sin
    context: Context | None

    @classmethod
    def of(cls, lengths: Tensor, frames: int, head_dim: int, context: Context | None) -> Sight:
        """For sequences of `lengths` (B,) padded to `frames`."""
        real = length_mask(lengths, frames)
        allowed = attention_mask(real, context)
        return cls(
            real.unsqueeze(-1).float(), allowed, rotary_angles(frames, head_dim, lengths.device), context
        )


class Conformer(AcousticModel):
    """Features in, log-probs of tokens out.

    Args:
        options: size and shape.
        n_features: F, of the features.
        vocab_size: V, tokens with the blank at 0.
        feature_rate: feature frames a second.
    """

    def __init__(
        self, options: ConformerOptions, n_features: int, vocab_size: int, feature_rate: float = 100.0
    ) -> None:
        super().__init__()
        self.options = options
        self.frame_shift = options.downsampling / feature_rate
        self.stochastic_depth, self.intermediate_weight = (
            options.stochastic_depth,
            options.intermediate_weight,
        )
        self.subsampling = ConvSubsampling(n_features, options.dim, options.stem_channels)
        self.blocks = nn.ModuleList(ConformerBlock(options) for _ in range(options.layers))
        self.output = nn.Linear(options.dim, vocab_size)
        self.feedback = nn.Linear(vocab_size, options.dim) if options.self_conditioning else None

    def forward(
        self,
        features: Tensor,
        lengths: Tensor,
        context: Context | None = None,
        skipped: Sequence[bool] = (),
    ) -> EncoderOutput:
        """Encode.

        Args:
            features: (B, T, F) float32, normalized, zero beyond their lengths.
            lengths: (B,) int64 real frames.
            context: in frames of the output (even), or None for full context.
            skipped: which blocks to leave out of this training step; see `draw`.
        """
        options = self.options
        head_dim = options.dim // options.heads
        x, lengths = self.subsampling(features, lengths)  # (B, T/4, D)
        full = Sight.of(lengths, x.shape[1], head_dim, context)
        half = Sight.of((lengths + 1) // 2, (x.shape[1] + 1) // 2, head_dim, context and context.halved())
        first, last = options.half_rate
        intermediate: list[Tensor] = []
        skip = x
        for index, block in enumerate(self.blocks):
            if index == first < last:
                skip, x = x, average_pairs(x * full.real.to(x.dtype))
            at_half = first <= index < last
            if not (skipped and skipped[index]):
                x = block(x, half if at_half else full)
            if index + 1 == last > first:
                x, at_half = skip + repeat_pairs(x, skip.shape[1]), False
            if index + 1 in options.intermediate_ctc and (self.training or self.feedback is not None):
                log_probs = self._log_probs(repeat_pairs(x, skip.shape[1]) if at_half else x)
                intermediate.append(log_probs)
                if self.feedback is not None:
                    told = self.feedback(log_probs.exp())
                    x = x + (average_pairs(told * full.real) if at_half else told).to(x.dtype)
        return EncoderOutput(self._log_probs(x), lengths, intermediate, frames=x)

    def draw(self) -> tuple[Context | None, list[bool]]:
        """Context and skipped blocks of one training step, from torch's generator.

        Drawn outside of `forward`, so that every process of a distributed run draws the same.
        """
        options = self.options
        depth = torch.arange(1, options.layers + 1) / options.layers
        skipped = (torch.rand(options.layers) < options.stochastic_depth * depth).tolist()
        full, pick = torch.rand(()), int(torch.randint(max(1, len(options.chunk_seconds)), ()))
        return self._context(bool(full < 0.5), pick), skipped

    def _context(self, full: bool, pick: int) -> Context | None:
        options = self.options
        if options.context == "full" or (options.context == "drawn" and full):
            return None
        pick = pick if options.context == "drawn" else 0
        return self.context_of(options.chunk_seconds[pick], options.left_seconds)

    def inference_context(self) -> Context | None:
        """What a file is read with: full context, or the first chunk length if the recipe says "limited"."""
        return self._context(full=True, pick=0)

    def context_of(self, chunk_seconds: float, left_seconds: float) -> Context:
        """A context in frames, the chunk rounded to an even number so that it halves."""
        chunk = max(2, 2 * round(chunk_seconds / self.frame_shift / 2))
        return Context(chunk, round(left_seconds / self.frame_shift))

    def _log_probs(self, x: Tensor) -> Tensor:
        # In float32 whatever the precision of the blocks: CTC sums hundreds of these.
        with torch.autocast(x.device.type, enabled=False):
            result: Tensor = self.output(x.float()).log_softmax(dim=-1)
        return result


def average_pairs(x: Tensor) -> Tensor:
    """(B, T, D) -> (B, ceil(T / 2), D); a last odd frame is averaged with a zero, as padding would be."""
    x = F.pad(x, (0, 0, 0, x.shape[1] % 2))
    return 0.5 * (x[:, 0::2] + x[:, 1::2])


def repeat_pairs(x: Tensor, frames: int) -> Tensor:
    """(B, ceil(T / 2), D) -> (B, T, D), each frame twice."""
    return x.unsqueeze(2).expand(-1, -1, 2, -1).flatten(1, 2)[:, :frames]
