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
from earwright.decoding.greedy import GreedyResult, greedy_search
from earwright.decoding.keyterms import KeytermSet
from earwright.decoding.lattice.confidence import spread_over_tokens, word_confidences
from earwright.decoding.lattice.graph import Lattice
from earwright.decoding.options import for_many
from earwright.decoding.rescore import Rescorer
from earwright.decoding.words import TimedTokens
from earwright.errors import EarwrightError

LogProbs = npt.NDArray[np.float32]


class Decoder(Protocol):
    """Reads log-probs."""

    def decode(self, batch: Sequence[LogProbs]) -> list[TimedTokens]:
        """The tokens of each utterance of a batch, (T, V) each, with their frames."""


@dataclass(frozen=True)
class GreedyDecoder:
    """The best token of every frame."""

    blank: int = 0

    def decode(self, batch: Sequence[LogProbs]) -> list[TimedTokens]:
        """The tokens of each utterance."""
        return [greedy_search(log_probs, self.blank) for log_probs in batch]


@dataclass(frozen=True)
class BeamDecoder:
    """The best hypothesis of a beam search, aligned with the log-probs for its times.

    Attributes:
        search: for words that are spelled with its tokens.
        keyterms: to listen for.
        rescorer: orders the best hypotheses anew, if there is one.
        nbest: how many it is given.
        threads: how many utterances are searched at once; None: one a core.
        lattice_confidence: take confidences from a word lattice (`lattice.confidence`) instead of from the
            alignment alone: they tell right words from wrong ones far better, and take about as long again as
            the search.
    """

    search: BeamSearch
    keyterms: KeytermSet | None = None
    rescorer: Rescorer | None = None
    nbest: int = 20
    threads: int | None = None
    lattice_confidence: bool = False

    def decode(self, batch: Sequence[LogProbs]) -> list[TimedTokens]:
        """The tokens of each utterance; none where no words that are allowed fit the audio."""
        return [tokens for tokens, _ in self._decode(batch, self.lattice_confidence)]

    def decode_with_lattices(self, batch: Sequence[LogProbs]) -> list[tuple[TimedTokens, Lattice]]:
        """The same with what else was thought possible; see `BeamSearch.lattice`."""
        return [(tokens, lattice) for tokens, lattice in self._decode(batch, True) if lattice is not None]

    def _decode(self, batch: Sequence[LogProbs], lattice: bool) -> list[tuple[TimedTokens, Lattice | None]]:
        if len(batch) == 1:
            return [self._decode_one(batch[0], lattice)]
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(lambda one: self._decode_one(one, lattice), batch))

    def _decode_one(self, log_probs: LogProbs, with_lattice: bool) -> tuple[TimedTokens, Lattice | None]:
        blank = self.search.units.blank
        lattice: Lattice | None = None
        with_lattice = with_lattice and self.search.fusion is None
        options, nbest = self.search.options, 1
        if self.rescorer is not None:
            options, nbest = for_many(options, self.nbest), self.nbest
        if with_lattice and self.rescorer is None:
            found, lattice = self.search.decode_with_lattice(log_probs, keyterms=self.keyterms)
        else:
            found = self.search.decode(log_probs, nbest, options, self.keyterms)
        if with_lattice and lattice is None:
            lattice = self.search.lattice(log_probs, keyterms=self.keyterms)
        if self.rescorer is not None:
            found = self.rescorer.rescore(found, self.search.options.lm_weight)
        if not found:
            return GreedyResult([], [], [], []), lattice
        aligned = align_tokens(log_probs, found[0].tokens, blank)
        if aligned is None:
            raise EarwrightError("the search found words that the audio has no room for; report this.")
        if lattice is not None and self.lattice_confidence:
            sure = word_confidences(lattice, found[0].words)
            spread = spread_over_tokens(self.search.units, aligned.tokens, sure)
            aligned = replace(aligned, confidences=spread or aligned.confidences)
        return aligned, lattice
