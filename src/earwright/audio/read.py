"""Reading audio: any file, bytes or array becomes float32 mono in [-1, 1] at the rate that is asked for."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from earwright.audio.container import ContainerFile, installed, is_container
from earwright.errors import EarwrightError, first_line

Samples = npt.NDArray[np.float32]
AudioSource = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO

# Endings of the formats that libsndfile reads; what a folder is searched for.
AUDIO_SUFFIXES = frozenset(
    {
        *(".wav", ".wave", ".w64", ".rf64", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
        *(".aiff", ".aif", ".aifc", ".caf", ".au", ".snd", ".sph", ".nist", ".voc"),
    }
)
# Recordings in these are common, and libsndfile cannot read them: PyAV does where it is installed.
CONTAINER_SUFFIXES = frozenset(
    (".m4a", ".aac", ".mp4", ".webm", ".wma", ".amr", ".3gp", ".mka", ".mkv", ".mov")
)

RESAMPLING_QUALITY = "HQ"  # soxr: 20-bit precision, pass band to 0.91 of Nyquist
BLOCK_VALUES = 1 << 20  # samples times channels decoded at once: 4 MiB of float32
TAIL = 4096  # samples asked for where the header promises no more
SEEK_LEAD_IN = 0.1  # seconds decoded before a start and thrown away: Opus asks for 80 ms, MP3 for less
UNKNOWN_LENGTH = 1 << 50  # libsndfile gives 2^63 - 1 for a FLAC stream whose header names no length
LARGEST_FLOAT = 100.0  # no float audio peaks 40 dB above full scale: it is integers in disguise


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header says. `samples` is per channel; `duration` is seconds; `format` as "OGG/OPUS"."""

    sample_rate: int
    channels: int
    samples: int
    duration: float
    format: str


class SequentialFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile ships no types
    """A sound file that is read from front to back.

    soundfile seeks to where it is after every read of a seekable file. In MP3 that empties the bit
    reservoir and damages the start of each block (errors of 0.3 were measured), and in a FLAC file that
    was cut off it hides what could be decoded.
    """

    def seekable(self) -> bool:
        """No, although `seek` works: see the class."""
        return False


AudioFile = SequentialFile | ContainerFile


def audio_info(path: str | os.PathLike[str]) -> AudioInfo:
    """Read the header of an audio file.

    Args:
        path: a file that soundfile reads.

    Raises:
        EarwrightError: the file is missing, empty or not audio.
    """
    with open_audio(path) as file:
        samples = file.frames
        if samples >= UNKNOWN_LENGTH:
            samples = sum(len(block) for block in read_blocks(file))
        return AudioInfo(
            sample_rate=file.samplerate,
            channels=file.channels,
            samples=samples,
            duration=samples / file.samplerate,
            format=f"{file.format}/{file.subtype}",
        )


def read_audio(
    source: AudioSource,
    sample_rate: int | None = 16000,
    *,
    channel: int | Sequence[int] | None = None,
    start: float = 0.0,
    duration: float | None = None,
) -> Samples:
    """Read audio as float32 mono.

    Args:
        source: path, a file's bytes, or a file open for reading bytes.
        sample_rate: the rate in Hz to resample to; None keeps the file's own.
        channel: a channel, or several to mix, counted from 0; None mixes all of them.
        start: seconds into the file.
        duration: seconds to read; None, or more than there is, reads to the end.

    Returns:
        Samples, float32 (N,), in [-1, 1] unless a float file goes beyond.

    Raises:
        EarwrightError: the file is missing, not audio, damaged or empty, holds NaN or infinite samples, or
            has no such channel or time.
    """
    with open_audio(source) as file:
        rate = file.samplerate
        if start:
            _seek(file, start, _name(source))
        left = None if duration is None else max(round(duration * rate), 0)
        blocks = []
        for block in read_blocks(file, left):
            blocks.append(mix(block, channel, _name(source)))
    if not blocks:
        what = f"no audio after {start:g} s" if start else "no audio in it (0 samples)"
        raise EarwrightError(f"{_name(source)}: there is {what}.")
    samples = np.concatenate(blocks)
    check_finite(samples, _name(source))
    return resample(samples, rate, sample_rate)


def stream_audio(
    source: AudioSource, sample_rate: int | None = 16000, block_seconds: float = 10.0
) -> Iterator[Samples]:
    """Read audio of any length in bounded memory.

    Args:
        source: path, a file's bytes, or a file open for reading bytes.
        sample_rate: the rate in Hz to resample to; None keeps the file's own.
        block_seconds: how much of the file is decoded at once.

    Yields:
        Blocks of float32 mono of about `block_seconds`, (N,); joined they equal `read_audio`.

    Raises:
        EarwrightError: as `read_audio`, as soon as the fault is reached.
    """
    with open_audio(source) as file:
        rate = file.samplerate
        stream = None
        if sample_rate not in (None, rate):
            stream = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32", quality=RESAMPLING_QUALITY)
        empty = True
        for block in read_blocks(file, block_samples=max(round(block_seconds * rate), 1)):
            empty = False
            samples = mix(block, None, _name(source))
            check_finite(samples, _name(source))
            if stream is not None:
                samples = stream.resample_chunk(samples)
            if len(samples):
                yield samples
    if empty:
        raise EarwrightError(f"{_name(source)}: there is no audio in it (0 samples).")
    if stream is not None:
        samples = stream.resample_chunk(np.zeros(0, np.float32), last=True)
        if len(samples):
            yield samples


def from_array(samples: npt.ArrayLike, rate: int, sample_rate: int | None = 16000) -> Samples:
    """Make float32 mono of an array of samples.

    Floats are taken to be in [-1, 1], int16 and int32 are scaled by their range, uint8 is centred at 128.
    int64, which Python lists become, is taken as 16-bit where all values fit, else as 32-bit. Of two axes
    the shorter one is the channels; a square array is taken as (N, C), as soundfile gives it.

    Args:
        samples: (N,), (N, C) or (C, N), of any integer or float type.
        rate: the array's sample rate in Hz.
        sample_rate: the rate in Hz to resample to; None keeps `rate`.

    Returns:
        Samples, float32 (N,).

    Raises:
        EarwrightError: the array is empty, of another shape or type, or holds NaN or infinite samples.
    """
    if not rate > 0:
        raise EarwrightError(f"the array's sample rate is {rate}; it must be above 0, such as 16000.")
    array = np.asarray(samples)
    if array.ndim not in (1, 2) or array.size == 0:
        raise EarwrightError(f"audio arrays are (samples,) or (samples, channels), not {array.shape}.")
    floats = _scale(array)
    if floats.ndim == 2:
        axis = 0 if floats.shape[0] < floats.shape[1] else 1
        floats = np.mean(floats, axis=axis, dtype=np.float32)
    check_finite(floats, "the array")
    return resample(np.ascontiguousarray(floats), rate, sample_rate)


@contextlib.contextmanager
def open_audio(source: AudioSource) -> Iterator[AudioFile]:
    """Open audio for reading in blocks; libsndfile's complaints, here or later, become one sentence.

    Args:
        source: path, a file's bytes, or a file open for reading bytes; containers of video and AAC by path.

    Raises:
        EarwrightError: the file is missing, empty, not audio, or damaged where it is being read.
    """
    try:
        openable = _openable(source)
        if is_container(_start(openable)):
            if not installed():
                raise EarwrightError(
                    f"{_name(source)}: m4a, mp4, webm and such are read with PyAV; "
                    "install it: pip install 'earwright[av]'"
                )
            with ContainerFile(openable, _name(source)) as container:
                yield container
            return
        with SequentialFile(openable) as file:
            yield file
    except soundfile.LibsndfileError as error:
        raise EarwrightError(describe_refusal(source, error)) from error
    except OSError as error:
        raise EarwrightError(f"{_name(source)}: {error.strerror or error}.") from error


def read_blocks(
    file: AudioFile, samples: int | None = None, block_samples: int | None = None
) -> Iterator[npt.NDArray[np.float32]]:
    """Decode on from where the file stands.

    Args:
        file: from `open_audio`.
        samples: how many samples to read; None reads to the end, wherever the header says that is.
        block_samples: samples per block; None takes about 4 MiB.

    Yields:
        Blocks, float32 (n, channels), never empty.
    """
    size = block_samples or max(BLOCK_VALUES // file.channels, 1)
    left = samples
    # As many as the header promises, then a few more in case it lies: libsndfile fills what it was asked for
    # and does not have with zeros, which for a short file takes longer than decoding it.
    promised = file.frames - file.tell()
    while left is None or left > 0:
        wanted = min(size, promised if promised > 0 else TAIL)
        block: npt.NDArray[np.float32] = file.read(
            wanted if left is None else min(wanted, left), dtype="float32", always_2d=True
        )
        if not len(block):
            return
        promised -= len(block)
        if left is not None:
            left -= len(block)
        yield block


def mix(block: npt.NDArray[np.float32], channel: int | Sequence[int] | None, name: str = "audio") -> Samples:
    """Average channels: (n, channels) -> (n,).

    Args:
        block: float32 (n, channels).
        channel: one channel, or several, counted from 0; None means all.
        name: what to call the audio in a message.

    Raises:
        EarwrightError: there is no such channel.
    """
    channels = block.shape[1]
    if channel is None:
        return block[:, 0] if channels == 1 else np.mean(block, axis=1, dtype=np.float32)
    wanted = [channel] if isinstance(channel, int) else list(channel)
    for number in wanted:
        if not 0 <= number < channels:
            raise EarwrightError(f"{name}: there is no channel {number}; it has {channels}, counted from 0.")
    mixed: Samples = np.mean(block[:, wanted], axis=1, dtype=np.float32)
    return mixed


def resample(samples: Samples, rate: int, sample_rate: int | None) -> Samples:
    """Change the sample rate of float32 (N,) from `rate` to `sample_rate` Hz (None: as it is) with soxr."""
    if sample_rate is None or sample_rate == rate:
        return samples
    if sample_rate <= 0:
        raise EarwrightError(f"the sample rate asked for is {sample_rate}; it must be above 0.")
    resampled: Samples = soxr.resample(samples, rate, sample_rate, quality=RESAMPLING_QUALITY)
    return resampled


def check_finite(samples: Samples, name: str) -> None:
    """Raise an EarwrightError that counts the samples that are NaN or infinite, if there are any."""
    # One sum over all is several times quicker than looking at each, and is not finite if any of them is not.
    if np.isfinite(samples.sum(dtype=np.float64)):
        return
    bad = int(np.count_nonzero(~np.isfinite(samples)))
    raise EarwrightError(f"{name}: {bad} of {len(samples)} samples are not numbers (NaN or infinite).")


def describe_refusal(source: AudioSource, error: soundfile.LibsndfileError) -> str:
    """One sentence for what libsndfile does not read: what the matter is, and what to do."""
    name = _name(source)
    reason = first_line(error).rstrip(".")
    # libsndfile's own prefix repeats the name, and two of its phrases mislead.
    reason = reason.rpartition("': ")[2].removeprefix("Error : ")
    if "not recognised" in reason or "does not exist" in reason or "unknown format" in reason.lower():
        return f"{name}: this is no audio that libsndfile reads (WAV, FLAC, Ogg, Opus, MP3 and such)."
    return f"{name}: the audio is damaged or cut off ({reason})."


def _openable(source: AudioSource) -> str | BinaryIO:
    """What libsndfile can open, after the faults that it would report in a confusing way."""
    if isinstance(source, bytes | bytearray | memoryview):
        if not source:
            raise EarwrightError("the audio is empty (0 bytes).")
        return io.BytesIO(source)
    if isinstance(source, str | os.PathLike):
        return _openable_path(os.fspath(source))
    if not source.seekable():
        return _openable(source.read())  # a pipe: libsndfile goes to and fro
    return source


def _openable_path(path: str) -> str | BinaryIO:
    if path.lower().endswith(".raw"):
        raise EarwrightError(
            f"{path}: samples without a header say nothing of their rate; make it a WAV file."
        )
    try:
        with open(path, "rb") as file:
            if not file.seekable():
                return _openable(file.read())  # such as <(ffmpeg ...) in a shell
            if not file.read(1):
                raise EarwrightError(f"{path}: the file is empty (0 bytes).")
    except FileNotFoundError:
        raise EarwrightError(f"{path}: there is no such file.") from None
    except IsADirectoryError:
        raise EarwrightError(f"{path}: this is a folder; name an audio file.") from None
    except ValueError as error:  # a zero byte in the name, or one that is not UTF-8
        raise EarwrightError(f"{path!r}: this is no file name ({error}).") from error
    return path


def _start(openable: str | BinaryIO) -> bytes:
    """The first 16 bytes."""
    if isinstance(openable, str):
        with open(openable, "rb") as file:
            return file.read(16)
    place = openable.tell()
    start = openable.read(16)
    openable.seek(place)
    return start


def _seek(file: AudioFile, start: float, name: str) -> None:
    """Stand at `start` seconds, the decoder as if it had come there from the front."""
    position = round(start * file.samplerate)
    if start < 0 or position >= file.frames:
        length = file.frames / file.samplerate
        raise EarwrightError(f"{name}: no audio at {start:g} s; it is {length:.3f} s long.")
    lead_in = min(position, round(SEEK_LEAD_IN * file.samplerate))
    file.seek(position - lead_in)
    for _ in read_blocks(file, lead_in):
        pass


def _scale(array: npt.NDArray[Any]) -> Samples:
    """Samples of any type as float32 in [-1, 1], same shape."""
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind == "f":
        floats: Samples = array.astype(np.float32)
        peak = float(np.abs(floats).max())
        if np.isfinite(peak) and peak > LARGEST_FLOAT:
            raise EarwrightError(
                f"the array's floats reach {peak:g}, and audio is in [-1, 1]: divide 16-bit samples by 32768."
            )
        return floats
    if kind == "u" and size == 1:
        return (array.astype(np.float32) - 128.0) / 128.0
    if kind == "i":
        bits = 8 * size
        if bits == 64:
            low, high = int(array.min()), int(array.max())
            bits = 16 if low >= -(1 << 15) and high < 1 << 15 else 32
        return (array / float(1 << (bits - 1))).astype(np.float32)
    raise EarwrightError(f"audio arrays are floats or signed integers, not {array.dtype}.")


def _name(source: AudioSource) -> str:
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "the audio"
