"""From the notes of a beam search to a word lattice.

What the search has said is a tree of tokens; where two prefixes led to the same state, one of them was given
up, which makes a graph of the tree: whatever follows the one may follow the other. A word begins where a
token has a boundary in front. The point there becomes a node of the lattice, at the time at which the best
path through it is there. Points that agree in time, last token, and in the states of language model and key
terms are one node: after them everything is equally likely, and the numbers of all arcs stay exact.

Source of the shape: word graphs of Ney and Ortmanns ("A word graph algorithm for large vocabulary continuous
speech recognition", 1997), with the states of the search instead of the last word as the condition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from earwright.decoding.beam_arrays import MERGES, NO_WORD, ROOT, TRACES, UNKNOWN_WORD, Floats, Ints
from earwright.decoding.lattice.graph import Lattice, assemble, empty_lattice
from earwright.decoding.spellings import BOUNDARY
from earwright.decoding.stream import start_term
from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from earwright.decoding.stream import BeamStream


def build_lattice(stream: BeamStream, scaled: npt.NDArray[np.float64], beam: float) -> Lattice:
    """The lattice of an utterance.

    Args:
        stream: a search that takes notes, given the whole utterance.
        scaled: (T, V) its log-probs, of `stream.scaled`.
        beam: how far behind the best path those may be that are kept.

    Returns:
        An empty lattice where nothing fits.
    """
    return _Builder(stream, scaled, beam).lattice()


def check_units(begins: Ints, units: Ints) -> None:
    """Whether words begin where tokens begin.

    Raises:
        EarwrightError: a token has a boundary after something else.
    """
    inside = np.setdiff1d(np.flatnonzero(units == BOUNDARY), begins)
    if len(inside):
        token = int(np.searchsorted(begins, inside[0], "right")) - 1
        raise EarwrightError(
            f"token {token} has a space that is not at its beginning; there are no lattices of such tokens."
        )


@dataclass(frozen=True)
class _Points:
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
    ends: npt.NDArray[np.bool_]
    score: Floats
    lm_score: Floats
    lm: npt.NDArray[np.int64]
    term: Ints


class _Walk(NamedTuple):
    """What `trellis_kernel` says.

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


class _Builder:
    def __init__(self, stream: BeamStream, scaled: npt.NDArray[np.float64], beam: float) -> None:
        self.stream, self.scaled, self.beam = stream, scaled, beam
        self.search, self.limits, self.weights = stream.search, stream._limits, stream._weights
        state = stream._state
        self.traces, self.notes = state.traces, state.notes
        self.used, self.merges = int(state.counts[TRACES]), int(state.counts[MERGES])
        self.root_term = start_term(stream._terms)
        self.start = float(stream._terms.promised[self.root_term])
        units = self.search.units
        check_units(units.spellings.begins, units.spellings.units)
        self.single = units.space is None and not self.search.has_lexicon  # each token is a word

    def lattice(self) -> Lattice:
        frames = len(self.scaled)
        ends = self._ends()
        if not len(ends.traces):
            return empty_lattice(self.stream.options.lm_weight)
        walk = self._walk(ends)
        best = max(float(walk.ends.max()), float(walk.most.max(initial=-np.inf)))
        if best == -np.inf:
            return empty_lattice(self.stream.options.lm_weight)
        self._least = best - self.beam - 1e-9 * (1 + abs(best))
        self._kept = walk.most >= self._least
        begin = self._begins_word()
        begin &= self._kept[: self.used]
        starts = np.flatnonzero(begin).astype(np.int32)
        points = self._points(starts)
        keys = zip(
            walk.ended[starts].tolist(),
            self.traces.token[points.traces].tolist(),
            points.lm.tolist(),
            points.term.tolist(),
            strict=True,
        )
        nodes: dict[tuple[int, ...], int] = {}
        node_of = [nodes.setdefault(key, 1 + len(nodes)) for key in keys]
        times = [0, *(key[0] for key in nodes), frames]
        lasts = [-1, *(key[1] for key in nodes), -1]
        self._node_of = node_of
        self._point_of = {trace: row for row, trace in enumerate(starts.tolist())}
        self._merged = self._merges_by_winner(walk.losses)
        self._lists = _Lists(
            self.traces.parent[: self.used].tolist(),
            self.traces.token[: self.used].tolist(),
            self.traces.word[: self.used].tolist(),
            self.traces.frame[: self.used].tolist(),
            self.notes.score[: self.used].tolist(),
            self.notes.lm_score[: self.used].tolist(),
            self._kept.tolist(),
            points.score.tolist(),
            points.lm_score.tolist(),
        )
        arcs = _Arcs()
        # A search tries to end the same word again in the next frame: the last try has all that the others have.
        same = {
            (node, int(points.traces[row]), int(points.words[row])): row for row, node in enumerate(node_of)
        }
        for (node, _, _), row in same.items():
            self._collect(arcs, points, row, node, float(walk.worth[starts[row]]))
        for row in range(len(ends.traces)):
            self._collect(arcs, ends, row, len(times) - 1, float(walk.ends[row]))
        return self._finished(arcs, times, lasts)

    def _ends(self) -> _Points:
        """The hypotheses that are left, with each word that may end there."""
        stream, tree = self.stream, self.search.tree.tree
        hypotheses = stream._now.trace[: int(stream._state.counts[0])].tolist()
        rows: list[tuple[int, int]] = []
        for trace in hypotheses:
            place = int(self.notes.place[trace]) if trace >= 0 else ROOT
            if place == ROOT:
                rows.append((trace, NO_WORD))
            elif self.limits.boundaries:
                words = tree.words[tree.word_begins[place] : tree.word_begins[place + 1]] if place > 0 else []
                rows += [(trace, int(word)) for word in words] or [(trace, UNKNOWN_WORD)]
        last = np.array([trace for trace, _ in rows], np.int32)
        words = np.array([word for _, word in rows], np.int32)
        frames = np.full(len(rows), len(self.scaled), np.int32)
        points = self._ended(last, frames, words, np.ones(len(rows), np.bool_))
        fits = points.score > -np.inf
        return _Points(*(getattr(points, name)[fits] for name in _Points.__dataclass_fields__))

    def _points(self, starts: Ints) -> _Points:
        """The ends of words before traces that begin one."""
        before = self.traces.parent[starts]
        words = (
            self.traces.word[starts] if self.limits.boundaries else np.full(len(starts), NO_WORD, np.int32)
        )
        return self._ended(before, self.traces.frame[starts], words, np.zeros(len(starts), np.bool_))

    def _ended(self, last: Ints, before: Ints, words: Ints, ends: npt.NDArray[np.bool_]) -> _Points:
        from earwright.decoding.lattice.trellis_kernel import end_words

        said, notes = last >= 0, self.notes
        at = np.maximum(last, 0)
        if not self.used:
            place, lm, term = (np.zeros(len(last), np.int64) for _ in range(3))
            score, lm_score = np.zeros(len(last)), np.zeros(len(last))
        else:
            place, lm, term = notes.place[at], notes.lm[at], notes.term[at]
            score, lm_score = notes.score[at], notes.lm_score[at]
        place = np.where(said, place, ROOT).astype(np.int32)
        if self.single:
            place[~ends] = ROOT  # a token is not told that it is a word
        lm = np.where(said, lm, self.search._lm.start_state).astype(np.int64)
        term = np.where(said, term, self.root_term).astype(np.int32)
        score, lm_score = np.where(said, score, self.start), np.where(said, lm_score, 0.0)
        limits = self.limits
        end_words(
            self.stream._tree, self.stream._terms, self.search.units.spellings, self.search._lm.tables,
            self.weights, limits.word_lm, limits.word_lm or limits.token_lm, limits.boundaries,
            ends, place, words, score, lm_score, lm, term,
        )  # fmt: skip
        return _Points(last, before, words, ends, score, lm_score, lm, term)

    def _walk(self, ends: _Points) -> _Walk:
        """What paths are worth, by the best alignment of each."""
        from earwright.decoding.lattice import trellis_kernel as kernel

        blank, used = self.limits.blank, self.used
        begins, in_blank, in_label, silent, nothing = kernel.forward(
            self.traces, self.notes, used, self.merges, self.scaled, blank, self.start
        )
        said = ends.traces >= 0
        score, come = np.full(len(said), self.start), np.full(len(said), nothing[-1])
        last = ends.traces[said]
        score[said] = self.notes.score[last]
        come[said] = np.maximum(in_blank, in_label)[begins[last + 1] - 1]
        gains = ends.score - score
        _, after_label, _ = kernel.backward(
            self.traces, self.notes, used, self.merges, self.scaled, blank, self.start, begins,
            ends.traces, gains,
        )  # fmt: skip
        worth, ended, most = kernel.through(
            self.traces, self.notes, used, self.scaled, self.start, begins, in_blank, in_label, silent,
            nothing, after_label,
        )  # fmt: skip
        losses = kernel.losses(self.traces, self.notes, self.merges, begins, in_blank, in_label)
        return _Walk(worth, most, ended, losses, come + gains)

    def _begins_word(self) -> npt.NDArray[np.bool_]:
        """Of each trace, whether a word has ended before it."""
        parent, word = self.traces.parent[: self.used], self.traces.word[: self.used]
        if self.single or not self.used:
            return parent >= 0
        if self.search.units.space is not None:
            return word != NO_WORD
        return (parent >= 0) & (word[np.maximum(parent, 0)] != NO_WORD)

    def _merges_by_winner(self, losses: Floats) -> dict[int, list[tuple[int, int, float]]]:
        """Of each trace those that were given up for it, with the frame and what is lost by them at least."""
        notes, found = self.notes, dict[int, list[tuple[int, int, float]]]()
        loser, winner = notes.loser[: self.merges], notes.winner[: self.merges]
        rows = np.flatnonzero(self._kept[loser]) if self.merges else np.zeros(0, np.int64)
        columns = winner[rows], loser[rows], notes.frame[rows], losses[rows]
        for to, *rest in zip(*(column.tolist() for column in columns), strict=True):
            found.setdefault(to, []).append((rest[0], rest[1], rest[2]))
        return found

    def _collect(self, arcs: _Arcs, points: _Points, row: int, target: int, worth: float) -> None:
        """The arcs that lead to a point: back over all that its last trace may have been.

        What is worth too little with another beginning is left out: a loser's beginning costs the difference.
        """
        last, word = int(points.traces[row]), int(points.words[row])
        score, lm = float(points.score[row]), float(points.lm_score[row])
        if last < 0:
            arcs.add(0, target, NO_WORD, (), score - self.start, lm)
            return
        lists = self._lists
        waiting: list[tuple[int, int, int, tuple[int, ...], float, float, float]] = []
        waiting.append((last, int(points.before[row]), word, (), score, lm, worth - self._least))
        while waiting:
            trace, before, word, later, score, lm, spare = waiting.pop()
            for loser, frame, loss in self._merged.get(trace, ()):
                if frame < before and loss <= spare:
                    more = lists.score[loser] - lists.score[trace]
                    told = lists.lm_score[loser] - lists.lm_score[trace]
                    waiting.append((loser, frame + 1, word, later, score + more, lm + told, spare - loss))
            if not lists.kept[trace]:
                continue
            if not self.limits.boundaries and not later:
                word = lists.word[trace]
            tokens, above = (lists.token[trace], *later), lists.parent[trace]
            place = self._point_of.get(trace)
            if place is not None:
                gain, told = score - lists.point_score[place], lm - lists.point_lm_score[place]
                arcs.add(self._node_of[place], target, word, tokens, gain, told)
            elif above < 0:
                arcs.add(0, target, word, tokens, score - self.start, lm)
            else:
                waiting.append((above, lists.frame[trace], word, tokens, score, lm, spare))

    def _finished(self, arcs: _Arcs, times: list[int], lasts: list[int]) -> Lattice:
        from earwright.decoding.lattice.graph_kernel import align_arcs

        found = list(arcs)
        said = [tokens for _, _, _, tokens, _, _ in found]
        begins = np.cumsum([0, *map(len, said)])
        clock, last = np.array(times, np.int32), np.array(lasts, np.int32)
        sources = np.array([arc[0] for arc in found], np.int32)
        targets = np.array([arc[1] for arc in found], np.int32)
        flat = np.array([token for tokens in said for token in tokens], np.int32)
        acoustic, path, places = align_arcs(
            self.scaled,
            self.limits.blank,
            flat,
            begins,
            clock[sources],
            clock[targets],
            last[sources],
            times[-1],
            self.limits.maximum,
        )
        score, lm = np.array([arc[4] for arc in found]), np.array([arc[5] for arc in found])
        best: dict[tuple[int, int, str], int] = {}
        worth = acoustic + score
        for row, (source, target, word, tokens, _, _) in enumerate(found):
            key = source, target, self._spelled(word, tokens)
            if worth[row] > -np.inf and (key not in best or worth[row] > worth[best[key]]):
                best[key] = row
        rows = list(best.values())
        return assemble(
            clock,
            sources[rows],
            targets[rows],
            [word for _, _, word in best],
            acoustic[rows],
            lm[rows],
            score[rows] - self.weights.lm * lm[rows],
            [tuple(path[places[row] : places[row + 1]].tolist()) for row in rows],
            lm_weight=self.stream.options.lm_weight,
            start=0,
            end=len(times) - 1,
        ).pruned(self.beam)

    def _spelled(self, word: int, tokens: tuple[int, ...]) -> str:
        if word >= 0:
            return self.search.tree.words[word]
        if self.single:
            return "".join(self.search.units.tokens[token] for token in tokens)
        return self.search.units.text(tokens).strip() if word == UNKNOWN_WORD else ""


class _Lists(NamedTuple):
    """Arrays of traces and of points as lists, which Python reads faster."""

    parent: list[int]
    token: list[int]
    word: list[int]
    frame: list[int]
    score: list[float]
    lm_score: list[float]
    kept: list[bool]
    point_score: list[float]
    point_lm_score: list[float]


class _Arcs:
    """Arcs, each once: source, target, word, tokens, score without the acoustics, log10 of the lm."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, int, int, tuple[int, ...]], tuple[float, float]] = {}

    def add(
        self, source: int, target: int, word: int, tokens: tuple[int, ...], score: float, lm: float
    ) -> None:
        """Note an arc; of two with the same tokens the better one."""
        key = source, target, word, tokens
        if key not in self._found or score > self._found[key][0]:
            self._found[key] = score, lm

    def __iter__(self) -> Iterator[tuple[int, int, int, tuple[int, ...], float, float]]:
        for key, value in self._found.items():
            yield *key, *value
