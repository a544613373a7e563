"""The acoustic half of a recognizer: waveforms in, log-probs, frames or codes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from earwright.audio.segment import Piece
from earwright.bundle import Bundle
from earwright.codes import CODEBOOKS, Codebooks, Encoded, read_codebooks
from earwright.errors import EarwrightError
from earwright.graphs import Graph

# Shorter audio is padded with zeros to this, since convolutions need as many frames as their kernels have.
# Padding never changes a result.
LEAST_SECONDS = 0.5


class Acoustics:
    """The two graphs of a bundle, and the codebooks of its quantizer if it has one.

    Args:
        bundle: whose.
        threads: cores to use; None is all physical ones.
    """

    def __init__(self, bundle: Bundle, threads: int | None = None) -> None:
        self._bundle = bundle
        self._rate, self._frame_shift = bundle.meta.sample_rate, bundle.meta.frame_shift
        self._features = Graph(bundle, "features.onnx", ("waveform", "lengths"), threads)
        self._encoder = Graph(bundle, "encoder.onnx", ("features", "lengths"), threads)
        self._codebooks: Codebooks | None = None  # read when they are asked for
        self._in_use: int | None = None  # how many of the first ones; None: all, within encoder.onnx

    def check_tokens(self, vocab_size: int) -> None:
        """Raise EarwrightError if the encoder was not trained for so many tokens."""
        size = self._encoder.output_shape[-1]
        if size != vocab_size:
            raise EarwrightError(
                f"{self._encoder.where} gives {size} tokens, and tokens.txt has {vocab_size}; they do not "
                "belong together: export the model again."
            )

    @property
    def codebooks(self) -> Codebooks:
        """See `Recognizer.codebooks`."""
        self._codebooks = self._codebooks or read_codebooks(self._bundle)
        return self._codebooks

    def use_codebooks(self, count: int | None) -> None:
        """See `Recognizer.use_codebooks`."""
        self._in_use = None if count is None else self.codebooks.checked(count)

    def log_probs(self, waveforms: Sequence[npt.NDArray[np.float32]]) -> list[npt.NDArray[np.float32]]:
        """See `Recognizer.log_probs`."""
        if self._in_use is not None:
            codes, counts = self._run(waveforms, ("codes", "output_lengths"))  # (B, K, T'), (B,)
            return [
                self.codebooks.log_probs(row[: self._in_use, : int(count)])
                for row, count in zip(codes, counts, strict=True)
            ]
        log_probs, counts = self._run(waveforms, self._encoder.outputs[:2])  # (B, T', V), (B,)
        return [row[: int(count)] for row, count in zip(log_probs, counts, strict=True)]

    def encode(self, pieces: Iterable[Piece], codebooks: int | None = None) -> Encoded:
        """Pieces of a recording as vectors, and as codes if the model has a quantizer.

        Args:
            pieces: in their order.
            codebooks: codes of the first so many; None takes those in use.

        Raises:
            EarwrightError: the bundle is older than this, has not so many codebooks, or there is no piece.
        """
        if "frames" not in self._encoder.outputs:
            raise EarwrightError(f"{self._encoder.where} gives no frames; export the model again.")
        asked = codebooks if codebooks is not None else self._in_use
        with_codes = CODEBOOKS in self._bundle.files or asked is not None
        count = self.codebooks.checked(asked) if with_codes else 0
        names = ("frames", "output_lengths", *(("codes",) if with_codes else ()))
        frames, times, codes = [], [], []
        for piece in pieces:
            found, lengths, *rest = self._run([piece.samples], names)
            length = int(lengths[0])
            frames.append(found[0, :length])
            times.append(piece.start_sample / self._rate + self._frame_shift * np.arange(length))
            codes += [one[0, :count, :length] for one in rest]
        if not frames:
            raise EarwrightError("there is no audio to encode.")
        return Encoded(
            np.concatenate(frames),
            np.concatenate(times),
            self._frame_shift,
            np.concatenate(codes, axis=1) if with_codes else None,
            self.codebooks.bits_per_second(self._frame_shift, count) if with_codes else None,
        )

    def _run(
        self, waveforms: Sequence[npt.NDArray[np.float32]], outputs: Sequence[str]
    ) -> list[npt.NDArray[Any]]:
        """Outputs of encoder.onnx for one batch."""
        lengths = np.array([len(waveform) for waveform in waveforms], np.int64)  # (B,)
        most = max(int(lengths.max()), round(LEAST_SECONDS * self._rate))
        batch = np.zeros((len(waveforms), most), np.float32)  # (B, N)
        for row, waveform in zip(batch, waveforms, strict=True):
            row[: len(waveform)] = waveform
        features, frames = self._features.run(batch, lengths)  # (B, T, F), (B,)
        return self._encoder.run(features, frames, outputs=outputs)
