"""A beam search that is under way: its state, frames in, hypotheses out."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from earwright.decoding.beam_arrays import (
    FRAMES,
    GIVEN_SCALE,
    HYPOTHESES,
    MERGES,
    NO_WORD,
    ROOT,
    SCALE,
    TRACES,
    UNKNOWN_WORD,
    WANTED,
    Floats,
    Hypotheses,
    Ints,
    Search,
    Terms,
    empty_candidates,
    empty_hypotheses,
    empty_notes,
    empty_traces,
)
from earwright.decoding.frames import frame_probs, scaled_log_probs
from earwright.decoding.fusion import Prefixes
from earwright.decoding.grammar.rejection import fit_of
from earwright.decoding.hypothesis import Hypothesis
from earwright.decoding.keyterm_automaton import NO_TERMS
from earwright.decoding.keyterm_set import KeytermSet
from earwright.decoding.keyterm_writing import Writing
from earwright.decoding.options import SearchOptions
from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from earwright.decoding.beam import BeamSearch

_CHUNK = 512  # frames for which room is made at once
_MOST_TRACES = 1 << 18  # above this, what all hypotheses share is taken out first


class BeamStream:
    """A search that is under way: frames come in pieces, hypotheses can be had at any time.

    With a grammar it keeps all frames, to judge by.

    Args:
        search: whose.
        options: of this one.
        keyterms: to listen for, made by the search; a boost of 0 is as none.
        lattice: whether to note what a lattice is made of; then nothing is settled before the end.

    Raises:
        EarwrightError: the key terms were made by another search.
    """

    def __init__(
        self,
        search: BeamSearch,
        options: SearchOptions,
        keyterms: KeytermSet | None = None,
        lattice: bool = False,
    ) -> None:
        self.search, self.options = search, options
        self._words, self._writing = search.tree, Writing()
        self._terms = NO_TERMS
        if keyterms is not None and keyterms.base is not search.tree:
            raise EarwrightError("these key terms were made for another search; make them with this one.")
        if keyterms is not None and options.keyterm_boost > 0:
            self._words, self._writing = keyterms.tree, keyterms.writing
            self._terms = keyterms.boosted(options.keyterm_boost)
        self._limits = search.limits(options)
        if lattice:
            self._limits = self._limits._replace(lattice=True, recombine=True)
        self._weights = search.weights(options)
        self._tree = self._words.weighted(options.lm_weight)
        beam = options.beam
        size = 1 << (4 * beam).bit_length()
        self._state = Search(
            empty_hypotheses(beam),
            empty_hypotheses(beam),
            empty_candidates(2 * beam + 16),
            empty_traces(beam * 8),
            empty_notes(0),
            np.zeros(beam),
            np.zeros(beam),
            np.full(size, -1, np.int32),
            np.zeros(min(options.token_beam, len(search.units.tokens)), np.int32),
            np.zeros(3 * beam + 16),
            np.zeros(6, np.int64),
            np.zeros(3),
        )
        # What all hypotheses share, and will for ever: (token, word, frame) each.
        self._said: list[tuple[int, int, int]] = []
        self._heard: list[npt.NDArray[np.float32]] = []  # with a grammar: all frames, to judge by
        self._begin()
        root = int(self._state.now.key[0])
        self._prefixes = None if search.fusion is None else Prefixes(search.fusion, root)

    def _begin(self) -> None:
        """One hypothesis, which has said nothing."""
        now = self._state.now
        now.key[0], now.label[0] = 1, 0.0
        now.last[0], now.place[0], now.lm[0] = self._limits.blank, ROOT, self.search.start_state
        now.trace[0], now.ended[0], now.lm_score[0] = -1, np.nan, 0.0
        now.term[0] = start_term(self._terms)
        now.score[0] = float(self._terms.nodes[now.term[0]]["promised"])
        now.blank[0] = math.exp(now.score[0])
        self._state.counts[HYPOTHESES] = 1

    @property
    def frames(self) -> int:
        """How many were given so far."""
        return int(self._state.counts[FRAMES])

    def advance(self, log_probs: npt.ArrayLike) -> None:
        """Take the next frames.

        Args:
            log_probs: (T, V) natural logarithms; T may be 0.

        Raises:
            EarwrightError: another V than the vocabulary's, NaN or +inf among them, a frame that is -inf for
                all tokens. The search is as it was before.
        """
        size, levels = len(self.search.units.tokens), self._state.levels
        probs, best = frame_probs(log_probs, size, self._limits.blank, self.options, self.frames)
        if self.search.grammar is not None:
            self._heard.append(np.log(np.maximum(probs, 1e-300)).astype(np.float32))
        # One after the other, so that pieces give what the whole gives.
        levels[GIVEN_SCALE] = np.add.accumulate(np.append(levels[GIVEN_SCALE], best))[-1]
        nothing = np.zeros((0, 0))
        for first in range(0, len(probs), _CHUNK):
            part = probs[first : first + _CHUNK]
            self._make_room(len(part))
            if self._prefixes is None:
                self._run(part, nothing)
                continue
            for frame in range(len(part)):
                self._run_with(self._prefixes, part[frame : frame + 1])

    def _run(self, probs: Floats, more: Floats) -> None:
        """The kernel, over frames (T, V)."""
        from earwright.decoding.beam_kernel import advance

        search = self.search
        advance(
            self._state, self._tree, search.units.spellings, search._lm.tables, self._terms,
            self._weights, self._limits, probs, more,
        )  # fmt: skip

    def _run_with(self, prefixes: Prefixes, frame: Floats) -> None:
        """The kernel over one frame (1, V), with a neural language model, which it asks for what it needs."""
        before, count = self._now, int(self._state.counts[HYPOTHESES])
        keys: list[int] = before.key[:count].tolist()
        while True:
            more = prefixes.log_probs(keys) if keys else np.zeros((0, 0))
            self._run(frame, more)
            if not self._state.counts[WANTED]:
                break
            prefixes.ask(keys[this] for this in np.flatnonzero(np.isposinf(more).any(axis=1)))
        now, left = self._now, int(self._state.counts[HYPOTHESES])
        after: list[int] = now.key[:left].tolist()
        if after == keys:
            return
        there = set(keys)
        of_trace = dict(zip(before.trace[:count].tolist(), keys, strict=True))
        ends, parent = now.trace[:left].tolist(), self._state.traces.parent
        parents = [
            None if key in there else of_trace[parent[end]] for key, end in zip(after, ends, strict=True)
        ]
        prefixes.follow(after, parents, now.last[:left].tolist())

    def finish(self, nbest: int = 1, *, end: bool = True) -> list[Hypothesis]:
        """The best hypotheses if no more frames come, with different words each; more may come all the same.

        Args:
            nbest: how many at most.
            end: whether a sentence ends here, so that the language model is asked for its end, too, and a
                grammar whether what was said may end here.

        Returns:
            As `BeamSearch.decode`.

        Raises:
            EarwrightError: `nbest` is below 1.
        """
        if nbest < 1:
            raise EarwrightError(f"{nbest} hypotheses were asked for; ask for 1 or more.")
        rows, words, worth, score, lm_score = self._ends(end)
        traces, found = self._now.trace, dict[tuple[str, ...], Hypothesis]()
        for row in np.argsort(-worth, kind="stable"):
            if worth[row] == -np.inf:
                break
            one = self._hypothesis(
                int(traces[rows[row]]),
                int(words[row]),
                float(worth[row]) + self._scale,
                score[row],
                lm_score[row],
            )
            found.setdefault(one.words, one)
            if len(found) == nbest:
                break
        search = self.search
        return list(found.values()) if search.grammar is None else self._judged(list(found.values()))

    def _ends(self, end: bool) -> tuple[Ints, Ints, Floats, Floats, Floats]:
        """Hypotheses with each word that may end where they are, and what they are worth then.

        Returns:
            (R,) numbers of hypotheses, words, logarithms of masses, scores, log10 of the language model.
        """
        from earwright.decoding.beam_end import end_words

        now, count, tree = self._now, int(self._state.counts[HYPOTHESES]), self._tree
        place = now.place[:count]
        at = np.maximum(place, ROOT)
        first, last = tree.word_begins[at], tree.word_begins[at + 1]
        listed = np.where((place > ROOT) & self._limits.boundaries, last - first, 0)
        ways = np.maximum(listed, 1)
        rows: Ints = np.repeat(np.arange(count, dtype=np.int32), ways)
        order = np.arange(len(rows)) - np.repeat(np.cumsum(ways) - ways, ways)
        words: Ints = np.where(place[rows] == ROOT, NO_WORD, UNKNOWN_WORD).astype(np.int32)
        known = listed[rows] > 0
        words[known] = tree.words[(first[rows] + order)[known]]
        score, lm_score = now.score[rows], now.lm_score[rows]
        end_words(
            tree, self._terms, self.search._lm.tables, self._weights, self._limits, end,
            np.ones(len(rows), np.bool_), place[rows], words, score, lm_score, now.lm[rows], now.term[rows],
        )  # fmt: skip
        if end and self._prefixes is not None and count:
            told = self._prefixes.ends(now.key[:count].tolist())[rows]
            score, lm_score = score + self._weights.lm * told, lm_score + told
        blank, label = now.blank[rows], now.label[rows]
        with np.errstate(divide="ignore"):
            mass = np.log(np.maximum(blank, label) if self._limits.maximum else blank + label)
        return rows, words, mass + score - now.score[rows], score, lm_score

    def _judged(self, found: list[Hypothesis]) -> list[Hypothesis]:
        """What a grammar found, as far as it fits the audio; where the best does not, nothing does."""
        units, grammar = self.search.units, self.search.grammar
        heard = np.concatenate([np.zeros((0, len(units.tokens)), np.float32), *self._heard])
        judged = [
            replace(
                one,
                fit=fit_of(heard, one.tokens, units.count(one.tokens), units.blank),
                tags=() if grammar is None else grammar.tags(one.heard),
            )
            for one in found
        ]
        fits = [one.fit is not None and one.fit >= -self.options.rejection for one in judged]
        if fits and fits[0]:
            return [one for one, fitting in zip(judged, fits, strict=True) if fitting]
        nothing = Hypothesis("", (), (), (), -math.inf, -math.inf, 0.0, fit=-math.inf)
        best = judged[0] if judged else nothing
        return [replace(best, text="", words=(), tokens=(), frames=(), unknown=(), heard=(), rejected=True)]

    def partial(self) -> Hypothesis | None:
        """The best hypothesis so far, its last word maybe unfinished; `stable_words` of it are settled."""
        now, count = self._now, int(self._state.counts[HYPOTHESES])
        if not count:
            return None
        mass = np.maximum(now.blank, now.label) if self.options.maximum else now.blank + now.label
        this = int(np.argmax(mass[:count]))
        worth = math.log(mass[this]) + self._scale
        return self._hypothesis(int(now.trace[this]), NO_WORD, worth, now.score[this], now.lm_score[this])

    def save(self) -> bytes:
        """All that the search knows so far, for `BeamSearch.restore`; it goes on as this one would.

        The same search, key terms and earwright's version are needed to restore it. It holds what was said,
        and no audio.

        Raises:
            EarwrightError: it takes notes for a lattice.
        """
        from earwright.decoding.saved import save_stream

        if self._limits.lattice:
            raise EarwrightError("a search that takes notes for a lattice cannot be saved.")
        return save_stream(self)

    @property
    def stable_words(self) -> int:
        """How many words all hypotheses have in common at their beginning, whatever comes."""
        self._commit()
        units = self.search.units
        if units.space is None:
            return self._writing.settled([self._words.words[word] for _, word, _ in self._said if word >= 0])
        said = units.text(token for token, _, _ in self._said)
        words = said.split()
        return self._writing.settled(words[: len(words) - (not said.endswith(" "))])

    def _commit(self) -> None:
        """Move what all hypotheses share out of the tree of traces, and close the gaps it leaves there."""
        if self._limits.lattice:
            return
        from earwright.decoding.beam_traces import close_gaps, shared_trace

        traces, used = self._state.traces, int(self._state.counts[TRACES])
        ends = self._now.trace[: int(self._state.counts[HYPOTHESES])]
        room = np.empty(used, np.int32)
        shared = shared_trace(traces.parent, used, ends, room) if len(ends) else -1
        if shared >= 0:
            said, trace = [], shared
            while trace >= 0:
                said.append(self._step(trace))
                trace = int(traces.parent[trace])
            self._said += reversed(said)
        self._state.counts[TRACES] = close_gaps(traces, used, shared, ends, room)

    def _step(self, trace: int) -> tuple[int, int, int]:
        traces = self._state.traces
        return int(traces.token[trace]), int(traces.word[trace]), int(traces.frame[trace])

    @property
    def _now(self) -> Hypotheses:
        return self._state.next if self._state.counts[FRAMES] & 1 else self._state.now

    @property
    def _scale(self) -> float:
        """What the logarithms of masses lack."""
        return float(self._state.levels[SCALE] + self._state.levels[GIVEN_SCALE])

    def scaled(self, log_probs: npt.ArrayLike) -> Floats:
        """(T, V) log-probs as the search counts them: with the acoustic scale and the blank's penalty.

        Raises:
            EarwrightError: as for `advance`.
        """
        return scaled_log_probs(log_probs, len(self.search.units.tokens), self._limits.blank, self.options)

    def _make_room(self, frames: int) -> None:
        """For the traces of so many frames more."""
        if self._limits.lattice:
            self._make_room_for_notes(frames)
            return
        old, most = self._state.traces, frames * self.options.beam
        if int(self._state.counts[TRACES]) + most > max(len(old.parent), _MOST_TRACES):
            self._commit()
        self._make_traces(int(self._state.counts[TRACES]) + most)

    def _make_traces(self, need: int) -> None:
        """Room for so many."""
        old, used = self._state.traces, int(self._state.counts[TRACES])
        if need > len(old.parent):
            new = empty_traces(max(need, 2 * len(old.parent)))
            for before, after in zip(old, new, strict=True):
                after[:used] = before[:used]
            self._state = self._state._replace(traces=new)

    def _make_room_for_notes(self, frames: int) -> None:
        """For the traces of all that is kept or merged in so many frames more; nothing is taken out."""
        counts, most = self._state.counts, frames * len(self._state.masses)
        need = max(int(counts[TRACES]), int(counts[MERGES])) + most
        if need > len(self._state.notes.last):
            traces, notes = empty_traces(2 * need), empty_notes(2 * need)
            used = max(int(counts[TRACES]), int(counts[MERGES]))
            old: list[Any] = [*self._state.traces, *self._state.notes]
            new: list[Any] = [*traces, *notes]
            for before, after in zip(old, new, strict=True):
                after[:used] = before[:used]
            self._state = self._state._replace(traces=traces, notes=notes)

    def _hypothesis(
        self, trace: int, last_word: int, worth: float, score: float, lm_score: float
    ) -> Hypothesis:
        traces, tree, units = self._state.traces, self._words, self.search.units
        later = []
        while trace >= 0:
            later.append(self._step(trace))
            trace = int(traces.parent[trace])
        steps = [*self._said, *reversed(later)]
        tokens, frames = tuple(step[0] for step in steps), tuple(step[2] for step in steps)
        ended = [step[1] for step in steps if step[1] != NO_WORD] + [last_word] * (last_word != NO_WORD)
        if units.space is None and self.search.has_lexicon:
            names = [tree.words[word] for word in ended]
        elif units.space is None:  # characters make one word, phones one each
            names = [units.tokens[token] for token in tokens]
            names = ["".join(names)] if names and all(len(name) == 1 for name in names) else names
        else:
            spelled = units.text(tokens).split()
            names = [tree.words[w] if w >= 0 else text for w, text in zip(ended, spelled, strict=False)]
            names += spelled[len(names) :]
            ended += [NO_WORD] * (len(names) - len(ended))
        unknown = [word < 0 for word in ended] if self.search.has_lexicon else [False] * len(names)
        pieces = list(self._writing.spans(names))
        written = tuple(name for piece, _, _ in pieces for name in piece)
        return Hypothesis(
            " ".join(written),
            written,
            tokens,
            frames,
            worth,
            worth - float(score),
            float(lm_score),
            tuple(any(unknown[first:last]) for piece, first, last in pieces for _ in piece),
            heard=tuple(names),
        )


def start_term(terms: Terms) -> int:
    """Where the automaton is before the first word: after a boundary."""
    return 1 if len(terms.nodes) > 1 else 0
