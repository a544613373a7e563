"""A causal Transformer that foretells the next word, or the next token of a recognizer.

    tokens (B, T) -> embeddings (B, T, D) -> blocks of attention and feed-forward -> log-probs (B, T, V)

Source: Vaswani et al. 2017 (arXiv:1706.03762). Norms before the branches (arXiv:2002.04745) need no careful
warm-up; rotary positions are relative, so that the past can be kept as it is while the window moves on; rare
words have short embeddings (`nn/adaptive_softmax.py`). A token sees the `window` tokens before it in its
sentence and nothing of other sentences, as in an n-gram model: what a search asks for is one sentence, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from earwright.errors import EarwrightError
from earwright.lm import START
from earwright.nn.adaptive_softmax import AdaptiveVocabulary
from earwright.nn.attention import rotary_angles, rotate
from earwright.nn.dropout import SharedDropout

Angles = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class TransformerOptions:
    """Size and shape of a Transformer.

    Attributes:
        dim: D, channels of the residual stream.
        layers: L, number of blocks.
        heads: attention heads; dim must be divisible by twice their number.
        feed_forward: hidden channels of a feed-forward, as a multiple of dim.
        window: W, tokens before a token that it sees in each block.
        cutoffs: where clusters of rare words begin; those beyond the vocabulary do not count.
    """

    dim: int = 256
    layers: int = 4
    heads: int = 4
    feed_forward: float = 4.0
    window: int = 64
    cutoffs: tuple[int, ...] = (3000, 15000)

    def __post_init__(self) -> None:
        for name in ("dim", "layers", "heads", "window"):
            if getattr(self, name) < 1:
                raise EarwrightError(f"{name} is {getattr(self, name)}; it must be 1 or more.")
        if self.dim % (2 * self.heads):
            raise EarwrightError(f"dim {self.dim} must be divisible by twice the {self.heads} heads.")


class CausalSelfAttention(nn.Module):
    """Each token asks those before it, whose answers and values may come from a cache."""

    def __init__(self, options: TransformerOptions) -> None:
        super().__init__()
        self.heads, self.head_dim = options.heads, options.dim // options.heads
        self.to_qkv = nn.Linear(options.dim, 3 * options.dim, bias=False)
        self.to_out = nn.Linear(options.dim, options.dim, bias=False)

    def forward(
        self, x: Tensor, past: Tensor | None, allowed: Tensor, angles: Angles
    ) -> tuple[Tensor, Tensor]:
        """Attend.

        Args:
            x: (B, T, D).
            past: (B, 2, W, D) keys (not yet rotated) and values before x, or None.
            allowed: bool, broadcastable to (B, H, T, W + T); True where a key may be seen.
            angles: of W + T places.

        Returns:
            (B, T, D), and keys and values (B, 2, W + T, D).
        """
        batch, frames, dim = x.shape
        query, key, value = self.to_qkv(x).chunk(3, dim=-1)
        known = torch.stack((key, value), dim=1)  # (B, 2, T, D)
        if past is not None:
            known = torch.cat((past, known), dim=2)  # (B, 2, W + T, D)
        key, value = known.view(batch, 2, -1, self.heads, self.head_dim).transpose(2, 3).unbind(1)
        query = query.view(batch, frames, self.heads, self.head_dim).transpose(1, 2)  # (B, H, T, D/H)
        cos, sin = (angle.to(x.dtype) for angle in angles)
        begin = 0 if past is None else past.shape[2]
        query = rotate(query, cos[begin:], sin[begin:]) * self.head_dim**-0.5
        # Written out, as in nn/attention.py: on CPUs the fused kernel was slower in bf16.
        scores = query @ rotate(key, cos, sin).transpose(-1, -2)  # (B, H, T, W + T)
        weights = scores.masked_fill(~allowed, -30000.0).softmax(dim=-1).to(value.dtype)
        out = (weights @ value).transpose(1, 2).reshape(batch, frames, dim)
        return self.to_out(out), known


class TransformerBlock(nn.Module):
    """Attention, then a feed-forward, each on what a norm makes of the stream and added back to it."""

    def __init__(self, options: TransformerOptions) -> None:
        super().__init__()
        hidden = int(options.dim * options.feed_forward)
        self.attention_norm = nn.LayerNorm(options.dim)
        self.attention = CausalSelfAttention(options)
        self.feed_forward_norm = nn.LayerNorm(options.dim)
        self.widen = nn.Linear(options.dim, hidden)
        self.narrow = nn.Linear(hidden, options.dim)
        self.dropout = SharedDropout(0.0)

    def forward(
        self, x: Tensor, past: Tensor | None, allowed: Tensor, angles: Angles
    ) -> tuple[Tensor, Tensor]:
        """(B, T, D) -> (B, T, D), and the attention's keys and values."""
        attended, known = self.attention(self.attention_norm(x), past, allowed, angles)
        x = x + self.dropout(attended)
        x = x + self.dropout(self.narrow(F.gelu(self.widen(self.feed_forward_norm(x)))))
        return x, known


class TransformerLanguageModel(nn.Module):
    """Tokens in, log-probs of the next one out.

    Args:
        options: size and shape.
        vocab_size: V; <unk>, <s> and </s> are 0, 1 and 2, the others come in order of their frequency.
    """

    def __init__(self, options: TransformerOptions, vocab_size: int) -> None:
        super().__init__()
        self.options = options
        cutoffs = [cutoff for cutoff in options.cutoffs if cutoff < vocab_size]
        self.vocabulary = AdaptiveVocabulary(vocab_size, options.dim, cutoffs)
        self.blocks = nn.ModuleList(TransformerBlock(options) for _ in range(options.layers))
        self.norm = nn.LayerNorm(options.dim)
        for block in self.blocks:
            assert isinstance(block, TransformerBlock)
            for branch in (block.attention.to_out, block.narrow):
                # Each branch adds to the stream: so the sum of all begins small (GPT-2).
                nn.init.normal_(branch.weight, std=0.02 / (2 * options.layers) ** 0.5)

    def set_dropout(self, probability: float) -> None:
        """Of each branch, in training."""
        for module in self.modules():
            if isinstance(module, SharedDropout):
                module.probability = probability

    def losses(self, before: Tensor, tokens: Tensor) -> Tensor:
        """-ln P of tokens of running text.

        Args:
            before: (B, T) the token before each; START where a sentence begins.
            tokens: (B, T).

        Returns:
            (B, T) float32.
        """
        frames = before.shape[1]
        sentence = (before == START).cumsum(dim=1)
        ages = torch.arange(frames, device=before.device)
        behind = ages.unsqueeze(1) - ages  # (T, T) how far back a key lies
        seen = (behind >= 0) & (behind <= self.options.window)
        allowed = seen & (sentence.unsqueeze(2) == sentence.unsqueeze(1))  # (B, T, T)
        angles = rotary_angles(frames, self.options.dim // self.options.heads, before.device)
        x = self.vocabulary.embed(before)
        for block in self.blocks:
            x, _ = block(x, None, allowed.unsqueeze(1), angles)
        hidden = self.norm(x).flatten(0, 1)
        return self.vocabulary.losses(hidden, tokens.flatten()).view_as(tokens)

    def forward(self, tokens: Tensor, cache: Tensor, filled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Go on with sentences.

        Args:
            tokens: (B, T) what came last; START begins a sentence.
            cache: (B, L, 2, W, D) keys and values of what was before, the latest last.
            filled: (B,) int64, how many of its W places hold something.

        Returns:
            ln P (B, T, V) of what follows each token, the new cache, and how much of it is filled.
        """
        options, frames = self.options, tokens.shape[1]
        places = torch.arange(options.window + frames, device=tokens.device)
        query = places[options.window :].unsqueeze(1)
        seen = (places <= query) & (places >= query - options.window)  # (T, W + T)
        there = places >= options.window - filled.unsqueeze(1)  # (B, W + T)
        allowed = (seen & there.unsqueeze(1)).unsqueeze(1)  # (B, 1, T, W + T)
        angles = rotary_angles(options.window + frames, options.dim // options.heads, tokens.device)
        x, kept = self.vocabulary.embed(tokens), []
        for number, block in enumerate(self.blocks):
            x, known = block(x, cache[:, number], allowed, angles)
            kept.append(known[:, :, frames:])  # (B, 2, W, D)
        log_probs = self.vocabulary.log_probs(self.norm(x))
        return log_probs, torch.stack(kept, dim=1), (filled + frames).clamp(max=options.window)

    def start(self, batch: int) -> tuple[Tensor, Tensor]:
        """An empty cache for `batch` sentences, and how much of it is filled: nothing."""
        options = self.options
        return torch.zeros(batch, options.layers, 2, options.window, options.dim), torch.zeros(
            batch, dtype=torch.int64
        )
