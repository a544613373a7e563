"""CTC beam search over log-probs (T, V) of any model, with a lexicon, a language model and key terms."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from earwright.decoding.beam_arrays import (
    Limits,
    Weights,
)
from earwright.decoding.fusion import Fusion
from earwright.decoding.grammar import Grammar
from earwright.decoding.grammar.arcs import grammar_arcs
from earwright.decoding.grammar.lexicon import grammar_lexicon
from earwright.decoding.hypothesis import Hypothesis
from earwright.decoding.keyterm_set import KeytermSet
from earwright.decoding.keyterms import Keyterm
from earwright.decoding.options import GRAMMAR_OPTIONS, SearchOptions
from earwright.decoding.spelling_tree import SpellingTree, spelling_tree
from earwright.decoding.spellings import Units
from earwright.decoding.stream import BeamStream
from earwright.errors import EarwrightError
from earwright.lm.neural import NeuralLanguageModel
from earwright.lm.ngrams import NEVER, SPECIAL_WORDS, Level, NgramModel
from earwright.lm.query import LanguageModel
from earwright.text import Tokenizer

if TYPE_CHECKING:
    from earwright.decoding.lattice.graph import Lattice

LATTICE_BEAM = 8.0  # see docs/results/lattice.json for what others hold and cost
_LN10 = math.log(10.0)
Lexicon = Mapping[str, Iterable[Sequence[str]]] | Iterable[str]


class BeamSearch:
    """Finds the words that log-probs and a language model together find likeliest.

    Three ways to spell words: without a lexicon and a language model any tokens may follow each other; with
    either, words are found in a tree of spellings; and with `options.unknown_penalty` finite, words that it
    does not have may be spelled freely, at that price. The language model's words are the lexicon where none
    is given. A grammar is a way of its own: what it does not allow is not found, and what does not fit the
    audio is rejected.

    Args:
        tokens: the vocabulary of the log-probs, or a tokenizer of earwright's.
        blank: the blank's number.
        lexicon: words, which are spelled with the tokens' characters; or word -> its spellings, each a
            sequence of characters or, for a vocabulary without spaces, of phones.
        lm: an n-gram model of words or of these tokens, or a neural model of these tokens.
        options: weights and sizes; None: the defaults, which for a grammar are wider.
        grammar: what can be said, in place of a language model; its words are the lexicon, or those of them
            whose spellings are given.

    Raises:
        EarwrightError: a vocabulary that cannot be searched, no word that can be spelled with it, a model of
            other tokens; a word of the grammar that cannot be spelled, a grammar beside a language model.

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
        lm: LanguageModel | NeuralLanguageModel | None = None,
        options: SearchOptions | None = None,
        grammar: Grammar | None = None,
    ) -> None:
        names = tokens if isinstance(tokens, Sequence) else tokens.tokens
        self.units = Units.of(names, blank)
        self.options = options or (SearchOptions() if grammar is None else GRAMMAR_OPTIONS)
        self.lm = lm
        self.grammar = grammar
        self.unspellable: tuple[str, ...] = ()
        self.fusion = Fusion.of(lm, self.units) if isinstance(lm, NeuralLanguageModel) else None
        ngrams = lm if isinstance(lm, LanguageModel) else None
        self._word_lm = ngrams if ngrams is not None and ngrams.unit == "word" else None
        if lexicon is None and self._word_lm is not None:
            lexicon = [word for word in self._word_lm.vocabulary if word not in SPECIAL_WORDS]
        if grammar is not None:
            lexicon = grammar_lexicon(grammar, self.units, lexicon, lm is not None)
        self.has_lexicon = lexicon is not None
        self.tree = spelling_tree([], []) if lexicon is None else self._build_tree(lexicon)
        if grammar is not None:
            arcs = grammar_arcs(grammar.automaton, self.tree)
            self.tree = replace(self.tree, tree=self.tree.tree._replace(arcs=arcs))
        if ngrams is not None and self._word_lm is None:
            ids = _token_ids(self.units, ngrams)
            self.units = replace(self.units, spellings=self.units.spellings._replace(lm_ids=ids))
        self._lm = ngrams if ngrams is not None else _no_lm()
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
            At least one, but for a search that allows listed words alone where none of them fits. With a
            grammar those that fit; where none does, one that is `rejected` and has no words.

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

    @property
    def has_lattices(self) -> bool:
        """Whether hypotheses ever join: after other words a neural model says something else."""
        return self.fusion is None and self.grammar is None

    def lattice(
        self,
        log_probs: npt.ArrayLike,
        options: SearchOptions | None = None,
        keyterms: KeytermSet | None = None,
        beam: float = LATTICE_BEAM,
    ) -> Lattice:
        """What else the search has thought possible, as a word lattice.

        Args:
            log_probs: (T, V) natural logarithms of a whole utterance.
            options: other ones than the search's own.
            keyterms: made by `keyterms`.
            beam: how far behind the best path, as a natural logarithm, those may be that are kept.

        Returns:
            An empty one where `decode` finds nothing.

        Raises:
            EarwrightError: as for `decode`; a token with a space elsewhere than at its beginning.
        """
        return self.decode_with_lattice(log_probs, 1, options, keyterms, beam)[1]

    def decode_with_lattice(
        self,
        log_probs: npt.ArrayLike,
        nbest: int = 1,
        options: SearchOptions | None = None,
        keyterms: KeytermSet | None = None,
        beam: float = LATTICE_BEAM,
    ) -> tuple[list[Hypothesis], Lattice]:
        """What `decode` and `lattice` give, of one search."""
        from earwright.decoding.lattice.build import build_lattice

        if not self.has_lattices:
            raise EarwrightError(
                "lattices are made with n-grams or none, not with neural models or grammars."
            )
        stream = BeamStream(self, options or self.options, keyterms, lattice=True)
        stream.advance(log_probs)
        return stream.finish(nbest), build_lattice(stream, stream.scaled(log_probs), beam)

    def stream(self, options: SearchOptions | None = None, keyterms: KeytermSet | None = None) -> BeamStream:
        """A search that is given its frames piece by piece."""
        return BeamStream(self, options or self.options, keyterms)

    def restore(self, data: bytes, keyterms: KeytermSet | None = None) -> BeamStream:
        """A search that was under way, from what `BeamStream.save` returned; its options come with it.

        Args:
            data: from a search of the same tokens, lexicon and language model.
            keyterms: those that it was listening for.

        Raises:
            EarwrightError: it is of another search or later version, or damaged.
        """
        from earwright.decoding.saved import restore_stream

        return restore_stream(self, data, keyterms)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all but the options that decides what is found: tokens, words, language model."""
        from earwright.decoding.saved import fingerprint

        tree, spellings = self.tree.tree, self.units.spellings
        lm = [] if self.fusion is None else [self.fusion.model.digest]
        # Links are found while queries run; whether a number is kept or found again is all the same.
        tables = [np.asarray(array) for name, array in self._lm.tables._asdict().items() if name != "links"]
        texts = [*self.units.tokens, f"blank {self.units.blank}", *self.tree.words]
        arrays: list[np.ndarray] = [*tree[:-1], *tree.arcs, self.tree.best, *spellings, *tables]
        return fingerprint([*texts, *arrays, *lm])

    def keyterms(
        self, terms: Iterable[Keyterm | str], normalize: Callable[[str], str] = lambda text: text
    ) -> KeytermSet:
        """Make words and phrases ready to be listened for; one set serves any number of calls.

        Args:
            terms: at least one.
            normalize: what the texts went through that the tokens are of; terms are written as they are.

        Raises:
            EarwrightError: there is no term, or none that can be heard.

        Terms that are empty, there twice or cannot be spelled with the tokens bring a warning.
        """
        if isinstance(terms, str):
            raise EarwrightError(f"the key terms are the text {terms!r}; give a list of them.")
        spellings = None
        if self._pronunciations is not None:
            spellings = {word: list(ways) for word, ways in self._pronunciations.items()}
        closed = self.has_lexicon and self.grammar is None  # which lets no words in
        return KeytermSet.of(terms, self.units, self.tree, self._word_lm, closed, spellings, normalize)

    def _build_tree(self, lexicon: Lexicon) -> SpellingTree:
        if isinstance(lexicon, str):
            raise EarwrightError(f"the lexicon is the text {lexicon!r}; give a list of words.")
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

    @property
    def start_state(self) -> int:
        """Of language model or grammar, before the first word."""
        return 0 if self.grammar is not None else self._lm.start_state

    def limits(self, options: SearchOptions) -> Limits:
        """The options as the kernel takes them."""
        return Limits(
            beam=options.beam,
            beam_width=math.exp(-options.beam_threshold),
            token_width=math.exp(-options.token_threshold),
            blank=self.units.blank,
            blank_skip=options.blank_skip if options.blank_skip < 1 else 2.0,
            maximum=options.maximum,
            # After two prefixes a neural model never says the same.
            recombine=options.recombine
            and (self.lm is not None or self.grammar is not None)
            and self.fusion is None,
            grammar=self.grammar is not None,
            word_lm=self._word_lm is not None or self.grammar is not None,
            token_lm=self.lm is not None and self._word_lm is None and self.fusion is None,
            boundaries=self.units.space is not None or not self.has_lexicon,
        )

    def weights(self, options: SearchOptions) -> Weights:
        """The options as the kernel takes them; without a lexicon no word is unknown, nor with a grammar."""
        unknown = -options.unknown_penalty if self.has_lexicon else 0.0
        if self.grammar is not None:
            unknown = -math.inf
        return Weights(options.lm_weight * _LN10, options.word_bonus, unknown)


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
