"""Entropy pruning: leave out the n-grams that a back-off model hardly misses.

Source: Stolcke 1998, "Entropy-based Pruning of Backoff Language Models", as SRILM's `ngram -prune` does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from earwright.compiling import kernel
from earwright.errors import EarwrightError
from earwright.lm.ngrams import END, NEVER, START, Level, NgramModel, parents_of, without_empty
from earwright.lm.storage import Array
from earwright.lm.trie import begins_of_kept, suffix_links, sum_children
from earwright.lm.union import complete

# Below this, what float32 probabilities leave of 1 is rounding.
_NOTHING_LEFT = 1e-6


def prune_by_entropy(
    model: NgramModel, threshold: float, histories: Sequence[Array] | None = None
) -> NgramModel:
    """Leave out every n-gram of order 2 and more without which the perplexity rises by less than a share.

    Each is judged by itself. N-grams that others need stay: the beginning of one that stays (it holds the
    back-off weight) and its end (it is backed off to).

    Args:
        model: any; a suffix that it lacks is put in first.
        threshold: the share, for instance 1e-8.
        histories: how probable each n-gram of each order is as a sequence of words; None takes what the model
            says. Kneser-Ney's lower orders say that badly, since they are made to be backed off to (Chelba et
            al. 2010, "Study on Interaction between Entropy Pruning and Kneser-Ney Smoothing"): shares counted
            in the text leave a better model of the same size.

    Raises:
        EarwrightError: the threshold is not above 0.
    """
    if not threshold > 0:
        raise EarwrightError(f"the share {threshold:g} to prune by must be above 0, for instance 1e-8.")
    model = complete(model)
    links = suffix_links(model.levels)
    probs = [np.power(10.0, level.log_probs, dtype=np.float64) for level in model.levels]
    kept = [np.ones(len(level), bool) for level in model.levels]
    if histories is None:
        histories = _histories(model.levels, probs)
    needed = np.zeros(len(model.levels[-1]), bool)
    for number in range(model.order - 1, 0, -1):
        level, below = model.levels[number], model.levels[number - 1]
        assert below.backoffs is not None
        _judge(
            level.begins, probs[number], probs[number - 1][links[number]], histories[number - 1],
            below.backoffs, needed, threshold, kept[number],
        )  # fmt: skip
        needed = np.zeros(len(below), bool)
        needed[parents_of(level.begins)[kept[number]]] = True
        needed[links[number][kept[number]]] = True
    levels = _without(model, kept, links, probs)
    notes = {**model.notes, "pruned entropy": f"{threshold:g}"}
    return replace(model, levels=without_empty(levels), notes=notes)


def _histories(levels: Sequence[Level], probs: Sequence[Array]) -> list[Array]:
    """The probability of every n-gram as a sequence of words."""
    first = probs[0].copy()
    first[START] = probs[0][END]  # as many sentences begin as end
    histories = [first]
    for level, own in zip(levels[1:], probs[1:], strict=True):
        histories.append(histories[-1][parents_of(level.begins)] * own)
    return histories


@kernel
def _judge(
    begins: Array,
    probs: Array,
    low_probs: Array,
    histories: Array,
    backoffs: Array,
    needed: Array,
    threshold: float,
    kept: Array,
) -> None:
    """Set kept (n,) to False for what goes; low_probs (n,) are those without the first word."""
    for context in range(len(begins) - 1):
        left, low_left = 1.0, 1.0
        for node in range(begins[context], begins[context + 1]):
            left -= probs[node]
            low_left -= low_probs[node]
        left = max(left, 0.0)
        for node in range(begins[context], begins[context + 1]):
            new_left, new_low_left = left + probs[node], low_left + low_probs[node]
            if needed[node] or new_low_left <= 0.0 or probs[node] <= 0.0:
                continue
            backoff = np.log(10.0) * backoffs[context]
            new_backoff = np.log(new_left / new_low_left)
            change = np.log(low_probs[node]) + new_backoff - np.log(probs[node])
            loss = -histories[context] * (probs[node] * change + left * (new_backoff - backoff))
            kept[node] = np.expm1(loss) >= threshold


def _without(
    model: NgramModel, kept: Sequence[Array], links: Sequence[Array], probs: Sequence[Array]
) -> list[Level]:
    """The levels with kept n-grams only; contexts that lost some get new back-off weights."""
    levels: list[Level] = []
    for number, level in enumerate(model.levels):
        begins = begins_of_kept(level.begins, kept[number - 1], kept[number]) if number else level.begins
        backoffs = None
        if level.backoffs is not None:
            longer = model.levels[number + 1]
            stays = kept[number + 1]
            new = backoff_weights(
                longer.begins, probs[number + 1] * stays, probs[number][links[number + 1]] * stays
            )
            lost = sum_children(longer.begins, ~stays) > 0
            backoffs = np.where(lost, new, level.backoffs)[kept[number]].astype(np.float32)
        levels.append(Level(level.words[kept[number]], begins, level.log_probs[kept[number]], backoffs))
    return levels


def backoff_weights(begins: Array, probs: Array, low_probs: Array) -> Array:
    """log10 of what each context leaves to the order below, over what that order has for it.

    Args:
        begins: (contexts + 1,) of the order of the n-grams.
        probs: (n,) P(w | h) of the n-grams; 0 for those that do not count.
        low_probs: (n,) P(w | h without its first word); 0 for those that do not count.
    """
    left = 1.0 - sum_children(begins, probs)
    low_left = 1.0 - sum_children(begins, low_probs)
    weights = np.zeros(len(left))
    some = low_left > _NOTHING_LEFT  # else every word is there, and nothing is ever backed off
    with np.errstate(divide="ignore"):
        weights[some] = np.log10(np.maximum(left[some], 0.0) / low_left[some])
    return np.maximum(weights, NEVER)
