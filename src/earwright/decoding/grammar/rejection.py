"""How well a phrase of a grammar fits the audio.

A grammar always finds what is nearest. Whether that was said at all shows beside what the audio sounds like
where anything may be said: the best path of all, token by token.
"""

from __future__ import annotations


def fit_of(acoustic: float, free: float, units: int) -> float:
    """How much better a phrase explains the audio than the best path of all does, for each of its units.

    It is near 0, a little above it at best, where the phrase is what the recognizer hears anyway; how far
    below it may be depends on how many of its characters a recognizer gets wrong.

    Args:
        acoustic: log P(audio | phrase), the sum over its alignments.
        free: log P of the best path, whatever it says.
        units: characters (or phones) of the phrase; a longer one has more that can be misheard.
    """
    return (acoustic - free) / max(1, units)
