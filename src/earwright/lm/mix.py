"""Several models made one: probabilities interpolated n-gram by n-gram, and the back-offs set anew.

As SRILM's `ngram -mix-lm` does it: the mixture has every n-gram that one of the models has. For those its
probability is exactly the weighted mean; what it backs off to is a mixture again, so that it stays a plain
back-off model that every program reads. A model that lacks a word of another shares the probability of its
<unk> evenly among <unk> and all words that it lacks, so that each sums to one over the same vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError
from earwright.lm.counting import CountLevel
from earwright.lm.documents import ReadingNotes, check_readable, read_document
from earwright.lm.ngrams import END, NEVER, START, UNKNOWN, Level, NgramModel
from earwright.lm.numbering import Ids, Numberer, WordNumbers
from earwright.lm.prune import backoff_weights
from earwright.lm.query import LanguageModel
from earwright.lm.sentences import laid_out
from earwright.lm.storage import Array, Workspace
from earwright.lm.trie import suffix_links
from earwright.lm.union import ids_in, log_probs_in, union_trie, union_vocabulary

# Rounds of EM, and the change of a weight that ends them: the likelihood has one maximum, which is soon near.
_ROUNDS = 1000
_CHANGE = 1e-5


@dataclass(frozen=True)
class Tuned:
    """Weights, and how well each model and all together foretell the text that they were tuned on.

    Attributes:
        weights: of the models, 1 in all.
        perplexities: of each model alone, over its share of words that all of them lack, too.
        perplexity: of the interpolated probabilities.
        words, sentences: of the text.
        unknown: words that all models lack; they count nowhere.
    """

    weights: tuple[float, ...]
    perplexities: tuple[float, ...]
    perplexity: float
    words: int
    sentences: int
    unknown: int


def common_normalizer(models: Sequence[NgramModel], names: Sequence[str]) -> tuple[str, str]:
    """The normalizer and the unit that models have in common; one that does not say takes the others'.

    Raises:
        EarwrightError: they differ, so that the same word would be written in two ways.
    """
    said = {model.normalizer: name for model, name in zip(models, names, strict=True)}
    said.pop("none", None)
    units = {model.unit: name for model, name in zip(models, names, strict=True)}
    for what, found in (("normalizer", said), ("unit", units)):
        if len(found) > 1:
            shown = ", ".join(f"{name} has {value}" for value, name in found.items())
            raise EarwrightError(f"the models differ in their {what} ({shown}); mix models that agree.")
    return next(iter(said), "none"), next(iter(units))


def mix(models: Sequence[NgramModel], weights: Sequence[float], workspace: Workspace) -> NgramModel:
    """Interpolate models into one.

    Args:
        models: two or more, of any orders and vocabularies.
        weights: of each, 1 in all.
        workspace: where there is room.

    Raises:
        EarwrightError: the weights will not do, or the models have other normalizers or units.
    """
    normalizer, unit = common_normalizer(models, [f"model {place + 1}" for place in range(len(models))])
    weights = check_weights(weights, len(models))
    vocabulary = union_vocabulary(models)
    levels = union_trie(models, vocabulary, workspace)
    links = suffix_links(levels, workspace.allocate)
    probs = [workspace.allocate(len(level.words), np.float64) for level in levels]
    for model, weight in zip(models, weights, strict=True):
        if weight == 0:
            continue
        ids = ids_in(model, vocabulary)
        shares = unknown_shares(ids)
        for own, level, mixed in zip(log_probs_in(model, ids, levels, links), levels, probs, strict=True):
            mixed += weight * np.power(10.0, own - shares[level.words])
    notes = {"mixed": " ".join(f"{weight:.6f}" for weight in weights)}
    for place, model in enumerate(models, 1):
        notes |= {f"{place} {key}": value for key, value in model.notes.items()}
    return NgramModel(vocabulary, _levels(levels, links, probs), normalizer, unit, notes)


def check_weights(weights: Sequence[float], count: int) -> list[float]:
    """The weights, exactly 1 in all.

    Raises:
        EarwrightError: there is not one for each model, one is negative, or they are far from 1.
    """
    shown = " ".join(f"{weight:g}" for weight in weights)
    if len(weights) != count:
        raise EarwrightError(f"there are {count} models and {len(weights)} weights ({shown}); give each one.")
    if not all(0 <= weight <= 1 for weight in weights) or abs(sum(weights) - 1) > 0.01:
        raise EarwrightError(f"the weights {shown} must lie between 0 and 1 and be 1 in all.")
    return [weight / sum(weights) for weight in weights]


def unknown_shares(ids: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """(n,) log10: among how many words the probability of <unk> is shared, for those that share it; else 0.

    Args:
        ids: of a vocabulary's words in a model, UNKNOWN for those that it lacks and for <unk>.
    """
    lacking = ids == UNKNOWN
    return np.where(lacking, np.log10(max(int(lacking.sum()), 1)), 0.0)


def _levels(
    levels: Sequence[CountLevel], links: Sequence[Array], probs: Sequence[Array]
) -> tuple[Level, ...]:
    made = []
    for number, level in enumerate(levels):
        backoffs = None
        if number + 1 < len(levels):
            low_probs = probs[number][links[number + 1]]
            backoffs = backoff_weights(levels[number + 1].begins, probs[number + 1], low_probs)
            backoffs = backoffs.astype(np.float32)
        with np.errstate(divide="ignore"):
            log_probs = np.clip(np.log10(probs[number]), NEVER, 0.0).astype(np.float32)
        if number == 0:
            log_probs[START] = NEVER
        made.append(Level(level.words, level.begins, log_probs, backoffs))
    return tuple(made)


def tune(models: Sequence[NgramModel], text: Iterable[Ids], vocabulary: Sequence[str]) -> Tuned:
    """The weights under which the mixture foretells a text best: expectation and maximization.

    Args:
        models: two or more.
        text: ids in `vocabulary`, END after each sentence; UNKNOWN for words that all models lack.
        vocabulary: `union_vocabulary(models)`.

    Raises:
        EarwrightError: the text has no word that a model knows.
    """
    lookups = [ids_in(model, vocabulary) for model in models]
    shares = [unknown_shares(ids) for ids in lookups]
    queries = [LanguageModel.from_ngrams(model) for model in models]
    states = [query.start_state for query in queries]
    parts: list[npt.NDArray[np.float64]] = []
    words = sentences = unknown = 0
    for ids in text:
        known = ids != UNKNOWN
        rows = np.empty((len(models), len(ids)))
        for place, (query, lookup, share) in enumerate(zip(queries, lookups, shares, strict=True)):
            scores = query.scores(lookup[ids].astype(np.int64), state=states[place], end=False)
            states[place] = scores.state
            rows[place] = scores.log_probs - share[ids]
        parts.append(np.power(10.0, rows[:, known]))
        sentences += int((ids == END).sum())
        unknown += int((~known).sum())
        words += len(ids)
    probs = np.concatenate(parts, axis=1) if parts else np.empty((len(models), 0))
    if words - sentences - unknown <= 0:
        raise EarwrightError("the text to tune on has no word that one of the models knows; take another.")
    weights = best_weights(probs)
    with np.errstate(divide="ignore"):
        single = np.power(10.0, -np.log10(probs).mean(axis=1))
        together = float(np.power(10.0, -np.log10(weights @ probs).mean()))
    return Tuned(
        tuple(weights.tolist()), tuple(single.tolist()), together, words - sentences, sentences, unknown
    )


def perplexity_on(model: NgramModel, text: Iterable[Ids]) -> float:
    """The perplexity of a model on ids of its vocabulary, END after each sentence; UNKNOWN does not count."""
    query = LanguageModel.from_ngrams(model)
    state, total, count = query.start_state, 0.0, 0
    for ids in text:
        scores = query.scores(ids.astype(np.int64), state=state, end=False)
        state = scores.state
        total += float(scores.log_probs[ids != UNKNOWN].sum(dtype=np.float64))
        count += int((ids != UNKNOWN).sum())
    return float(10.0 ** (-total / max(count, 1)))


def best_weights(probs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The weights (models,) that maximize the likelihood of the words (models, n)."""
    weights = np.full(len(probs), 1 / len(probs))
    for _ in range(_ROUNDS):
        parts = weights[:, None] * probs
        new = (parts / np.maximum(parts.sum(axis=0), np.finfo(float).tiny)).mean(axis=1)
        new /= new.sum()
        change = np.abs(new - weights).max()
        weights = new
        if change < _CHANGE:
            break
    return weights


def read_ids(
    path: str,
    vocabulary: Sequence[str],
    normalizer: str,
    layout: str,
    encoding: str | None,
    notes: ReadingNotes,
) -> list[Ids]:
    """The ids of a file of text; see `Numberer`."""
    check_readable([path])
    numbers = WordNumbers(vocabulary, growing=False)
    with Numberer(numbers, "raw" if normalizer == "none" else normalizer, notes) as numberer:
        chosen, pieces = laid_out(read_document(path, encoding, notes), layout)
        return [ids for ids in numberer.number(pieces, chosen) if len(ids)]
