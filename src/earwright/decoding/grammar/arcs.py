"""An automaton over words laid over the tree of their spellings, for the beam search to follow."""

from __future__ import annotations

import numpy as np

from earwright.decoding.beam_arrays import Arcs
from earwright.decoding.grammar.automaton import Automaton
from earwright.decoding.spelling_tree import SpellingTree


def grammar_arcs(made: Automaton, spelled: SpellingTree) -> Arcs:
    """The automaton's arcs, with the spellings that each state allows.

    The spellings are numbered as they come when the tree is walked depth first, so that those below a node
    are an interval of numbers: whether a state allows one of them is then a binary search.

    Args:
        made: over words.
        spelled: a tree that has them all, and no others.
    """
    tree, levels = spelled.tree, _levels(spelled)
    here = np.diff(tree.word_begins).astype(np.int64)  # (nodes,) spellings that end at each node
    below = here.copy()  # and at or below it
    parents = np.zeros(len(here), np.int64)
    parents[1:] = np.repeat(np.arange(len(here)), np.diff(tree.begins))
    for begin, end in levels[:0:-1]:  # the deepest first
        np.add.at(below, parents[begin:end], below[begin:end])
    before = np.append(0, np.cumsum(below))  # of all nodes to the left on the same level, and levels above
    first = np.zeros(len(here), np.int64)
    for begin, end in levels[1:]:
        above = parents[begin:end]
        first[begin:end] = first[above] + here[above] + before[begin:end] - before[tree.begins[above]]

    nodes = np.repeat(np.arange(len(here)), here)
    ranks = first[nodes] + np.arange(len(nodes)) - tree.word_begins[nodes]  # (spellings,)
    # The word numbers of the automaton, sorted by spelling, are those of the tree in another order.
    places = {word: number for number, word in enumerate(spelled.words)}
    words = np.array([places[word] for word in made.vocabulary], np.int64)[made.words]  # (arcs,)
    states = np.repeat(np.arange(len(made.final)), np.diff(made.begins))
    order = np.lexsort((words, states))
    of_word = np.argsort(tree.words, kind="stable")  # spellings, by word
    begins = np.searchsorted(tree.words[of_word], np.arange(len(places) + 1))
    counts = np.diff(begins)[words]
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    allowed = ranks[of_word[np.repeat(begins[words], counts) + within]]
    whose = np.repeat(states, counts)
    by_state = np.lexsort((allowed, whose))
    return Arcs(
        made.begins.astype(np.int64),
        words[order].astype(np.int32),
        made.targets[order].astype(np.int64),
        made.weights[order].astype(np.float64),
        made.final.astype(np.float64),
        np.searchsorted(whose[by_state], np.arange(len(made.final) + 1)).astype(np.int64),
        allowed[by_state].astype(np.int32),
        first.astype(np.int32),
        (first + below).astype(np.int32),
    )


def _levels(spelled: SpellingTree) -> list[tuple[int, int]]:
    """Nodes are numbered level by level: where each begins and ends, the root's first."""
    begins = spelled.tree.begins
    found = [(0, 1)]
    while True:
        begin, end = int(begins[found[-1][0]]), int(begins[found[-1][1]])
        if begin == end:
            return found
        found.append((begin, end))
