"""Lines of text files from anywhere: packed or not, in whichever Unicode, with whichever line ends."""

from __future__ import annotations

import contextlib
import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TextIO, cast

from earwright.errors import EarwrightError, first_line

BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
GZIP_MARK = b"\x1f\x8b"
SNIFFED = 4096  # bytes; a zero byte among them is no text
LONGEST_HEAD = 1 << 20  # characters of a first line: what is longer is one line by mistake
FAULTS = (OSError, EOFError, zlib.error, UnicodeError)


@contextlib.contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a text file: gzipped or not, UTF-8 with or without a byte order mark or UTF-16 with one.

    Every line end becomes `\\n`. Bytes that are not UTF-8 become lone surrogates, so that only their own line
    is lost; `is_unicode` tells them. What is raised is whatever Python raises (`FAULTS`).
    """
    with open(path, "rb") as file:
        packed = file.read(2) == GZIP_MARK
    with _open_bytes(path, packed) as file:
        start = file.read(4)
    encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if start.startswith(mark)), "utf-8")
    errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
    opener = gzip.open if packed else open
    with opener(path, "rt", encoding=encoding, errors=errors, newline=None) as text:
        yield cast(TextIO, text)


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Read a text file line by line; see `open_text` for what may be in it.

    Yields:
        Number, from 1, and text without its end of each line that is not blank.

    Raises:
        EarwrightError: the file cannot be read, breaks off where it is packed, or is not text.
    """
    try:
        if not _is_text(path):
            raise EarwrightError(f"{path}: this is not a file of text.")
        with open_text(path) as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, line.removesuffix("\n")
    except FAULTS as error:
        raise EarwrightError(f"{path}: the file cannot be read ({describe_fault(error)}).") from error


def head(path: Path, count: int = 1) -> list[str]:
    """The first lines of a text file that are not blank; [] if it has none or is not text. Never raises."""
    found: list[str] = []
    with contextlib.suppress(*FAULTS):
        if os.path.isfile(path) and _is_text(path):
            with open_text(path) as lines:
                while len(found) < count and (line := lines.readline(LONGEST_HEAD)):
                    if line.strip():
                        found.append(line.removesuffix("\n"))
    return found


def is_unicode(text: str) -> bool:
    """Whether a text can be written as UTF-8: not if its bytes were none, or it has half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def describe_fault(error: Exception) -> str:
    """The reason of a fault in reading, in few words and without the path."""
    return error.strerror or first_line(error) if isinstance(error, OSError) else first_line(error)


def _open_bytes(path: Path, packed: bool) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path) if packed else open(path, "rb"))


def _is_text(path: Path) -> bool:
    with open(path, "rb") as file:
        packed = file.read(2) == GZIP_MARK
    with _open_bytes(path, packed) as file:
        start = file.read(SNIFFED)
    return b"\0" not in start or start.startswith((b"\xff\xfe", b"\xfe\xff"))
