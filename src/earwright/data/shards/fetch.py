"""Reading from addresses: whole files, begun again where a connection broke off.

fsspec reads whatever has an address. Plain http and https go through Python's own library, which is always
there: fsspec's way needs aiohttp, and a shard is fetched in one piece anyway.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import io
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from earwright.errors import EarwrightError, first_line
from earwright.files import describe_os_error

# Seconds to wait before each further attempt.
PAUSES = (1.0, 4.0, 15.0)
TIMEOUT = 60.0  # seconds without a byte
BLOCK = 1 << 20  # bytes at a time


class Missing(EarwrightError):
    """There is no such file."""


class _Opened(NamedTuple):
    """A file at an address, from `start` on; its size is None where the server does not say it."""

    file: BinaryIO
    start: int
    size: int | None


def fetch_file(address: str, target: Path, size: int | None = None, sha256: str | None = None) -> None:
    """Copy a file to this disk.

    Args:
        address: where it is.
        target: where it goes; the folder is there.
        size: bytes that it must have; None takes what the server says.
        sha256: its checksum, if known.

    Raises:
        EarwrightError: it is not there, the connection broke off time and again, or it is not the file that
            it should be; nothing is then left of it.
        OSError: this disk cannot be written.
    """
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            _fetch(address, file, size)
        if sha256 is not None and _checksum(partial) != sha256:
            raise EarwrightError(
                f"{address}: the file is damaged or not the one that its index names (its checksum differs)."
            )
        os.replace(partial, target)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def fetch_bytes(address: str, missing_is_none: bool = False) -> bytes | None:
    """A small file whole; None if it is not there and that is allowed.

    Raises:
        EarwrightError: as `fetch_file`.
    """
    buffer = io.BytesIO()
    try:
        _fetch(address, buffer, None)
    except Missing:
        if missing_is_none:
            return None
        raise
    return buffer.getvalue()


def list_names(place: str) -> dict[str, int | None]:
    """The files of a folder or an address, with their sizes in bytes where they are known.

    Raises:
        EarwrightError: it cannot be listed.
    """
    if place.startswith(("http://", "https://")):
        raise EarwrightError(
            f"{place}: there is no cuts.index.json, and a web server does not tell what else there is; "
            "write the shards with `earwright prepare --shards`, or copy that file beside them."
        )
    with _told(place):
        system, path = _file_system(place)
        found = system.ls(path, detail=True)
        return {
            os.path.basename(one["name"].rstrip("/")): one.get("size")
            for one in found
            if one["type"] == "file"
        }


def _fetch(address: str, target: BinaryIO, size: int | None) -> None:
    """Write the file at an address to `target`, from where it broke off after each failure."""
    reason = ""
    for pause in (*PAUSES, None):
        try:
            with _open(address, target.tell()) as (source, start, told):
                if start != target.tell():  # the server knows no ranges
                    target.seek(start)
                    target.truncate()
                if size is not None and told not in (None, size):
                    raise EarwrightError(
                        f"{address}: it has {told} bytes and should have {size}: it is cut off, or another "
                        "file; write it or copy it again."
                    )
                size = told if size is None else size
                while block := source.read(BLOCK):
                    _write(target, block)
            got = target.tell()
            if size is None or got == size:
                return
            if got > size:
                raise EarwrightError(
                    f"{address}: it has {got} bytes and should have {size}: it is another file."
                )
            reason = "the server closed the connection"
        except _Passing as error:
            reason = str(error)
        if pause is not None:
            time.sleep(pause)
    of = f" of {size}" if size is not None else ""
    raise EarwrightError(
        f"{address}: only {target.tell()}{of} bytes arrived in {len(PAUSES) + 1} attempts ({reason}); "
        "give the same command again when the address can be read."
    )


def _write(target: BinaryIO, block: bytes) -> None:
    """Write, and tell a full disk from a broken connection."""
    try:
        target.write(block)
    except OSError as error:
        raise EarwrightError(describe_os_error(error, getattr(target, "name", "memory"))) from error


class _Passing(Exception):
    """What may be over in a moment."""


@contextlib.contextmanager
def _open(address: str, start: int) -> Iterator[_Opened]:
    """Open what is at an address from byte `start` on.

    Raises:
        Missing: there is nothing.
        EarwrightError: it will not get better.
        _Passing: it may, here or while it is read.
    """
    if address.startswith(("http://", "https://")) and "::" not in address:
        with _open_http(address, start) as opened:
            yield opened
        return
    with _told(address, passing=True):
        system, path = _file_system(address)
        size = system.size(path)
        with system.open(path, "rb") as file:
            if start:
                file.seek(start)
            yield _Opened(file, start, size)


@contextlib.contextmanager
def _open_http(address: str, start: int) -> Iterator[_Opened]:
    # Without this a server may pack the file for the way, and bytes would be counted that are not the file's.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        request = urllib.request.Request(address, headers=headers)
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            begin = start if answer.status == http.client.PARTIAL_CONTENT else 0
            left = answer.headers.get("Content-Length")
            yield _Opened(answer, begin, begin + int(left) if left and left.isdecimal() else None)
    except urllib.error.HTTPError as error:
        if error.code in (404, 410):
            raise Missing(f"{address}: there is no such file ({error.code} {error.reason}).") from error
        if error.code < 500 and error.code not in (408, 429):
            raise EarwrightError(
                f"{address}: the server refuses it ({error.code} {error.reason})."
            ) from error
        raise _Passing(f"{error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise _Passing(first_line(getattr(error, "reason", error))) from error
    except ValueError as error:
        raise EarwrightError(f"{address}: this is no address ({first_line(error)}).") from error


@contextlib.contextmanager
def _told(address: str, passing: bool = False) -> Iterator[None]:
    """What a file system of fsspec raises, in a sentence: each has errors of its own."""
    try:
        yield
    except (EarwrightError, _Passing):
        raise
    except FileNotFoundError as error:
        raise Missing(f"{address}: there is no such file or folder.") from error
    except ImportError as error:
        raise EarwrightError(
            f"{address}: fsspec needs another package for such addresses: {first_line(error)}."
        ) from error
    except (ValueError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
        raise EarwrightError(f"{address}: it cannot be read ({first_line(error)}).") from error
    except Exception as error:
        if passing:
            raise _Passing(first_line(error)) from error
        raise EarwrightError(f"{address}: it cannot be read ({first_line(error)}).") from error


def _file_system(address: str) -> tuple[Any, str]:
    import fsspec

    system, path = fsspec.core.url_to_fs(address)
    return system, path


def _checksum(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
