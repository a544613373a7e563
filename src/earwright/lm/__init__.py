"""N-gram language models: made from any text, pruned and mixed, kept in files, and queried."""

from earwright.lm.ngrams import END, START, UNKNOWN, Level, NgramModel

__all__ = ["END", "START", "UNKNOWN", "Level", "NgramModel"]
