"""Hugging Face's data sets: `audiofolder`, Parquet files, and what `save_to_disk` wrote.

An audiofolder is a folder of audio with metadata.csv, metadata.jsonl or metadata.parquet in it or above it;
its column file_name is relative to it. A folder may hold several of all these, in folders train, test and so
on. Reading Parquet and Arrow needs pyarrow: pip install 'earwright[parquet]'.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from earwright.data.corpora import nemo, parquet, table
from earwright.data.corpora.lines import head
from earwright.data.corpora.row import BadRow, ReaderOptions, Row
from earwright.data.corpora.search import found_in, hint, walk
from earwright.errors import EarwrightError

METADATA_NAMES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
DATASET_INFO_NAME = "dataset_info.json"  # beside the .arrow files that `datasets` wrote
FILE_NAME = "file_name"
PARQUET_MARK = b"PAR1"
LEVELS = 2  # that `recognize` looks down: name/data/train-00000-of-00001.parquet
SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}\.parquet")
SPLITS = {"train", "training", "validation", "valid", "dev", "val", "test", "testing", "eval", "evaluation"}


def recognize(source: Path) -> str | None:
    """A folder with metadata that has file_name, with Parquet or with `datasets`' Arrow; or such a file."""
    if not os.path.exists(source):
        return None
    for path in [source] if os.path.isfile(source) else _tables(source, [], LEVELS):
        name = path.name if path == source else path.relative_to(source)
        if path.suffix == parquet.ARROW_ENDING:
            return f"{name} has {DATASET_INFO_NAME} beside it"
        if path.suffix == ".parquet" and _is_parquet(path):
            return f"{name} is a Parquet file"
        if path.suffix in (".csv", ".jsonl") and _names_files(path):
            return f"{name} has file_name"
    return None


def read(source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
    """Read a data set.

    Args:
        source: its folder, or one table of it.
        options: `columns` says which column is text, and so on.

    Yields:
        Rows in order of table and line; where the names of folders or files tell it, `custom` has the
        "split". Tables that cannot be read come as bad rows, as long as another one can.

    Raises:
        EarwrightError: there is no such folder or table, nothing of the kind is in it, or none can be read.
        ModuleNotFoundError: pyarrow is needed and not installed.
    """
    if not os.path.lexists(source):
        raise EarwrightError(f"{source}: there is no such folder.")
    refused: list[BadRow] = []
    first_error: EarwrightError | None = None
    rows = tables = 0
    base = source.parent if os.path.isfile(source) else source
    for path in [source] if os.path.isfile(source) else _tables(source, refused, None):
        tables += 1
        try:
            for row in _read_table(path, base, options):
                rows += isinstance(row, Row)
                yield row
        except EarwrightError as error:
            first_error = first_error or error
            yield BadRow(str(error).rstrip("."), path=str(path))
    if first_error and not rows:
        raise first_error
    if not tables:
        raise EarwrightError(
            f"{source}: no Hugging Face data set is in it: no {' or '.join(METADATA_NAMES[:2])} with a "
            f"column {FILE_NAME}, and no Parquet, but {found_in(source)}.{hint(source)}"
        )
    yield from refused


def _tables(source: Path, refused: list[BadRow], levels: int | None) -> Iterator[Path]:
    """Every table of a folder: of each folder in it the metadata, or else all Parquet and Arrow."""
    for folder, names in walk(source, refused, levels):
        metadata = [name for name in METADATA_NAMES if name in names and _names_files(folder / name)]
        if metadata:
            yield folder / metadata[0]
            continue
        for name in names:
            is_arrow = name.endswith(parquet.ARROW_ENDING) and DATASET_INFO_NAME in names
            if is_arrow or name.endswith(".parquet"):
                yield folder / name


def _names_files(path: Path) -> bool:
    """Whether a table of metadata has file_name; of Parquet it is believed."""
    if path.suffix == ".parquet":
        return True
    first, *_ = head(path) or [""]
    return FILE_NAME in (_csv_header(first) if path.suffix == ".csv" else first)


def _csv_header(line: str) -> list[str]:
    """The names of the columns in lower case, parted by whatever parts them into most."""
    headers = [table.split_line(line, delimiter) or [] for delimiter in table.DELIMITERS["csv"]]
    return [name.strip().lower() for name in max(headers, key=len)]


def _read_table(path: Path, base: Path, options: ReaderOptions) -> Iterator[Row | BadRow]:
    """The rows of one table with their split; ids begin with where it lies, since names repeat in splits."""
    above = path.parent.relative_to(base).as_posix()
    prefix = "" if above == "." else f"{above}/"
    if path.suffix in (".csv", ".tsv"):
        rows = _read_csv(path, options)
    elif path.suffix in (".jsonl", ".json", ".gz"):
        rows = nemo.read(path, replace(options, columns={"path": FILE_NAME, **options.columns}))
    elif path.suffix in (".parquet", parquet.ARROW_ENDING):
        rows = parquet.read_table(path, options)
    else:
        raise EarwrightError(
            f"{path}: huggingface reads a folder, metadata.csv, metadata.jsonl or .parquet.{hint(path)}"
        )
    of_table = _split(path.relative_to(base).with_suffix("").as_posix(), path.name)
    for row in rows:
        if isinstance(row, Row):
            place = os.path.relpath(os.path.dirname(row.path), base) if row.data is None else ""
            split = of_table or _split(place)
            custom = {"split": split} if split else {}
            path_of_row = row.path if row.data is None else prefix + row.path
            row = replace(row, id=prefix + row.id, path=path_of_row, custom={**custom, **row.custom})
        yield row


def _read_csv(path: Path, options: ReaderOptions) -> Iterator[Row | BadRow]:
    first, *_ = head(path) or [""]
    names = _csv_header(first)
    columns = {"path": FILE_NAME, **options.columns}
    text = next((name for name in nemo.TEXTS if name in names), None)
    if "text" not in columns:
        if text is None:
            raise EarwrightError(
                f"{path}: there is no column of text in the table; it has: {', '.join(names[:12])}. "
                "Say which it is (--columns text=...)."
            )
        columns["text"] = text
    return table.read_table(path, "csv", ReaderOptions(columns=columns))


def _split(path: str, file_name: str = "") -> str | None:
    """The split that folders or a table's name tell: train.clean of train.clean-00000-of-00002.parquet."""
    if path.startswith(".."):
        return None
    words = (word for part in path.split("/") for word in re.split(r"[^a-z]+", part.lower()))
    split = next((word for word in words if word in SPLITS), None)
    shard = SHARD.fullmatch(file_name)
    return shard[1] if shard and split and split in shard[1] else split


def _is_parquet(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(PARQUET_MARK)) == PARQUET_MARK
    except OSError:
        return False
