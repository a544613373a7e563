"""What a recognizer hears as vectors, or as a few small numbers a frame, rather than as text.

encoded = recognizer.encode("speech.wav")
encoded.frames              # (T, D) float32, what the last layer of the encoder says of each frame
encoded.codes               # (K, T) int64: the same in K small numbers, of a model with a quantizer
encoded.bits_per_second
recognizer.codebooks.decode(encoded.codes)     # (T, D), the vectors that the codes stand for
"""

from __future__ import annotations

import io
import math
import zipfile
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwright.bundle import Bundle
from earwright.errors import EarwrightError, first_line

CODEBOOKS = "codebooks.npz"


@dataclass(frozen=True)
class Encoded:
    """A recording as the encoder hears it.

    Attributes:
        frames: (T, D) float32, before they are quantized.
        times: (T,) seconds at which each frame begins.
        frame_shift: seconds from one to the next, but for a moment at the joint of two pieces of a long file.
        codes: (K, T) int64 of the codebooks in use; None of a model without a quantizer.
        bits_per_second: that the codes take; None without.
    """

    frames: npt.NDArray[np.float32]
    times: npt.NDArray[np.float64]
    frame_shift: float
    codes: npt.NDArray[np.int64] | None = None
    bits_per_second: float | None = None


@dataclass(frozen=True)
class Codebooks:
    """The vectors that codes stand for, and what the recognizer makes of them: all that comes after codes.

    Attributes:
        vectors: (K, C, D) float32; those of a frame's codes add up, with `offset` (D,), to its vector.
        offset: see there.
        output: (V, D), which turns a vector into logits of tokens, with `bias` (V,).
        bias: see there.
    """

    vectors: npt.NDArray[np.float32]
    offset: npt.NDArray[np.float32]
    output: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    @property
    def count(self) -> int:
        """K."""
        return len(self.vectors)

    def bits_per_second(self, frame_shift: float, count: int | None = None) -> float:
        """That the codes of the first `count` codebooks, or all, take at so many seconds a frame."""
        return self.checked(count) * math.log2(self.vectors.shape[1]) / frame_shift

    def decode(self, codes: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
        """Codes (K', T) of the first K' codebooks -> the vectors (T, D) that they stand for.

        Raises:
            EarwrightError: there are not so many codebooks, or codes.
        """
        count = self.checked(len(codes))
        size = self.vectors.shape[1]
        if codes.size and not 0 <= int(codes.min()) <= int(codes.max()) < size:
            raise EarwrightError(
                f"the codes lie between {codes.min()} and {codes.max()}; those of this recognizer are 0 to "
                f"{size - 1}."
            )
        total = np.broadcast_to(self.offset, (codes.shape[1], len(self.offset))).copy()
        for k in range(count):
            total += self.vectors[k, codes[k]]
        return total

    def log_probs(self, codes: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
        """Codes (K', T) of the first K' codebooks -> log-probs of tokens (T, V), the blank at 0."""
        logits = self.decode(codes) @ self.output.T + self.bias
        logits -= logits.max(axis=1, keepdims=True)
        result: npt.NDArray[np.float32] = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return result

    def checked(self, count: int | None) -> int:
        """How many codebooks to use: all if nothing is asked.

        Raises:
            EarwrightError: there are not so many.
        """
        count = self.count if count is None else count
        if not 1 <= count <= self.count:
            raise EarwrightError(
                f"{count} codebooks were asked for; the recognizer was trained with {self.count}: give 1 to "
                f"{self.count}."
            )
        return count


def write_codebooks(codebooks: Codebooks) -> bytes:
    """The file of a bundle."""
    buffer = io.BytesIO()
    np.savez(buffer, **vars(codebooks))
    return buffer.getvalue()


def read_codebooks(bundle: Bundle) -> Codebooks:
    """Those of a bundle.

    Raises:
        EarwrightError: its model has no quantizer, or the file is damaged.
    """
    if CODEBOOKS not in bundle.files:
        raise EarwrightError(
            f"{bundle.path}: this recognizer has no codebooks, since its model has no quantizer; train one "
            "with recipes/reference.toml."
        )
    try:
        with np.load(io.BytesIO(bundle.read(CODEBOOKS)), allow_pickle=False) as arrays:
            found = Codebooks(*(arrays[name] for name in ("vectors", "offset", "output", "bias")))
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise EarwrightError(f"{bundle.path}: {CODEBOOKS} is damaged ({first_line(error)}).") from error
    shapes = [array.shape for array in vars(found).values()]
    ranks = [len(shape) for shape in shapes]
    if ranks != [3, 1, 2, 1] or not shapes[0][2:] == shapes[1] == shapes[2][1:] or shapes[2][:1] != shapes[3]:
        raise EarwrightError(f"{bundle.path}: the arrays of {CODEBOOKS} do not belong together.")
    return found
