"""Reading text as people have it: any file, gzipped or not, in pieces of bounded size."""

from __future__ import annotations

import codecs
import contextlib
import gzip
import io
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from earwright.errors import EarwrightError, first_line
from earwright.files import describe_os_error

STDIN = "-"

_BLOCK = 1 << 20  # bytes or characters read at a time
_LONGEST_WORD = 1 << 22  # a file with so much without a space in it is no text of words

# Bytes that are not UTF-8, as surrogates, and what they are in Windows-1252, where most of them come from.
_BAD = re.compile("[\udc80-\udcff]")
_WESTERN = {0xDC00 + byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0x100)}
_FEW_BAD, _BAD_SHARE = 5, 0.003  # more than both is another encoding, not an accident
_CONTROLS = re.compile("[\0-\x08\x0e-\x1a]")
_CONTROL_SHARE = 0.001

# What Project Gutenberg puts around its books.
_GUTENBERG_START = re.compile(
    r"^(?:\*\*\* ?START OF (?:THE|THIS) PROJECT GUTENBERG.*|\*END[ *]*THE SMALL PRINT!.*)\n", re.M | re.I
)
_GUTENBERG_END = re.compile(
    r"^(?:\*\*\* ?END OF (?:THE|THIS) PROJECT GUTENBERG|End of (?:the )?Project Gutenberg).*", re.M | re.I
)
_ILLUSTRATION = re.compile(r"\[Illustration[^\]]{0,1000}\]", re.I)


@dataclass
class ReadingNotes:
    """What was odd about the text that was read: what, and how often."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, what: str, count: int = 1) -> None:
        """Note `count` more of something."""
        if count:
            self.counts[what] = self.counts.get(what, 0) + count


def read_document(
    path: str,
    encoding: str | None = None,
    notes: ReadingNotes | None = None,
    on_read: Callable[[int], None] = lambda size: None,
) -> Iterator[str]:
    """The text of a file in pieces that end with a line, or within a very long line at a space.

    Project Gutenberg's licence before and after a book is left out, and so are "[Illustration: ...]".

    Args:
        path: a file of text, gzipped or not; "-" is standard input.
        encoding: None takes UTF-8 (with or without a mark) and UTF-16 with a mark; a few bytes that are no
            UTF-8 are read as Windows-1252.
        notes: told what was odd.
        on_read: told how many bytes more of the file have been read, as they lie on disk.

    Raises:
        EarwrightError: it is not there, cannot be read, is binary, or is in another encoding.
    """
    notes = notes or ReadingNotes()
    pieces = _whole_lines(path, _characters(path, encoding, notes, on_read))
    begun = False
    for text in pieces:
        if not begun and (start := _GUTENBERG_START.search(text)):
            text = text[start.end() :]
            notes.add("files with Project Gutenberg's header, which was left out")
        begun = True
        end = _GUTENBERG_END.search(text) if "utenberg" in text or "UTENBERG" in text else None
        if end:
            text = text[: end.start()]
            notes.add("files with Project Gutenberg's footer, which was left out")
        if "[" in text:
            text = _ILLUSTRATION.sub(" ", text)
        if text:
            yield text
        if end:
            return


def _characters(
    path: str, encoding: str | None, notes: ReadingNotes, on_read: Callable[[int], None]
) -> Iterator[str]:
    """The characters of a file, `\\n` ending its lines."""
    lines, total, bad, controls, decoder = 0, 0, 0, 0, None
    carried = ""
    for block in _blocks(path, on_read):
        decoder = decoder or _decoder(path, encoding, block)
        text = carried + _decode(path, decoder, block, lines)
        carried = ""
        if text.endswith("\r") and block:  # perhaps the first half of a line end
            text, carried = text[:-1], "\r"
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        total += len(text)
        if "\0" in text or (controls := controls + len(_CONTROLS.findall(text))) > _CONTROL_SHARE * total:
            where = lines + text.count("\n", 0, _CONTROLS.search(text).start()) + 1  # type: ignore[union-attr]
            raise EarwrightError(
                f"{path}, line {where}: this is binary, not text; if it is UTF-16, say --encoding utf-16."
            )
        if wrong := len(_BAD.findall(text)):
            bad += wrong
            line = lines + text.count("\n", 0, _BAD.search(text).start()) + 1  # type: ignore[union-attr]
            if bad > _FEW_BAD and bad > _BAD_SHARE * total:
                raise EarwrightError(
                    f"{path}, line {line}: this is not UTF-8; say how it is written, for instance "
                    "--encoding cp1252 (Western Europe, Windows)."
                )
            text = text.translate(_WESTERN)
            notes.add("bytes that are not UTF-8, read as Windows-1252", wrong)
        lines += text.count("\n")
        yield text


def _decoder(path: str, encoding: str | None, block: bytes) -> codecs.IncrementalDecoder:
    marked = block[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    name = encoding or ("utf-16" if marked else "utf-8-sig")
    try:
        io.TextIOWrapper(io.BytesIO(), name)  # refuses a codec that is no encoding of text, such as base64
        return codecs.getincrementaldecoder(name)("surrogateescape" if name == "utf-8-sig" else "strict")
    except LookupError as error:
        raise EarwrightError(
            f'--encoding "{encoding}" is unknown; try utf-8, utf-16, cp1252 or latin-1.'
        ) from error


def _decode(path: str, decoder: codecs.IncrementalDecoder, block: bytes, lines: int) -> str:
    try:
        return decoder.decode(block, not block)
    except UnicodeError as error:
        raise EarwrightError(
            f"{path}: does not have the encoding that was given ({first_line(error)}, after line {lines}); "
            "give another --encoding."
        ) from error


def _blocks(path: str, on_read: Callable[[int], None]) -> Iterator[bytes]:
    """Bytes as they are after unpacking, and an empty block at the end."""
    with _plain_errors(path), _open(path) as raw:
        packed = raw.peek(2)[:2] == b"\x1f\x8b"  # type: ignore[attr-defined]
        file = cast(IO[bytes], gzip.GzipFile(fileobj=raw) if packed else raw)
        before = 0
        while block := file.read(_BLOCK):
            if raw.seekable():
                now = raw.tell()
                on_read(now - before)
                before = now
            yield block
        yield b""


@contextlib.contextmanager
def _plain_errors(path: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise EarwrightError(
            f"{path}: its gzip data are damaged or cut off ({first_line(error)}); make or fetch it again."
        ) from error
    except IsADirectoryError as error:
        raise EarwrightError(f"{path}: a folder, not a file; name the files, as in {path}/*.txt.") from error
    except OSError as error:
        raise EarwrightError(
            describe_os_error(error, path).replace("to write here", "to read this")
        ) from error


@contextlib.contextmanager
def _open(path: str) -> Iterator[IO[bytes]]:
    if path == STDIN:
        yield sys.stdin.buffer
    else:
        with open(path, "rb") as file:
            yield file


def _whole_lines(path: str, texts: Iterator[str]) -> Iterator[str]:
    """The same characters in other pieces: cut after a line, or at a space where a line is very long."""
    rest = ""
    for text in texts:
        rest += text
        if len(rest) < _BLOCK:
            continue
        cut = rest.rfind("\n") + 1 or max(rest.rfind(" "), rest.rfind("\t")) + 1
        if cut:
            yield rest[:cut]
            rest = rest[cut:]
        elif len(rest) > _LONGEST_WORD:
            raise EarwrightError(
                f"{path}: {len(rest):,} characters without a space between them; this is not a text of words."
            )
    if rest:
        yield rest


def file_sizes(paths: list[str]) -> int | None:
    """Bytes on disk of all files together; None where standard input or an unreadable file is among them."""
    try:
        return sum(os.stat(path).st_size for path in paths if path != STDIN) if STDIN not in paths else None
    except OSError:
        return None


def check_readable(paths: list[str]) -> None:
    """See that every file is there before the first is read: a typing error shows at once.

    Raises:
        EarwrightError: one is missing, or a folder.
    """
    for path in paths:
        if path == STDIN:
            continue
        with _plain_errors(path), Path(path).open("rb"):
            pass
