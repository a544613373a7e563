"""One process a run: two that write the same checkpoint would spoil both.

The lock is SQLite's, on a database of one row that says who holds it: the one lock in Python's standard
library that is the same on every system. It ends with its process, however that ends, and belongs to that
process alone: workers that outlive a killed one do not hold it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from earwright.errors import EarwrightError, first_line

LOCK_NAME = "lock"
# Seconds to wait for another process that is only just reading who holds the lock.
PATIENCE = 0.5

# What SQLite answers where a file system (of some clusters) knows no locks; one has to go without.
_NO_LOCKS = {
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_IOERR_LOCK,
    sqlite3.SQLITE_IOERR_RDLOCK,
    sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK,
}


@contextlib.contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Hold a run's folder while the block runs; the file `lock` stays, and stops nobody.

    Raises:
        EarwrightError: another process holds it, or the folder cannot be written.
    """
    path = folder / LOCK_NAME
    with contextlib.ExitStack() as stack:
        try:
            db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
            stack.callback(db.close)
            _take(db)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise EarwrightError(
                    f"{folder} is in use by another process{_holder(db)}; wait until it has ended, or train "
                    "into another folder with --out."
                ) from None
            if error.sqlite_errorcode not in _NO_LOCKS:
                raise EarwrightError(
                    f"{path}: the run cannot be locked ({first_line(error)}); remove this file, or see "
                    "that the folder can be written."
                ) from error
        yield


def _take(db: sqlite3.Connection) -> None:
    """Say who holds the lock, then hold it: a transaction that is begun and does nothing keeps others from
    beginning theirs, but not from reading.
    """
    db.execute("BEGIN IMMEDIATE")
    db.execute("CREATE TABLE IF NOT EXISTS holder (process INTEGER, host TEXT)")
    db.execute("DELETE FROM holder")
    db.execute("INSERT INTO holder VALUES (?, ?)", (os.getpid(), socket.gethostname()))
    db.execute("COMMIT")
    db.execute("BEGIN IMMEDIATE")


def _holder(db: sqlite3.Connection) -> str:
    """ " (1234)", " (1234, on another-host)", or nothing if that cannot be read."""
    try:
        process, host = db.execute("SELECT process, host FROM holder").fetchone()
    except (sqlite3.DatabaseError, TypeError):
        return ""
    return f" ({process})" if host == socket.gethostname() else f" ({process}, on {host})"
