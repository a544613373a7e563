"""Clips to listen to: an excerpt of each, as small as a page can hold it, its picture, and its player."""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass, replace

import soundfile

from earwright.audio.read import Samples, audio_info, read_audio, resample
from earwright.errors import EarwrightError, first_line
from earwright.pages.markup import LONGEST_NAME, escape
from earwright.pages.mel import mel_spectrogram
from earwright.pages.spectrogram import encode_png

MOST_CLIPS = 100  # more than this no browser loads gladly
BUDGET = 10_000_000  # bytes of sound and pictures in all, which base64 makes a third larger
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)  # Hz: no others can be encoded
OPUS_QUALITY = 0.6  # of libsndfile's scale from 0 to 1: about 68 kbit/s
DECIBELS_SHOWN = 70.0
COLUMNS = 480  # of a picture
LONGEST_PROBLEM = 1000  # characters


@dataclass(frozen=True)
class Excerpt:
    """The beginning of a clip.

    Attributes:
        seconds: of the excerpt; 0 if there is none.
        sample_rate: of the file, in Hz.
        picture: PNG, the log-mel spectrogram from 0 Hz to half the sample rate; b"" if there is none.
        sound: FLAC or Ogg Opus; b"" if there is none.
        media_type: of the sound.
        problem: why there is no sound; "" if there is.
    """

    seconds: float = 0.0
    sample_rate: int = 0
    picture: bytes = b""
    sound: bytes = b""
    media_type: str = ""
    problem: str = ""


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


def make_excerpt(samples: Samples, sample_rate: int, limit: int, columns: int = COLUMNS) -> Excerpt:
    """Draw and encode samples: as they are if they fit into the limit, or else as Opus.

    Args:
        samples: float32 mono (N,), N > 0.
        sample_rate: in Hz.
        limit: bytes of picture and sound together.
        columns: of the picture, at most.

    Returns:
        An excerpt; with a problem instead of sound where it cannot be encoded or is too large.
    """
    picture = encode_png(mel_spectrogram(samples, sample_rate, columns=columns), DECIBELS_SHOWN)
    excerpt = Excerpt(len(samples) / sample_rate, sample_rate, picture)
    try:
        for media_type, encode in (("audio/flac", _flac), ("audio/ogg", _opus)):
            sound = encode(samples, sample_rate)
            if len(picture) + len(sound) <= limit:
                return replace(excerpt, sound=sound, media_type=media_type)
    except soundfile.LibsndfileError as error:  # FLAC knows no rates above 655 kHz
        return replace(excerpt, problem=f"it cannot be encoded for this page ({first_line(error)})")
    return replace(excerpt, problem="too large for this page; ask for fewer --clips")


def no_excerpt(error: EarwrightError, path: str) -> Excerpt:
    """What stands in the place of a clip that cannot be read."""
    return Excerpt(problem=str(error).removeprefix(f"{path}: "))


def player(excerpt: Excerpt, name: str) -> str:
    """An excerpt's sound as an audio element, or why there is none."""
    if not excerpt.sound:
        return f'<p class="facts" dir="auto">No sound: {escape(excerpt.problem, LONGEST_PROBLEM)}</p>'
    data = base64.b64encode(excerpt.sound).decode()
    return (
        f'<audio controls preload="none" aria-label="Play {escape(name, LONGEST_NAME)}" '
        f'src="data:{excerpt.media_type};base64,{data}"></audio>'
    )


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
