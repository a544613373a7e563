"""SpecAugment: bend time a little, hide bands and moments, so that no single one is relied on."""

from __future__ import annotations

import torch
from torch import Tensor

from earwright.nn.randomness import uniform


def spec_augment(
    features: Tensor,
    lengths: Tensor,
    *,
    frequency_masks: int,
    frequency_width: int,
    time_masks_per_second: float,
    time_seconds: float,
    time_share: float,
    warp_seconds: float = 0.0,
    frame_rate: float = 100.0,
) -> Tensor:
    """Set bands of frequency and stretches of time to zero, the mean of normalized features.

    Source: Park et al. 2019 (arXiv:1904.08779), with the number of time masks in proportion to the
    utterance (Park et al. 2020, arXiv:1912.05533). Draws on the CPU, the same on every device
    (`nn.randomness`).

    Args:
        features: (B, T, F), normalized.
        lengths: (B,) frames.
        frequency_masks, frequency_width: how many bands, at most how many features wide.
        time_masks_per_second, time_seconds: how many stretches, at most how long.
        time_share: at most this share of an utterance lies under time masks.
        warp_seconds: a moment is moved by at most so long before anything is hidden; see `time_warp`.
        frame_rate: frames a second.

    Returns:
        (B, T, F), a new tensor.
    """
    batch, frames, bands = features.shape
    device = features.device
    lengths = lengths.to("cpu")
    if warp_seconds:
        features = time_warp(features, lengths, warp_seconds * frame_rate)

    def covered(starts: Tensor, widths: Tensor, size: int) -> Tensor:
        """(B, M) starts and widths -> (B, size) bool, under any of the masks."""
        position = torch.arange(size)
        inside = (position >= starts[..., None]) & (position < (starts + widths)[..., None])
        return inside.any(dim=1).to(device)

    hidden = torch.zeros(batch, frames, 1, dtype=torch.bool, device=device)
    if frequency_masks and frequency_width:
        widths = (uniform(batch, frequency_masks) * (min(frequency_width, bands) + 1)).long()
        starts = (uniform(batch, frequency_masks) * (bands - widths + 1)).long()
        hidden = hidden | covered(starts, widths, bands)[:, None, :]
    most = int(time_masks_per_second * frames / frame_rate) + 1
    if time_masks_per_second and time_seconds:
        # Each utterance gets its own number of masks; the rest of the row has no width.
        counts = (time_masks_per_second * lengths / frame_rate).round().long().clamp(min=1)
        share = (time_share * lengths / counts).unsqueeze(1)
        widest = torch.minimum(torch.full_like(share, time_seconds * frame_rate), share)
        widths = (uniform(batch, most) * (widest + 1)).long()
        widths = widths * (torch.arange(most) < counts.unsqueeze(1))
        starts = (uniform(batch, most) * (lengths.unsqueeze(1) - widths + 1).clamp(min=1)).long()
        hidden = hidden | covered(starts, widths, frames)[:, :, None]
    return features.masked_fill(hidden, 0.0)


def time_warp(features: Tensor, lengths: Tensor, most: float) -> Tensor:
    """Move a moment of each utterance earlier or later; what is before and behind it is stretched to fit.

    The time warp of Park et al. 2019, section 2, along straight lines between frames. An utterance keeps its
    length, its ends and its padding; one that is too short for the largest move is moved by less.

    Args:
        features: (B, T, F).
        lengths: (B,) frames, on the CPU.
        most: frames by which a moment is moved at most.

    Returns:
        (B, T, F), a new tensor.
    """
    batch, frames, _ = features.shape
    last = (lengths - 1).clamp(min=0).to(torch.float64)[:, None]  # (B, 1)
    # A quarter of the utterance stays on either side: no part is squeezed to less than half its length.
    reach = (last / 4).clamp(max=most)
    source = 2 * reach + uniform(batch, 1) * (last - 4 * reach)
    target = source + (2 * uniform(batch, 1) - 1) * reach
    position = torch.arange(frames, dtype=torch.float64)[None]  # (1, T)
    before = position * source / target.clamp(min=1e-9)
    behind = last - (last - position) * (last - source) / (last - target).clamp(min=1e-9)
    warped = torch.where(position <= target, before, behind)
    warped = torch.where(position < last, warped, position).clamp(0, frames - 1)  # (B, T)
    low = warped.floor().long()
    high = (low + 1).clamp(max=frames - 1)
    share = (warped - low).to(features)[..., None]

    def at(index: Tensor) -> Tensor:
        return features.gather(1, index.to(features.device)[..., None].expand_as(features))

    return at(low).lerp(at(high), share)
