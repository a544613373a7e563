"""The weights and sizes of a beam search, found on a dev set: by what they do to the errors there."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from earwright.decoding import BeamSearch, Rescorer, SearchOptions
from earwright.decoding.decoder import candidates_of
from earwright.decoding.rescore import SentenceScorer
from earwright.evaluation.align import count_errors

LogProbs = npt.NDArray[np.float32]

# What is moved, by how much at first, and within which bounds. Steps are halved twice.
MOVES: tuple[tuple[str, float, float, float], ...] = (
    ("lm_weight", 0.2, 0.0, 4.0),
    ("word_bonus", 1.0, -10.0, 10.0),
    ("blank_penalty", 0.5, -5.0, 5.0),
)
UNKNOWN_PENALTIES = (3.0, 6.0, 10.0, 15.0, math.inf)
ROUNDS = 3
BEAMS = (5, 10, 20, 35, 50, 75, 100, 150, 200, 300)
WIDEST = 500
TOLERANCE = 0.01  # relative: how much more errors than with the widest beam are as good
# Of a second look by a larger model: its share beside the first one, and what both weigh then.
SHARES = (0.3, 0.5, 0.7, 0.85, 1.0)
SCALES = (0.8, 1.0, 1.25, 1.5)


@dataclass(frozen=True)
class Tuning:
    """What was found.

    Attributes:
        options: the best; None where greedy search is better than all.
        errors: of the words, with these options.
        greedy_errors: without a beam.
        words: in the references.
        tries: how many settings were tried.
        errors_by_beam: beam -> errors, with these options.
    """

    options: SearchOptions | None
    errors: int
    greedy_errors: int
    words: int
    tries: int
    errors_by_beam: dict[int, int]


def tune_search(
    search: BeamSearch,
    grids: Sequence[LogProbs],
    texts: Sequence[str],
    greedy: Sequence[str],
    normalize: Callable[[str], str],
    on_try: Callable[[SearchOptions, int], None] = lambda options, errors: None,
) -> Tuning:
    """Move one weight after the other as long as there are fewer errors, then narrow the beam.

    Args:
        search: with its language model and lexicon; its options are where it begins.
        grids: log-probs (T, V) of each utterance.
        texts: what was said.
        greedy: what greedy search finds.
        normalize: what texts go through before they are compared.
        on_try: told of each setting.
    """
    references = [normalize(text).split() for text in texts]
    tried: dict[SearchOptions, int] = {}

    def errors(options: SearchOptions) -> int:
        if options not in tried:
            found = search.decode_batch(grids, options=options)
            heard = [normalize(one[0].text).split() if one else [] for one in found]
            tried[options] = _errors(references, heard)
            on_try(options, tried[options])
        return tried[options]

    best = search.options
    if search.has_lexicon:
        best = min((replace(best, unknown_penalty=penalty) for penalty in UNKNOWN_PENALTIES), key=errors)
    for part in range(ROUNDS):
        for name, step, low, high in MOVES:
            if name != "lm_weight" or search.lm is not None:
                best = _move(best, name, step / 2**part, low, high, errors)
        if search.has_lexicon:
            near = (replace(best, unknown_penalty=penalty) for penalty in UNKNOWN_PENALTIES)
            best = min((best, *near), key=errors)
    by_beam = {WIDEST: errors(replace(best, beam=WIDEST))}
    for beam in BEAMS:
        by_beam[beam] = errors(replace(best, beam=beam))
        if by_beam[beam] <= by_beam[WIDEST] * (1 + TOLERANCE):
            best = replace(best, beam=beam)
            break
    else:
        best = replace(best, beam=WIDEST)
    without = _errors(references, [normalize(text).split() for text in greedy])
    words = sum(map(len, references))
    worse = errors(best) >= without
    return Tuning(None if worse else best, errors(best), without, words, len(tried), by_beam)


def tune_rescoring(
    search: BeamSearch,
    options: SearchOptions,
    scorer: SentenceScorer,
    grids: Sequence[LogProbs],
    texts: Sequence[str],
    normalize: Callable[[str], str],
    nbest: int,
    without: int,
) -> tuple[Rescorer | None, int]:
    """The share and the scale with which a larger model leaves the fewest errors.

    Args:
        search, options: of the first look.
        scorer: the larger model.
        grids, texts, normalize: as for `tune_search`.
        nbest: hypotheses of each utterance.
        without: errors of the first look.

    Returns:
        None where it helps with none; and the errors.
    """
    references = [normalize(text).split() for text in texts]
    found = [candidates_of(search, grid, nbest, options)[0] for grid in grids]
    told = [scorer.log10([" ".join(one.heard or one.words) for one in hypotheses]) for hypotheses in found]

    def errors(rescorer: Rescorer) -> int:
        heard = []
        for hypotheses, values in zip(found, told, strict=True):
            best = rescorer.reorder(hypotheses, values, options.lm_weight)
            heard.append(normalize(best[0].text).split() if best else [])
        return _errors(references, heard)

    tried = [Rescorer(scorer, share, scale) for share in SHARES for scale in SCALES]
    best = min(tried, key=errors)
    return (best, errors(best)) if errors(best) < without else (None, without)


def _move(
    best: SearchOptions,
    name: str,
    step: float,
    low: float,
    high: float,
    errors: Callable[[SearchOptions], int],
) -> SearchOptions:
    """Go up or down with one weight while it helps."""
    for direction in (step, -step):
        moved = False
        while low <= (value := round(getattr(best, name) + direction, 6)) <= high:
            other = replace(best, **{name: value})
            if errors(other) >= errors(best):
                break
            best, moved = other, True
        if moved:
            break
    return best


def _errors(references: Sequence[Sequence[str]], heard: Sequence[Sequence[str]]) -> int:
    counted = (count_errors(said, found) for said, found in zip(references, heard, strict=True))
    return sum(counts.substitutions + counts.deletions + counts.insertions for counts in counted)
