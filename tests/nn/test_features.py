"""Features against Kaldi's and HTK's, and the promises of a padded batch."""

from __future__ import annotations

import torch

from earwright.nn.features import FeatureOptions, Features


def test_padding_never_changes_a_clip() -> None:
    generator = torch.Generator().manual_seed(0)
    waveform = torch.rand(4, 20000, generator=generator) - 0.5
    lengths = torch.tensor([20000, 12345, 801, 0])
    features = Features(FeatureOptions())
    batch, batch_lengths = features(waveform, lengths)
    for row, n in enumerate(lengths.tolist()):
        alone, alone_lengths = features(waveform[row : row + 1, :n], lengths[row : row + 1])
        assert alone_lengths[0] == batch_lengths[row]
        frames = int(alone_lengths[0])
        torch.testing.assert_close(batch[row, :frames], alone[0, :frames], atol=1e-4, rtol=0)
        assert not batch[row, frames:].any()
