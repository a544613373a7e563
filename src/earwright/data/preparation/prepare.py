"""From a corpus to cuts: read its rows, listen to every file once, write what is good and what is not.

The trip in five steps, each streaming, none holding the corpus in memory:

    read    rows of the corpus -> a table on disk                        corpora/, rows.py
    hear    every file decoded once -> a ledger that later runs keep     listen.py, ledger.py
    judge   row by row -> rejected or good, with warnings                checks.py
    compare row beside row -> more warnings                              corpus_checks.py, against.py
    write   cuts.jsonl.gz, rejected.jsonl, warnings.jsonl, summary.json  prepared.py
            and shards of what is good, if they are asked for            ../shards/write.py
"""

from __future__ import annotations

import os
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from earwright.cuts import Cut
from earwright.data.corpora import find_format
from earwright.data.corpora.row import BadRow, Row
from earwright.data.preparation import checks
from earwright.data.preparation.against import compare
from earwright.data.preparation.checks import Limits
from earwright.data.preparation.copies import copy_audio
from earwright.data.preparation.corpus_checks import Usual, check_corpus
from earwright.data.preparation.ledger import FOLDER, FileTask, Ledger, disk_faults, missing_shards, shards_in
from earwright.data.preparation.listen import AudioReport, Heard, Problem, listen
from earwright.data.preparation.options import PrepareOptions
from earwright.data.preparation.prepared import check_writable, rejection, write_prepared
from earwright.data.preparation.reading import read_rows
from earwright.data.preparation.rows import Good, RowTable, stretch_of_row
from earwright.data.preparation.summary import Summary, Tally
from earwright.data.preparation.texts import count_spoken, main_script, text_key
from earwright.data.shards.write import write_shards
from earwright.data.workers import run_stream
from earwright.errors import EarwrightError

COMMIT_EVERY = 50  # files; half a second of work


def prepare(
    format: str,
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    options: PrepareOptions = PrepareOptions(),
    on_progress: Callable[[int, int], None] | None = None,
) -> Summary | None:
    """Turn recordings and their texts into checked cuts.

    Args:
        format: a key of `data.corpora.FORMATS`, or lhotse:NAME.
        source: the corpus: a folder or a file, as the format has it.
        out: the folder to write to; files of others in it are left alone.
        options: see there.
        on_progress: told (files done, files in all) while it listens.

    Returns:
        What is in `summary.json`; None for a shard.

    Raises:
        EarwrightError: the source is missing or in another format, nothing in it can be used, or `out`
            cannot be written. The old files in `out` are then untouched, and what was heard is kept.
    """
    kind = find_format(format)
    check_writable(Path(out))
    place = Path(source).absolute()
    work = Path(out) / FOLDER
    existed = Path(out).exists()
    try:
        with disk_faults(work), RowTable(work) as table:
            rows = kind.read(place, options.reader)
            read_rows(table, rows, Path(out), options, kind.transcribed)
            if not table.count:
                raise EarwrightError(f"{source}: there is no row in it.")
            ledger = Ledger(work, options.shard)
            try:
                if options.merge:
                    _merge(work, ledger)
                _hear(table, ledger, place, options, on_progress)
                if options.shard:
                    return None
                usual = _judge(table, ledger, options.limits)
                return _finish(table, ledger, usual, Path(out), format, str(source), options)
            finally:
                ledger.close()
    finally:
        if not existed:
            _remove_if_empty(work, Path(out))


# -- hear --------------------------------------------------------------------------------------------------


def _hear(
    table: RowTable,
    ledger: Ledger,
    source: Path,
    options: PrepareOptions,
    on_progress: Callable[[int, int], None] | None,
) -> None:
    """Listen to the files that the ledger does not know."""
    total = 0 if options.shard else table.files()
    done = 0

    def tell() -> None:
        if on_progress:
            on_progress(done, max(total, done))

    sent: deque[FileTask] = deque()

    def unknown() -> Iterator[FileTask]:
        nonlocal done, total
        for task in table.tasks():
            if options.shard and not options.shard.has(os.path.relpath(task.path, source)):
                continue
            total += options.shard is not None
            if ledger.knows(task):
                done += 1
                continue
            sent.append(task)
            yield task

    tell()
    if options.merge and (missing := sum(1 for _ in unknown())):
        shards = missing_shards([shard for shard, _ in shards_in(ledger.path.parent)])
        which = f"the shards {', '.join(shards)} are missing" if shards else "their shards missed them"
        raise EarwrightError(f"{missing} of {table.files()} files have not been listened to: {which}.")
    jobs = min(options.jobs or _cores(), max(table.files(), 1))
    try:
        for report in run_stream(_listen, unknown(), jobs, _crashed):
            ledger.put(sent.popleft(), report)
            done += 1
            tell()
            if done % COMMIT_EVERY == 0:
                ledger.commit()
    finally:
        ledger.commit()
    tell()


def _listen(task: FileTask) -> AudioReport:
    return listen(*task)


def _crashed(task: FileTask) -> AudioReport:
    return AudioReport(problem=Problem("unreadable", "the process that decoded it died"))


def _merge(work: Path, ledger: Ledger) -> None:
    found = shards_in(work)
    if not found:
        raise EarwrightError(f"{work}: no shard has been made here; make them with --shard 1/N to N/N.")
    for _, path in found:
        ledger.take_in(path)


# -- judge -------------------------------------------------------------------------------------------------


def _judge(table: RowTable, ledger: Ledger, limits: Limits) -> Usual:
    """Reject what is wrong by itself, warn of what is odd, and remember the rest for comparison."""
    usual = Usual()
    for number, row in table.unjudged():
        known = ledger.get(row.path, stretch_of_row(row))
        assert known is not None  # every file was listened to
        report, heard = known
        problem = checks.check_audio(row, report, heard, limits)
        if problem is None:
            earlier = table.earlier(row.id, number)
            if earlier is not None:
                problem = Problem("duplicate-id", f"row {earlier + 1} has this id already")
        if problem:
            table.reject(number, problem)
            continue
        assert heard is not None
        for name, detail in checks.warn(row, heard):
            table.warn(number, name, detail)
        good = _good(number, row, report, heard)
        table.keep(good)
        usual.see(number, row, good.bandwidth, good.script, good.rate)
    table.db.commit()
    return usual


def _good(number: int, row: Row, report: AudioReport, heard: Heard) -> Good:
    return Good(
        number=number,
        id=row.id,
        fingerprint=heard.fingerprint,
        bandwidth=heard.measures.bandwidth if heard.measures else None,
        band_limit=report.sample_rate / 2,
        speaker=row.speaker,
        key=text_key(row.text),
        script=main_script(row.text),
        rate=count_spoken(row.text) * report.sample_rate / heard.samples,
    )


# -- compare and write -------------------------------------------------------------------------------------


def _finish(
    table: RowTable,
    ledger: Ledger,
    usual: Usual,
    out: Path,
    format_name: str,
    source: str,
    options: PrepareOptions,
) -> Summary:
    check_corpus(table, usual)
    shared = {str(other): compare(table, Path(other)) for other in options.against}
    for name in options.reject:
        table.reject_warned(name)
    jobs = options.jobs or _cores()
    copies = copy_audio(table, out, options.copy, jobs) if options.copy else None
    tally, rejected, warned = Tally(), Counter[str](), Counter[str]()

    def cuts() -> Iterator[Cut]:
        for number, row, problem in table.all():
            if problem or isinstance(row, BadRow):
                continue
            cut = copies.cut(number, row) if copies else _cut(row, *_known(ledger, row))
            tally.add(cut)
            yield cut

    def rejections() -> Iterator[dict[str, Any]]:
        if not tally.durations:
            raise EarwrightError(_nothing_usable(source, table))
        for _, row, problem in table.all():
            if problem:
                rejected[problem.reason] += 1
                yield rejection(row, problem)

    def warnings() -> Iterator[dict[str, Any]]:
        for _, identity, name, detail in table.warnings():
            warned[name] += 1
            yield {"id": identity, "reason": name, "detail": detail}

    def summary() -> Summary:
        names = dict(warned.most_common())
        return tally.summary(format_name, source, table.count, rejected, warned=names, shared=shared)

    done = write_prepared(out, cuts(), rejections(), summary, warnings())
    if options.shards:

        def cut_of(number: int) -> Cut:
            row = table.row(number)
            return _cut(row, *_known(ledger, row))

        write_shards(array("q", table.good_numbers()), cut_of, out, options.shards, jobs)
    return done


def _known(ledger: Ledger, row: Row) -> tuple[AudioReport, Heard]:
    known = ledger.get(row.path, stretch_of_row(row))
    assert known is not None and known[1] is not None
    return known[0], known[1]


def _cut(row: Row, report: AudioReport, heard: Heard) -> Cut:
    whole = row.start == 0 and heard.samples == report.samples
    return Cut(
        id=row.id,
        path=row.path,
        start=0.0 if whole else row.start,
        duration=heard.samples / report.sample_rate,
        sample_rate=report.sample_rate,
        channels=tuple(range(report.channels)) if row.channel is None else (row.channel,),
        text=row.text,
        speaker=row.speaker,
        language=row.language,
        gender=row.gender,
        custom=row.custom,
        recording_id=row.id if whole else row.path,
        recording_samples=report.samples,
    )


def _nothing_usable(source: str, table: RowTable) -> str:
    counts: Counter[str] = Counter()
    worst: tuple[Row | BadRow, Problem] | None = None
    for _, row, problem in table.all():
        if problem:
            counts[problem.reason] += 1
            worst = worst or (row, problem)
    assert worst is not None
    row, first = worst
    reasons = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
    where = f"{row.path}: " if row.path else ""
    return (
        f"{source}: none of its {table.count} rows can be used ({reasons}); the first: {where}{first.detail}."
    )


def _remove_if_empty(*folders: Path) -> None:
    """Leave no folder behind in which nothing was kept."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
