"""What a recognizer has its log-probs read by: greedily, or by a beam search with all that helps it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from earwright.decoding.align import align_tokens
from earwright.decoding.beam import BeamSearch
from earwright.decoding.greedy import greedy_search
from earwright.decoding.hypothesis import Hypothesis
from earwright.decoding.keyterm_set import KeytermSet
from earwright.decoding.keyterm_writing import Writing
from earwright.decoding.lattice.confidence import spread_over_tokens, word_confidences
from earwright.decoding.lattice.graph import Lattice
from earwright.decoding.lattice.hypotheses import lattice_hypotheses
from earwright.decoding.options import SearchOptions, for_many
from earwright.decoding.rescore import Rescorer
from earwright.decoding.words import TimedTokens, written_words
from earwright.errors import EarwrightError
from earwright.transcript import Word

LogProbs = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Decoded:
    """What was found in an utterance.

    Attributes:
        tokens: their numbers.
        start_frames: the first frame of each token.
        end_frames: the frame after its last.
        confidences: of each token, in [0, 1].
        best: the hypotheses of a beam search, best first; as many as were asked for.
        lattice: what else was thought possible, if that was asked for.
    """

    tokens: list[int]
    start_frames: list[int]
    end_frames: list[int]
    confidences: list[float]
    best: tuple[Hypothesis, ...] = ()
    lattice: Lattice | None = None

    @classmethod
    def of(
        cls, found: TimedTokens, best: Sequence[Hypothesis] = (), lattice: Lattice | None = None
    ) -> Decoded:
        """From the tokens of any search."""
        return cls(
            found.tokens, found.start_frames, found.end_frames, found.confidences, tuple(best), lattice
        )


class Decoder(Protocol):
    """Reads log-probs."""

    def decode(self, batch: Sequence[LogProbs]) -> list[Decoded]:
        """The tokens of each utterance of a batch, (T, V) each, with their frames."""

    def write(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """The words of those tokens as they are to be written."""


@dataclass(frozen=True)
class GreedyDecoder:
    """The best token of every frame."""

    blank: int = 0

    def decode(self, batch: Sequence[LogProbs]) -> list[Decoded]:
        """The tokens of each utterance."""
        return [Decoded.of(greedy_search(log_probs, self.blank)) for log_probs in batch]

    def write(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """The words as they are."""
        return tuple(words)


@dataclass(frozen=True)
class BeamDecoder:
    """The best hypothesis of a beam search, aligned with the log-probs for its times.

    Attributes:
        search: for words that are spelled with its tokens.
        keyterms: to listen for.
        rescorer: orders the best hypotheses anew, if there is one.
        candidates: how many it is given.
        threads: how many utterances are searched at once; None: one a core.
        options: other ones than the search's own.
        nbest: how many hypotheses come back.
        lattice_confidence: take confidences from a word lattice (`lattice.confidence`) instead of from the
            alignment alone: they tell right words from wrong ones far better, and take about as long again as
            the search. Where there are no lattices, as with a neural model, the alignment's are taken.
        with_lattice: whether lattices come back; they are of the search, and know nothing of the rescorer.
    """

    search: BeamSearch
    keyterms: KeytermSet | None = None
    rescorer: Rescorer | None = None
    candidates: int = 50
    threads: int | None = None
    options: SearchOptions | None = None
    nbest: int = 1
    lattice_confidence: bool = False
    with_lattice: bool = False

    def decode(self, batch: Sequence[LogProbs]) -> list[Decoded]:
        """The tokens of each utterance; none where no words that are allowed fit the audio."""
        if len(batch) == 1:
            return [self._decode_one(batch[0])]
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(self._decode_one, batch))

    def write(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """The words, with those that were heard for a key term written as it is."""
        if self.keyterms is None or self._options.keyterm_boost == 0:
            return tuple(words)
        return written_words(words, self.keyterms.writing)

    @property
    def _options(self) -> SearchOptions:
        return self.options or self.search.options

    def _decode_one(self, log_probs: LogProbs) -> Decoded:
        found, lattice = self._search(log_probs)
        kept = lattice if self.with_lattice else None
        best = found[: self.nbest]
        if not found or not found[0].tokens:
            return Decoded([], [], [], [], tuple(best), kept)
        aligned = align_tokens(log_probs, found[0].tokens, self.search.units.blank)
        if aligned is None:
            raise EarwrightError("the search found words that the audio has no room for; report this.")
        decoded = Decoded.of(aligned, best, kept)
        if lattice is None or not self.lattice_confidence:
            return decoded
        sure = word_confidences(lattice, found[0].heard)
        spread = spread_over_tokens(self.search.units, decoded.tokens, sure)
        return decoded if spread is None else replace(decoded, confidences=spread)

    def _search(self, log_probs: LogProbs) -> tuple[list[Hypothesis], Lattice | None]:
        """Hypotheses, best first, and a lattice where one is of use."""
        options = self._options
        wanted = self.with_lattice or (self.lattice_confidence and self.search.has_lattices)
        count = max(self.nbest, self.candidates if self.rescorer else 1)
        # A search that takes notes for a lattice recombines; one that does not is another one.
        if wanted and count == 1 and options.recombine and self.search.lm is not None:
            return self.search.decode_with_lattice(log_probs, 1, options, self.keyterms)
        if self.rescorer is not None:
            found, lattice = candidates_of(self.search, log_probs, count, options, self.keyterms)
            found = self.rescorer.rescore(found, options.lm_weight)
        else:
            many = for_many(options, count) if count > 1 else options
            found, lattice = self.search.decode(log_probs, count, many, self.keyterms), None
        if wanted and lattice is None:
            lattice = self.search.lattice(log_probs, options, self.keyterms)
        return found, lattice


def candidates_of(
    search: BeamSearch,
    log_probs: LogProbs,
    count: int,
    options: SearchOptions,
    keyterms: KeytermSet | None = None,
) -> tuple[list[Hypothesis], Lattice | None]:
    """Hypotheses for a second look, best first: of a lattice, where there is one.

    Args:
        search, options, keyterms: of the first look.
        log_probs: (T, V).
        count: how many at most.
    """
    if not (options.recombine and search.lm is not None and search.has_lattices):
        return search.decode(log_probs, count, for_many(options, count), keyterms), None
    found, lattice = search.decode_with_lattice(log_probs, 1, options, keyterms)
    writing = Writing() if keyterms is None or options.keyterm_boost == 0 else keyterms.writing
    return lattice_hypotheses(lattice, count, search.units.blank, writing) or found, lattice
