"""N-gram language models: made from any text, pruned and mixed, kept in files, and queried."""

from earwright.lm.ngrams import END, START, UNKNOWN, Level, NgramModel
from earwright.lm.query import LanguageModel, load_ngrams, save_ngrams

__all__ = [
    "END",
    "START",
    "UNKNOWN",
    "LanguageModel",
    "Level",
    "NgramModel",
    "load_ngrams",
    "save_ngrams",
]
