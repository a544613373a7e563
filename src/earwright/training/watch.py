"""The dev set while a model is trained: greedy transcripts and their error rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from earwright.cuts import Cut, read_cut_audio
from earwright.data.examples import spread
from earwright.decoding.greedy import greedy_search
from earwright.evaluation.score import score
from earwright.models.conformer import Conformer
from earwright.nn.features import Features
from earwright.nn.normalization import FeatureNormalization
from earwright.text import Tokenizer


class DevResult(NamedTuple):
    """Error rates as fractions; pairs of (truth, transcript), normalized."""

    wer: float
    cer: float
    pairs: list[tuple[str, str]]


class DevSet:
    """Some utterances of the dev set, decoded once, in batches by length.

    Args:
        cuts: the whole dev set.
        count: how many to use, spread over it.
        sample_rate: Hz.
        normalizer: of both sides.
        batch_seconds: of audio at a time.
    """

    def __init__(
        self, cuts: Sequence[Cut], count: int, sample_rate: int, normalizer: str, batch_seconds: float = 100.0
    ) -> None:
        self.normalizer = normalizer
        clips = [(cut, torch.from_numpy(read_cut_audio(cut, sample_rate))) for cut in spread(cuts, count)]
        clips.sort(key=lambda pair: len(pair[1]))
        self.texts = [cut.text for cut, _ in clips]
        self.batches: list[tuple[torch.Tensor, torch.Tensor]] = []
        rows: list[torch.Tensor] = []
        for _, samples in clips:
            if rows and len(samples) * (len(rows) + 1) > batch_seconds * sample_rate:
                self.batches.append(_padded(rows))
                rows = []
            rows.append(samples)
        self.batches.append(_padded(rows))

    @torch.no_grad()
    def evaluate(
        self,
        features: Features,
        normalization: FeatureNormalization,
        model: Conformer,
        tokenizer: Tokenizer,
        device: torch.device,
    ) -> DevResult:
        """Transcribe with greedy search and score. The model is left in training mode if it was."""
        was_training = model.training
        model.eval()
        heard = []
        for waveform, samples in self.batches:
            x, lengths = features(waveform.to(device), samples.to(device))
            output = model(normalization(x, lengths), lengths, model.inference_context())
            for row, frames in zip(
                output.log_probs.float().cpu().numpy(), output.lengths.tolist(), strict=True
            ):
                heard.append(tokenizer.decode(greedy_search(row[:frames]).tokens))
        model.train(was_training)
        evaluation = score(self.texts, heard, normalizer=self.normalizer)
        return DevResult(evaluation.wer, evaluation.cer, list(zip(self.texts, heard, strict=True)))


def _padded(rows: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    waveform = torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
    return waveform, torch.tensor([len(row) for row in rows])
