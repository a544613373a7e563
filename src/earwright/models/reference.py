"""The reference model: the plainest recognizer that has all the parts, from the waveform to the letters.

    features (B, T, 160): the samples themselves, 10 ms a row -> waveform (B, N, 1)
    -> mean pooling (B, N/2, 1)                two samples to one
    -> residual downsampling blocks (B, T', C) convolutions that begin as a spectrogram, and learn from there
    -> final projection (B, T', D)             to the width of what follows
    -> sinusoidal positions, Transformer (B, T', D)   each frame looks at all others
    -> residual vector quantizer (B, T', D)    each frame as K numbers, a few thousand bits a second
    -> linear, log-softmax (B, T', V)          a letter or the blank for each frame; CTC does the rest

What it costs is decided by the frame rate. At 16 kHz, with N samples in all and downsampling by R:

    recipe                R   frames a second   attention cells for a clip of 7 s   parameters (28 letters)
    reference-32x        32               500              3500^2 = 12,250,000 a head and layer      0.19 M
    reference           320                50               350^2 =    122,500                        3.4 M

At 500 frames a second a letter is 33 frames, of which CTC makes 32 blanks, and attention is 100 times the
work that it is at 50. (`tests/models/test_reference.py` counts the parameters.)

Sources: Vaswani et al. 2017 (arXiv:1706.03762), encoder and positions; He et al. 2016 (arXiv:1512.03385),
residual blocks with projections; Zeghidour et al. 2018 (arXiv:1711.01161), filters that begin as a mel filter
bank; Baevski et al. 2020 (arXiv:2006.11477), norms over time behind the first convolutions; Zeghidour et al.
2021 (arXiv:2107.03312), the quantizer; Graves et al. 2006, CTC; Xiong et al. 2020 (arXiv:2002.04745), why
norms come before the branches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from earwright.models.acoustic import AcousticModel, EncoderOutput
from earwright.models.reference_options import ReferenceOptions
from earwright.nn.batch_norm import BatchNorm
from earwright.nn.context import Context, length_mask
from earwright.nn.dropout import SharedDropout
from earwright.nn.mel import mel_edges
from earwright.nn.narrow_attention import is_narrow, narrow_attention
from earwright.nn.rvq import Choices, ResidualVectorQuantizer, dead_codes, perplexity

# How far beyond a deviation of 1 a logarithm begins: -40 dB, where speech ends and the room is left.
COMPRESSION = 100.0


class ClipNorm(nn.Module):
    """A channel's mean and deviation over the time of one clip, without its padding.

    What all of a recording has in common, the microphone and the average spectrum, goes; what changes, and
    that is speech, stays. A norm over a frame's channels would keep the one and hide the other.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """(B, T, C) and real frames (B,) -> (B, T, C)."""
        if lengths is None:
            lengths = torch.full((x.shape[0],), x.shape[1], device=x.device)
        x = hide(x.float(), lengths)
        count = lengths.clamp(min=1)[:, None]  # (B, 1)
        mean = x.sum(1) / count  # (B, C)
        variance = hide((x - mean[:, None]).square(), lengths).sum(1) / count
        scale = self.weight * (variance + 1e-5).rsqrt()
        return x * scale[:, None] + (self.bias - mean * scale)[:, None]


class TimeConvolution(nn.Module):
    """A convolution over time on frames as they lie in memory (B, T, C): one frame of each `stride`.

    Args:
        channels: in and out.
        kernel: frames.
        stride: frames from one output to the next.
    """

    def __init__(self, channels: tuple[int, int], kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        # What is before the first frame; after the last one, whatever the last output needs.
        self.before = (kernel - stride) // 2
        self.after = kernel - 1 - self.before
        self.convolution = nn.Conv2d(channels[0], channels[1], (1, kernel), (1, stride))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, ceil(T / stride), C')."""
        x = F.pad(x, (0, 0, self.before, self.after))
        # An image of one row whose channels are last in memory: faster than conv1d, which wants them first.
        image = x.unsqueeze(1).permute(0, 3, 1, 2)  # (B, C, 1, T)
        result: Tensor = self.convolution(image).permute(0, 2, 3, 1).squeeze(1)
        return result

    @torch.no_grad()
    def begin(self, mean: float = 0.0) -> None:
        """Begin with weights that keep what comes through about as loud; PyTorch's make it ever fainter.

        Args:
            mean: share of a plain average over the kernel, each channel by itself, in what it begins as.
        """
        into, out, kernel = (self.convolution.weight.shape[i] for i in (1, 0, 3))
        nn.init.normal_(self.convolution.weight, std=(1 - mean) * (into * kernel) ** -0.5)
        if mean:
            self.convolution.weight += mean * torch.eye(out, into)[:, :, None, None] / kernel
        assert self.convolution.bias is not None
        nn.init.zeros_(self.convolution.bias)

    @torch.no_grad()
    def begin_as_ear(self, sample_rate: float) -> None:
        """Begin as half as many bands, equally wide in mel, each heard by a cosine and a sine.

        Gabor's filters: what a band's two have heard, rectified and averaged, is how loud the band is.
        """
        out, kernel = self.convolution.out_channels, self.convolution.kernel_size[1]
        edges = torch.tensor(mel_edges(out // 2, 60.0, 0.485 * sample_rate).tolist())  # (C / 2 + 2,) Hz
        width = ((edges[2:] - edges[:-2]) / 2).clamp(min=40.0)[:, None]  # Hz
        time = (torch.arange(kernel) - (kernel - 1) / 2) / sample_rate  # (K,) seconds
        bell = torch.exp(-0.5 * (math.pi * width * time).square())  # (C / 2, K)
        phase = 2 * math.pi * edges[1:-1, None] * time
        waves = torch.stack([bell * phase.cos(), bell * phase.sin()], dim=1).flatten(0, 1)  # (C, K)
        self.convolution.weight.zero_()
        self.convolution.weight[: len(waves), 0, 0] = waves / waves.norm(dim=1, keepdim=True)


class DownsamplingBlock(nn.Module):
    """Two convolutions: one finds patterns, the other takes every stride-th frame of them.

    The skip lets the gradient, and what is fine already, pass the first one by. Where it makes more channels
    of few, a projection does so on the skip.

    A walk-through has a batch norm before each ReLU. Ours has one norm, over the time of a clip, at the end
    of the first block, where bands of a spectrum come out and frames are few.

    Args:
        options: of the model.
        number: of the block, from 0.
    """

    def __init__(self, options: ReferenceOptions, number: int) -> None:
        super().__init__()
        into, out = (1, *options.hidden)[number : number + 2]
        first = number == 0
        self.hop, self.stride = options.hop if first else 1, options.strides[number]
        self.find = TimeConvolution((into, out), options.kernels[number], self.hop)
        self.skip = nn.Linear(into, out) if into != out else nn.Identity()
        self.reduce = TimeConvolution((out, out), options.reduce_kernels[number], self.stride // self.hop)
        self.compress = options.compress and first
        self.batch_norm = BatchNorm(out) if options.norm == "batch" else None
        self.clip_norm = ClipNorm(out) if options.norm == "clip" and first else None

    def forward(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """(B, T, C) and real frames (B,) -> (B, ceil(T / stride), C') and their lengths.

        With lengths, what lies beyond them is zero before each convolution, as it is beyond a clip alone.
        """
        found = self.find(x)  # (B, T / hop, C')
        if self.batch_norm is not None:
            found = self.batch_norm(found)
        x = F.relu(found) + self.skip(x[:, :: self.hop])
        if lengths is not None:
            x, lengths = hide(x, shorter(lengths, self.hop)), shorter(lengths, self.stride)
        x = self.reduce(x)  # (B, T / stride, C')
        if self.compress:  # loud and soft differ by a factor of a thousand; one hears the logarithm
            x = torch.asinh(COMPRESSION * x)
        if self.clip_norm is not None:
            x = self.clip_norm(x, lengths)
        return hide(x, lengths), lengths

    def begin(self, options: ReferenceOptions, sample_rate: float) -> None:
        """Weights to start from that are not PyTorch's."""
        ear = options.filters == "mel" and self.find.convolution.in_channels == 1
        if options.even_start:
            self.find.begin()
            # What a filter has found, rectified and averaged, is how loud its band is, wherever in a period
            # the frame begins: random weights would mix that up with where it begins. And a little of what
            # is loud, mixed into a band that is not, would drown it.
            self.reduce.begin(mean=1.0 if ear else 0.8)
        if ear:
            self.find.begin_as_ear(sample_rate / options.pool)
            if isinstance(self.skip, nn.Linear):
                # Samples as they are would blur the bands; and the logarithm is one only around zero.
                nn.init.zeros_(self.skip.weight)
                nn.init.zeros_(self.skip.bias)


class Downsampling(nn.Module):
    """From the waveform to frames: each block sees further and says more a frame, at fewer frames."""

    def __init__(self, options: ReferenceOptions, sample_rate: float) -> None:
        super().__init__()
        self.options = options
        blocks = [DownsamplingBlock(options, number) for number in range(len(options.strides))]
        self.blocks = nn.ModuleList(blocks)
        self.final = TimeConvolution((options.hidden[-1], options.dim), options.final_kernel)
        if options.even_start:
            self.final.begin()
        for block in blocks:
            block.begin(options, sample_rate)

    def forward(self, samples: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Waveforms (B, N) and their samples (B,) -> (B, T', D) and frames (B,)."""
        pool, masks = self.options.pool, self.options.masks
        x = F.avg_pool1d(samples.unsqueeze(1), pool).transpose(1, 2) if pool > 1 else samples.unsqueeze(2)
        lengths = torch.div(lengths, pool, rounding_mode="floor")
        inner = lengths if masks else None
        for block in self.blocks:
            x, inner = block(x, inner)
        for stride in self.options.strides:
            lengths = shorter(lengths, stride)
        return self.final(x), lengths


class Attention(nn.Module):
    """Each frame asks all others (query, key) and takes from those that answer (value), in several heads."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(dim, 3 * dim)
        self.to_out = nn.Linear(dim, dim)

    def forward(self, x: Tensor, allowed: Tensor | None) -> Tensor:
        """(B, T, D) and which keys may be seen (B, 1, 1, T) -> (B, T, D)."""
        batch, frames, dim = x.shape
        qkv = self.to_qkv(x).view(batch, frames, 3, self.heads, dim // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # each (B, H, T, D/H)
        # Fused: the T x T weights are never held as a whole. So there is no dropout on them.
        if self.training and allowed is None and is_narrow(query):
            mixed = narrow_attention(query, key, value)  # the same, twice as fast with few numbers a head
        else:
            mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        result: Tensor = self.to_out(mixed.transpose(1, 2).reshape(batch, frames, dim))
        return result


class TransformerBlock(nn.Module):
    """Attention, then a feed-forward: look around, then think. Each adds to the stream, and is normed."""

    def __init__(self, options: ReferenceOptions) -> None:
        super().__init__()
        hidden = int(options.dim * options.feed_forward)
        self.norm_first = options.norm_first
        self.attention = Attention(options.dim, options.heads)
        self.attention_norm = nn.LayerNorm(options.dim)
        self.widen, self.narrow = nn.Linear(options.dim, hidden), nn.Linear(hidden, options.dim)
        self.feed_forward_norm = nn.LayerNorm(options.dim)
        self.dropout = SharedDropout(options.dropout)

    def forward(self, x: Tensor, allowed: Tensor | None) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        if self.norm_first:  # the stream itself stays free, so that gradients reach the waveform
            x = x + self.dropout(self.attention(self.attention_norm(x), allowed))
            x = x + self.dropout(self._feed_forward(self.feed_forward_norm(x)))
            return x
        x = self.attention_norm(x + self.dropout(self.attention(x, allowed)))
        x = self.feed_forward_norm(x + self.dropout(self._feed_forward(x)))
        return x

    def _feed_forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.narrow(self.dropout(F.gelu(self.widen(x))))
        return result


class Notes(NamedTuple):
    """What a copy of the model has noted: for the quantizer, and for each batch norm."""

    choices: list[Choices]
    norms: list[list[Tensor]]


class ReferenceModel(AcousticModel):
    """The whole of it.

    Args:
        options: size and shape.
        n_features: samples in a row of the features, see `FeatureOptions.kind` "waveform".
        vocab_size: V, tokens with the blank at 0.
        feature_rate: rows of features a second.
    """

    def __init__(
        self, options: ReferenceOptions, n_features: int, vocab_size: int, feature_rate: float = 100.0
    ) -> None:
        super().__init__()
        self.options = options
        self.intermediate_weight = options.intermediate_weight
        sample_rate = n_features * feature_rate
        self.frame_shift = options.downsampling / sample_rate
        self.subsampling = Downsampling(options, sample_rate)
        self.first_norm = nn.LayerNorm(options.dim) if options.norm_first else nn.Identity()
        self.blocks = nn.ModuleList(TransformerBlock(options) for _ in range(options.layers))
        self.norm = nn.LayerNorm(options.dim) if options.norm_first else nn.Identity()
        self.dropout = SharedDropout(options.dropout)
        self.quantizer = ResidualVectorQuantizer(options.dim, options.quantizer) if options.quantize else None
        self.output = nn.Linear(options.dim, vocab_size)
        self.feedback = None
        self._jumped: dict[str, Tensor] = {}

    def forward(
        self,
        features: Tensor,
        lengths: Tensor,
        context: Context | None = None,
        skipped: Sequence[bool] = (),
        codebooks: int | None = None,
    ) -> EncoderOutput:
        """Encode.

        Args:
            features: (B, T, F) float32, samples in rows, zero beyond their lengths.
            lengths: (B,) int64 real rows.
            context, skipped: it has neither; every model is called alike.
            codebooks: how many of the first ones to use; None: all, or in training sometimes fewer.
        """
        frames, lengths, inner = self._encode(features, lengths)  # (B, T', D)
        real = length_mask(lengths, frames.shape[1]) if self.options.masks else None
        if self.training and not self.options.masks:  # CTC may use the padding, too
            lengths = torch.full_like(lengths, frames.shape[1])
        if self.quantizer is None:
            return EncoderOutput(self._log_probs(frames), lengths, inner, frames=frames)
        found = self.quantizer(frames, real, codebooks)
        losses = {"commitment": found.commitment_loss}
        if self.options.quantizer.upkeep == "gradient":
            losses["codebook"] = found.codebook_loss
        return EncoderOutput(self._log_probs(found.values), lengths, inner, losses, frames, found.codes)

    def encode(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Frames (B, T', D) float32 as the quantizer gets them, and their lengths (B,)."""
        frames, lengths, _ = self._encode(features, lengths)
        return frames, lengths

    def _encode(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """The same, and in training the log-probs (B, T', V) of intermediate heads."""
        rows = features.shape[2]
        x, lengths = self.subsampling(features.flatten(1), lengths * rows)
        # What is said weighs as much as where it is: without the norm, positions drown it at first.
        x = self.first_norm(x)
        x = self.dropout(x + positions(x.shape[1], x.shape[2], x.device).to(x.dtype))
        allowed = length_mask(lengths, x.shape[1])[:, None, None, :] if self.options.masks else None
        inner: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            if self.training and index in self.options.intermediate_ctc:
                inner.append(self._log_probs(self.norm(x)))
            x = block(x, allowed)
        return self.norm(x).float(), lengths, inner

    def _log_probs(self, x: Tensor) -> Tensor:
        # In float32 whatever the precision of the blocks: CTC sums hundreds of these.
        with torch.autocast(x.device.type, enabled=False):
            result: Tensor = self.output(x.float()).log_softmax(dim=-1)
        return result

    # -- what is not learnt by gradients alone --------------------------------------------------------------

    def loss_weights(self, step: int) -> dict[str, float]:
        """Of the codebook and commitment losses: from `vq_weight` to `vq_weight_end` in `vq_steps` steps."""
        o = self.options
        done = min(1.0, step / o.vq_steps) if o.vq_steps else 1.0
        weight = o.vq_weight + (o.vq_weight_end - o.vq_weight) * done
        return {"codebook": weight, "commitment": weight * o.quantizer.commitment} if o.quantize else {}

    def take_notes(self) -> list[Notes]:
        """Choices of codes, and the means and variances that batch norms have seen."""
        norms = []
        for norm in self._batch_norms():
            norms.append(norm.noted)
            norm.noted = []
        choices = self.quantizer.take_choices() if self.quantizer is not None else []
        return [Notes(choices, norms)] if choices or any(norms) else []

    @torch.no_grad()
    def learn(self, notes: Sequence[Notes], generator: torch.Generator) -> None:
        """Move codebooks and running averages by the notes of all copies."""
        for number, norm in enumerate(self._batch_norms()):
            norm.learn([pair for note in notes for pair in note.norms[number]])
        if self.quantizer is not None:
            revived = self.quantizer.learn([one for note in notes for one in note.choices], generator)
            names = ("quantizer.books", "quantizer.usage", "quantizer.sums")
            self._jumped = dict.fromkeys(names, revived) if revived.any() else {}

    def start_codebooks(self, frames: Tensor, generator: torch.Generator) -> None:
        """Put the codes where frames (N, D) of `encode` are, and use them from now on.

        Raises:
            EarwrightError: there are fewer frames than codes.
        """
        assert self.quantizer is not None
        self.quantizer.start_from(frames, generator)
        self._jumped = {
            f"quantizer.{name}": torch.ones_like(value, dtype=torch.bool)
            for name, value in self.quantizer.named_buffers(recurse=False)
        }

    def jumped(self) -> dict[str, Tensor]:
        """The codes that were revived in the last update, or all that have just begun."""
        return self._jumped

    def vitals(self) -> dict[str, Any]:
        """Perplexity and dead codes of each codebook, over as many updates as its averages look back."""
        if self.quantizer is None or self.quantizer.started < 0.5:
            return {}
        tally = self.quantizer.tally
        return {
            "perplexity": [round(value, 1) for value in perplexity(tally).tolist()],
            "dead_codes": dead_codes(tally).tolist(),
        }

    def _batch_norms(self) -> list[BatchNorm]:
        return [module for module in self.modules() if isinstance(module, BatchNorm)]


def positions(frames: int, dim: int, device: torch.device) -> Tensor:
    """Where each frame is, as sines and cosines of its number at many frequencies: (T, D).

    Source: Vaswani et al. 2017, section 3.5.
    """
    rates = 10000.0 ** (-torch.arange(0, dim, 2, device=device, dtype=torch.float32) / dim)
    angles = torch.arange(frames, device=device, dtype=torch.float32).unsqueeze(1) * rates  # (T, D/2)
    return torch.cat((angles.sin(), angles.cos()), dim=1)


def shorter(lengths: Tensor, stride: int) -> Tensor:
    """Frames (B,) that are left of so many: one for each stride that has begun."""
    return torch.div(lengths + stride - 1, stride, rounding_mode="floor")


def hide(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Zero what lies beyond the lengths (B,) of (B, T, C); None: nothing does."""
    if lengths is None:
        return x
    return x * length_mask(lengths, x.shape[1]).unsqueeze(2).to(x.dtype)
