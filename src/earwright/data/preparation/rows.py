"""The rows of a corpus while it is prepared, and what is found out about each: on disk, not in memory."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from earwright.data.corpora.row import BadRow, Row
from earwright.data.preparation.ledger import FileTask, key, path_key, stretch_of
from earwright.data.preparation.listen import Problem, Stretch

AT_ONCE = 10_000  # rows between two commits


@dataclass(frozen=True)
class Good:
    """What the rows that were kept are compared by.

    Attributes:
        number: of the row, from 0 in the corpus's order.
        fingerprint: of its audio.
        bandwidth: Hz; None if unknown.
        band_limit: Hz, half the sample rate of its file.
        speaker: None if unknown.
        key: its text as `texts.text_key` has it.
        script: the main script of its text.
        rate: spoken characters a second.
    """

    number: int
    id: str
    fingerprint: int
    bandwidth: float | None
    band_limit: float
    speaker: str | None
    key: str
    script: str
    rate: float


class RowTable:
    """A disposable table; `with` removes it.

    Args:
        folder: where it lies while it is needed.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix="rows-", suffix=".sqlite", dir=folder)
        os.close(handle)
        self._path = Path(name)
        self.db = sqlite3.connect(self._path)
        # Nobody needs it after a crash, so it takes no care to survive one.
        self.db.executescript(
            """PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE;
            CREATE TABLE rows (number INTEGER PRIMARY KEY, path BLOB, start REAL, duration REAL,
                channel INTEGER, fields TEXT);
            CREATE TABLE problems (number INTEGER PRIMARY KEY, reason TEXT, detail TEXT);
            CREATE TABLE warnings (number INTEGER, name TEXT, detail TEXT, PRIMARY KEY (number, name))
                WITHOUT ROWID;
            CREATE TABLE ids (id BLOB PRIMARY KEY, number INTEGER) WITHOUT ROWID;
            CREATE TABLE good (number INTEGER PRIMARY KEY, id BLOB, fingerprint INTEGER, bandwidth REAL,
                band_limit REAL, speaker TEXT, key TEXT, script TEXT, rate REAL);"""
        )
        self.count = 0

    def __enter__(self) -> RowTable:
        return self

    def __exit__(self, *error: object) -> None:
        self.db.close()
        with contextlib.suppress(OSError):
            self._path.unlink()

    def add(self, row: Row | BadRow, problem: Problem | None) -> None:
        """Append a row, and what is wrong with it already."""
        number, self.count = self.count, self.count + 1
        stretch = Stretch() if isinstance(row, BadRow) else stretch_of_row(row)
        fields = {name: value for name, value in asdict(row).items() if value not in (None, "", {})}
        self.db.execute(
            "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?)",
            (number, path_key(row.path), *key(stretch), json.dumps(fields)),
        )
        if problem:
            self.reject(number, problem)
        if self.count % AT_ONCE == 0:
            self.db.commit()

    def reject(self, number: int, problem: Problem) -> None:
        """Say why a row is not kept; the first reason stays."""
        self.db.execute(
            "INSERT OR IGNORE INTO problems VALUES (?, ?, ?)",
            (number, problem.reason, _storable(problem.detail)),
        )

    def warn(self, number: int, name: str, detail: str) -> None:
        """Say what is odd about a row that is kept; the first of several particulars stays."""
        self.db.execute("INSERT OR IGNORE INTO warnings VALUES (?, ?, ?)", (number, name, _storable(detail)))

    def earlier(self, identity: str, number: int) -> int | None:
        """The number of an earlier row that was kept under the same id; None keeps this one under it."""
        packed = path_key(identity)
        if self.db.execute("INSERT OR IGNORE INTO ids VALUES (?, ?)", (packed, number)).rowcount:
            return None
        found = self.db.execute("SELECT number FROM ids WHERE id = ?", (packed,)).fetchone()[0]
        return int(found)

    def keep(self, good: Good) -> None:
        """Remember by what a row that is kept can be compared."""
        values = asdict(good)
        self.db.execute(
            f"INSERT INTO good VALUES ({', '.join('?' * len(values))})",
            [path_key(good.id) if name == "id" else value for name, value in values.items()],
        )

    def tasks(self) -> Iterator[FileTask]:
        """The files to listen to, each once, with the stretches that rows without a problem use of it."""
        rows = self.db.execute(
            """SELECT DISTINCT path, start, duration, channel FROM rows
            WHERE number NOT IN (SELECT number FROM problems) ORDER BY path, start, duration, channel"""
        )
        for path, group in itertools.groupby(rows, lambda row: row[0]):
            name = path.decode("utf-8", "surrogateescape")
            yield FileTask(name, tuple(stretch_of(*stretch) for _, *stretch in group))

    def files(self) -> int:
        """How many files there are to listen to."""
        found = self.db.execute(
            "SELECT COUNT(DISTINCT path) FROM rows WHERE number NOT IN (SELECT number FROM problems)"
        )
        return int(found.fetchone()[0])

    def unjudged(self) -> Iterator[tuple[int, Row]]:
        """The rows without a problem, in order."""
        rows = self.db.execute(
            """SELECT rows.number, fields FROM rows LEFT JOIN problems USING (number)
            WHERE reason IS NULL ORDER BY rows.number"""
        )
        for number, fields in rows:
            yield number, Row(**_row_fields(fields))

    def good_numbers(self) -> Iterator[int]:
        """The numbers of the rows without a problem, in order."""
        rows = self.db.execute(
            "SELECT number FROM rows WHERE number NOT IN (SELECT number FROM problems) ORDER BY number"
        )
        for (number,) in rows:
            yield number

    def row(self, number: int) -> Row:
        """A row without a problem."""
        fields = self.db.execute("SELECT fields FROM rows WHERE number = ?", (number,)).fetchone()[0]
        return Row(**_row_fields(fields))

    def all(self) -> Iterator[tuple[int, Row | BadRow, Problem | None]]:
        """All rows in order, each with its problem."""
        rows = self.db.execute(
            """SELECT rows.number, fields, reason, problems.detail FROM rows LEFT JOIN problems USING (number)
            ORDER BY rows.number"""
        )
        for number, fields, reason, detail in rows:
            values = json.loads(fields)
            row = BadRow(**values) if "detail" in values else Row(**_row_fields(fields))
            yield number, row, Problem(reason, detail) if reason else None

    def warnings(self) -> Iterator[tuple[int, str, str, str]]:
        """(number, id, name, detail) of every warning about a row that is kept, in order."""
        rows = self.db.execute(
            """SELECT warnings.number, good.id, name, warnings.detail FROM warnings JOIN good USING (number)
            WHERE warnings.number NOT IN (SELECT number FROM problems) ORDER BY warnings.number, name"""
        )
        for number, identity, name, detail in rows:
            yield number, identity.decode("utf-8", "surrogateescape"), name, detail

    def reject_warned(self, name: str) -> None:
        """Make a warning a reason to reject."""
        self.db.execute(
            "INSERT OR IGNORE INTO problems SELECT number, name, detail FROM warnings WHERE name = ?", (name,)
        )


def stretch_of_row(row: Row) -> Stretch:
    """What a row uses of its file."""
    return Stretch(row.start, row.duration, row.channel)


def _row_fields(text: str) -> dict[str, Any]:
    return {"text": "", **json.loads(text)}


def _storable(text: str) -> str:
    """Without the lone surrogates of names that are no text, which SQLite does not take."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
