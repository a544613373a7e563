"""The arrays that the beam search works on: hypotheses side by side, and the tree of what they have said."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Keys = npt.NDArray[np.uint64]

# What `Hypotheses.place` and `Traces.word` say beside the numbers of nodes and words.
ROOT = 0  # no word is open
OFF_TREE = -1  # a word is open that the tree does not have
NO_WORD = -1  # no word ended here
UNKNOWN_WORD = -2  # one ended that the tree does not have

# Cells of `Search.counts`.
HYPOTHESES, TRACES, FRAMES, CANDIDATES, WANTED, MERGES = range(6)
# Cells of `Search.levels`: logarithms of what masses and probabilities were divided by; what a candidate must
# have.
SCALE, GIVEN_SCALE, THRESHOLD = range(3)


class Hypotheses(NamedTuple):
    """B prefixes: what each has said, where that leads, and how likely it is. One array a property.

    Attributes:
        key: hash of the tokens and words, so that a prefix is met again.
        above: key of the prefix without its last token; 0 where there is none.
        blank, label: probability of all alignments that end in a blank, and in the last token, with all that
            language model, bonuses and penalties say of the prefix multiplied in; on a scale of their own.
        last: the last token; the blank where there is none.
        place: node of the tree of spellings, ROOT or OFF_TREE.
        lm: state of the language model, or of the grammar.
        term: state of the key terms' automaton.
        trace: what it has said, in `Traces`.
        score: natural logarithm of everything in the masses but the acoustics.
        lm_score: log10 of the language model, or the grammar, alone.
        ended, ended_lm: log10 of the word that may end here and the state after it, once they were asked for;
            NaN before.
    """

    key: Keys
    above: Keys
    blank: Floats
    label: Floats
    last: Ints
    place: Ints
    lm: Longs
    term: Ints
    trace: Ints
    score: Floats
    lm_score: Floats
    ended: Floats
    ended_lm: Longs


class Candidates(NamedTuple):
    """Prefixes that one more token would make: those that are kept become hypotheses."""

    mass: Floats
    key: Keys
    source: Ints
    token: Ints
    word: Ints
    place: Ints
    lm: Longs
    term: Ints
    score: Floats
    lm_score: Floats


class Traces(NamedTuple):
    """A tree of what was said: one node a token, with the word that ended with it or before it."""

    parent: Ints
    token: Ints
    word: Ints
    frame: Ints


class Notes(NamedTuple):
    """What a lattice is made of, beside the traces; without one these arrays are empty.

    Attributes:
        last: of each trace, the last frame after which it was a hypothesis.
        place, lm, term, score, lm_score: of the hypothesis that each trace is, as in `Hypotheses`.
        loser, winner, frame: traces that led to the same state, so that the loser was given up after a frame.
    """

    last: Ints
    place: Ints
    lm: Longs
    term: Ints
    score: Floats
    lm_score: Floats
    loser: Ints
    winner: Ints
    frame: Ints


class Search(NamedTuple):
    """The state of one search.

    Attributes:
        now, next: hypotheses, and room for those after the next frame.
        candidates: room for them.
        traces: room for them.
        notes: room for as many; and for merges.
        stay_blank, stay_label: (B,) masses of the hypotheses that add no token in this frame.
        table: places of hypotheses by their keys, open addressing, -1 where free.
        tokens: (K,) tokens of a frame that are probable enough.
        masses: to select from.
        counts, levels: the cells named above.
    """

    now: Hypotheses
    next: Hypotheses
    candidates: Candidates
    traces: Traces
    notes: Notes
    stay_blank: Floats
    stay_label: Floats
    table: Ints
    tokens: Ints
    masses: Floats
    counts: Longs
    levels: Floats


class Arcs(NamedTuple):
    """Which word may follow which, as a grammar says it: states and arcs; see `grammar.arcs`.

    Attributes:
        begins: (states + 1,) the first arc of each state; (1,) where there is no grammar.
        words, targets, weights: (arcs,) a word, the state after it, log10 of its probability; by word.
        final: (states,) log10 of the probability to end there; -inf where nothing may end.
        rank_begins, ranks: the spellings that a state allows are ranks[rank_begins[s]:rank_begins[s + 1]],
            numbered as they come when the tree is walked depth first, sorted.
        first, last: (nodes,) what ends at or below node n has the ranks from first[n] to last[n] - 1.
    """

    begins: Longs
    words: Ints
    targets: Longs
    weights: Floats
    final: Floats
    rank_begins: Longs
    ranks: Ints
    first: Ints
    last: Ints


class Tree(NamedTuple):
    """The words that can be said, as a prefix tree over units; see `spelling_tree`.

    Attributes:
        units: (nodes,) the unit that leads to each node; children stand side by side, by unit.
        begins: (nodes + 1,) the first child of each node.
        word_begins, words: the words that end at node n are words[word_begins[n]:word_begins[n + 1]].
        lm_ids: (words,) of each word in the language model.
        ahead: (nodes,) weighted natural logarithm of the best unigram below; 0 at the root.
        arcs: of a grammar, or of none.
    """

    units: Ints
    begins: Ints
    word_begins: Ints
    words: Ints
    lm_ids: Ints
    ahead: Floats
    arcs: Arcs


class Spellings(NamedTuple):
    """What tokens are made of: token t has the units units[begins[t]:begins[t + 1]]; 0 is the word boundary.

    Attributes:
        said: whether a token can be part of what is said; the blank and signs such as <unk> cannot.
        lm_ids: (V,) of each token in a language model of tokens.
    """

    begins: Ints
    units: Ints
    said: npt.NDArray[np.bool_]
    lm_ids: Ints


class Terms(NamedTuple):
    """Key terms as an automaton over units (Aho and Corasick 1975); see `keyterm_automaton`.

    Attributes:
        nodes: (nodes,) of TERM_NODE: a tree, whose root has one child, the boundary; what a step needs lies
            side by side in memory, and a node's only child behind it.
    """

    nodes: npt.NDArray[np.void]


# A node of the automaton. `begin`, `count`: its children, by `unit`. `fail`: the longest proper suffix that
# is a node. `leads`: a bit (unit % 64) for each unit that leads elsewhere than to the root. Natural
# logarithms: `promised`, the bonus for what is the beginning of a term; `gain`, what the step from its parent
# adds to the score, promised and earned; `drop`, what is taken back where it fails. Factors: `most`, of the
# best token, and `least`, of a unit that leads to the root.
TERM_NODE = np.dtype(
    [
        ("leads", "u8"), ("begin", "i4"), ("count", "i4"), ("fail", "i4"), ("unit", "i4"),
        ("promised", "f8"), ("gain", "f8"), ("drop", "f8"), ("most", "f8"), ("least", "f8"),
    ]
)  # fmt: skip


class Weights(NamedTuple):
    """Numbers of the options, ready for use; all are natural logarithms.

    Attributes:
        lm: what a log10 of the language model is multiplied by.
        word: for each word.
        unknown_word: for each word that the tree does not have; -inf forbids them.
    """

    lm: float
    word: float
    unknown_word: float


class Limits(NamedTuple):
    """Sizes and switches of a search."""

    beam: int
    beam_width: float  # e ** -(beam threshold): what a hypothesis must have of the best one's mass
    token_width: float  # what a token must have of the best one's probability in its frame
    blank: int
    blank_skip: float
    maximum: bool
    recombine: bool
    grammar: bool
    word_lm: bool
    token_lm: bool
    boundaries: bool
    lattice: bool = False  # whether to take notes


_KINDS: dict[str, type] = dict.fromkeys(("mass", "blank", "label", "score", "lm_score", "ended"), np.float64)
_KINDS |= {"key": np.uint64, "above": np.uint64, "lm": np.int64, "ended_lm": np.int64}


def _empty(names: tuple[str, ...], size: int) -> list[Any]:
    return [np.zeros(size, _KINDS.get(name, np.int32)) for name in names]


def no_arcs() -> Arcs:
    """Of no grammar."""
    return Arcs(
        np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0), np.zeros(0),
        np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int32),
    )  # fmt: skip


def empty_hypotheses(size: int) -> Hypotheses:
    """Room for `size` of them."""
    return Hypotheses(*_empty(Hypotheses._fields, size))


def empty_candidates(size: int) -> Candidates:
    """Room for `size` of them."""
    return Candidates(*_empty(Candidates._fields, size))


def empty_traces(size: int) -> Traces:
    """Room for `size` of them."""
    return Traces(*_empty(Traces._fields, size))


def empty_notes(size: int) -> Notes:
    """Room for `size` traces and as many merges."""
    return Notes(*_empty(Notes._fields, size))
