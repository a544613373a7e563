"""One trie for the n-grams of several models, and what each model says of all of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from earwright.lm.counting import CountLevel, Packing, trie_of_windows
from earwright.lm.ngrams import SPECIAL_WORDS, UNKNOWN, Level, NgramModel, parents_of
from earwright.lm.storage import Array, Workspace
from earwright.lm.trie import find_children, suffix_links

_ROWS = 1 << 20


def union_vocabulary(models: Sequence[NgramModel]) -> list[str]:
    """The words of the first model, then those of the next that are new, and so on."""
    words = dict.fromkeys(SPECIAL_WORDS)
    for model in models:
        words.update(dict.fromkeys(model.vocabulary))
    return list(words)


def ids_in(model: NgramModel, vocabulary: Sequence[str]) -> npt.NDArray[np.int32]:
    """The model's id of each word of a vocabulary, UNKNOWN for those that it lacks."""
    own = {word: number for number, word in enumerate(model.vocabulary)}
    return np.fromiter((own.get(word, UNKNOWN) for word in vocabulary), np.int32, len(vocabulary))


def union_trie(
    models: Sequence[NgramModel], vocabulary: Sequence[str], workspace: Workspace
) -> list[CountLevel]:
    """A trie of all n-grams of the models and of the beginnings and ends of each (its counts mean nothing).

    Args:
        models: whose n-grams.
        vocabulary: holds every word of theirs.
        workspace: where there is room.
    """
    order = max(model.order for model in models)
    numbers = {word: number for number, word in enumerate(vocabulary)}
    packing = Packing.of(order, len(vocabulary))
    return trie_of_windows(_windows(models, numbers, packing), packing, len(vocabulary), workspace)


def _windows(
    models: Sequence[NgramModel], numbers: dict[str, int], packing: Packing
) -> Iterator[npt.NDArray[np.uint64]]:
    for model in models:
        ids = np.fromiter((numbers[word] for word in model.vocabulary), np.int64, len(model.vocabulary))
        closed = is_closed(model)
        for number in range(2, model.order + 1):
            rows = model.ngrams(number)
            for begin in range(0, len(rows), _ROWS):
                part = ids[rows[begin : begin + _ROWS]]
                # Without its first word, without its first two, and so on.
                for skipped in range(1 if closed else number - 1):
                    yield packing.pack_rows(part[:, skipped:])


def is_closed(model: NgramModel) -> bool:
    """Whether the end of every n-gram is in the model, too: in those of this room it always is."""
    return all(bool((links >= 0).all()) for links in suffix_links(model.levels))


def log_probs_in(
    model: NgramModel, ids: npt.NDArray[np.int32], levels: Sequence[CountLevel], links: Sequence[Array]
) -> list[npt.NDArray[np.float64]]:
    """log10 P(last word | the words before) of every n-gram of a trie, by a model.

    A word that the model lacks has the probability of its <unk> (not a share of it).

    Args:
        model: any.
        ids: of the trie's words in the model, UNKNOWN for those that it lacks.
        levels: of the trie.
        links: its suffix links.
    """
    nodes: Array = ids.astype(np.int64)
    log_probs = [model.levels[0].log_probs[nodes].astype(np.float64)]
    for number in range(1, len(levels)):
        level = levels[number]
        parents = parents_of(level.begins)
        found = log_probs[-1][links[number]]
        below = model.levels[number - 1].backoffs if number < model.order else None
        if below is not None:
            found += np.where(nodes >= 0, below[nodes], 0.0)[parents]
            nodes = find_children(model.levels[number], nodes[parents], ids[level.words])
            there = nodes >= 0
            found[there] = model.levels[number].log_probs[nodes[there]]
        else:
            nodes = np.full(len(level.words), -1, np.int64)
        log_probs.append(found)
    return log_probs


def backoffs_in(model: NgramModel, ids: npt.NDArray[np.int32], levels: Sequence[CountLevel]) -> list[Array]:
    """log10 back-off weights of a trie's n-grams below the highest order, 0 where the model has none."""
    nodes: Array = ids.astype(np.int64)
    backoffs: list[Array] = []
    for below, level in itertools.pairwise(levels):
        number = len(backoffs)
        own = model.levels[number].backoffs if number < model.order else None
        backoffs.append(np.zeros(len(below.words)) if own is None else np.where(nodes >= 0, own[nodes], 0.0))
        parents = parents_of(level.begins)
        if number + 1 < model.order:
            nodes = find_children(model.levels[number + 1], nodes[parents], ids[level.words])
        else:
            nodes = np.full(len(level.words), -1, np.int64)
    return backoffs


def complete(model: NgramModel) -> NgramModel:
    """The same model with every suffix of every n-gram in it, each with what backing off gave it."""
    if is_closed(model):
        return model
    vocabulary = list(model.vocabulary)
    with Workspace() as workspace:
        levels = union_trie([model], vocabulary, workspace)
        ids = np.arange(len(vocabulary), dtype=np.int32)
        log_probs = log_probs_in(model, ids, levels, suffix_links(levels))
        backoffs = [*backoffs_in(model, ids, levels), None]
        made = [
            Level(
                np.array(level.words),
                np.array(level.begins),
                own.astype(np.float32),
                None if weights is None else weights.astype(np.float32),
            )
            for level, own, weights in zip(levels, log_probs, backoffs, strict=True)
        ]
    return replace(model, levels=tuple(made))
