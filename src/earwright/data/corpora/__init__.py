"""Readers of corpora, one a format: each gives the rows of a source as they are and checks nothing."""

from earwright.data.corpora.formats import FORMATS, Format, find_format
from earwright.data.corpora.row import BadRow, ReaderOptions, Row

__all__ = ["FORMATS", "BadRow", "Format", "ReaderOptions", "Row", "find_format"]
