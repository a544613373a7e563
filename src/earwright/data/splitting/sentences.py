"""Sentences that several say: kept in one part, or left out where they would give the test away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earwright.data.splitting.columns import MICROSECONDS, Columns, Integers
from earwright.data.splitting.groups import OUT, Division, assign, divide
from earwright.data.splitting.options import SplitOptions
from earwright.errors import EarwrightError

Booleans = npt.NDArray[np.bool_]

IMPOSSIBLE = 0.5  # dev or test off by so much of what it should have: sentences tie too many groups together


def keep_sentences_together(
    manifest: Path, columns: Columns, division: Division, wanted: Sequence[float], options: SplitOptions
) -> Division:
    """Groups that also keep together all who say a sentence.

    Args:
        manifest: for messages.
        columns: of it.
        division: the groups without regard to sentences.
        wanted: seconds of each part.
        options: balance, seed and the parts.

    Raises:
        EarwrightError: hardly anything is left to part; with figures, and what can be had instead.
    """
    names = options.wanted_parts
    joined = divide(columns, division.by, [columns.texts.numbers])
    apart = assign(columns, division, wanted, options.balance, options.seed)
    if len(joined.names) >= len(names):
        together = assign(columns, joined, wanted, options.balance, options.seed)
        if _off(columns, together, wanted) <= max(IMPOSSIBLE, _off(columns, apart, wanted)):
            return joined
    inside = division.group >= 0
    texts, group = columns.texts.numbers[inside], division.group[inside]
    said = np.unique(np.stack([texts, group])[:, texts >= 0], axis=1)  # (2, different pairs)
    _, sayers = np.unique(said[0], return_counts=True)
    sizes = np.bincount(joined.group[inside], np.array(columns.microseconds)[inside])
    tied = len(np.unique(division.group[joined.group == sizes.argmax()]))
    lost = sum(_said_later(columns, apart, number).sum() for number in range(len(names) - 1))
    raise EarwrightError(
        f"{manifest}: {division.what} and sentences cannot both stay in one part: {(sayers > 1).sum():,} of "
        f"{len(sayers):,} sentences are said by several, which ties {tied:,} of {len(division.names):,} "
        f"together, {sizes.max() / sizes.sum():.0%} of the hours; --drop-shared-texts keeps the sentences "
        f"apart by leaving out {lost:,} of {len(columns):,} utterances."
    )


def drop_shared_sentences(
    manifest: Path, columns: Columns, part: Integers, names: Sequence[str]
) -> tuple[Integers, dict[str, int]]:
    """Take from each part what a later one says too, so that what is tested on stays whole.

    Args:
        manifest: for messages.
        columns: of it.
        part: (N,) number of each cut's part.
        names: of the parts: train, dev, test.

    Returns:
        The parts (N,) with OUT for what was taken, and how much that is of each part.

    Raises:
        EarwrightError: nothing would be left of a part.
    """
    kept = part.copy()
    dropped = {}
    for number, name in enumerate(names[:-1]):
        again = _said_later(columns, part, number)
        kept[again] = OUT
        if not (kept == number).any():
            raise EarwrightError(
                f"{manifest}: every sentence of {name} is said in {' or '.join(names[number + 1 :])} too; "
                "without them nothing of it is left, so do without --drop-shared-texts."
            )
        if again.any():
            dropped[name] = int(again.sum())
    return kept, dropped


def _said_later(columns: Columns, part: Integers, number: int) -> Booleans:
    """Which cuts of a part say what is said in a later one (N,)."""
    texts = columns.texts.numbers
    found: Booleans = (part == number) & (texts >= 0) & np.isin(texts, texts[part > number])
    return found


def _off(columns: Columns, part: Integers, wanted: Sequence[float]) -> float:
    """How far dev or test is from what it should have, as a share of that."""
    have = np.bincount(part + 1, columns.microseconds, len(wanted) + 1)[2:] / MICROSECONDS
    return float(np.max(np.abs(have - wanted[1:]) / wanted[1:]))
