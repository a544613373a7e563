"""Copies of the audio that is kept, each utterance a file: resampled once, at full quality, mono."""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from earwright.audio.read import audio_info, read_audio
from earwright.cuts import Cut
from earwright.data.corpora.row import Row
from earwright.data.preparation.rows import RowTable, stretch_of_row
from earwright.data.workers import run_stream
from earwright.errors import EarwrightError, first_line
from earwright.files import atomic_path

AUDIO_FOLDER = "audio"  # in OUT, for copies, and for audio that is no file of its own in the corpus
LONGEST_NAME = 100  # characters of a file's name that come from an id
# Kind -> ending, and soundfile's names of container and codec.
KINDS = {"flac": (".flac", "FLAC", "PCM_16"), "opus": (".opus", "OGG", "OPUS")}
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)  # that the codec has


@dataclass(frozen=True)
class CopyOptions:
    """What copies are like.

    Attributes:
        kind: "flac" (nothing is lost, about 55 MB an hour at 16 kHz) or "opus" (about 10 MB).
        sample_rate: Hz.
    """

    kind: str = "flac"
    sample_rate: int = 16000

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise EarwrightError(f"there are no copies of kind {self.kind!r}; there are {', '.join(KINDS)}.")
        if self.kind == "opus" and self.sample_rate not in OPUS_RATES:
            rates = ", ".join(map(str, OPUS_RATES))
            raise EarwrightError(f"Opus has no sample rate of {self.sample_rate} Hz; it has {rates}.")
        if self.sample_rate < 1000:
            raise EarwrightError(f"{self.sample_rate} Hz is no sample rate for speech; 16000 is usual.")


class _Task(NamedTuple):
    number: int
    row: Row
    path: str


class Copies:
    """Where the copies of rows are, and how long.

    Args:
        table: of the rows; the lengths of their copies are kept beside them.
        folder: OUT/audio.
        options: their kind and rate.
    """

    def __init__(self, table: RowTable, folder: Path, options: CopyOptions) -> None:
        self.db = table.db
        self.db.execute("CREATE TABLE copies (number INTEGER PRIMARY KEY, path TEXT, samples INTEGER)")
        self.folder = folder
        self.options = options

    def path(self, row: Row) -> str:
        """Where the copy of a row is to be: the name tells of everything that it is made from."""
        status = os.stat(row.path)
        made_from = f"{row.path} {stretch_of_row(row)} {status.st_size} {status.st_mtime_ns} {self.options}"
        return str(self.folder / file_name(row.id, KINDS[self.options.kind][0], made_from))

    def cut(self, number: int, row: Row) -> Cut:
        """The cut of a row whose copy has been made."""
        path, samples = self.db.execute(
            "SELECT path, samples FROM copies WHERE number = ?", (number,)
        ).fetchone()
        rate = self.options.sample_rate
        return Cut(
            id=row.id,
            path=path,
            start=0.0,
            duration=samples / rate,
            sample_rate=rate,
            text=row.text,
            speaker=row.speaker,
            language=row.language,
            gender=row.gender,
            custom={**row.custom, "copied_from": row.path},
            recording_samples=samples,
        )


def copy_audio(table: RowTable, out: Path, options: CopyOptions, jobs: int) -> Copies:
    """Copy what is kept; a copy that an earlier run made of the same file is left as it is.

    Args:
        table: rows; those with a problem are not copied.
        out: the prepared folder; copies go into its folder `audio`.
        options: kind and rate.
        jobs: processes.

    Raises:
        EarwrightError: the disk is full or cannot be written; the copies made so far are kept.
    """
    copies = Copies(table, out.absolute() / AUDIO_FOLDER, options)
    sent: deque[_Task] = deque()

    def tasks() -> Iterator[_Task]:
        for number, row in table.unjudged():
            sent.append(_Task(number, row, copies.path(row)))
            yield sent[-1]

    for samples in run_stream(functools.partial(_copy, options=options), tasks(), jobs, _crashed):
        task = sent.popleft()
        table.db.execute("INSERT INTO copies VALUES (?, ?, ?)", (task.number, task.path, samples))
    return copies


def file_name(identity: str, ending: str, made_from: str = "") -> str:
    """A name for a file, from any id: readable, fit for every file system, no two alike.

    Args:
        identity: of the row.
        ending: with its dot.
        made_from: what else makes it another file.
    """
    plain = re.sub(r"[^\w.-]+", "_", identity).strip("._")[:LONGEST_NAME]
    told = f"{identity}\0{made_from}".encode("utf-8", "surrogateescape")
    return f"{plain}-{hashlib.blake2b(told, digest_size=6).hexdigest()}{ending}"


def _copy(task: _Task, options: CopyOptions) -> int:
    """Write one copy, unless it is there; returns its samples."""
    import soundfile

    row = task.row
    if not os.path.exists(task.path):
        samples = read_audio(
            row.path, options.sample_rate, channel=row.channel, start=row.start, duration=row.duration
        )
        _, container, codec = KINDS[options.kind]
        with atomic_path(Path(task.path)) as temporary:
            try:
                soundfile.write(temporary, samples, options.sample_rate, format=container, subtype=codec)
            except soundfile.LibsndfileError as error:
                raise EarwrightError(
                    f"{task.path}: cannot be written ({first_line(error)}); is the disk full?"
                ) from error
    return audio_info(task.path).samples


def _crashed(task: _Task) -> int:
    raise EarwrightError(f"{task.row.path}: the process that copied it died.")
