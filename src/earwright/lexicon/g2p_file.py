"""A g2p model on disk: one file of numbers and text, checked in every part when it is read.

    8 bytes    "EARG2P" and a line end of either kind, which transfers in text mode would spoil
    4 bytes    version of the format
    4 bytes    length of the header
    header     JSON: graphones, lower, notes, the size of each level, whether there is a network, length and
               CRC-32 of the body
    body       zlib: of each level the words (uint32), number of children of each n-gram of the level below
               (uint32), log_probs (float16), and, but for the highest level, backoffs (float16); then the
               weights of the network (float16), if there is one

All numbers are little-endian. Half precision moves a log-probability by 0.001 at most where it matters. The
bytes of uint32 lie plane by plane (all lowest bytes first), which halves what zlib makes of them.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError, first_line
from earwright.files import atomic_write
from earwright.lexicon.g2p import LONGEST_WORD, SPECIALS, G2pModel
from earwright.lexicon.g2p_training import graphone_name
from earwright.lexicon.network import Network, layer_shapes
from earwright.lm import Level, NgramModel

MAGIC = b"EARG2P\r\n"
VERSION = 1
_HEAD = struct.Struct("<8sII")
_EXPANSION = 1100  # zlib packs at most 1032 bytes into one; a body that promises more was made to fill memory
_MOST_LEVELS = 64


def write_g2p(model: G2pModel, path: str | os.PathLike[str]) -> None:
    """Write a model.

    Raises:
        EarwrightError: the place cannot be written or the disk is full.
    """
    parts = [_pack_level(level) for level in model.ngrams.levels]
    if model.network is not None:
        parts += [each.astype("<f2").tobytes() for each in model.network.weights]
    body = zlib.compress(b"".join(parts), 9)
    header = {
        "graphones": model.graphones,
        "lower": model.lower,
        "notes": dict(model.notes),
        "levels": model.ngrams.counts,
        "network": model.network is not None,
        "body": len(body),
        "crc32": zlib.crc32(body),
    }
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    with atomic_write(path, "wb") as file:
        file.write(_HEAD.pack(MAGIC, VERSION, len(text)) + text + body)


def read_g2p(path: str | os.PathLike[str]) -> G2pModel:
    """Read a model.

    Raises:
        EarwrightError: the file is missing, is no g2p model, is of another version, or is damaged.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise EarwrightError(
            f"{path}: there is no such file; `earwright lexicon g2p train` makes one."
        ) from None
    except OSError as error:
        raise EarwrightError(f"{path}: the file cannot be read ({first_line(error)}).") from error
    try:
        return parse_g2p(data)
    except EarwrightError as error:
        raise EarwrightError(f"{path}: {error}") from None


def parse_g2p(data: bytes) -> G2pModel:
    """The model that the bytes of a file hold; messages do not name the file.

    Raises:
        EarwrightError: as `read_g2p`.
    """
    if len(data) < _HEAD.size or data[: len(MAGIC)] != MAGIC:
        raise EarwrightError("this is no g2p model of earwright.")
    _, version, length = _HEAD.unpack_from(data)
    if version != VERSION:
        raise EarwrightError(
            f"this g2p model has format {version}, and this earwright reads {VERSION}; train it anew."
        )
    header = _parse_header(data[_HEAD.size : _HEAD.size + length])
    body = data[_HEAD.size + length :]
    if len(body) != header["body"] or zlib.crc32(body) != header["crc32"]:
        _damaged("its body is not as it was written")
    graphones = tuple((letters, tuple(phones)) for letters, phones in header["graphones"])
    vocabulary = ["<unk>", "<s>", "</s>", *map(graphone_name, graphones)]
    counts = len({letters for letters, _ in graphones}), len({phones for _, phones in graphones})
    shapes = layer_shapes(*counts) if header["network"] else []
    unpacked = _unpack(body, header["levels"], sum(map(math.prod, shapes)))
    levels, place = _parse_levels(unpacked, header["levels"])
    weights = []
    for shape in shapes:
        flat, place = _take_halves(unpacked, place, math.prod(shape))
        weights.append(flat.reshape(shape))
        if not np.isfinite(flat).all():
            _damaged("a weight of its network is no number")
    network = Network(*counts, tuple(weights)) if shapes else None
    ngrams = NgramModel(vocabulary, levels, unit="graphone")
    return G2pModel(graphones, ngrams, header["lower"], header["notes"], network)


def _damaged(what: str) -> NoReturn:
    raise EarwrightError(f"the g2p model is damaged: {what}; copy it again or train it anew.")


def _pack_level(level: Level) -> bytes:
    parts = [_planes(level.words), _planes(np.diff(level.begins)), level.log_probs.astype("<f2").tobytes()]
    if level.backoffs is not None:
        parts.append(level.backoffs.astype("<f2").tobytes())
    return b"".join(parts)


def _planes(numbers: npt.NDArray[np.integer]) -> bytes:
    return numbers.astype("<u4").view(np.uint8).reshape(-1, 4).T.tobytes()


def _parse_header(text: bytes) -> dict[str, Any]:
    try:
        header: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        _damaged(f"its header is not JSON ({first_line(error)[:80]})")
    kinds = {
        "graphones": list,
        "lower": bool,
        "notes": dict,
        "levels": list,
        "network": bool,
        "body": int,
        "crc32": int,
    }
    for key, kind in kinds.items():
        if not isinstance(header, dict) or not isinstance(header.get(key), kind):
            _damaged(f"its header lacks {key}")
    levels, graphones = header["levels"], header["graphones"]
    if not 1 <= len(levels) <= _MOST_LEVELS or not all(type(size) is int and size >= 0 for size in levels):
        _damaged("the sizes of its levels make no sense")
    if not all(map(_is_graphone, graphones)) or not graphones:
        _damaged("a graphone is not letters with phones")
    keys = [(letters, tuple(phones)) for letters, phones in graphones]
    if any(later <= earlier for earlier, later in itertools.pairwise(keys)):
        _damaged("its graphones are not sorted")
    if header["network"] and any(len(letters) > 1 for letters, _ in keys):
        _damaged("its network is for graphones of one letter")
    if levels[0] != len(graphones) + SPECIALS:
        _damaged("graphones and n-grams do not belong together")
    if not all(isinstance(note, str) for note in header["notes"].values()):
        _damaged("a note is no text")
    return header


def _is_graphone(graphone: object) -> bool:
    if not isinstance(graphone, list) or len(graphone) != 2:
        return False
    letters, phones = graphone
    return (
        isinstance(letters, str)
        and 1 <= len(letters) <= LONGEST_WORD
        and isinstance(phones, list)
        and all(isinstance(phone, str) and phone for phone in phones)
    )


def _unpack(body: bytes, levels: list[int], weights: int) -> bytes:
    """The unpacked body, which has just the length that the levels and the weights need."""
    below = [1, *levels[:-1]]
    needed = sum(4 * size + 4 * parents + 2 * size for size, parents in zip(levels, below, strict=True))
    needed += 2 * sum(levels[:-1]) + 2 * weights
    if needed > _EXPANSION * len(body):
        _damaged("its levels are larger than what it holds")
    try:
        machine = zlib.decompressobj()
        unpacked = machine.decompress(body, needed + 1)
    except zlib.error as error:
        _damaged(f"its body cannot be unpacked ({first_line(error)})")
    if len(unpacked) != needed or not machine.eof or machine.unused_data:
        _damaged("its body does not have the length of its levels")
    return unpacked


def _parse_levels(data: bytes, sizes: list[int]) -> tuple[tuple[Level, ...], int]:
    levels, place, parents = [], 0, 1
    for number, size in enumerate(sizes):
        words, place = _take_planes(data, place, size)
        children, place = _take_planes(data, place, parents)
        begins = np.concatenate([[0], np.cumsum(children, dtype=np.int64)])
        log_probs, place = _take_halves(data, place, size)
        backoffs = None
        if number < len(sizes) - 1:
            backoffs, place = _take_halves(data, place, size)
        levels.append(Level(words.astype(np.int32), begins, log_probs, backoffs))
        _check_level(levels[-1], number + 1, sizes[0])
        parents = size
    return tuple(levels), place


def _take_planes(data: bytes, place: int, size: int) -> tuple[npt.NDArray[np.int64], int]:
    planes = np.frombuffer(data, np.uint8, 4 * size, place).reshape(4, size)
    return np.ascontiguousarray(planes.T).view("<u4").reshape(-1).astype(np.int64), place + 4 * size


def _take_halves(data: bytes, place: int, size: int) -> tuple[npt.NDArray[np.float32], int]:
    return np.frombuffer(data, "<f2", size, place).astype(np.float32), place + 2 * size


def _check_level(level: Level, order: int, vocabulary: int) -> None:
    where = f"of its {order}-grams"
    if level.begins[-1] != len(level):
        _damaged(f"the number {where} is not the sum of their parts")
    if len(level) and (level.words.min() < 0 or level.words.max() >= vocabulary):
        _damaged(f"a word {where} is outside the vocabulary")
    rising = np.diff(level.words) > 0
    inner = level.begins[1:-1]
    rising[inner[(inner > 0) & (inner < len(level))] - 1] = (
        True  # from one n-gram's children to the next one's
    )
    if not rising.all() or (order == 1 and len(level) != vocabulary):
        _damaged(f"the words {where} are not sorted")
    if not np.isfinite(level.log_probs).all() or (level.log_probs > 0).any():
        _damaged(f"a probability {where} is none")
    if level.backoffs is not None and not np.isfinite(level.backoffs).all():
        _damaged(f"a back-off {where} is no number")
