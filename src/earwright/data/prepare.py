"""From a corpus to cuts: read its rows, decode and check every file once, write what is good and what is not.

Writes three files: `cuts.jsonl.gz` (lhotse's format, the audio stays where it is), `rejected.jsonl` with a
reason a row, and `summary.json`.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from earwright.cuts import CUTS_NAME, Cut, write_cuts
from earwright.data import checks
from earwright.data.checks import AudioReport, Limits, Problem, Span
from earwright.data.corpora.formats import find_format
from earwright.data.corpora.row import BadRow, Row
from earwright.data.summary import Summary, summarize
from earwright.data.workers import run_all
from earwright.errors import EarwrightError
from earwright.files import atomic_write

REJECTED_NAME = "rejected.jsonl"
SUMMARY_NAME = "summary.json"
TEXT_SHOWN = 1000  # characters of a rejected text that are kept: a whole book as one row is one line, too

FileTask = tuple[str, list[tuple[float, float | None]]]


def prepare(
    format: str,
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    language: str | None = None,
    limits: Limits | None = None,
    jobs: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Turn recordings and their texts into checked cuts.

    Args:
        format: a key of `data.corpora.FORMATS`, or lhotse:NAME.
        source: the corpus: a folder, or a table for csv and tsv.
        out: the folder to write the three files to; others in it are left alone.
        language: code of the language, such as en, for rows that do not name theirs.
        limits: what an utterance must keep to; None takes the defaults.
        jobs: processes; None takes all cores.
        on_progress: told (files done, files in all) while it runs.

    Returns:
        What is in `summary.json`.

    Raises:
        EarwrightError: the source is missing or in another format, nothing in it can be used, or `out`
            cannot be written. The old files in `out` are then untouched.
    """
    reader = find_format(format)
    if jobs is not None and jobs < 1:
        raise EarwrightError(f"{jobs} processes cannot work; --jobs is at least 1.")
    _check_writable(Path(out))
    rows = [_tidy(row, language) for row in reader.read(Path(source).absolute())]
    if not rows:
        raise EarwrightError(f"{source}: there is no row in it.")
    problems: list[Problem | None] = [_check_row(row) for row in rows]
    reports = _inspect(rows, problems, jobs or os.cpu_count() or 1, on_progress)
    cuts: list[Cut] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows):
        if isinstance(row, BadRow) or number not in reports:
            continue
        report, span = reports[number]
        problem = checks.check_audio(row, report, span, limits or Limits())
        if problem is None and row.id in seen:
            problem = Problem("duplicate-id", f"row {seen[row.id] + 1} has this id already")
        problems[number] = problem
        if problem is None and span is not None:
            seen[row.id] = number
            cuts.append(_cut(row, report, span))
    rejected = Counter(problem.reason for problem in problems if problem)
    if not cuts:
        raise EarwrightError(_nothing_usable(source, rows, problems))
    summary = summarize(format, str(source), len(rows), cuts, rejected)
    write_prepared(
        Path(out), cuts, [_rejection(row, p) for row, p in zip(rows, problems, strict=True) if p], summary
    )
    return summary


def _tidy(row: Row | BadRow, language: str | None) -> Row | BadRow:
    """The row with each stretch of white space made one space, and the language filled in."""
    if isinstance(row, BadRow):
        return row
    return replace(row, text=" ".join(row.text.split()), language=row.language or language)


def _check_row(row: Row | BadRow) -> Problem | None:
    return Problem("bad-row", row.detail) if isinstance(row, BadRow) else checks.check_text(row)


def _inspect(
    rows: Sequence[Row | BadRow],
    problems: Sequence[Problem | None],
    jobs: int,
    on_progress: Callable[[int, int], None] | None,
) -> dict[int, tuple[AudioReport, Span | None]]:
    """Row number -> its file's report and its span. Many rows may lie in one file; it is decoded once."""
    by_path: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        if problems[number] is None:
            by_path.setdefault(row.path, []).append(number)
    tasks: list[FileTask] = []
    for path, numbers in by_path.items():
        users = [row for number in numbers if isinstance(row := rows[number], Row)]
        tasks.append((path, [(row.start, row.duration) for row in users]))
    done = 0

    def tell(count: int) -> None:
        nonlocal done
        done += count
        if on_progress:
            on_progress(done, len(tasks))

    tell(0)
    reports = run_all(_inspect_file, tasks, jobs, _crashed, tell)
    return {
        number: (report, report.spans[place] if report.spans else None)
        for report, numbers in zip(reports, by_path.values(), strict=True)
        for place, number in enumerate(numbers)
    }


def _inspect_file(task: FileTask) -> AudioReport:
    return checks.inspect_audio(*task)


def _crashed(task: FileTask) -> AudioReport:
    return AudioReport(problem=Problem("unreadable", "the process that decoded it died"))


def _cut(row: Row, report: AudioReport, span: Span) -> Cut:
    whole = span.start == 0 and span.samples == report.samples
    return Cut(
        id=row.id,
        path=row.path,
        start=0.0 if whole else row.start,
        duration=span.samples / report.sample_rate,
        sample_rate=report.sample_rate,
        channels=tuple(range(report.channels)),
        text=row.text,
        speaker=row.speaker,
        language=row.language,
        gender=row.gender,
        custom=row.custom,
        recording_id=row.id if whole else row.path,
        recording_samples=report.samples,
    )


def _rejection(row: Row | BadRow, problem: Problem) -> dict[str, Any]:
    text = row.text if len(row.text) <= TEXT_SHOWN else row.text[:TEXT_SHOWN] + "…"
    return {"id": row.id, "path": row.path, "reason": problem.reason, "detail": problem.detail, "text": text}


def _nothing_usable(
    source: str | os.PathLike[str], rows: Sequence[Row | BadRow], problems: Sequence[Problem | None]
) -> str:
    counts = Counter(problem.reason for problem in problems if problem)
    reasons = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
    row, first = next((row, problem) for row, problem in zip(rows, problems, strict=True) if problem)
    where = f"{row.path}: " if row.path else ""
    return (
        f"{source}: none of its {len(rows)} rows can be used ({reasons}); the first: {where}{first.detail}."
    )


def write_prepared(
    out: Path, cuts: Sequence[Cut], rejections: Sequence[dict[str, Any]], summary: Summary
) -> None:
    """Write the three files of a prepared folder, and put them in place only when all three are whole."""
    with contextlib.ExitStack() as files:
        cuts_file: IO[Any] = files.enter_context(atomic_write(out / CUTS_NAME, "wb"))
        rejected_file: IO[Any] = files.enter_context(atomic_write(out / REJECTED_NAME, "wb"))
        summary_file: IO[Any] = files.enter_context(atomic_write(out / SUMMARY_NAME))
        write_cuts(cuts, cuts_file)
        for rejection in rejections:
            line = json.dumps(rejection, ensure_ascii=False)
            # A file's name may hold bytes that are no text.
            rejected_file.write(line.encode("utf-8", "backslashreplace") + b"\n")
        json.dump(summary.to_dict(), summary_file, ensure_ascii=False, indent=1)
        summary_file.write("\n")


def _check_writable(out: Path) -> None:
    """Refuse before the work what could not be written after it."""
    if out.exists() and not out.is_dir():
        raise EarwrightError(f"{out}: this is a file; name a folder to write to.")
    place = next(place for place in (out.absolute(), *out.absolute().parents) if place.exists())
    if not os.access(place, os.W_OK):
        raise EarwrightError(f"{place}: no permission to write here. Choose another place.")
