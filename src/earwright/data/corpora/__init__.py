"""Readers of corpora, one a format: each gives the rows of a source as they are and checks nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path

from earwright.data.corpora.folder import read_folder
from earwright.data.corpora.librispeech import read_librispeech
from earwright.data.corpora.row import BadRow, Row
from earwright.data.corpora.table import read_csv, read_tsv

READERS: dict[str, Callable[[Path], Iterator[Row | BadRow]]] = {
    "librispeech": read_librispeech,
    "csv": read_csv,
    "tsv": read_tsv,
    "folder": read_folder,
}

__all__ = ["READERS", "BadRow", "Row", "read_csv", "read_folder", "read_librispeech", "read_tsv"]
