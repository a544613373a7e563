"""What a beam search has noted of an utterance: where words may have ended, and what paths are worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from earwright.decoding.beam_arrays import (
    HYPOTHESES,
    MERGES,
    NO_WORD,
    ROOT,
    TRACES,
    UNKNOWN_WORD,
    Floats,
    Ints,
    Longs,
)
from earwright.decoding.spellings import BOUNDARY
from earwright.decoding.stream import start_term
from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from earwright.decoding.stream import BeamStream

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Points:
    """Where words end: before a trace that begins a word, and at the end of the utterance.

    Attributes:
        traces: the last trace before each point, -1: nothing was said.
        before: merges count that are earlier than this frame.
        words: that end there.
        ends: whether the utterance ends.
        score, lm_score, lm, term: of what has been said, ends of words included.
    """

    traces: Ints
    before: Ints
    words: Ints
    ends: Bools
    score: Floats
    lm_score: Floats
    lm: Longs
    term: Ints

    def only(self, kept: Bools) -> Points:
        """Some of them."""
        return Points(*(getattr(self, name)[kept] for name in Points.__dataclass_fields__))


class Walk(NamedTuple):
    """What paths are worth, by the best alignment of each.

    Attributes:
        worth: (traces,) the best path through each.
        most: (traces,) the same, but no less than for those that have said more.
        ended: (traces,) when the parent's token ends on that path.
        losses: (merges,) what is lost at least by the loser's beginning.
        ends: what paths to each end are worth.
    """

    worth: Floats
    most: Floats
    ended: Ints
    losses: Floats
    ends: Floats


class SearchNotes:
    """The notes of a search that was given a whole utterance.

    Args:
        stream: the search.
        scaled: (T, V) its log-probs, of `stream.scaled`.

    Raises:
        EarwrightError: a token has a boundary after something else.
    """

    def __init__(self, stream: BeamStream, scaled: npt.NDArray[np.float64]) -> None:
        state, units = stream._state, stream.search.units
        self.scaled = scaled
        self.limits, self.weights = stream._limits, stream._weights
        self.traces, self.notes = state.traces, state.notes
        self.used, self.merges = int(state.counts[TRACES]), int(state.counts[MERGES])
        self.hypotheses: list[int] = stream._now.trace[: int(state.counts[HYPOTHESES])].tolist()
        self.spaced = units.space is not None
        self.single = not self.spaced and not stream.search.has_lexicon  # each token is a word
        self._start_term = start_term(stream._terms)
        self.start = float(stream._terms.nodes[self._start_term]["promised"])
        self._stream, self._tree = stream, stream._words.tree
        _check_units(units.spellings.begins, units.spellings.units)

    def ends(self) -> Points:
        """The hypotheses that are left, with each word that may end there."""
        tree = self._tree
        rows: list[tuple[int, int]] = []
        for trace in self.hypotheses:
            place = int(self.notes.place[trace]) if trace >= 0 else ROOT
            if place == ROOT:
                rows.append((trace, NO_WORD))
            elif self.limits.boundaries:
                first, after = (tree.word_begins[place], tree.word_begins[place + 1]) if place > 0 else (0, 0)
                listed: list[int] = tree.words[first:after].tolist()
                rows += [(trace, word) for word in listed] or [(trace, UNKNOWN_WORD)]
        last: Ints = np.array([trace for trace, _ in rows], np.int32)
        words: Ints = np.array([word for _, word in rows], np.int32)
        before: Ints = np.full(len(rows), len(self.scaled), np.int32)
        points = self._points(last, before, words, np.ones(len(rows), np.bool_))
        return points.only(points.score > -np.inf)

    def begins_word(self) -> Bools:
        """Of each trace, whether a word has ended before it."""
        parent, word = self.traces.parent[: self.used], self.traces.word[: self.used]
        begin: Bools = parent >= 0
        if self.spaced:
            begin &= word != NO_WORD
        elif not self.single:
            begin[begin] = word[parent[begin]] != NO_WORD
        return begin

    def before(self, starts: Ints) -> Points:
        """The ends of words before traces that begin one."""
        words: Ints = np.full(len(starts), NO_WORD, np.int32)
        if self.limits.boundaries:
            words = self.traces.word[starts]
        last, frames = self.traces.parent[starts], self.traces.frame[starts]
        return self._points(last, frames, words, np.zeros(len(starts), np.bool_))

    def _points(self, last: Ints, before: Ints, words: Ints, ends: Bools) -> Points:
        from earwright.decoding.beam_end import end_words

        said, search = last >= 0, self._stream.search
        at = last[said]
        place: Ints = np.full(len(last), ROOT, np.int32)
        lm: Longs = np.full(len(last), search._lm.start_state, np.int64)
        term: Ints = np.full(len(last), self._start_term, np.int32)
        score, lm_score = np.full(len(last), self.start), np.zeros(len(last))
        place[said], lm[said], term[said] = self.notes.place[at], self.notes.lm[at], self.notes.term[at]
        score[said], lm_score[said] = self.notes.score[at], self.notes.lm_score[at]
        if self.single:
            place[~ends] = ROOT  # a token is not told that it is a word
        end_words(
            self._stream._tree, self._stream._terms, search._lm.tables, self.weights, self.limits, True,
            ends, place, words, score, lm_score, lm, term,
        )  # fmt: skip
        return Points(last, before, words, ends, score, lm_score, lm, term)

    def walk(self, ends: Points) -> Walk:
        """What paths to these ends are worth."""
        from earwright.decoding.lattice import trellis_kernel as kernel

        traces, notes, used, blank = self.traces, self.notes, self.used, self.limits.blank
        begins, in_blank, in_label, silent, nothing = kernel.forward(
            traces, notes, used, self.merges, self.scaled, blank, self.start
        )
        said = ends.traces >= 0
        score, come = np.full(len(said), self.start), np.full(len(said), nothing[-1])
        last = ends.traces[said]
        score[said] = notes.score[last]
        come[said] = np.maximum(in_blank, in_label)[begins[last + 1] - 1]
        gains = ends.score - score
        by_last = np.argsort(notes.last[:used], kind="stable")
        after_label = kernel.backward(
            traces, notes, used, self.merges, self.scaled, blank, begins, by_last, ends.traces, gains
        )
        worth, ended, most = kernel.through(
            traces, notes, used, self.scaled, self.start, begins, in_blank, in_label, silent, nothing,
            after_label,
        )  # fmt: skip
        losses = kernel.losses(traces, notes, self.merges, begins, in_blank, in_label)
        return Walk(worth, most, ended, losses, come + gains)


def _check_units(begins: Ints, units: Ints) -> None:
    """Whether words begin where tokens begin."""
    inside = np.setdiff1d(np.flatnonzero(units == BOUNDARY), begins)
    if len(inside):
        token = int(np.searchsorted(begins, inside[0], "right")) - 1
        raise EarwrightError(
            f"token {token} has a space that is not at its beginning; there are no lattices of such tokens."
        )
