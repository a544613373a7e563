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
from earwright.decoding.rescore import Rescorer
from earwright.decoding.words import GrammarMatch, TimedTokens
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
    """

    search: BeamSearch
    keyterms: KeytermSet | None = None
    rescorer: Rescorer | None = None
    nbest: int = 20
    threads: int | None = None

    def decode(self, batch: Sequence[LogProbs]) -> list[TimedTokens]:
        """The tokens of each utterance; none where no words that are allowed fit the audio.

        Of a search with a grammar each is a `GrammarMatch`.
        """
        if len(batch) == 1:
            return [self._decode_one(batch[0])]
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(self._decode_one, batch))

    def _decode_one(self, log_probs: LogProbs) -> TimedTokens:
        blank = self.search.units.blank
        options, nbest = self.search.options, 1
        if self.rescorer is not None:  # a list of what differs in its last words alone would be of no use
            options, nbest = replace(options, recombine=False), self.nbest
        found = self.search.decode(log_probs, nbest, options, self.keyterms)
        if self.rescorer is not None:
            found = self.rescorer.rescore(found, self.search.options.lm_weight)
        if not found:
            return GreedyResult([], [], [], [])
        aligned = align_tokens(log_probs, found[0].tokens, blank)
        if aligned is None:
            raise EarwrightError("the search found words that the audio has no room for; report this.")
        best = found[0]
        if best.fit is None:
            return aligned
        return GrammarMatch(
            aligned.tokens,
            aligned.start_frames,
            aligned.end_frames,
            aligned.confidences,
            best.fit,
            best.rejected,
            best.tags,
        )
