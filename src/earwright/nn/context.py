"""How much of the recording a frame may look at: all of it, or its chunk and some chunks before."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Context:
    """Limited context in frames: a frame sees its own chunk and `left` frames' worth of chunks before it.

    The same weights serve a file and a stream: a file is the case of one chunk (`None` in place of a
    `Context`). Source: dynamic chunk training, Zhang et al. 2020 (arXiv:2012.05481), section 3.

    Attributes:
        chunk: frames a chunk.
        left: frames before the chunk that attention may use, rounded down to whole chunks.
    """

    chunk: int
    left: int

    def halved(self) -> Context:
        """The same context for a sequence at half the frame rate."""
        return Context(chunk=max(1, self.chunk // 2), left=self.left // 2)


def length_mask(lengths: Tensor, frames: int) -> Tensor:
    """Which frames are real.

    Args:
        lengths: (B,) int64 real frames of each sequence.
        frames: T, the padded number of frames.

    Returns:
        (B, T) bool, True where the frame is real.
    """
    return torch.arange(frames, device=lengths.device).unsqueeze(0) < lengths.unsqueeze(1)


def attention_mask(real: Tensor, context: Context | None) -> Tensor:
    """Which frames each frame may attend to.

    Args:
        real: (B, T) bool, True where the frame is real.
        context: None for all real frames, or the chunk and the past that may be seen.

    Returns:
        bool, True where attention is allowed: (B, 1, 1, T) without a context, else (B, 1, T, T).
    """
    keys = real[:, None, None, :]
    if context is None:
        return keys
    chunk = torch.arange(real.shape[1], device=real.device) // context.chunk
    behind = chunk.unsqueeze(1) - chunk.unsqueeze(0)  # (T, T) how many chunks back a key lies
    seen = (behind >= 0) & (behind <= context.left // context.chunk)
    # A padded query in a late chunk may see no real frame at all; its own frame keeps the softmax finite.
    itself = torch.eye(real.shape[1], dtype=torch.bool, device=real.device)
    return (keys & seen) | itself
