"""What has been heard in which file, kept in OUT/.prepare, so that a second run listens only to what is new.

SQLite rather than lists in memory: a corpus may have millions of rows, a run may be killed at any moment, and
many machines may each do their share of the files (one ledger each, put together at the end).
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from earwright.data.preparation.listen import AudioReport, Heard, Problem, Stretch
from earwright.data.preparation.measure import Measures
from earwright.errors import EarwrightError, first_line

FOLDER = ".prepare"
VERSION = 1  # of what is heard: a ledger of another version is begun anew
# SQLite's NULLs are not equal to each other, which a key must be.
_TO_THE_END, _MIXED = -1.0, -1


@dataclass(frozen=True)
class Shard:
    """One of several equal parts of the files; `number` counts from 1."""

    number: int
    count: int

    def has(self, name: str) -> bool:
        """Whether a file belongs to it, by a name that is the same on every machine."""
        return zlib.crc32(name.encode("utf-8", "surrogateescape")) % self.count == self.number - 1


class FileTask(NamedTuple):
    """A file to listen to, and the stretches that rows use of it."""

    path: str
    stretches: tuple[Stretch, ...]


class Ledger:
    """What was heard, file by file: a table on disk.

    Args:
        folder: OUT/.prepare, made if need be.
        shard: None for the ledger of the whole.
    """

    def __init__(self, folder: Path, shard: Shard | None = None) -> None:
        name = "heard.sqlite" if shard is None else f"heard-{shard.number}-of-{shard.count}.sqlite"
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / name
        self._db = _open(self.path)
        if self._db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            self._db.executescript(
                f"""DROP TABLE IF EXISTS heard;
                CREATE TABLE heard (path BLOB, start REAL, duration REAL, channel INTEGER,
                    size INTEGER, changed INTEGER, sample_rate INTEGER, channels INTEGER, samples INTEGER,
                    fingerprint INTEGER, bandwidth REAL, facts TEXT,
                    PRIMARY KEY (path, start, duration, channel)) WITHOUT ROWID;
                PRAGMA user_version = {VERSION};"""
            )

    def knows(self, task: FileTask) -> bool:
        """Whether all of a task's stretches have been heard in the file as it is now."""
        rows = self._db.execute(
            "SELECT start, duration, channel FROM heard WHERE path = ? AND size = ? AND changed = ?",
            (path_key(task.path), *_version(task.path)),
        )
        return {key(stretch) for stretch in task.stretches} <= set(rows)

    def put(self, task: FileTask, report: AudioReport) -> None:
        """Keep what was heard; `commit` makes it last."""
        size, changed = _version(task.path)
        heard: Iterable[Heard | None] = report.heard or [None] * len(task.stretches)
        self._db.executemany(
            "INSERT OR REPLACE INTO heard VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(path_key(task.path), *key(stretch), size, changed),
                    *(report.sample_rate, report.channels, report.samples),
                    part.fingerprint if part else 0,
                    part.measures.bandwidth if part and part.measures else None,
                    _facts(report.problem, part),
                )
                for stretch, part in zip(task.stretches, heard, strict=True)
            ],
        )

    def get(self, path: str, stretch: Stretch) -> tuple[AudioReport, Heard | None] | None:
        """What was heard in one stretch, and of its file; None if nobody has listened yet."""
        row = self._db.execute(
            "SELECT sample_rate, channels, samples, fingerprint, facts FROM heard"
            " WHERE path = ? AND start = ? AND duration = ? AND channel = ?",
            (path_key(path), *key(stretch)),
        ).fetchone()
        if row is None:
            return None
        rate, channels, samples, fingerprint, facts = row
        problem, heard = _from_facts(facts, fingerprint)
        return AudioReport(rate, channels, samples, problem), heard

    def take_in(self, other: Path) -> None:
        """Copy what another ledger holds, of files that have not changed since as well as of others."""
        with contextlib.closing(_open(other)) as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version != VERSION:
                raise EarwrightError(
                    f"{other}: it is of another version of earwright; make this shard again."
                )
            rows = db.execute("SELECT * FROM heard")
            self._db.executemany(f"INSERT OR REPLACE INTO heard VALUES ({', '.join('?' * 12)})", rows)
        self.commit()

    def commit(self) -> None:
        """Make what was put last, whatever happens to the process."""
        self._db.commit()

    def close(self) -> None:
        """Commit, and let the file go."""
        self._db.commit()
        self._db.close()


def shards_in(folder: Path) -> list[tuple[Shard, Path]]:
    """The ledgers of shards that lie in OUT/.prepare."""
    found = []
    for path in sorted(folder.glob("heard-*-of-*.sqlite")):
        numbers = path.stem.removeprefix("heard-").split("-of-")
        if len(numbers) == 2 and all(number.isdecimal() for number in numbers):
            found.append((Shard(int(numbers[0]), int(numbers[1])), path))
    return found


@contextlib.contextmanager
def disk_faults(place: Path) -> Iterator[None]:
    """SQLite's complaints (a full disk, a damaged file) as one sentence."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        what = first_line(error)
        if "full" in what:
            raise EarwrightError(f"{place}: the disk is full; what was checked so far is kept.") from error
        raise EarwrightError(
            f"{place}: cannot be used ({what}); remove this folder to begin anew."
        ) from error


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path)
    # Half a second of work is lost at the most when the power fails; a killed process loses nothing.
    db.execute("PRAGMA synchronous = NORMAL")
    return db


def path_key(path: str) -> bytes:
    """A path as a column: a file's name may hold bytes that are no text."""
    return path.encode("utf-8", "surrogateescape")


def key(stretch: Stretch) -> tuple[float, float, int]:
    """A stretch as three columns."""
    duration = _TO_THE_END if stretch.duration is None else stretch.duration
    return stretch.start, duration, _MIXED if stretch.channel is None else stretch.channel


def _version(path: str) -> tuple[int, int]:
    """Size and time of a file: what shows that it has changed."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _facts(problem: Problem | None, heard: Heard | None) -> str:
    facts: dict[str, Any] = {}
    if problem:
        facts["problem"] = (problem.reason, problem.detail)
    if heard:
        # JSON has no infinity: low and high of a stretch without samples.
        facts["heard"] = (heard.samples, heard.not_finite, heard.low, heard.high, heard.cancelled)
        if heard.measures:
            facts["measures"] = asdict(heard.measures)
    return json.dumps(facts)


def _from_facts(text: str, fingerprint: int) -> tuple[Problem | None, Heard | None]:
    facts = json.loads(text)
    problem = Problem(*facts["problem"]) if "problem" in facts else None
    if "heard" not in facts:
        return problem, None
    samples, not_finite, low, high, cancelled = facts["heard"]
    measures = Measures(**facts["measures"]) if "measures" in facts else None
    return problem, Heard(samples, not_finite, low, high, fingerprint, cancelled, measures)


def stretch_of(start: float, duration: float, channel: int) -> Stretch:
    """The inverse of `key`."""
    return Stretch(
        start, None if duration == _TO_THE_END else duration, None if channel == _MIXED else channel
    )


def missing_shards(found: Sequence[Shard]) -> list[str]:
    """The shards that are not there yet of as many as the found ones say there are: ["5/64", "9/64"]."""
    missing = []
    for count in sorted({shard.count for shard in found}):
        there = {shard.number for shard in found if shard.count == count}
        missing += [f"{number}/{count}" for number in range(1, count + 1) if number not in there]
    return missing
