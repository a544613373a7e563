"""Leaks: what one prepared set shares with another, such as a training set with the set it is tested on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from earwright.cuts import Cut, iterate_cuts
from earwright.data.preparation.ledger import FOLDER, Ledger
from earwright.data.preparation.listen import Stretch, listen
from earwright.data.preparation.rows import RowTable
from earwright.data.preparation.texts import text_key

SHARED = ("shared-speaker", "shared-audio", "shared-text")
# Shorter texts ("yes", "two") are in any two sets.
WORDS_OF_A_SENTENCE = 4


def compare(table: RowTable, other: Path) -> dict[str, int]:
    """Warn of every row whose speaker, audio or sentence is in another set too.

    Args:
        table: of the rows that are kept.
        other: a prepared folder, or a manifest of cuts; what `earwright prepare` heard in it is used where it
            is still there, else its audio is decoded now.

    Returns:
        name of the warning -> rows.

    Raises:
        EarwrightError: there are no cuts in `other`, or they cannot be read.
    """
    db = table.db
    db.executescript(
        """DROP TABLE IF EXISTS other; CREATE TABLE other (kind TEXT, value, PRIMARY KEY (kind, value))
        WITHOUT ROWID; CREATE INDEX IF NOT EXISTS by_fingerprint ON good (fingerprint);
        CREATE INDEX IF NOT EXISTS by_key ON good (key);"""
    )
    db.executemany("INSERT OR IGNORE INTO other VALUES (?, ?)", _facts(other))
    for kind, column, detail in (
        ("shared-speaker", "speaker", "its speaker"),
        ("shared-audio", "fingerprint", "its audio"),
        ("shared-text", "key", "its sentence"),
    ):
        rows = db.execute(f"SELECT number FROM good JOIN other ON kind = ? AND value = {column}", (kind,))
        for (number,) in rows:
            table.warn(number, kind, f"{detail} is in {other} too")
    counts = db.execute("SELECT name, COUNT(*) FROM warnings WHERE name LIKE 'shared-%' GROUP BY name")
    found = dict(counts.fetchall())
    return {name: found.get(name, 0) for name in SHARED}


def _facts(other: Path) -> Iterator[tuple[str, str | int]]:
    """(kind, value) of everything that may be shared."""
    ledger = Ledger(other / FOLDER) if (other / FOLDER / "heard.sqlite").is_file() else None
    try:
        for cut in iterate_cuts(other):
            if cut.speaker:
                yield "shared-speaker", cut.speaker
            text = text_key(cut.text)
            if text.count(" ") + 1 >= WORDS_OF_A_SENTENCE:
                yield "shared-text", text
            fingerprint = _fingerprint(cut, ledger)
            if fingerprint:
                yield "shared-audio", fingerprint
    finally:
        if ledger:
            ledger.close()


def _fingerprint(cut: Cut, ledger: Ledger | None) -> int:
    """The hash of a cut's samples; 0 if it cannot be read."""
    whole = cut.start == 0 and round(cut.duration * cut.sample_rate) >= cut.recording_samples > 0
    channel = cut.channels[0] if len(cut.channels) == 1 else None
    for stretch in (
        Stretch(cut.start, None if whole else cut.duration),
        Stretch(cut.start, None if whole else cut.duration, channel),
    ):
        known = ledger.get(cut.path, stretch) if ledger else None
        if known and known[1]:
            return known[1].fingerprint
    report = listen(cut.path, [stretch])
    return report.heard[0].fingerprint if report.heard and not report.problem else 0
