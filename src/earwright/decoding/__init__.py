"""From log-probs to words: searches over `(T, V)` numpy arrays, which know nothing of models."""

from earwright.decoding.beam import BeamSearch, BeamStream, Hypothesis
from earwright.decoding.greedy import GreedyResult, greedy_search
from earwright.decoding.keyterms import Keyterm, KeytermSet, read_keyterms
from earwright.decoding.options import SearchOptions
from earwright.decoding.words import timed_words

__all__ = [
    "BeamSearch",
    "BeamStream",
    "GreedyResult",
    "Hypothesis",
    "Keyterm",
    "KeytermSet",
    "SearchOptions",
    "greedy_search",
    "read_keyterms",
    "timed_words",
]
