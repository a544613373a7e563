"""Files from far away, kept on this disk while there is room: fetched once, whoever needs them first."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from earwright.data.shards.fetch import fetch_file
from earwright.data.shards.places import FileFacts
from earwright.errors import EarwrightError
from earwright.files import describe_os_error

UNFINISHED = ".partial"
LOCK = ".lock"
# Seconds after which nobody is writing a file any more that nobody has finished.
ABANDONED = 24 * 3600.0
GB = 10**9


def copies_folder() -> Path:
    """Where copies of shards are kept: under XDG_CACHE_HOME, or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "earwright" / "shards"


class Copies:
    """Copies of files that lie at addresses; any number of processes may share a folder of them.

    Args:
        folder: where they are kept.
        most_gb: gigabytes that they may take; those that nobody has used for longest go first.
    """

    def __init__(self, folder: Path, most_gb: float) -> None:
        self.folder, self.most_gb = folder, most_gb

    def path(self, file: FileFacts) -> Path:
        """Where the file can be read, fetched now unless it is here already.

        A copy stays readable for those who have it open, even when it has to go.

        Raises:
            EarwrightError: it cannot be fetched, or this disk cannot be written.
        """
        if file.is_here:
            return Path(file.address)
        path = self.folder / _name(file)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with _locked(path.with_name(path.name + LOCK)):
                if not path.exists():
                    fetch_file(file.address, path, file.size, file.sha256)
                    self._make_room(path)
                os.utime(path)  # used now
        except OSError as error:
            raise EarwrightError(describe_os_error(error, path)) from error
        return path

    def _make_room(self, newest: Path) -> None:
        """Remove what was used longest ago, until the rest is small enough."""
        found = []
        for place in self.folder.iterdir():
            if place.suffix == LOCK:
                continue
            with contextlib.suppress(FileNotFoundError):  # another process was quicker
                status = place.stat()
                old = time.time() - status.st_mtime > ABANDONED
                if place.suffix != UNFINISHED or old:
                    found.append((status.st_mtime_ns, status.st_size, place))
        total = sum(size for _, size, _ in found)
        for _, size, place in sorted(found):
            if total <= self.most_gb * GB:
                return
            if place != newest:
                with contextlib.suppress(FileNotFoundError):
                    place.unlink()
                total -= size


def _name(file: FileFacts) -> str:
    """Another address, size or checksum makes it another copy."""
    told = f"{file.address}\0{file.size}\0{file.sha256}"
    ending = ".tar" if ".tar" in file.address else ".jsonl.gz"
    return hashlib.sha256(told.encode()).hexdigest()[:32] + ending


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a file's lock, which ends with its process; the file stays, since others may wait for it."""
    with open(path, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
