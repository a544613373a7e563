"""Clips to listen to: an excerpt of each, as small as a page can hold it, and its spectrogram."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import soundfile

from earwright.audio.read import Samples, audio_info, read_audio, resample
from earwright.cuts import Cut
from earwright.data.inspection.charts import encode_png
from earwright.data.preparation.measure import Measures, measure, mel_spectrogram
from earwright.data.workers import run_all
from earwright.errors import EarwrightError, first_line

EXCERPT = 10.0  # seconds
BUDGET = 10_000_000  # bytes of sound and pictures in all, which base64 makes a third larger
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)  # Hz: no others can be encoded
OPUS_QUALITY = 0.6  # of libsndfile's scale from 0 to 1: about 68 kbit/s
DECIBELS_SHOWN = 70.0


@dataclass(frozen=True)
class Clip:
    """Something to listen to.

    Attributes:
        start: seconds into the file.
        duration: seconds; None where only the file is known.
        channels: that are mixed; None means all.
        labels: why it was picked, a few words each.
        detail: what is wrong with it, a sentence; "" if nothing is.
    """

    id: str
    path: str
    text: str
    start: float = 0.0
    duration: float | None = None
    channels: tuple[int, ...] | None = None
    speaker: str = ""
    language: str = ""
    labels: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True)
class Excerpt:
    """The beginning of a clip.

    Attributes:
        seconds: of the excerpt; 0 if there is none.
        sample_rate: of the file, in Hz.
        picture: PNG, the log-mel spectrogram from 0 Hz to half the sample rate; b"" if there is none.
        sound: FLAC or Ogg Opus; b"" if there is none.
        media_type: of the sound.
        measures: of the excerpt.
        problem: why there is no sound; "" if there is.
    """

    seconds: float = 0.0
    sample_rate: int = 0
    picture: bytes = b""
    sound: bytes = b""
    media_type: str = ""
    measures: Measures | None = None
    problem: str = ""


def clip_of_cut(cut: Cut, labels: Sequence[str] = (), detail: str = "") -> Clip:
    """A cut as something to listen to."""
    return Clip(
        id=cut.id,
        path=cut.path,
        text=cut.text,
        start=cut.start,
        duration=cut.duration,
        channels=cut.channels,
        speaker=str(cut.speaker or ""),
        language=str(cut.language or ""),
        labels=tuple(labels),
        detail=detail,
    )


def excerpts(clips: Sequence[Clip], jobs: int, on_done: Callable[[int], None] | None = None) -> list[Excerpt]:
    """Cut out, draw and encode the beginning of each clip.

    Args:
        clips: what to listen to; they share the budget equally.
        jobs: processes.
        on_done: told how many more are done.

    Returns:
        One a clip; where a file cannot be decoded, an excerpt with a problem.
    """
    limit = BUDGET // max(len(clips), 1)
    return run_all(_excerpt, [(clip, limit) for clip in clips], jobs, _crashed, on_done)


def read_excerpt(
    path: str, start: float, duration: float | None, channels: tuple[int, ...] | None, longest: float
) -> tuple[Samples, int]:
    """The beginning of a stretch of a file, float32 mono (N,), at the file's own rate, and that rate in Hz.

    Args:
        path: the file.
        start: seconds into it.
        duration: seconds; None goes to the end.
        channels: to mix; None mixes all.
        longest: seconds to read at most.

    Raises:
        EarwrightError: as `audio.read.read_audio`, or the times are none.
    """
    if not (0 <= start < math.inf and (duration is None or 0 < duration < math.inf)):
        raise EarwrightError(f"{path}: no stretch of it starts at {start} s and lasts {duration} s.")
    rate = audio_info(path).sample_rate
    seconds = longest if duration is None else min(duration, longest)
    return read_audio(path, None, channel=channels or None, start=start, duration=seconds), rate


def _excerpt(task: tuple[Clip, int]) -> Excerpt:
    clip, limit = task
    try:
        samples, rate = read_excerpt(clip.path, clip.start, clip.duration, clip.channels, EXCERPT)
        picture = encode_png(mel_spectrogram(samples, rate), DECIBELS_SHOWN)
        excerpt = Excerpt(len(samples) / rate, rate, picture, measures=measure(samples, rate))
        for media_type, encode in (("audio/flac", _flac), ("audio/ogg", _opus)):
            sound = encode(samples, rate)
            if len(picture) + len(sound) <= limit:
                return replace(excerpt, sound=sound, media_type=media_type)
    except EarwrightError as error:
        return Excerpt(problem=str(error).removeprefix(f"{clip.path}: "))
    except soundfile.LibsndfileError as error:  # FLAC knows no rates above 655 kHz
        return replace(excerpt, problem=f"it cannot be encoded for this page ({first_line(error)})")
    return replace(excerpt, problem="too large for this page; ask for fewer --clips")


def _crashed(task: tuple[Clip, int]) -> Excerpt:
    return Excerpt(problem="the process that decoded it died")


def _flac(samples: Samples, rate: int) -> bytes:
    return _encode(samples, rate, "FLAC", "PCM_16")


def _opus(samples: Samples, rate: int) -> bytes:
    possible = next((other for other in OPUS_RATES if other >= rate), OPUS_RATES[-1])
    return _encode(resample(samples, rate, possible), possible, "OGG", "OPUS", OPUS_QUALITY)


def _encode(
    samples: Samples, rate: int, container: str, subtype: str, compression_level: float | None = None
) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype, format=container, compression_level=compression_level)
    return file.getvalue()
