"""The log-probs of a recording of any length, with the time of each frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwright.audio.read import AudioSource, from_array, stream_audio
from earwright.audio.segment import cut_at_quiet
from earwright.errors import EarwrightError
from earwright.recognizer import Recognizer


@dataclass(frozen=True)
class Frames:
    """What a recognizer hears in a recording.

    Attributes:
        log_probs: (T, V) natural logarithms.
        starts: (T + 1,) seconds at which each frame begins; the last is where the recording ends.
        pieces: frame at which each piece begins that was heard by itself, and T.
    """

    log_probs: npt.NDArray[np.float32]
    starts: npt.NDArray[np.float64]
    pieces: tuple[int, ...]

    @property
    def duration(self) -> float:
        """Seconds."""
        return float(self.starts[-1])


def hear(
    recognizer: Recognizer,
    audio: AudioSource | npt.NDArray[np.floating],
    on_seconds: Callable[[float], None] = lambda seconds: None,
) -> Frames:
    """Run a recognizer over a recording, piece by piece; memory holds its log-probs alone.

    Args:
        recognizer: whose graphs are run.
        audio: a path, bytes, an open file, or samples (N,) at the recognizer's rate.
        on_seconds: told how many seconds more were heard.

    Raises:
        EarwrightError: it cannot be read, or is empty.
    """
    rate, shift = recognizer.meta.sample_rate, recognizer.meta.frame_shift
    blocks = (
        iter([from_array(audio, rate, rate)]) if isinstance(audio, np.ndarray) else stream_audio(audio, rate)
    )
    found: list[npt.NDArray[np.float32]] = []
    starts: list[npt.NDArray[np.float64]] = []
    end = 0.0
    for piece in cut_at_quiet(blocks, rate):
        log_probs = recognizer.log_probs([piece.samples])[0]
        begin = piece.start_sample / rate
        end = begin + len(piece.samples) / rate
        found.append(log_probs)
        starts.append(np.minimum(begin + shift * np.arange(len(log_probs)), end))
        on_seconds(end - begin)
    if not found:
        raise EarwrightError("there is no audio to align.")
    pieces = np.cumsum([0, *map(len, found)])
    return Frames(np.concatenate(found), np.append(np.concatenate(starts), end), tuple(pieces.tolist()))
