"""From log-probs to words: searches over `(T, V)` numpy arrays, which know nothing of models."""

from earwright.decoding.align import Alignment, align_tokens
from earwright.decoding.beam import BeamSearch
from earwright.decoding.decoder import BeamDecoder, Decoded, Decoder, GreedyDecoder
from earwright.decoding.grammar import Grammar
from earwright.decoding.greedy import GreedyResult, greedy_search
from earwright.decoding.hypothesis import Hypothesis
from earwright.decoding.keyterm_set import KeytermSet
from earwright.decoding.keyterms import Keyterm, read_keyterms
from earwright.decoding.options import SearchOptions
from earwright.decoding.rescore import ModelScorer, Rescorer, ServerScorer
from earwright.decoding.stream import BeamStream
from earwright.decoding.words import TimedTokens, timed_words

__all__ = [
    "Alignment",
    "BeamDecoder",
    "BeamSearch",
    "BeamStream",
    "Decoded",
    "Decoder",
    "Grammar",
    "GreedyDecoder",
    "GreedyResult",
    "Hypothesis",
    "Keyterm",
    "KeytermSet",
    "ModelScorer",
    "Rescorer",
    "SearchOptions",
    "ServerScorer",
    "TimedTokens",
    "align_tokens",
    "greedy_search",
    "read_keyterms",
    "timed_words",
]
