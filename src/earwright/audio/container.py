"""Recordings in containers that libsndfile does not read (m4a, mp4, webm, ...), through PyAV if it is there.

A `ContainerFile` is read as a `SequentialFile` of `audio.read` is: from front to back, in blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError, first_line

# FFmpeg's demuxers that may open a file, and no protocol at all: a playlist inside of what calls itself audio
# must not make it open other files or addresses.
DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,aac,asf,amr,amrnb,amrwb"
UNKNOWN_LENGTH = 1 << 60  # samples, where the container does not say


class ContainerFile:
    """The first audio stream of a container.

    Args:
        source: path, or a file open for reading bytes.
        name: what to call it in messages.

    Raises:
        ModuleNotFoundError: PyAV is not installed.
        EarwrightError: it is no container that is read, or has no audio.
    """

    extra_info = ""
    subtype = ""

    def __init__(self, source: str | IO[bytes], name: str) -> None:
        import av

        self._name = name
        self._file = open(source, "rb") if isinstance(source, str) else source  # noqa: SIM115  # see close()
        try:
            options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none"}
            self._container = av.open(self._file, mode="r", options=options)
        except (av.FFmpegError, OSError) as error:
            self._file.close()
            raise EarwrightError(
                f"{name}: the container is damaged, cut off or of no kind that is read ({first_line(error)})."
            ) from error
        if not self._container.streams.audio:
            self.close()
            raise EarwrightError(f"{name}: there is no sound in it, only pictures.")
        stream = self._container.streams.audio[0]
        self.samplerate = int(stream.rate)
        self.channels = int(stream.channels)
        self.format = str(self._container.format.name).partition(",")[0].upper()
        ticks, tick = stream.duration, stream.time_base
        seconds = float(ticks * tick) if ticks is not None and tick is not None else None
        self.frames = UNKNOWN_LENGTH if seconds is None else round(seconds * self.samplerate)
        self._position = 0
        self._blocks = self._decode()
        self._ahead: npt.NDArray[np.float32] = np.zeros((0, self.channels), np.float32)

    def __enter__(self) -> ContainerFile:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go."""
        self._container.close()
        self._file.close()

    def tell(self) -> int:
        """Samples read so far."""
        return self._position

    def seek(self, position: int) -> None:
        """Stand at a sample, by decoding everything before it: exact, and no container lies about it.

        Args:
            position: counted from 0; not before where the file stands.
        """
        while position > 0:
            skipped = len(self.read(min(position, 1 << 16)))
            if not skipped:
                return
            position -= skipped

    def read(self, frames: int, dtype: str = "float32", always_2d: bool = True) -> npt.NDArray[np.float32]:
        """The next samples, float32 (n, channels), fewer than `frames` at the end only.

        Raises:
            EarwrightError: the file is damaged here.
        """
        parts, left = [self._ahead], frames - len(self._ahead)
        while left > 0:
            block = next(self._blocks, None)
            if block is None:
                break
            parts.append(block)
            left -= len(block)
        joined = np.concatenate(parts)
        self._ahead = joined[frames:]
        self._position += min(len(joined), frames)
        return joined[:frames]

    def _decode(self) -> Iterator[npt.NDArray[np.float32]]:
        import av

        resampler = av.AudioResampler(format="fltp")  # only the samples' type changes
        left = self.frames  # what comes after is the encoder's padding
        try:
            for frame in self._container.decode(audio=0):
                for converted in resampler.resample(frame):
                    block: npt.NDArray[Any] = converted.to_ndarray().T
                    if block.shape[1] != self.channels:
                        raise EarwrightError(f"{self._name}: its number of channels changes on the way.")
                    yield np.ascontiguousarray(block[:left])
                    left -= len(block)
                    if left <= 0:
                        return
        except av.FFmpegError as error:
            raise EarwrightError(
                f"{self._name}: the audio is damaged or cut off ({first_line(error)})."
            ) from error


def is_container(start: bytes) -> bool:
    """Whether a file's first 16 bytes are those of a container that PyAV is needed for, whatever its name."""
    return (
        start[4:8] == b"ftyp"  # MP4, M4A, 3GP, MOV
        or start.startswith(b"\x1a\x45\xdf\xa3")  # Matroska, WebM
        or start.startswith((b"\xff\xf1", b"\xff\xf9"))  # AAC in ADTS frames
        or start.startswith(b"#!AMR")
        or start.startswith(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11")  # ASF: WMA, WMV
    )


def installed() -> bool:
    """Whether PyAV is there, without loading it."""
    import importlib.util

    return importlib.util.find_spec("av") is not None
