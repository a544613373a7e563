"""From the ids of a text to an n-gram model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError
from earwright.lm.counting import count_ngrams
from earwright.lm.kneser_ney import smooth
from earwright.lm.ngrams import END, SPECIAL_WORDS, START, NgramModel
from earwright.lm.storage import Workspace

# With more, the windows of a text would no longer be worth sorting.
MAX_ORDER = 20

_WORDS_AT_A_TIME = 1 << 20


def estimate(
    sequences: Iterable[Sequence[int] | npt.NDArray[np.integer]],
    order: int,
    vocabulary: Sequence[str],
    *,
    prune: Sequence[int] = (),
    normalizer: str = "none",
    unit: str = "word",
    workspace: Workspace | None = None,
) -> NgramModel:
    """Estimate a model from sequences of ids, with interpolated modified Kneser-Ney smoothing.

    Args:
        sequences: the ids of a sentence (or of a word's symbols) each, without <s> and </s>.
        order: of the longest n-grams, 1 or more.
        vocabulary: id -> word; the first three are <unk>, <s> and </s>.
        prune: of each order from 1 on, how often an n-gram may have been said to be left out; the last number
            goes for the orders after it, the first must be 0.
        normalizer, unit: kept in the model.
        workspace: memory and temporary files; None takes half of the memory that is free.

    Raises:
        EarwrightError: there is no sequence, an id is outside the vocabulary, or order or prune make no sense.
    """
    return estimate_from_chunks(
        _with_ends(sequences, len(vocabulary)), order, vocabulary, prune=prune, normalizer=normalizer,
        unit=unit, workspace=workspace,
    )  # fmt: skip


def estimate_from_chunks(
    chunks: Iterable[npt.NDArray[np.int32]],
    order: int,
    vocabulary: Sequence[str],
    *,
    prune: Sequence[int] = (),
    normalizer: str = "none",
    unit: str = "word",
    workspace: Workspace | None = None,
) -> NgramModel:
    """As `estimate`, from pieces of a text of any length in which END follows each sentence."""
    if list(vocabulary[:3]) != list(SPECIAL_WORDS):
        raise EarwrightError(f"the vocabulary must begin with {', '.join(SPECIAL_WORDS)}.")
    if not 1 <= order <= MAX_ORDER:
        raise EarwrightError(f"the order is {order}; it must lie between 1 and {MAX_ORDER}.")
    least = check_prune(prune, order)
    if workspace is None:
        with Workspace() as own:
            return estimate_from_chunks(
                chunks, order, vocabulary, prune=prune, normalizer=normalizer, unit=unit, workspace=own
            )
    counted = count_ngrams(chunks, order, len(vocabulary), workspace)
    if counted[0].counts[END] == 0:
        raise EarwrightError("there is no text to estimate a language model from.")
    smoothed = smooth(counted, least, workspace)
    notes = {
        "smoothing": "interpolated modified Kneser-Ney",
        **{f"discounts {n}": str(discounts) for n, discounts in enumerate(smoothed.discounts, 1)},
    }
    if any(least):
        notes["pruned counts"] = " ".join(map(str, least))
    return NgramModel(vocabulary, smoothed.levels, normalizer, unit, notes)


def check_prune(prune: Sequence[int], order: int) -> list[int]:
    """One number for each order, from those that were given.

    Raises:
        EarwrightError: there are too many, one is smaller than the one before, or words would be left out.
    """
    shown = " ".join(map(str, prune))
    if len(prune) > order:
        raise EarwrightError(f"--prune {shown} has {len(prune)} numbers for a model of order {order}.")
    if any(later < earlier for earlier, later in zip(prune, prune[1:], strict=False)):
        raise EarwrightError(
            f"--prune {shown} falls: the longer n-grams need the shorter ones, so let it rise or stay."
        )
    if prune and prune[0] != 0:
        raise EarwrightError(
            f"--prune {shown} begins with words, which --min-count leaves out; begin with 0."
        )
    return [*prune, *[prune[-1] if prune else 0] * (order - len(prune))]


def _with_ends(
    sequences: Iterable[Sequence[int] | npt.NDArray[np.integer]], words: int
) -> Iterator[npt.NDArray[np.int32]]:
    """Many sequences in one array, END after each."""
    waiting: list[npt.NDArray[np.int64]] = []
    length = 0
    end = np.array([END], np.int64)
    for number, sequence in enumerate(sequences):
        ids = np.asarray(sequence, np.int64).reshape(-1)
        if len(ids) and (ids.min() < 0 or ids.max() >= words or ((ids == START) | (ids == END)).any()):
            raise EarwrightError(
                f"sequence {number} has an id that is no word of the vocabulary ({words} words), or <s> or </s>."
            )
        waiting += [ids, end]
        length += len(ids) + 1
        if length >= _WORDS_AT_A_TIME:
            yield np.concatenate(waiting).astype(np.int32)
            waiting, length = [], 0
    if waiting:
        yield np.concatenate(waiting).astype(np.int32)
