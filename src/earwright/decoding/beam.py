"""CTC beam search over log-probs (T, V) of any model, with a lexicon, a language model and key terms."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from earwright.decoding.beam_arrays import (
    FRAMES,
    GIVEN_SCALE,
    HYPOTHESES,
    NO_WORD,
    ROOT,
    SCALE,
    TRACES,
    Hypotheses,
    Limits,
    Search,
    Terms,
    Weights,
    empty_candidates,
    empty_hypotheses,
    empty_traces,
)
from earwright.decoding.keyterms import Keyterm, KeytermSet, no_keyterms
from earwright.decoding.options import SearchOptions
from earwright.decoding.spelling_tree import SpellingTree, spelling_tree
from earwright.decoding.spellings import BOUNDARY, Units
from earwright.errors import EarwrightError
from earwright.lm.ngrams import NEVER, SPECIAL_WORDS, Level, NgramModel
from earwright.lm.query import LanguageModel
from earwright.text import Tokenizer

_LN10 = math.log(10.0)
_CHUNK = 512  # frames for which room is made at once

Lexicon = Mapping[str, Iterable[Sequence[str]]] | Iterable[str]


@dataclass(frozen=True)
class Hypothesis:
    """What a search found.

    Attributes:
        text: the words, separated by single blanks.
        words: as the lexicon has them; what it does not have as it is spelled.
        tokens: their numbers.
        frames: in which each token was first heard; `decoding.align` says it better.
        score: what it is worth, as a natural logarithm; see `SearchOptions`.
        acoustic_score: the part of it that is log P(audio | tokens), scaled as the options say.
        lm_score: log10 of the language model, unweighted.
        unknown: for each word whether the lexicon lacks it.
    """

    text: str
    words: tuple[str, ...]
    tokens: tuple[int, ...]
    frames: tuple[int, ...]
    score: float
    acoustic_score: float
    lm_score: float
    unknown: tuple[bool, ...] = field(repr=False, default=())


class BeamSearch:
    """Finds the words that log-probs and a language model together find likeliest.

    Three ways to spell words: without a lexicon and a language model any tokens may follow each other; with
    either, words are found in a tree of spellings; and with `options.unknown_penalty` finite, words that it
    does not have may be spelled freely, at that price. The language model's words are the lexicon where none
    is given.

    Args:
        tokens: the vocabulary of the log-probs, or a tokenizer of earwright's.
        blank: the blank's number.
        lexicon: words, which are spelled with the tokens' characters; or word -> its spellings, each a
            sequence of characters or, for a vocabulary without spaces, of phones.
        lm: an n-gram model of words or of these tokens.
        options: weights and sizes.

    Raises:
        EarwrightError: a vocabulary that cannot be searched, no word that can be spelled with it.

    Example:
        search = BeamSearch(tokens, lm=LanguageModel.load("novels.bin"))
        best = search.decode(log_probs)[0]           # log_probs: (T, V) natural logarithms
        print(best.text, best.score)

        stream = search.stream()
        for chunk in chunks:                         # (T, V) each
            stream.advance(chunk)
            print(stream.partial().text)
        print(stream.finish()[0].text)
    """

    def __init__(
        self,
        tokens: Sequence[str] | Tokenizer,
        *,
        blank: int = 0,
        lexicon: Lexicon | None = None,
        lm: LanguageModel | None = None,
        options: SearchOptions = SearchOptions(),  # noqa: B008
    ) -> None:
        names = tokens if isinstance(tokens, Sequence) else tokens.tokens
        self.units = Units.of(names, blank)
        self.options = options
        self.lm = lm
        self.unspellable: tuple[str, ...] = ()
        self._word_lm = lm if lm is not None and lm.unit == "word" else None
        if lexicon is None and self._word_lm is not None:
            lexicon = [word for word in self._word_lm.vocabulary if word not in SPECIAL_WORDS]
        self.has_lexicon = lexicon is not None
        self.tree = spelling_tree([], []) if lexicon is None else self._build_tree(lexicon)
        if lm is not None and self._word_lm is None:
            ids = _token_ids(self.units, lm)
            self.units = replace(self.units, spellings=self.units.spellings._replace(lm_ids=ids))
        self._lm = lm if lm is not None else _no_lm()
        self._pronunciations = lexicon if self.units.space is None and isinstance(lexicon, Mapping) else None

    def decode(
        self,
        log_probs: npt.ArrayLike,
        nbest: int = 1,
        options: SearchOptions | None = None,
        keyterms: KeytermSet | None = None,
    ) -> list[Hypothesis]:
        """The likeliest hypotheses, best first, with different words each.

        Args:
            log_probs: (T, V) natural logarithms.
            nbest: how many at most.
            options: other ones than the search's own.
            keyterms: made by `keyterms`.

        Returns:
            At least one, but for a search that allows listed words alone where none of them fits.

        Raises:
            EarwrightError: another V than the vocabulary's, NaN or +inf among the log-probs.
        """
        stream = self.stream(options, keyterms)
        stream.advance(log_probs)
        return stream.finish(nbest)

    def decode_batch(
        self,
        batch: Sequence[npt.ArrayLike],
        nbest: int = 1,
        options: SearchOptions | None = None,
        keyterms: KeytermSet | None = None,
        threads: int | None = None,
    ) -> list[list[Hypothesis]]:
        """`decode` for many utterances on all cores, or on so many threads."""
        with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
            return list(pool.map(lambda one: self.decode(one, nbest, options, keyterms), batch))

    def stream(self, options: SearchOptions | None = None, keyterms: KeytermSet | None = None) -> BeamStream:
        """A search that is given its frames piece by piece."""
        return BeamStream(self, options or self.options, keyterms)

    def keyterms(self, terms: Iterable[Keyterm | str]) -> KeytermSet:
        """Make words and phrases ready to be listened for; one set serves any number of calls.

        Args:
            terms: at least one.

        Raises:
            EarwrightError: a term is empty, there twice, or cannot be spelled with the tokens.
        """
        listed = [Keyterm(term) if isinstance(term, str) else term for term in terms]
        spellings = None
        if self._pronunciations is not None:
            spellings = {word: list(ways) for word, ways in self._pronunciations.items()}
        return KeytermSet.of(listed, self.units, spellings)

    def _build_tree(self, lexicon: Lexicon) -> SpellingTree:
        if self.units.space is None and not isinstance(lexicon, Mapping):
            raise EarwrightError(
                "the tokens have no sign for a space, so give the lexicon as word -> spellings in tokens."
            )
        words: list[str] = []
        entries: list[tuple[int, list[int]]] = []
        missing: list[str] = []
        listed = lexicon.items() if isinstance(lexicon, Mapping) else ((word, (word,)) for word in lexicon)
        for word, spellings in dict(listed).items():
            spelled = [units for spelling in spellings if (units := self.units.spell(spelling)) is not None]
            if spelled:
                entries += [(len(words), units) for units in spelled]
                words.append(word)
            else:
                missing.append(word)
        self.unspellable = tuple(missing)
        if not words:
            raise EarwrightError(
                "the lexicon is empty." if not missing
                else f"none of the lexicon's {len(missing):,} words can be spelled with the tokens, such as "
                f"{missing[0]!r}; is it of another language or kind?"
            )  # fmt: skip
        lm = self._word_lm
        if lm is None:
            return spelling_tree(words, entries)
        ids = lm.ids(words)
        alone, _ = lm.score_batch(np.full(len(ids), lm.empty_state), ids)
        return spelling_tree(words, entries, ids, alone)

    def limits(self, options: SearchOptions) -> Limits:
        """The options as the kernel takes them."""
        return Limits(
            beam=options.beam,
            beam_width=math.exp(-options.beam_threshold),
            token_width=math.exp(-options.token_threshold),
            blank=self.units.blank,
            blank_skip=options.blank_skip if options.blank_skip < 1 else 2.0,
            maximum=options.maximum,
            recombine=options.recombine,
            word_lm=self._word_lm is not None,
            token_lm=self.lm is not None and self._word_lm is None,
            boundaries=self.units.space is not None or not self.has_lexicon,
        )

    def weights(self, options: SearchOptions) -> Weights:
        """The options as the kernel takes them; without a lexicon no word is unknown."""
        unknown = -options.unknown_penalty if self.has_lexicon else 0.0
        return Weights(options.lm_weight * _LN10, options.word_bonus, unknown, 0.0)


class BeamStream:
    """A search that is under way: frames come in pieces, hypotheses can be had at any time.

    Args:
        search: whose.
        options: of this one.
        keyterms: to listen for.
    """

    def __init__(
        self, search: BeamSearch, options: SearchOptions, keyterms: KeytermSet | None = None
    ) -> None:
        self.search, self.options = search, options
        self._terms, largest_gain = (keyterms or no_keyterms()).boosted(options.keyterm_boost)
        self._limits = search.limits(options)
        self._weights = search.weights(options)._replace(largest_gain=largest_gain)
        self._tree = search.tree.weighted(options.lm_weight)
        beam = options.beam
        size = 1 << (4 * beam).bit_length()
        self._state = Search(
            empty_hypotheses(beam),
            empty_hypotheses(beam),
            empty_candidates(2 * beam + 16),
            empty_traces(beam * 8),
            np.zeros(beam),
            np.zeros(beam),
            np.full(size, -1, np.int32),
            np.zeros(min(options.token_beam, len(search.units.tokens)), np.int32),
            np.zeros(3 * beam + 16),
            np.zeros(4, np.int64),
            np.zeros(3),
        )
        self._begin()

    def _begin(self) -> None:
        """One hypothesis, which has said nothing."""
        now = self._state.now
        now.key[0], now.label[0] = 1, 0.0
        now.last[0], now.place[0], now.lm[0] = self._limits.blank, ROOT, self.search._lm.start_state
        now.trace[0], now.ended[0], now.lm_score[0] = -1, np.nan, 0.0
        now.term[0] = _start_term(self._terms)
        now.score[0] = self._terms.promised[now.term[0]]
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
            EarwrightError: another V than the vocabulary's, NaN or +inf among them.
        """
        from earwright.decoding.beam_kernel import advance

        search = self.search
        probs = self._probs(log_probs)
        nothing = np.zeros((0, 0))
        for first in range(0, len(probs), _CHUNK):
            part = probs[first : first + _CHUNK]
            self._make_room(len(part))
            advance(
                self._state, self._tree, search.units.spellings, search._lm.tables, self._terms,
                self._weights, self._limits, part, nothing,
            )  # fmt: skip

    def finish(self, nbest: int = 1, *, end: bool = True) -> list[Hypothesis]:
        """The best hypotheses if no more frames come, with different words each; more may come all the same.

        Args:
            nbest: how many at most.
            end: whether a sentence ends here, so that the language model is asked for its end, too.
        """
        from earwright.decoding.beam_kernel import finish

        search, beam = self.search, self.options.beam
        mass, score, lm_score = np.zeros(beam), np.zeros(beam), np.zeros(beam)
        word = np.zeros(beam, np.int32)
        finish(
            self._state, self._tree, search.units.spellings, search._lm.tables, self._terms,
            self._weights, self._limits, end, mass, score, lm_score, word,
        )  # fmt: skip
        count, traces = int(self._state.counts[HYPOTHESES]), self._now.trace
        found: dict[tuple[str, ...], Hypothesis] = {}
        for this in np.argsort(-mass[:count], kind="stable"):
            if not mass[this] > 0.0:
                break
            worth = math.log(mass[this]) + self._scale
            one = self._hypothesis(int(traces[this]), int(word[this]), worth, score[this], lm_score[this])
            found.setdefault(one.words, one)
            if len(found) == nbest:
                break
        return list(found.values())

    def partial(self) -> Hypothesis | None:
        """The best hypothesis so far, its last word maybe unfinished."""
        now, count = self._now, int(self._state.counts[HYPOTHESES])
        if not count:
            return None
        mass = np.maximum(now.blank, now.label) if self.options.maximum else now.blank + now.label
        this = int(np.argmax(mass[:count]))
        worth = math.log(mass[this]) + self._scale
        return self._hypothesis(int(now.trace[this]), NO_WORD, worth, now.score[this], now.lm_score[this])

    @property
    def _now(self) -> Hypotheses:
        return self._state.next if self._state.counts[FRAMES] & 1 else self._state.now

    @property
    def _scale(self) -> float:
        """What the logarithms of masses lack."""
        return float(self._state.levels[SCALE] + self._state.levels[GIVEN_SCALE])

    def _probs(self, log_probs: npt.ArrayLike) -> npt.NDArray[np.float64]:
        values = np.asarray(log_probs, np.float64)
        size = len(self.search.units.tokens)
        if values.ndim != 2 or values.shape[1] != size:
            raise EarwrightError(
                f"log-probs of shape {values.shape} do not fit {size} tokens; give (frames, {size})."
            )
        if np.isnan(values).any() or (values == np.inf).any():
            raise EarwrightError("log-probs have NaN or +inf in them: the model's weights may be damaged.")
        scaled = values * self.options.acoustic_scale if self.options.acoustic_scale != 1.0 else values
        if self.options.blank_penalty:
            scaled = scaled.copy()
            scaled[:, self._limits.blank] -= self.options.blank_penalty
        # Frames are brought to a maximum of 1, so that log-probs that are all far below 0 do not vanish.
        if len(scaled):
            best = np.maximum(scaled.max(axis=1), -1e300)
            # One after the other, so that pieces give what the whole gives.
            levels = self._state.levels
            levels[GIVEN_SCALE] = np.add.accumulate(np.append(levels[GIVEN_SCALE], best))[-1]
            scaled = scaled - best[:, None]
        return np.exp(scaled)

    def _make_room(self, frames: int) -> None:
        """For the traces of so many frames more."""
        old = self._state.traces
        used = int(self._state.counts[TRACES])
        need = used + frames * self.options.beam
        if need > len(old.parent):
            new = empty_traces(max(need, 2 * len(old.parent)))
            for before, after in zip(old, new, strict=True):
                after[:used] = before[:used]
            self._state = self._state._replace(traces=new)

    def _hypothesis(
        self, trace: int, last_word: int, worth: float, score: float, lm_score: float
    ) -> Hypothesis:
        traces, tree, units = self._state.traces, self.search.tree, self.search.units
        steps = []
        while trace >= 0:
            steps.append((int(traces.token[trace]), int(traces.word[trace]), int(traces.frame[trace])))
            trace = int(traces.parent[trace])
        steps.reverse()
        tokens, frames = tuple(step[0] for step in steps), tuple(step[2] for step in steps)
        ended = [step[1] for step in steps if step[1] != NO_WORD] + [last_word] * (last_word != NO_WORD)
        if units.space is None and self.search.has_lexicon:
            names = [tree.words[word] for word in ended]
        elif units.space is None:  # characters make one word, phones one each
            names = [units.tokens[token] for token in tokens]
            names = ["".join(names)] if names and all(len(name) == 1 for name in names) else names
        else:
            sign = units.space
            said = "".join(" " if units.tokens[token] == sign else units.tokens[token] for token in tokens)
            spelled = said.replace(sign, " ").split()
            names = [tree.words[w] if w >= 0 else text for w, text in zip(ended, spelled, strict=False)]
            names += spelled[len(names) :]
            ended += [NO_WORD] * (len(names) - len(ended))
        return Hypothesis(
            " ".join(names),
            tuple(names),
            tokens,
            frames,
            worth,
            worth - float(score),
            float(lm_score),
            tuple(word < 0 for word in ended) if self.search.has_lexicon else (False,) * len(names),
        )


def _token_ids(units: Units, lm: LanguageModel) -> npt.NDArray[np.int32]:
    """Of each token in a model of tokens, whose vocabulary begins with the three that all have."""
    ids = [lm.id(name) for name in units.tokens]
    unknown = [
        name for index, name in enumerate(units.tokens) if units.spellings.said[index] and not ids[index]
    ]
    if len(unknown) > len(units.tokens) // 2:
        raise EarwrightError(
            f"the language model of tokens lacks most of these tokens, such as {unknown[0]!r}; "
            "make one with this vocabulary."
        )
    return np.array(ids, np.int32)


@lru_cache(maxsize=1)
def _no_lm() -> LanguageModel:
    """A model that is asked for nothing, for the kernel to have one."""
    level = Level(
        np.arange(3, dtype=np.int32),
        np.array([0, 3], np.int64),
        np.array([0.0, NEVER, 0.0], np.float32),
    )
    return LanguageModel.from_ngrams(NgramModel(list(SPECIAL_WORDS), (level,)))


def _start_term(terms: Terms) -> int:
    """Where the automaton is before the first word: after a boundary."""
    for child in range(int(terms.begins[0]), int(terms.begins[1])):
        if terms.units[child] == BOUNDARY:
            return child
    return 0
