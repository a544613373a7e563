"""Language models in one file that is mapped rather than read: `.bin`.

    8 bytes   89 'E' 'A' 'R' 'L' 'M' 0D 0A
    3 x u32   version, length of the header, CRC-32 of the header (all numbers are little-endian)
    header    JSON: counts of n-grams, bits of quantization (0: none), sizes of the vocabulary, normalizer,
              unit, notes, and the CRC-32 of every array
    arrays    each from the next multiple of 64 bytes on: the vocabulary's two, then those of `lm.tables`

The sizes of all arrays follow from the header and add up to the size of the file, to the byte.
"""

from __future__ import annotations

import json
import mmap
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError
from earwright.files import atomic_write
from earwright.lm.ngrams import NgramModel
from earwright.lm.tables import MAX_NODES, Sizes, Tables, frozen, levels_from_tables, plain_tables
from earwright.lm.tables import tables_from_model as tables_of
from earwright.lm.vocabulary import Vocabulary, check_words, find_ends

MAGIC = b"\x89EARLM\r\n"
VERSION = 1
MAX_ORDER = 20
# Fewer bits than these cost accuracy that nobody wants to lose, more save nothing.
QUANTIZE_BITS = range(4, 17)
_ALIGNED = 64
_MAX_HEADER = 1 << 20
_MADE_AGAIN = "make it again with earwright lm convert"


@dataclass(frozen=True)
class Header:
    """What a file says of itself: as in `NgramModel`, and the sizes.

    Attributes:
        counts: n-grams of each order.
        bits: of the codes, 0 where nothing is quantized.
        blob: bytes of the vocabulary's words.
        table: entries of its hash table.
        checksums: CRC-32 of each array.
    """

    counts: tuple[int, ...]
    bits: int
    blob: int
    table: int
    normalizer: str
    unit: str
    notes: Mapping[str, str]
    checksums: tuple[int, ...] = ()


def is_binary(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as a binary language model does."""
    with open(path, "rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def write_binary(path: str | os.PathLike[str], model: NgramModel, quantize: int = 0) -> None:
    """Write a model in binary form.

    Args:
        path: the file to make or replace, by custom NAME.bin.
        model: any.
        quantize: bits of the codes for log probs and back-offs, 4 to 16; 0 keeps them as they are.

    Raises:
        EarwrightError: a vocabulary with blanks or twice the same word, too many n-grams, or a full disk.
    """
    if quantize and quantize not in QUANTIZE_BITS:
        raise EarwrightError(
            f"models are quantized to {QUANTIZE_BITS[0]} to {QUANTIZE_BITS[-1]} bits, not {quantize}."
        )
    check_words(model.vocabulary, os.fspath(path))
    vocabulary = Vocabulary.of(model.vocabulary)
    tables = tables_of(model)
    if quantize:
        from earwright.lm.packing import pack

        tables = pack(tables, quantize)
    header = Header(
        model.counts,
        quantize,
        len(vocabulary.blob),
        len(vocabulary.table),
        model.normalizer,
        model.unit,
        dict(model.notes),
    )
    arrays = []
    for name, dtype, size in _arrays(header):
        array = getattr(vocabulary if name in ("blob", "table") else tables, name).ravel()
        assert array.size == size, name
        arrays.append(np.ascontiguousarray(array, dtype=dtype))
    checksums = [zlib.crc32(array.data) for array in arrays]
    text = json.dumps({**header.__dict__, "checksums": checksums}, ensure_ascii=False).encode()
    with atomic_write(path, "wb") as file:
        numbers = np.array([VERSION, len(text), zlib.crc32(text)], "<u4")
        file.write(MAGIC + numbers.tobytes() + text)
        for array in arrays:
            file.write(bytes(-file.tell() % _ALIGNED))
            file.write(array.data)


def open_binary(path: str | os.PathLike[str], *, check: bool = True) -> tuple[Tables, Vocabulary, Header]:
    """Map a model's file into memory.

    Args:
        path: what `write_binary` wrote.
        check: compare the checksums of the arrays, which reads all of the file (a second per gigabyte). The
            header, all sizes and all that queries rely on is checked in any case.

    Returns:
        The arrays that queries need, the words, and what else the file says.

    Raises:
        EarwrightError: not such a file, a newer version, or a damaged one.
    """
    place = Path(path)
    try:
        with place.open("rb") as file:
            content = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped
        raise _cannot_read(place, error) from error
    header, at = _read_header(place, content)
    views = {}
    for (name, dtype, size), checksum in zip(_arrays(header), header.checksums, strict=True):
        at += -at % _ALIGNED
        view = content[at : at + size * np.dtype(dtype).itemsize]
        at += view.size
        if check and zlib.crc32(view.data) != checksum:
            raise EarwrightError(f"{place}: damaged (the checksum of its {name} is wrong); {_MADE_AGAIN}.")
        # On a big-endian machine this copies.
        views[name] = view.view(dtype).astype(np.dtype(dtype).newbyteorder("="), copy=False)
    vocabulary = Vocabulary(views["blob"], find_ends(views["blob"]), views["table"])
    if len(vocabulary) != header.counts[0] or (views["blob"].size and views["blob"][-1] != ord("\n")):
        raise EarwrightError(
            f"{place}: damaged ({len(vocabulary):,} words for {header.counts[0]:,} unigrams); {_MADE_AGAIN}."
        )
    tables = _tables(header, views)
    for name in ("log_probs", "backoffs", "log_prob_codes", "backoff_codes"):
        if not np.isfinite(getattr(tables, name)).all():
            raise EarwrightError(f"{place}: damaged ({name} holds what is no number); {_MADE_AGAIN}.")
    return tables, vocabulary, header


def read_binary(path: str | os.PathLike[str]) -> NgramModel:
    """Read a binary model as an `NgramModel`, checked throughout; where nothing is quantized, it is mapped.

    Raises:
        EarwrightError: as `open_binary`.
    """
    tables, vocabulary, header = open_binary(path)
    if header.bits:
        from earwright.lm.packing import unpack

        tables = unpack(tables)
    try:
        levels = levels_from_tables(tables)
    except ValueError as error:
        raise EarwrightError(f"{path}: damaged ({error}); {_MADE_AGAIN}.") from None
    return NgramModel(vocabulary, levels, header.normalizer, header.unit, header.notes)


def _tables(header: Header, views: Mapping[str, npt.NDArray[Any]]) -> Tables:
    sizes = Sizes.of(header.counts)
    if not header.bits:
        return plain_tables(sizes, views["words"], views["begins"], views["log_probs"], views["backoffs"])
    from earwright.lm.packing import record_fields, rising_sizes

    nothing = np.zeros(0, np.float32)
    empty = plain_tables(sizes, np.zeros(0, np.int32), np.zeros(0, np.uint32), nothing, nothing)
    shape = (sizes.order + 1, 1 << header.bits)
    return frozen(
        empty._replace(
            begins=views["begins"],
            log_probs=views["log_probs"],
            backoffs=views["backoffs"],
            records=views["records"],
            fields=record_fields(sizes, header.bits),
            log_prob_codes=views["log_prob_codes"].reshape(shape),
            backoff_codes=views["backoff_codes"].reshape(shape),
            high=views["high"],
            low=views["low"],
            samples=views["samples"],
            low_bits=rising_sizes(*_packed_index(sizes))[3],
        )
    )


def _packed_index(sizes: Sizes) -> tuple[int, int]:
    """How many numbers the packed index holds, and the largest of them."""
    if sizes.order < 2:
        return 1, 0
    return sizes.contexts - sizes.starts[2] + 1, sizes.nodes - sizes.starts[3]


def _arrays(header: Header) -> Iterator[tuple[str, str, int]]:
    """Name, type and length of the arrays, as they stand in the file."""
    sizes = Sizes.of(header.counts)
    yield "blob", "u1", header.blob
    yield "table", "<u4", header.table
    if not header.bits:
        yield "words", "<i4", sizes.nodes
        yield "begins", "<u4", sizes.contexts + 1
        yield "log_probs", "<f4", sizes.nodes
        yield "backoffs", "<f4", sizes.contexts
        return
    from earwright.lm.packing import record_words, rising_sizes

    order_one = min(sizes.starts[2], sizes.contexts)
    high, low, samples, _ = rising_sizes(*_packed_index(sizes))
    yield "begins", "<u4", order_one + 1
    yield "log_probs", "<f4", sizes.starts[2]
    yield "backoffs", "<f4", order_one
    yield "records", "<u8", record_words(sizes, header.bits)
    yield "log_prob_codes", "<f4", (sizes.order + 1) << header.bits
    yield "backoff_codes", "<f4", (sizes.order + 1) << header.bits
    yield "high", "<u8", high
    yield "low", "<u8", low
    yield "samples", "<u4", samples


def _read_header(path: Path, content: npt.NDArray[np.uint8]) -> tuple[Header, int]:
    """The header, checked against the size of the file, and where it ends."""
    prefix = len(MAGIC) + 12
    if content[: len(MAGIC)].tobytes() != MAGIC or len(content) < prefix:
        raise EarwrightError(f"{path}: not a binary language model of earwright's; {_MADE_AGAIN}.")
    version, length, checksum = content[len(MAGIC) : prefix].view("<u4").tolist()
    if version != VERSION:
        raise EarwrightError(
            f"{path}: of version {version}, and this earwright reads {VERSION}; {_MADE_AGAIN}."
        )
    text = content[prefix : prefix + min(length, _MAX_HEADER)].tobytes()
    if len(text) != length or zlib.crc32(text) != checksum:
        raise EarwrightError(f"{path}: damaged (the checksum of its header is wrong); {_MADE_AGAIN}.")
    try:
        header = _parse_header(json.loads(text))
        end = prefix + length
        for _, dtype, size in _arrays(header):
            end += -end % _ALIGNED + size * np.dtype(dtype).itemsize
        if len(header.checksums) != len(list(_arrays(header))):
            raise ValueError("checksums")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EarwrightError(f"{path}: its header makes no sense ({error}); {_MADE_AGAIN}.") from error
    if end != len(content):
        raise EarwrightError(
            f"{path}: {len(content):,} bytes long where its header says {end:,}; copy it again."
        )
    return header, prefix + length


def _parse_header(table: Mapping[str, Any]) -> Header:
    counts = tuple(_number(count, MAX_NODES) for count in table["counts"])
    bits = _number(table["bits"], QUANTIZE_BITS[-1])
    if not 1 <= len(counts) <= MAX_ORDER or counts[0] < 3 or sum(counts) > MAX_NODES:
        raise ValueError("counts")
    if bits and bits not in QUANTIZE_BITS:
        raise ValueError("bits")
    notes = {str(key): str(value) for key, value in dict(table["notes"]).items()}
    blob, entries = _number(table["blob"], 1 << 40), _number(table["table"], 1 << 40)
    if not entries:
        raise ValueError("table")
    checksums = tuple(_number(value, 2**32 - 1) for value in table["checksums"])
    return Header(counts, bits, blob, entries, str(table["normalizer"]), str(table["unit"]), notes, checksums)


def _number(value: object, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError(f"{value!r:.20}")
    return value


def _cannot_read(path: Path, error: Exception) -> EarwrightError:
    if isinstance(error, FileNotFoundError):
        return EarwrightError(f"{path}: there is no such file.")
    if isinstance(error, OSError):
        return EarwrightError(f"{path}: {error.strerror or error}.")
    return EarwrightError(f"{path}: the file is empty.")
