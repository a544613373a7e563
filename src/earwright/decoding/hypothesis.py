"""What a search found."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Hypothesis:
    """What a search found.

    Attributes:
        text: the words, separated by single blanks.
        words: as the lexicon has them; what it does not have as it is spelled.
        tokens: their numbers.
        frames: in which each token was first heard; `decoding.align` says it better.
        score: what it is worth, as a natural logarithm; see `SearchOptions`.
        acoustic_score: the part of it that is log P(audio | tokens), scaled as the options say.
        lm_score: log10 of the language model, unweighted, or of the grammar.
        unknown: for each word whether the lexicon lacks it.
        fit: of a grammar: how well the phrase explains the audio, beside what the audio sounds like without
            a grammar; 0 at best; see `decoding.grammar.rejection`.
        rejected: nothing that a grammar allows fits the audio well enough: there is no text, and the scores
            are those of what is nearest.
        tags: of a grammar, those of the phrase.
        heard: the words before key terms were written as they are listed.
    """

    text: str
    words: tuple[str, ...]
    tokens: tuple[int, ...]
    frames: tuple[int, ...]
    score: float
    acoustic_score: float
    lm_score: float
    unknown: tuple[bool, ...] = field(repr=False, default=())
    fit: float | None = None
    rejected: bool = False
    tags: tuple[str, ...] = ()
    heard: tuple[str, ...] = field(repr=False, default=())
