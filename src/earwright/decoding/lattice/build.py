"""From the notes of a beam search to a word lattice.

What the search has said is a tree of tokens; where two prefixes led to the same state, one of them was given
up, which makes a graph of the tree: whatever follows the one may follow the other. A word begins where a
token has a boundary in front. The point there becomes a node of the lattice, at the time at which the best
path through it is there. Points that agree in time, last token, and in the states of language model and key
terms are one node: after them everything is equally likely, and the numbers of all arcs stay exact.

Source of the shape: word graphs of Ortmanns, Ney and Aubert ("A word graph algorithm for large vocabulary
continuous speech recognition", 1997), with the states of the search in the place of the last word.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from earwright.decoding.beam_arrays import NO_WORD, UNKNOWN_WORD, Floats, Ints
from earwright.decoding.lattice.graph import Lattice, assemble, empty_lattice
from earwright.decoding.lattice.notes import Points, SearchNotes

if TYPE_CHECKING:
    from earwright.decoding.stream import BeamStream


# Ways back that are followed in a frame, on average. With no language model and no lexicon, a small model has
# up to 2,000 in speech that it doubts; in music, which may be anything, so many that a minute took minutes.
MOST_WAYS = 2500
FEW = 50  # ways to a point that are followed where all of them would be too many


def build_lattice(stream: BeamStream, scaled: npt.NDArray[np.float64], beam: float) -> Lattice:
    """The lattice of an utterance.

    Args:
        stream: a search that takes notes, given the whole utterance.
        scaled: (T, V) its log-probs, of `stream.scaled`.
        beam: how far behind the best path those may be that are kept. Where more than MOST_WAYS a frame would
            have to be followed, only FEW to each point are.

    Returns:
        An empty lattice where nothing fits.

    Raises:
        EarwrightError: a token has a space elsewhere than at its beginning.
    """
    return _Builder(stream, scaled, beam).lattice()


class _Builder:
    def __init__(self, stream: BeamStream, scaled: npt.NDArray[np.float64], beam: float) -> None:
        self.search, self.words, self.beam = stream.search, stream._words.words, beam
        self.lm_weight = stream.options.lm_weight
        self.noted = SearchNotes(stream, scaled)

    def lattice(self) -> Lattice:
        noted = self.noted
        ends = noted.ends()
        if not len(ends.traces):
            return empty_lattice(self.lm_weight)
        walk = noted.walk(ends)
        best = max(float(walk.ends.max()), float(walk.most.max(initial=-np.inf)))
        if best == -np.inf:
            return empty_lattice(self.lm_weight)
        least = best - self.beam - 1e-9 * (1 + abs(best))  # so that no rounding takes the best
        kept = walk.most >= least
        starts: Ints = np.flatnonzero(noted.begins_word() & kept).astype(np.int32)
        points = noted.before(starts)
        keys = zip(
            walk.ended[starts].tolist(),
            noted.traces.token[points.traces].tolist(),
            points.lm.tolist(),
            points.term.tolist(),
            strict=True,
        )
        nodes: dict[tuple[int, ...], int] = {}
        node_of = [nodes.setdefault(key, 1 + len(nodes)) for key in keys]
        times = [0, *(key[0] for key in nodes), len(noted.scaled)]
        lasts = [-1, *(key[1] for key in nodes), -1]
        # A search tries to end the same word again in the next frame: the last try has all of the others.
        keys_of_rows = zip(node_of, points.traces.tolist(), points.words.tolist(), strict=True)
        same = {key: row for row, key in enumerate(keys_of_rows)}
        goals = [(points, row, node, float(walk.worth[starts[row]])) for (node, _, _), row in same.items()]
        goals += [(ends, row, len(times) - 1, float(walk.ends[row])) for row in range(len(ends.traces))]
        numbers = dict(zip(starts.tolist(), node_of, strict=True))
        arcs = _Arcs(noted, kept, least, walk.losses, numbers, points)
        if not arcs.follow(goals, MOST_WAYS * len(noted.scaled)):
            arcs = _Arcs(noted, kept, least, walk.losses, numbers, points, few=True)
            arcs.follow(goals, math.inf)
        return self._finished(list(arcs), times, lasts)

    def _finished(self, found: list[_Arc], times: list[int], lasts: list[int]) -> Lattice:
        from earwright.decoding.lattice.graph_kernel import align_arcs

        clock: Ints = np.array(times, np.int32)
        last: Ints = np.array(lasts, np.int32)
        sources: Ints = np.array([arc.source for arc in found], np.int32)
        targets: Ints = np.array([arc.target for arc in found], np.int32)
        begins = np.cumsum([0, *(len(arc.tokens) for arc in found)])
        flat: Ints = np.array([token for arc in found for token in arc.tokens], np.int32)
        limits = self.noted.limits
        acoustic, path, places = align_arcs(
            self.noted.scaled, limits.blank, flat, begins, clock[sources], clock[targets], last[sources],
            times[-1], limits.maximum,
        )  # fmt: skip
        score, lm = np.array([arc.score for arc in found]), np.array([arc.lm for arc in found])
        worth = (acoustic + score).tolist()
        best: dict[tuple[int, int, str], int] = {}
        for row, arc in enumerate(found):
            key = arc.source, arc.target, self._spelled(arc.word, arc.tokens)
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
            score[rows] - self.noted.weights.lm * lm[rows],
            [tuple(path[places[row] : places[row + 1]].tolist()) for row in rows],
            lm_weight=self.lm_weight,
            start=0,
            end=len(times) - 1,
        ).pruned(self.beam)

    def _spelled(self, word: int, tokens: tuple[int, ...]) -> str:
        if word >= 0:
            return self.words[word]
        if self.noted.single:
            return "".join(self.search.units.tokens[token] for token in tokens)
        return self.search.units.text(tokens).strip() if word == UNKNOWN_WORD else ""


class _Arc(NamedTuple):
    """An arc before its acoustics are known; `score` is all of it but those, `lm` the log10 in it."""

    source: int
    target: int
    word: int
    tokens: tuple[int, ...]
    score: float
    lm: float


# Where a way back along the traces is: trace; merges earlier than this frame; word; tokens after the trace;
# what the end's score and log10 are with this way's beginning; how much may be lost yet.
_Way = tuple[int, int, int, tuple[int, ...], float, float, float]


class _Arcs:
    """The words between points, each with the same tokens once.

    Args:
        noted: by the search.
        kept: whether paths through a trace are worth enough.
        least: what they must be worth.
        losses: of merges, what the loser's beginning costs at least.
        nodes: of the traces that begin a word, the node before each.
        points: the same, one each.
        few: whether to leave a point after FEW ways, once there is an arc to it. The first arc is what the
            search itself has kept.
    """

    def __init__(
        self,
        noted: SearchNotes,
        kept: npt.NDArray[np.bool_],
        least: float,
        losses: Floats,
        nodes: dict[int, int],
        points: Points,
        few: bool = False,
    ) -> None:
        used = noted.used
        self._noted, self._least, self._nodes, self._few = noted, least, nodes, few
        self._merged = _merges_by_winner(noted, kept, losses)
        self._ways, self._reached = 0, 0
        # As lists, which Python reads faster.
        self._parent: list[int] = noted.traces.parent[:used].tolist()
        self._token: list[int] = noted.traces.token[:used].tolist()
        self._word: list[int] = noted.traces.word[:used].tolist()
        self._frame: list[int] = noted.traces.frame[:used].tolist()
        self._score: list[float] = noted.notes.score[:used].tolist()
        self._lm_score: list[float] = noted.notes.lm_score[:used].tolist()
        self._kept: list[bool] = kept.tolist()
        told = zip(points.score.tolist(), points.lm_score.tolist(), strict=True)
        self._begins: dict[int, tuple[float, float]] = dict(zip(nodes, told, strict=True))
        self._found: dict[tuple[int, int, int, tuple[int, ...]], tuple[float, float]] = {}

    def __iter__(self) -> Iterator[_Arc]:
        for key, value in self._found.items():
            yield _Arc(*key, *value)

    def follow(self, goals: Sequence[tuple[Points, int, int, float]], most: float) -> bool:
        """Find the arcs to each goal (see `_collect`); False as soon as that takes more ways than `most`."""
        for goal in goals:
            self._collect(*goal, most)
            if self._ways > most:
                return False
        return True

    def _collect(self, points: Points, row: int, target: int, worth: float, most: float) -> None:
        """Find the arcs that lead to a point: back over all that its last trace may have been.

        What is worth too little with another beginning is left out: a loser's beginning costs the difference.

        Args:
            points, row: the point.
            target: its node.
            worth: of the best path through it.
            most: ways after which it gives up, counted over all goals.
        """
        last, word = int(points.traces[row]), int(points.words[row])
        score, lm = float(points.score[row]), float(points.lm_score[row])
        if last < 0:
            self._add(0, target, NO_WORD, (), score - self._noted.start, lm)
            return
        waiting: list[_Way] = [(last, int(points.before[row]), word, (), score, lm, worth - self._least)]
        begun, reached = self._ways, self._reached
        while waiting and self._ways <= most:
            if self._few and self._ways - begun >= FEW and self._reached > reached:
                break
            self._ways += 1
            trace, before, word, later, score, lm, spare = waiting.pop()
            for loser, frame, loss in self._merged.get(trace, ()):
                if frame < before and loss <= spare:
                    other = score + self._score[loser] - self._score[trace]
                    told = lm + self._lm_score[loser] - self._lm_score[trace]
                    waiting.append((loser, frame + 1, word, later, other, told, spare - loss))
            if not self._kept[trace]:
                continue
            if not self._noted.limits.boundaries and not later:
                word = self._word[trace]
            tokens, above = (self._token[trace], *later), self._parent[trace]
            begin = self._begins.get(trace)
            if begin is not None:
                self._add(self._nodes[trace], target, word, tokens, score - begin[0], lm - begin[1])
            elif above < 0:
                self._add(0, target, word, tokens, score - self._noted.start, lm)
            else:
                # The next one to be taken: the search's own way before those of what it gave up.
                waiting.append((above, self._frame[trace], word, tokens, score, lm, spare))

    def _add(
        self, source: int, target: int, word: int, tokens: tuple[int, ...], score: float, lm: float
    ) -> None:
        self._reached += 1
        key = source, target, word, tokens
        if key not in self._found or score > self._found[key][0]:
            self._found[key] = score, lm


def _merges_by_winner(
    noted: SearchNotes, kept: npt.NDArray[np.bool_], losses: Floats
) -> dict[int, list[tuple[int, int, float]]]:
    """Of each trace those that were given up for it, with the frame and what is lost by them at least."""
    loser, winner = noted.notes.loser[: noted.merges], noted.notes.winner[: noted.merges]
    rows = np.flatnonzero(kept[loser])
    columns = winner[rows], loser[rows], noted.notes.frame[rows], losses[rows]
    found: dict[int, list[tuple[int, int, float]]] = {}
    for to, one, frame, loss in zip(*(column.tolist() for column in columns), strict=True):
        found.setdefault(to, []).append((one, frame, loss))
    return found
