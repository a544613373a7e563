"""Listening to a file once, from front to back: is it whole, and what is heard in each stretch of it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soundfile

from earwright.audio.read import AudioFile, Samples, mix, open_audio, read_blocks
from earwright.data.preparation.measure import Measures, measure
from earwright.errors import EarwrightError, first_line

END_TOLERANCE = 0.1  # seconds that a segment may reach beyond its file, or a file fall short of its header
LONGEST_MEASURED = 120.0  # seconds; of a longer stretch only the length is found out
OGG_LAST_PAGE = 65307  # bytes: the largest page that Ogg allows (RFC 3533, section 6)
OGG_HEADER = 27  # bytes before the segment table
OGG_END_OF_STREAM = 0x04  # in the header type byte, the sixth of a page
# libsndfile's log of a chunk that should be longer than the file: "data : 160000 (should be 79978)".
SHORT_CHUNK = re.compile(
    r"^\s*(?:data|data size|riff|form|ssnd)\s*:\s*(\d+) \(should be (\d+)\)", re.I | re.M
)
SIZE_UNKNOWN = 0x7FFFF000  # from here on a size is what programs write that cannot seek back into a pipe


class Stretch(NamedTuple):
    """What a row uses of a file: seconds (no duration: to its end), and a channel (None: all, mixed)."""

    start: float = 0.0
    duration: float | None = None
    channel: int | None = None


@dataclass(frozen=True)
class Problem:
    """Why a row is rejected: a key of `checks.REASONS`, and the particulars."""

    reason: str
    detail: str


@dataclass(frozen=True)
class Heard:
    """What is heard in one stretch.

    Attributes:
        samples: how many there are, a channel.
        not_finite: how many of them are NaN or infinite.
        low, high: the lowest and the highest.
        fingerprint: a hash of the samples in 16 bits; 0 where nothing was measured.
        cancelled: dB by which mixing the channels took away from their power: 0 for one channel, 3 for two
            that have nothing in common.
        measures: None where there is nothing to measure, or too much.
    """

    samples: int = 0
    not_finite: int = 0
    low: float = float("inf")
    high: float = float("-inf")
    fingerprint: int = 0
    cancelled: float = 0.0
    measures: Measures | None = None


@dataclass(frozen=True)
class AudioReport:
    """What decoding a whole file showed: `samples` is counted, not what the header says."""

    sample_rate: int = 0
    channels: int = 0
    samples: int = 0
    problem: Problem | None = None
    heard: tuple[Heard, ...] = ()


def listen(path: str, stretches: Sequence[Stretch]) -> AudioReport:
    """Decode a file once, in bounded memory.

    Args:
        path: the audio file.
        stretches: one for each row that uses the file.

    Returns:
        A report with what was heard in each stretch; or with a problem that all rows share.
    """
    problem = _check_file(path)
    if problem:
        return AudioReport(problem=problem)
    try:
        with open_audio(path) as file:
            return _decode(path, file, stretches)
    except EarwrightError as error:
        return AudioReport(problem=Problem("unreadable", str(error).removeprefix(f"{path}: ")))


class _Ear:
    """Takes in one stretch while its file is decoded."""

    def __init__(self, stretch: Stretch, rate: int) -> None:
        start, duration, self.channel = stretch
        self.rate = rate
        self.start = round(start * rate)
        self.end = None if duration is None else round((start + duration) * rate)
        self.samples = self.not_finite = 0
        self.low, self.high = float("inf"), float("-inf")
        self.power = 0.0  # of the channels before they were mixed, summed over samples
        self.parts: list[Samples] = []
        self.report: Heard | None = None

    def waits_for(self, position: int, samples: int) -> bool:
        """Whether anything of the block of `samples` at `position` belongs to the stretch."""
        return self.start < position + samples and (self.end is None or self.end > position)

    def hear(self, position: int, mixed: Samples, block: npt.NDArray[np.float32]) -> None:
        """Take in what lies inside of a block (n, channels) that begins `position` samples into the file."""
        inside = slice(max(self.start - position, 0), None if self.end is None else self.end - position)
        part = mixed[inside]
        self.samples += len(part)
        low, high = float(part.min()), float(part.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            self.not_finite += int(np.count_nonzero(~np.isfinite(part)))
            return
        self.low, self.high = min(self.low, low), max(self.high, high)
        if self.samples <= LONGEST_MEASURED * self.rate:
            # A copy only where the block would be kept alive for a small part of it.
            self.parts.append(part.copy() if len(part) < len(mixed) else part)
            if self.channel is None and block.shape[1] > 1:
                self.power += float(np.square(block[inside], dtype=np.float64).mean(axis=1).sum())
        else:
            self.parts.clear()
        if self.end is not None and self.end <= position + len(mixed):
            self.finish()

    def finish(self) -> Heard:
        """The stretch is over: measure it, and let its samples go."""
        if self.report is None:
            facts = (self.samples, self.not_finite, self.low, self.high)
            self.report = Heard(*facts)
            if self.parts and not self.not_finite and self.high > self.low:
                samples = self.parts[0] if len(self.parts) == 1 else np.concatenate(self.parts)
                measures = measure(samples, self.rate)
                self.report = Heard(*facts, _fingerprint(samples), self._cancelled(samples), measures)
            self.parts.clear()
        return self.report

    def _cancelled(self, samples: Samples) -> float:
        if not self.power:
            return 0.0
        left = float(np.square(samples, dtype=np.float64).sum())
        return 10 * float(np.log10(self.power / max(left, 1e-9 * self.power)))


def _fingerprint(samples: Samples) -> int:
    """A hash of every sixteenth sample, in 16 bits: no two recordings agree in all of those."""
    pcm = np.rint(np.clip(samples[::16], -1.0, 1.0) * 32767.0).astype("<i2")
    digest = hashlib.blake2b(pcm.tobytes() + len(samples).to_bytes(8, "little"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)  # as SQLite's integers are


def _check_file(path: str) -> Problem | None:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return Problem("unreadable", "the file's name is not UTF-8; rename it")
    if not os.path.exists(path):
        return Problem("missing-audio", "there is no such file")
    if os.path.isfile(path) and os.path.getsize(path) == 0:
        return Problem("empty-audio", "the file has 0 bytes")
    return None


def _decode(path: str, file: AudioFile, stretches: Sequence[Stretch]) -> AudioReport:
    rate, channels = file.samplerate, file.channels
    missing = next((s.channel for s in stretches if s.channel is not None and s.channel >= channels), None)
    if missing is not None:
        detail = f"there is no channel {missing}; it has {channels}, counted from 0"
        return AudioReport(problem=Problem("outside-audio", detail))
    ears = [_Ear(stretch, rate) for stretch in stretches]
    position = 0
    problem = None
    try:
        for block in read_blocks(file):
            mixed: dict[int | None, Samples] = {}
            for ear in ears:
                if ear.waits_for(position, len(block)):
                    if ear.channel not in mixed:
                        mixed[ear.channel] = mix(block, ear.channel)
                    ear.hear(position, mixed[ear.channel], block)
            position += len(block)
    except soundfile.LibsndfileError as error:
        seconds = position / rate
        problem = Problem("truncated", f"the decoder gave up after {seconds:.3f} s ({first_line(error)})")
    problem = problem or _check_end(path, file, position)
    return AudioReport(rate, channels, position, problem, tuple(ear.finish() for ear in ears))


def _check_end(path: str, file: AudioFile, decoded: int) -> Problem | None:
    """Whether the file goes on to where it should: three containers tell it in three ways."""
    missing = (file.frames - decoded) / file.samplerate
    if END_TOLERANCE < missing < 1e9:  # beyond: a header that names no length
        return Problem(
            "truncated", f"{missing:.3f} s are missing of the {file.frames / file.samplerate:.3f} s"
        )
    if file.format == "OGG" and not _ogg_is_whole(path):
        return Problem(
            "truncated", f"its last Ogg page is missing, {decoded / file.samplerate:.3f} s are there"
        )
    for declared, there in SHORT_CHUNK.findall(file.extra_info):
        if int(there) < int(declared) < SIZE_UNKNOWN:
            lost = int(declared) - int(there)
            if lost > END_TOLERANCE * file.samplerate * file.channels:
                return Problem(
                    "truncated", f"{lost} bytes are missing of the {declared} that its header names"
                )
    if not decoded:
        return Problem("empty-audio", "there are 0 samples in it")
    return None


def _ogg_is_whole(path: str) -> bool:
    """Whether the last page is all there and says that it is the last; libsndfile takes any page for it."""
    with open(path, "rb") as file:
        file.seek(max(os.path.getsize(path) - OGG_LAST_PAGE, 0))
        tail = file.read()
    page = tail[max(tail.rfind(b"OggS"), 0) :]
    if len(page) < OGG_HEADER or not page[5] & OGG_END_OF_STREAM:
        return False
    lengths = page[OGG_HEADER : OGG_HEADER + page[26]]  # the segment table: how long the body's pieces are
    return len(page) >= OGG_HEADER + page[26] + sum(lengths)
