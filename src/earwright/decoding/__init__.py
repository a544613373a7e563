"""From log-probs to words: searches over `(T, V)` numpy arrays, which know nothing of models."""

from earwright.decoding.beam import BeamSearch, BeamStream, Hypothesis
from earwright.decoding.greedy import GreedyResult, greedy_search
from earwright.decoding.options import SearchOptions
from earwright.decoding.words import timed_words

__all__ = [
    "BeamSearch",
    "BeamStream",
    "GreedyResult",
    "Hypothesis",
    "SearchOptions",
    "greedy_search",
    "timed_words",
]
