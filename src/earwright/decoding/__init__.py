"""From log-probs to words: searches over `(T, V)` numpy arrays, which know nothing of models."""

from earwright.decoding.greedy import GreedyResult, greedy_search
from earwright.decoding.words import timed_words

__all__ = ["GreedyResult", "greedy_search", "timed_words"]
