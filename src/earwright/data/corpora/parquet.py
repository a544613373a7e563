"""Parquet files, and the Arrow files of a data set saved to disk, with audio inside of them or beside them.

Hugging Face's `datasets` keeps audio as a column of structs {bytes, path}, of which one may be null. A column
of paths, or one of nothing but bytes, is read too. What a column is, its type says before its name does.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earwright.data.corpora.lines import describe_fault
from earwright.data.corpora.nemo import PATHS, TEXTS
from earwright.data.corpora.row import BadRow, ReaderOptions, Row, gender_name, made_id
from earwright.data.corpora.search import is_audio, locate
from earwright.errors import EarwrightError

if TYPE_CHECKING:
    import pyarrow

ARROW_ENDING = ".arrow"
SPEAKERS = ("speaker", "speaker_id", "client_id")
LANGUAGES = ("language", "lang", "locale")
BATCH_BYTES = 4 << 20  # decoded at once, where rows are small enough
BATCH_ROWS = 256
READ_BYTES = 1 << 20  # read from the file at once; without it, all of a column of a row group
# How the kinds of audio files begin, for those that are kept without a name.
MARKS = {
    **{b"RIFF": ".wav", b"fLaC": ".flac", b"OggS": ".ogg", b"ID3": ".mp3"},
    **{b"\xff\xfb": ".mp3", b"\xff\xf3": ".mp3", b"FORM": ".aiff", b".snd": ".au", b"NIST": ".sph"},
}


@dataclass(frozen=True)
class _Columns:
    """What a table calls things, and the names of its classes: {"gender": ["male", "female"]}."""

    audio: str
    text: str
    others: tuple[str, ...]
    classes: dict[str, list[str]]


def read_table(path: Path, options: ReaderOptions) -> Iterator[Row | BadRow]:
    """Read a .parquet or .arrow file, a few rows at a time: a page of the file is the most that is unpacked.

    Args:
        path: the file.
        options: `columns` says which column is path (the audio), text and so on.

    Yields:
        Rows in order. Those with audio inside have the bytes as `data`, and as `path` the id with an ending.
        Columns of text, numbers and classes that are not known by name are kept as `custom`.

    Raises:
        EarwrightError: the file is damaged or has no columns of audio and text.
    """
    import pyarrow

    faults = (OSError, ValueError, pyarrow.ArrowException)
    try:
        schema = _read_schema(path)
    except faults as error:
        raise EarwrightError(f"{path}: the table cannot be read ({describe_fault(error)}).") from error
    columns = _choose(path, schema, options)
    number = 0
    for batch in _batches(path, [columns.audio, columns.text, *columns.others], faults):
        if isinstance(batch, BadRow):
            yield batch
            continue
        for place in range(batch.num_rows):
            number += 1
            try:
                values = batch.slice(place, 1).to_pylist()[0]
            except UnicodeDecodeError:
                yield BadRow(f"{path}, row {number}: not UTF-8 text")
                continue
            yield _row(path, number, values, columns, options)


def _read_schema(path: Path) -> pyarrow.Schema:
    import pyarrow.parquet

    if path.suffix == ARROW_ENDING:
        with pyarrow.memory_map(str(path)) as file:
            return pyarrow.ipc.open_stream(file).schema
    return pyarrow.parquet.read_schema(path)


def _batches(
    path: Path, columns: list[str], faults: tuple[type[Exception], ...]
) -> Iterator[pyarrow.RecordBatch | BadRow]:
    """The table in small batches; a part of it that is damaged comes as a bad row."""
    import pyarrow.parquet

    if path.suffix == ARROW_ENDING:
        try:
            with pyarrow.memory_map(str(path)) as file:
                for batch in pyarrow.ipc.open_stream(file):
                    batch.validate(full=True)  # Arrow itself believes whatever places a file names
                    yield batch.select(columns)
        except faults as error:
            yield BadRow(
                f"{path}: the rest of the table cannot be read ({describe_fault(error)})", path=str(path)
            )
        return
    # Without pre_buffer=False the whole column is fetched whatever the buffer.
    with pyarrow.parquet.ParquetFile(path, buffer_size=READ_BYTES, pre_buffer=False) as file:
        for group in range(file.num_row_groups):
            about = file.metadata.row_group(group)
            size = BATCH_BYTES * about.num_rows // max(about.total_byte_size, 1)
            try:
                yield from file.iter_batches(
                    min(max(size, 1), BATCH_ROWS), row_groups=[group], columns=columns, use_threads=False
                )
            except faults as error:
                yield BadRow(
                    f"{path}, row group {group}: the rest of it cannot be read ({describe_fault(error)})",
                    path=str(path),
                )


def _choose(path: Path, schema: pyarrow.Schema, options: ReaderOptions) -> _Columns:
    """Which columns are what. Raises an EarwrightError if audio or text cannot be found."""
    features = _features(schema)
    kinds: dict[str, list[str]] = {"audio": [], "bytes": [], "string": [], "plain": []}
    for field in schema:
        kind = _kind(field.type)
        # Images are structs of bytes and path, too.
        if kind == "audio" and features.get(field.name, {}).get("_type", "Audio") != "Audio":
            continue
        if kind is not None:
            kinds[kind].append(field.name)
    strings = kinds["string"]
    named = [name for name in PATHS if name in strings]
    audio = options.columns.get("path") or next(iter([*kinds["audio"], *named, *kinds["bytes"]]), "")
    text = options.columns.get("text") or next((name for name in TEXTS if name in strings), "")
    _require("path", audio, [*kinds["audio"], *kinds["bytes"], *strings], path, schema)
    _require("text", text, strings, path, schema)
    classes = {
        name: list(map(str, feature["names"]))
        for name, feature in features.items()
        if feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list)
    }
    others = tuple(name for name in (*strings, *kinds["plain"]) if name not in (audio, text))
    return _Columns(audio, text, others, classes)


def _require(ours: str, name: str, suitable: list[str], path: Path, schema: pyarrow.Schema) -> None:
    """Raise an EarwrightError unless the column is one of those of a suitable type."""
    if name not in suitable:
        what = "audio" if ours == "path" else "text"
        raise EarwrightError(
            f"{path}: there is no column {f'{name!r} of ' if name else 'of '}{what} in the table; it has: "
            f"{', '.join(schema.names[:20])}. Say which it is (--columns {ours}=...)."
        )


def _kind(kind: pyarrow.DataType) -> str | None:
    """ "audio" for a struct of bytes and path, "bytes", "string", "plain" for other single values, None."""
    from pyarrow import types

    if types.is_struct(kind):
        fields = {kind.field(n).name: kind.field(n).type for n in range(kind.num_fields)}
        wanted = {"bytes": "bytes", "path": "string"}
        fits = (
            name in fields and (_kind(fields[name]) == of or types.is_null(fields[name]))
            for name, of in wanted.items()
        )
        return "audio" if all(fits) else None
    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return "string"
    if types.is_binary(kind) or types.is_large_binary(kind):
        return "bytes"
    return "plain" if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) else None


def _features(schema: pyarrow.Schema) -> dict[str, dict[str, Any]]:
    """What `datasets` wrote of the columns: {"audio": {"_type": "Audio"}}; {} if it was not `datasets`."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        return {name: feature for name, feature in features.items() if isinstance(feature, dict)}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def _row(
    path: Path, number: int, values: dict[str, Any], columns: _Columns, options: ReaderOptions
) -> Row | BadRow:
    value = values.pop(columns.audio)
    if isinstance(value, dict):
        data, file_name = value["bytes"], value["path"] or ""
    else:
        data, file_name = (value, "") if isinstance(value, bytes) else (None, value or "")
    text = values.pop(columns.text) or ""
    if data is None and not file_name:
        return BadRow(f"{path}, row {number}: there is neither audio nor the path of it", text=text)
    custom = _custom(values, columns)
    if data is None:
        identity = made_id(os.path.splitext(file_name)[0])
        place = locate(path.parent, file_name)
    else:
        # Names inside of tables are often missing, or "audio.wav" for all: the number keeps them apart.
        stem, ending = os.path.splitext(os.path.basename(file_name.replace("\\", "/")))
        identity = f"{path.stem}/{number:08d}" + (f"-{stem}" if stem else "")
        place = identity + (ending if is_audio(file_name) else _ending(data))
    return Row(
        id=identity,
        path=place,
        text=text,
        speaker=_take(custom, "speaker", SPEAKERS, options),
        language=_take(custom, "language", LANGUAGES, options),
        gender=gender_name(_take(custom, "gender", ("gender", "sex"), options) or ""),
        custom=custom,
        data=data,
    )


def _custom(values: dict[str, Any], columns: _Columns) -> dict[str, Any]:
    """The other columns' values, numbers of classes made names, without what is empty or not finite."""
    custom = {}
    for name, value in values.items():
        names = columns.classes.get(name)
        if names and isinstance(value, int):
            value = names[value] if 0 <= value < len(names) else None
        if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
            continue
        custom[name] = value
    return custom


def _take(custom: dict[str, Any], ours: str, names: tuple[str, ...], options: ReaderOptions) -> str | None:
    """Take the first of the names that the row has, out of it; the one the user gave if there is one."""
    names = (options.columns[ours],) if ours in options.columns else names
    return next((str(custom.pop(name)) for name in names if name in custom), None)


def _ending(data: bytes) -> str:
    return next((ending for mark, ending in MARKS.items() if data.startswith(mark)), "")
