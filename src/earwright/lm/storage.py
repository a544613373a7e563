"""Arrays that may be larger than memory: kept in memory as long as there is room, then in temporary files."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError

Array = npt.NDArray[Any]

# What a full disk, a quota and a limit on the size of files answer.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}

# Of what is free when the work begins; the rest is for the vocabulary, Python and others.
_SHARE = 0.5
_LEAST = 16 << 20


class Workspace:
    """Room for the arrays of one piece of work: some memory, then a temporary folder that goes with it.

    Args:
        memory: bytes that arrays may take; None takes half of what is free.
        folder: where a temporary folder may be made; None takes the system's.

    Example:
        with Workspace(parse_memory("2G")) as workspace:
            spool = Spool(workspace, np.int32)
    """

    def __init__(self, memory: int | None = None, folder: str | os.PathLike[str] | None = None) -> None:
        self.memory = max(memory or int(_SHARE * available_memory()), _LEAST)
        self.free = self.memory
        self.spilled = 0  # bytes that went to files
        self._parent = Path(folder or tempfile.gettempdir())
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files = 0

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the temporary files; mapped arrays that are still in use stay readable on Unix."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def new_file(self) -> Path:
        """The path of a temporary file that is not there yet."""
        if self._folder is None:
            with self.plain_errors():
                self._folder = tempfile.TemporaryDirectory(prefix="earwright-lm-", dir=self._parent)
        self._files += 1
        return Path(self._folder.name) / str(self._files)

    def take(self, size: int) -> bool:
        """Whether `size` more bytes may be held in memory; if so they count as taken."""
        if size > self.free:
            return False
        self.free -= size
        return True

    def allocate(self, length: int, dtype: npt.DTypeLike) -> Array:
        """Zeros, in memory or in a file."""
        size = length * np.dtype(dtype).itemsize
        if self.take(size):
            return np.zeros(length, dtype)
        path = self.new_file()
        with self.plain_errors(), path.open("wb") as file:
            _reserve(file, size)
        self.spilled += size
        return np.memmap(path, dtype, "r+", shape=(length,))

    @contextlib.contextmanager
    def plain_errors(self) -> Iterator[None]:
        """Turn what a disk can say into one sentence."""
        try:
            yield
        except OSError as error:
            if error.errno in _FULL:
                raise EarwrightError(
                    f"{self._parent}: the disk is full, {self.spilled / 1e6:,.0f} MB of n-grams are on it; "
                    "free some space, choose another folder with --temporary, or give more --memory."
                ) from error
            raise EarwrightError(
                f"{self._parent}: cannot keep temporary files here ({error.strerror or error}); "
                "choose another folder with --temporary."
            ) from error


class Spool:
    """An array that grows at its end.

    Args:
        workspace: where there is room.
        dtype: of its elements.
    """

    def __init__(self, workspace: Workspace, dtype: npt.DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        self._workspace = workspace
        self._parts: list[Array] = []
        self._path: Path | None = None
        self._file: IO[bytes] | None = None
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, values: Array) -> None:
        """Add the values of a one-dimensional array, which may be used again afterwards."""
        self._length += len(values)
        if self._file is None and self._workspace.take(values.size * self.dtype.itemsize):
            self._parts.append(values.astype(self.dtype))
            return
        if self._file is None:
            self._path = self._workspace.new_file()
            with self._workspace.plain_errors():
                self._file = self._path.open("wb")
            for part in self._parts:
                self._write(part)
                self._workspace.free += part.nbytes
            self._parts = []
        self._write(values.astype(self.dtype, copy=False))

    def array(self) -> Array:
        """All of it, in memory or mapped; nothing can be appended afterwards."""
        if self._file is not None and self._path is not None:
            with self._workspace.plain_errors():
                self._file.close()
            return np.memmap(self._path, self.dtype, "r+", shape=(self._length,))
        whole = np.concatenate([np.empty(0, self.dtype), *self._parts])
        self._parts = [whole]
        return whole

    def release(self) -> None:
        """Give back its memory and remove its file, once nobody needs the array."""
        self._workspace.free += sum(part.nbytes for part in self._parts)
        self._parts = []
        if self._path is not None:
            if self._file is not None:
                self._file.close()
            self._path.unlink(missing_ok=True)
            self._path = None

    def _write(self, values: Array) -> None:
        assert self._file is not None
        with self._workspace.plain_errors():
            self._file.write(np.ascontiguousarray(values).data)
        self._workspace.spilled += values.nbytes


def _reserve(file: IO[bytes], size: int) -> None:
    """Take the space on disk now: a mapped file that finds the disk full later would kill the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, max(size, 1))
        return
    block = bytes(1 << 20)
    for begin in range(0, size, len(block)):
        file.write(block[: size - begin])


def parse_memory(text: str) -> int:
    """Bytes from "2G", "500M" or "25%" (of what is free).

    Raises:
        EarwrightError: it is none of these.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(%|[KMGT]?)(?:i?B)?\s*", text, re.IGNORECASE)
    if match is None or float(match[1]) == 0:
        raise EarwrightError(f'--memory "{text}" is no amount of memory; write for instance 2G, 500M or 25%.')
    if match[2] == "%":
        return int(min(float(match[1]) / 100, 1.0) * available_memory())
    return int(float(match[1]) * _UNITS[match[2].upper()])


def available_memory() -> int:
    """Bytes of memory that are free for this process, as far as the system tells."""
    amounts = []
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable"):
                amounts.append(int(line.split()[1]) * 1024)
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        with contextlib.suppress(OSError, ValueError):  # "max": no limit
            amounts.append(int(Path(limit).read_text("ascii")) - int(Path(used).read_text("ascii")))
    return max(min(amounts, default=2 << 30), _LEAST)
