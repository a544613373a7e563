"""All checks of training data, for every corpus: what is wrong with a row, in a word and in a sentence."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

import numpy as np
import soundfile

from earwright.audio.read import Samples, SequentialFile, mix, open_audio, read_blocks
from earwright.data.corpora.row import Row
from earwright.errors import EarwrightError, first_line

# Every reason for which a row is rejected, as it stands in rejected.jsonl.
REASONS = {
    "bad-row": "the line cannot be understood",
    "empty-text": "there is no text",
    "missing-audio": "the audio file is not there",
    "unreadable": "the file is not audio, or not of a kind that can be read",
    "truncated": "the audio breaks off before its end",
    "empty-audio": "the file holds no audio",
    "outside-audio": "start or end lie outside the file",
    "too-short": "shorter than --min-duration",
    "too-long": "longer than --max-duration",
    "nan-samples": "samples are NaN or infinite",
    "silent": "nothing but digital silence",
    "text-too-long": "more text than can be said in the time",
    "duplicate-id": "an earlier row has the same id",
}

END_TOLERANCE = 0.1  # seconds that a segment may reach beyond its file, or a file fall short of its header
SILENCE = (
    1 / 32768
)  # one step of 16 bits between the lowest and the highest sample; dither and codecs stay within
OGG_LAST_PAGE = 65307  # bytes: the largest page that Ogg allows (RFC 3533, section 6)
OGG_HEADER = 27  # bytes before the segment table
OGG_END_OF_STREAM = 0x04  # in the header type byte, the sixth of a page
# libsndfile's log of a chunk that should be longer than the file: "data : 160000 (should be 79978)".
SHORT_CHUNK = re.compile(
    r"^\s*(?:data|data size|riff|form|ssnd)\s*:\s*(\d+) \(should be (\d+)\)", re.I | re.M
)
SIZE_UNKNOWN = 0x7FFFF000  # from here on a size is what programs write that cannot seek back into a pipe


@dataclass(frozen=True)
class Problem:
    """Why a row is rejected: a key of REASONS, and the particulars."""

    reason: str
    detail: str


@dataclass(frozen=True)
class Limits:
    """What an utterance must keep to.

    Attributes:
        min_duration: seconds; below a tenth there is no word.
        max_duration: seconds; a batch must hold it.
        max_characters_per_second: 25, the frames a second of a recognizer that looks at 40 ms at a time: CTC
            needs a frame for each character. Quick speakers reach 20.
    """

    min_duration: float = 0.1
    max_duration: float = 60.0
    max_characters_per_second: float = 25.0


@dataclass
class Span:
    """A stretch of a file and what is heard in it: mono samples from `start` to `end`, `low` to `high`."""

    start: int
    end: int | None
    samples: int = 0
    not_finite: int = 0
    low: float = float("inf")
    high: float = float("-inf")

    def hear(self, position: int, samples: Samples) -> None:
        """Take in what lies inside of a block, mono (n,), that begins `position` samples into the file."""
        part = samples[
            max(self.start - position, 0) : None if self.end is None else max(self.end - position, 0)
        ]
        if not len(part):
            return
        self.samples += len(part)
        low, high = float(part.min()), float(part.max())
        if np.isfinite(low) and np.isfinite(high):
            self.low, self.high = min(self.low, low), max(self.high, high)
        else:
            self.not_finite += int(np.count_nonzero(~np.isfinite(part)))


@dataclass(frozen=True)
class AudioReport:
    """What decoding a whole file showed: `samples` is counted, not what the header says."""

    sample_rate: int = 0
    channels: int = 0
    samples: int = 0
    problem: Problem | None = None
    spans: tuple[Span, ...] = ()


def inspect_audio(path: str, stretches: list[tuple[float, float | None]]) -> AudioReport:
    """Decode a file once, from front to back, in bounded memory.

    Args:
        path: the audio file.
        stretches: (start, duration or None) in seconds, one for each row that uses the file.

    Returns:
        A report with one span a stretch; or with a problem that all rows share.
    """
    problem = _check_file(path)
    if problem:
        return AudioReport(problem=problem)
    try:
        with open_audio(path) as file:
            return _decode(path, file, stretches)
    except EarwrightError as error:
        return AudioReport(problem=Problem("unreadable", str(error).removeprefix(f"{path}: ")))


def check_text(row: Row) -> Problem | None:
    """What is wrong with a row before its audio is looked at."""
    if not row.text.strip():
        return Problem("empty-text", "there is no text for it")
    if row.start < 0 or (row.duration is not None and row.duration <= 0):
        return Problem("outside-audio", f"start {row.start:g} s, duration {row.duration} s")
    return None


def check_audio(row: Row, report: AudioReport, span: Span | None, limits: Limits) -> Problem | None:
    """What is wrong with a row, its file having been decoded.

    Args:
        row: one that `check_text` found nothing wrong with.
        report: of its file.
        span: its part of the report; None if the report is a problem.
        limits: what it must keep to.
    """
    if report.problem or span is None:
        return report.problem
    length = report.samples / report.sample_rate
    if not span.samples:
        return Problem("outside-audio", f"it starts at {row.start:g} s, the file ends at {length:.3f} s")
    if row.duration is not None and row.start + row.duration > length + END_TOLERANCE:
        return Problem(
            "outside-audio", f"it ends at {row.start + row.duration:g} s, the file at {length:.3f} s"
        )
    duration = span.samples / report.sample_rate
    if span.not_finite:
        return Problem("nan-samples", f"{span.not_finite} of {span.samples} samples are NaN or infinite")
    if duration < limits.min_duration:
        return Problem("too-short", f"{duration:.3f} s; at least {limits.min_duration:g} s are asked for")
    if duration > limits.max_duration:
        return Problem("too-long", f"{duration:.1f} s; at most {limits.max_duration:g} s are asked for")
    if span.high - span.low <= SILENCE:
        return Problem("silent", f"{duration:.3f} s of digital silence")
    if len(row.text) > limits.max_characters_per_second * duration:
        return Problem(
            "text-too-long",
            f"{len(row.text)} characters in {duration:.2f} s; "
            f"at most {limits.max_characters_per_second:g} a second are asked for",
        )
    return None


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


def _decode(path: str, file: SequentialFile, stretches: list[tuple[float, float | None]]) -> AudioReport:
    rate = file.samplerate
    spans = [
        Span(round(start * rate), None if duration is None else round((start + duration) * rate))
        for start, duration in stretches
    ]
    position = 0
    problem = None
    try:
        for block in read_blocks(file):
            samples = mix(block, None)
            for span in spans:
                if span.start < position + len(samples) and (span.end is None or span.end > position):
                    span.hear(position, samples)
            position += len(samples)
    except soundfile.LibsndfileError as error:
        seconds = position / rate
        problem = Problem("truncated", f"the decoder gave up after {seconds:.3f} s ({first_line(error)})")
    problem = problem or _check_end(path, file, position)
    return AudioReport(rate, file.channels, position, problem, tuple(spans))


def _check_end(path: str, file: SequentialFile, decoded: int) -> Problem | None:
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
