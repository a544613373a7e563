"""A prepared folder on disk: cuts.jsonl.gz, rejected.jsonl, warnings.jsonl and summary.json."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from earwright.cuts import CUTS_NAME, Cut, write_cuts
from earwright.data.corpora.row import BadRow, Row
from earwright.data.preparation.listen import Problem
from earwright.data.preparation.summary import Summary
from earwright.errors import EarwrightError
from earwright.files import atomic_write

REJECTED_NAME = "rejected.jsonl"
WARNINGS_NAME = "warnings.jsonl"
SUMMARY_NAME = "summary.json"
TEXT_SHOWN = 1000  # characters of a rejected text that are kept: a whole book as one row is one line, too


def write_prepared(
    out: Path,
    cuts: Iterable[Cut],
    rejections: Iterable[dict[str, Any]],
    summary: Summary | Callable[[], Summary],
    warnings: Iterable[dict[str, Any]] = (),
) -> Summary:
    """Write the four files, and put them in place only when all of them are whole.

    Args:
        out: the folder, made if need be; others of its files are left alone.
        cuts, rejections, warnings: taken one by one, in this order.
        summary: or what makes it, when all of them have been taken.

    Raises:
        EarwrightError: the disk is full or cannot be written; the old files survive.
    """
    with contextlib.ExitStack() as files:
        cuts_file: IO[Any] = files.enter_context(atomic_write(out / CUTS_NAME, "wb"))
        rejected_file: IO[Any] = files.enter_context(atomic_write(out / REJECTED_NAME, "wb"))
        warnings_file: IO[Any] = files.enter_context(atomic_write(out / WARNINGS_NAME, "wb"))
        summary_file: IO[Any] = files.enter_context(atomic_write(out / SUMMARY_NAME))
        write_cuts(cuts, cuts_file)
        for file, lines in ((rejected_file, rejections), (warnings_file, warnings)):
            for line in lines:
                # A file's name may hold bytes that are no text.
                packed = json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace")
                file.write(packed + b"\n")
        done = summary if isinstance(summary, Summary) else summary()
        json.dump(done.to_dict(), summary_file, ensure_ascii=False, indent=1)
        summary_file.write("\n")
    return done


def rejection(row: Row | BadRow, problem: Problem) -> dict[str, Any]:
    """A line of rejected.jsonl."""
    text = row.text if len(row.text) <= TEXT_SHOWN else row.text[:TEXT_SHOWN] + "…"
    line: dict[str, Any] = {
        "id": row.id,
        "path": row.path,
        "reason": problem.reason,
        "detail": problem.detail,
    }
    if isinstance(row, Row) and (row.start or row.duration is not None):
        line |= {"start": row.start, "duration": row.duration}
    return {**line, "text": text}


def check_writable(out: Path) -> None:
    """Refuse before the work what could not be written after it.

    Raises:
        EarwrightError: `out` is a file, or lies where nothing may be written.
    """
    if out.exists() and not out.is_dir():
        raise EarwrightError(f"{out}: this is a file; name a folder to write to.")
    place = next(place for place in (out.absolute(), *out.absolute().parents) if place.exists())
    if not os.access(place, os.W_OK):
        raise EarwrightError(f"{place}: no permission to write here. Choose another place.")
