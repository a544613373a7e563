"""The dev set while a model is trained: greedy transcripts and their error rate."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from rapidfuzz.distance import Levenshtein

from earwright.cuts import Cut, read_cut_audio
from earwright.data.examples import spread
from earwright.decoding.greedy import greedy_search
from earwright.evaluation.score import score
from earwright.losses.ctc import ctc_loss
from earwright.models import AcousticModel, EncoderOutput
from earwright.nn.features import Features
from earwright.nn.normalization import FeatureNormalization
from earwright.text import Tokenizer, normalize
from earwright.training.doctor.vitals import count_output


class DevResult(NamedTuple):
    """Error rates as fractions; pairs of (truth, transcript), normalized; the loss in nats a token (None if
    no text can be spelled with the tokens); the share of the frames that are blank."""

    wer: float
    cer: float
    pairs: list[tuple[str, str]]
    loss: float | None
    blank: float


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

    def clips(self) -> list[npt.NDArray[np.float32]]:
        """The samples of each utterance, in the order of `texts`."""
        return [
            row[:length].numpy()
            for waveform, lengths in self.batches
            for row, length in zip(waveform, lengths.tolist(), strict=True)
        ]

    @torch.no_grad()
    def evaluate(
        self,
        features: Features,
        normalization: FeatureNormalization,
        model: AcousticModel,
        tokenizer: Tokenizer,
        device: torch.device,
    ) -> DevResult:
        """Transcribe with greedy search and score. The model is left in training mode if it was."""
        was_training = model.training
        model.eval()
        heard: list[str] = []
        nats, tokens, frames, blanks = 0.0, 0, 0.0, 0.0
        for waveform, samples in self.batches:
            x, lengths = features(waveform.to(device), samples.to(device))
            output = model(normalization(x, lengths), lengths, model.inference_context())
            batch_nats, batch_tokens = self._loss(output, tokenizer, self.texts[len(heard) :])
            batch_frames, batch_blanks, _, _ = count_output(output.log_probs, output.lengths)
            nats, tokens = nats + batch_nats, tokens + batch_tokens
            frames, blanks = frames + batch_frames, blanks + batch_blanks
            for row, length in zip(
                output.log_probs.float().cpu().numpy(), output.lengths.tolist(), strict=True
            ):
                heard.append(tokenizer.decode(greedy_search(row[:length]).tokens))
        model.train(was_training)
        evaluation = score(self.texts, heard, normalizer=self.normalizer)
        pairs = list(zip(self.texts, heard, strict=True))
        loss = nats / tokens if tokens else None
        return DevResult(evaluation.wer, evaluation.cer, pairs, loss, blanks / max(frames, 1.0))

    def _loss(self, output: EncoderOutput, tokenizer: Tokenizer, texts: Sequence[str]) -> tuple[float, int]:
        """The CTC loss of a batch in nats and its tokens, over what can be spelled and fits its audio."""
        nats, tokens = 0.0, 0
        rows = zip(output.log_probs, output.lengths, texts, strict=False)
        for log_probs, length, text in rows:
            text = normalize(text, self.normalizer)
            if not text or tokenizer.unknown_characters(text):
                continue
            targets = torch.tensor([tokenizer.encode(text)], device=log_probs.device)
            sizes = torch.tensor([targets.shape[1]], device=log_probs.device)
            loss = ctc_loss(log_probs[None], length[None], targets, sizes)
            if bool(loss.usable.all()):
                nats, tokens = nats + float(loss.total), tokens + targets.shape[1]
        return nats, tokens


def compare_transcripts(pairs: Sequence[tuple[str, str]], normalizer: str) -> dict[str, float]:
    """What an error rate does not say: too much or too little written, words cut wrongly, another spelling.

    Args:
        pairs: (truth, transcript).
        normalizer: of both sides.

    Returns:
        "letters": written for one that was said; "words": the same; "letters_cer": the error rate of letters
        and digits alone, in one case, without spaces and signs; "word_length": letters in a word that was
        said.
    """
    said, heard = ([normalize(text, normalizer) for text in side] for side in zip(*pairs, strict=True))
    bare_said, bare_heard = ([_bare(text) for text in side] for side in (said, heard))
    letters, words = max(sum(map(len, bare_said)), 1), max(sum(len(text.split()) for text in said), 1)
    errors = sum(Levenshtein.distance(a, b) for a, b in zip(bare_said, bare_heard, strict=True))
    return {
        "letters": sum(map(len, bare_heard)) / letters,
        "words": sum(len(text.split()) for text in heard) / words,
        "letters_cer": errors / letters,
        "word_length": letters / words,
    }


def _bare(text: str) -> str:
    return "".join(char for char in text.lower() if unicodedata.category(char)[0] in "LNM")


def _padded(rows: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    waveform = torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
    return waveform, torch.tensor([len(row) for row in rows])
