"""Alignment of a reference and a hypothesis: which words are correct, substituted, deleted, inserted.

Two sets of costs: "unit" (Levenshtein; ties are broken by rapidfuzz, so the counts are jiwer's) and "sclite"
(NIST sclite's 4 for a substitution, 3 for a deletion or insertion, with its way of breaking ties, so the
counts are sclite's). The number of errors of "unit" is never larger.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from rapidfuzz.distance import Levenshtein

from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Weights = Literal["unit", "sclite"]
Operation = Literal["correct", "substitution", "deletion", "insertion"]

SUBSTITUTION_COST = 4
GAP_COST = 3  # of a deletion or an insertion
MAX_CELLS = 200_000_000  # of the table of costs: 0.8 GB


class Pair(NamedTuple):
    """One column of an alignment; the side that is absent is an empty string."""

    operation: Operation
    reference: str
    hypothesis: str


@dataclass(frozen=True)
class Counts:
    """What an alignment comes to.

    Attributes:
        correct, substitutions, deletions, insertions: how many of each.
    """

    correct: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    @property
    def reference(self) -> int:
        """The length of the reference: correct, substituted and deleted."""
        return self.correct + self.substitutions + self.deletions

    @property
    def errors(self) -> int:
        """Substitutions, deletions and insertions together."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors per unit of reference; over an empty reference the number of insertions, as jiwer has it."""
        return self.errors / max(self.reference, 1)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.correct + other.correct,
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
        )


def align(reference: Sequence[str], hypothesis: Sequence[str], weights: Weights = "unit") -> list[Pair]:
    """Align two sequences at the least cost.

    Args:
        reference: words or characters.
        hypothesis: words or characters.
        weights: "unit" or "sclite".

    Returns:
        the columns of the alignment, in order.
    """
    first, second = _numbered(reference, hypothesis)
    steps = _unit_steps(first, second) if weights == "unit" else _sclite_steps(first, second)
    pairs: list[Pair] = []
    for i, j in steps:
        if i is None:
            pairs.append(Pair("insertion", "", hypothesis[j or 0]))
        elif j is None:
            pairs.append(Pair("deletion", reference[i], ""))
        else:
            operation: Operation = "correct" if first[i] == second[j] else "substitution"
            pairs.append(Pair(operation, reference[i], hypothesis[j]))
    return pairs


def count(pairs: Iterable[Pair]) -> Counts:
    """The counts of an alignment."""
    operations = [pair.operation for pair in pairs]
    return Counts(
        operations.count("correct"),
        operations.count("substitution"),
        operations.count("deletion"),
        operations.count("insertion"),
    )


def count_errors(reference: Sequence[str], hypothesis: Sequence[str], weights: Weights = "unit") -> Counts:
    """The counts of the alignment of two sequences, without its columns.

    Args:
        reference: words, or a string for its characters.
        hypothesis: words, or a string for its characters.
        weights: "unit" or "sclite".
    """
    if weights == "sclite":
        return count(align(reference, hypothesis, weights))
    correct = substitutions = deletions = insertions = 0
    for step in Levenshtein.opcodes(*_numbered(reference, hypothesis)):
        if step.tag == "equal":
            correct += step.src_end - step.src_start
        elif step.tag == "replace":
            substitutions += step.src_end - step.src_start
        elif step.tag == "delete":
            deletions += step.src_end - step.src_start
        else:
            insertions += step.dest_end - step.dest_start
    return Counts(correct, substitutions, deletions, insertions)


_Steps = list[tuple[int | None, int | None]]


def _numbered(reference: Sequence[str], hypothesis: Sequence[str]) -> tuple[list[int], list[int]]:
    numbers: dict[str, int] = {}
    return (
        [numbers.setdefault(item, len(numbers)) for item in reference],
        [numbers.setdefault(item, len(numbers)) for item in hypothesis],
    )


def _unit_steps(first: list[int], second: list[int]) -> _Steps:
    steps: _Steps = []
    for step in Levenshtein.opcodes(first, second):
        sources, targets = range(step.src_start, step.src_end), range(step.dest_start, step.dest_end)
        if step.tag in ("equal", "replace"):
            steps += zip(sources, targets, strict=True)
        else:
            steps += [(i, None) for i in sources]
            steps += [(None, j) for j in targets]
    return steps


def _sclite_steps(first: list[int], second: list[int]) -> _Steps:
    """Trace back from the end; of equal costs sclite takes the diagonal first, then the insertion."""
    costs = _sclite_costs(np.array(first, np.int32), np.array(second, np.int32))
    steps: _Steps = []
    i, j = len(first), len(second)
    while i or j:
        cost = costs[i, j]
        if i and j:
            diagonal = costs[i - 1, j - 1] + (0 if first[i - 1] == second[j - 1] else SUBSTITUTION_COST)
            if diagonal == cost:
                i, j = i - 1, j - 1
                steps.append((i, j))
                continue
        if i and (not j or costs[i - 1, j] < costs[i, j - 1]):
            i -= 1
            steps.append((i, None))
        else:
            j -= 1
            steps.append((None, j))
    return steps[::-1]


def _sclite_costs(first: NDArray[np.int32], second: NDArray[np.int32]) -> NDArray[np.int32]:
    """The table of least costs (len(first) + 1, len(second) + 1), a row at a time."""
    rows, columns = len(first) + 1, len(second) + 1
    if rows * columns > MAX_CELLS:
        raise EarwrightError(
            f"an utterance of {rows - 1} against {columns - 1} tokens is too long to align with sclite's "
            "weights; cut it, or score without --sclite."
        )
    costs = np.empty((rows, columns), np.int32)
    ramp = GAP_COST * np.arange(columns, dtype=np.int32)
    costs[0] = ramp
    for i in range(1, rows):
        above, row = costs[i - 1], costs[i]
        row[0] = GAP_COST * i
        substituted = above[:-1] + SUBSTITUTION_COST * (second != first[i - 1])
        np.minimum(substituted, above[1:] + GAP_COST, out=row[1:])
        # Insertions run along the row: cost[j] = min over k <= j of cost[k] + GAP_COST * (j - k).
        row -= ramp
        np.minimum.accumulate(row, out=row)
        row += ramp
    return costs
