"""What prefixes are worth if a word ends where they are, and perhaps the utterance. Compiled."""

# To the compiler the integers of Python and of numpy are one kind.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earwright.decoding.beam_arrays import (
    NO_WORD,
    ROOT,
    UNKNOWN_WORD,
    Floats,
    Ints,
    Limits,
    Longs,
    Terms,
    Tree,
    Weights,
)
from earwright.decoding.beam_extend import changes, follow_term
from earwright.decoding.beam_grammar import arc_of
from earwright.decoding.spellings import BOUNDARY
from earwright.lm.kernels import compiled, step
from earwright.lm.ngrams import END, UNKNOWN
from earwright.lm.tables import Tables


@compiled
def end_words(
    tree: Tree, terms: Terms, lm: Tables, w: Weights, limits: Limits, sentence: bool,
    ends: npt.NDArray[np.bool_], place: Ints, words: Ints, score: Floats, lm_score: Floats, lm_state: Longs,
    term: Ints,
) -> None:  # fmt: skip
    """End a word where each prefix is, and for some the utterance; the last four arrays are changed.

    Args:
        tree, terms, lm, w, limits: of the search.
        sentence: whether an utterance ends as a sentence does, for language model and grammar.
        ends: whether it ends.
        place: of the prefix.
        words: that end; NO_WORD: none does.
        score, lm_score, lm_state, term: of the prefix, and then of what it has become.
    """
    for row in range(len(words)):
        word, gain, told, state = words[row], 0.0, 0.0, lm_state[row]
        if place[row] != ROOT and limits.boundaries:
            gain = changes(tree, w, place[row], ROOT, word)
            if limits.grammar:
                told, state = arc_of(tree.arcs, state, word)
            elif limits.word_lm and word != NO_WORD:
                number = np.int64(UNKNOWN) if word == UNKNOWN_WORD else np.int64(tree.lm_ids[word])
                told, state, _, _ = step(lm, state, number)
            if len(terms.nodes) > 1:
                term[row], bonus = follow_term(terms, term[row], BOUNDARY)
                gain += bonus
        elif place[row] != ROOT and ends[row]:
            gain = -np.inf  # half a word
        if ends[row]:
            gain -= terms.nodes[term[row]]["promised"]
            if sentence and limits.grammar:
                told += tree.arcs.final[state]
            elif sentence and (limits.word_lm or limits.token_lm):
                last, _, _, _ = step(lm, state, np.int64(END))
                told += last
        # Where nothing counts, what is impossible stays so.
        score[row] += gain + (w.lm * told if told > -np.inf else told)
        lm_score[row] += told
        lm_state[row] = state
