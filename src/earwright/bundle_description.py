"""`bundle.toml`, the description of a bundle: the recognizer, and the list of files with their sums.

Its first line is a checksum of the rest, so that a changed sample rate is noticed like a changed weight.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from earwright.errors import EarwrightError, first_line

FORMAT_VERSION = 1
DESCRIPTION = "bundle.toml"
MAX_DESCRIPTION = 1 << 20  # bytes
MAX_TOTAL = 8 << 30  # bytes of a whole bundle: far above any recognizer that a person would carry about
REPAIR = "get the bundle again from where it came."

# Flat names only: no folder, no leading dot. So no name can point outside the bundle, on any system.
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}")


@dataclass(frozen=True)
class BundleMeta:
    """What `bundle.toml` says about a recognizer.

    Attributes:
        name: a short name for people.
        sample_rate: Hz of the waveform that features.onnx takes.
        frame_shift: seconds between two frames of log-probs.
        languages: BCP 47 tags, such as ("en",).
        tokenizer: "char" or "bpe".
        normalizer: the named normalizer of the training texts (see earwright.text).
        parameters: number of trained numbers in the encoder.
        created_with: the earwright version that wrote it.
        search: options of the search, free within what the decoders know.
        training_minutes: minutes of training, if known.
        training: anything worth telling about the training (machine, hours of audio, ...).
        speech: the pace of the training's speech, by which unsure words are judged (see `earwright.pace`),
            and `noise_alone`: whether it was trained with noise in which nobody speaks, too.
        format_version: of the bundle's layout.
    """

    name: str
    sample_rate: int
    frame_shift: float
    languages: tuple[str, ...]
    tokenizer: str
    normalizer: str
    parameters: int = 0
    created_with: str = ""
    search: dict[str, Any] = field(default_factory=dict)
    training_minutes: float | None = None
    training: dict[str, Any] = field(default_factory=dict)
    speech: dict[str, Any] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True)
class FileRecord:
    """One line of the list of files: `sha256` as hex digits and `size` in bytes."""

    sha256: str
    size: int


def describe(meta: BundleMeta, records: Mapping[str, FileRecord]) -> bytes:
    """The text of bundle.toml."""
    import tomli_w

    table: dict[str, Any] = {"format_version": meta.format_version}
    table |= _without_none({item.name: getattr(meta, item.name) for item in fields(meta)})
    table["languages"] = list(meta.languages)
    table["files"] = {
        name: {"sha256": record.sha256, "size": record.size} for name, record in records.items()
    }
    text = tomli_w.dumps(table).encode()
    return _checksum_line(text) + text


def _without_none(table: dict[str, Any]) -> dict[str, Any]:
    """TOML knows no null: what is not known is left out."""
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in table.items()
        if value is not None
    }


def _checksum_line(text: bytes) -> bytes:
    return f'checksum = "{hashlib.sha256(text).hexdigest()}"\n'.encode()


def parse(path: Path, description: bytes, *, sealed: bool = True) -> tuple[BundleMeta, dict[str, FileRecord]]:
    """The inverse of `describe`.

    Args:
        path: of the bundle, for the messages.
        description: the text of its bundle.toml.
        sealed: whether its checksum must be right.

    Raises:
        EarwrightError: a newer format, a wrong checksum, or something missing or of the wrong kind.
    """
    where = path / DESCRIPTION
    if len(description) > MAX_DESCRIPTION:
        raise EarwrightError(f"{where}: larger than a description can be; {REPAIR}")
    try:
        table = tomllib.loads(description.decode())
    except (ValueError, RecursionError) as error:
        raise EarwrightError(f"{where}: not readable as TOML ({first_line(error)}); {REPAIR}") from None
    version = table.get("format_version")
    if not isinstance(version, int) or version < 1:
        raise EarwrightError(f"{where}: has no format_version; {REPAIR}")
    if version > FORMAT_VERSION:
        raise EarwrightError(
            f"{path}: this bundle has format {version}, and this earwright reads up to {FORMAT_VERSION}; "
            "update earwright."
        )
    line, _, text = description.partition(b"\n")
    if sealed and line + b"\n" != _checksum_line(text):
        raise EarwrightError(
            f"{where}: was altered (its checksum is not the recorded one); {REPAIR[:-1]}, "
            f"or run `earwright bundle seal {path}` if you changed it on purpose."
        )
    return _parse_meta(where, table), _parse_files(where, table.get("files"))


# What each key of bundle.toml must be. Unknown keys are left alone, so that a later earwright may add some.
_KINDS: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "sample_rate": (int,),
    "frame_shift": (float, int),
    "languages": (list,),
    "tokenizer": (str,),
    "normalizer": (str,),
    "parameters": (int,),
    "created_with": (str,),
    "search": (dict,),
    "speech": (dict,),
    "training_minutes": (float, int),
    "training": (dict,),
    "format_version": (int,),
}
_REQUIRED = ("name", "sample_rate", "frame_shift", "languages", "tokenizer", "normalizer")


def _parse_meta(where: Path, table: dict[str, Any]) -> BundleMeta:
    for key in _REQUIRED:
        if key not in table:
            raise EarwrightError(f"{where}: has no {key}; {REPAIR}")
    values = {key: table[key] for key in _KINDS if key in table}
    for key, value in values.items():
        if not isinstance(value, _KINDS[key]) or isinstance(value, bool):
            raise EarwrightError(f"{where}: {key} must be {_KINDS[key][0].__name__}, not {value!r}; {REPAIR}")
    if not 1000 <= values["sample_rate"] <= 384_000 or not 0.001 <= values["frame_shift"] <= 1.0:
        raise EarwrightError(f"{where}: sample_rate or frame_shift is out of any sensible range; {REPAIR}")
    return BundleMeta(**{**values, "languages": tuple(str(tag) for tag in values["languages"])})


def _parse_files(where: Path, table: object) -> dict[str, FileRecord]:
    if not isinstance(table, dict) or not table:
        raise EarwrightError(f"{where}: has no list of files; {REPAIR}")
    files = {}
    for name, record in table.items():
        if not FILE_NAME.fullmatch(name) or name == DESCRIPTION:
            raise EarwrightError(
                f"{where}: lists a file named {name!r}, which is not a plain file name; do not use it."
            )
        sha256, size = (
            (record.get("sha256"), record.get("size")) if isinstance(record, dict) else (None, None)
        )
        if not isinstance(sha256, str) or not isinstance(size, int) or not 0 <= size <= MAX_TOTAL:
            raise EarwrightError(f"{where}: {name} has no usable sha256 and size; {REPAIR}")
        files[name] = FileRecord(sha256, size)
    return files
