"""What a search can be told, in one frozen object."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from earwright.errors import EarwrightError

_NUMBERS = (int, float, np.integer, np.floating)
_LARGEST_BEAM = 1_000_000  # whose arrays take some 300 MB


@dataclass(frozen=True)
class SearchOptions:
    """Weights and sizes of a beam search.

    A hypothesis is worth

        log P(audio | tokens) + lm_weight * ln P_lm(words) + word_bonus * words
            - unknown_penalty * unknown words

    where the first is the sum over all alignments, of log-probs times `acoustic_scale`. Everything is in
    natural logarithms.

    Attributes:
        lm_weight: of the language model, n-gram or neural.
        word_bonus: for each word; above 0 it makes up for what a language model takes for each word.
        unknown_penalty: for each word that lexicon and language model lack; math.inf forbids such words.
        blank_penalty: taken from the blank's log-prob in every frame; above 0 there are fewer deletions.
        acoustic_scale: what log-probs are multiplied by.
        beam: hypotheses kept after each frame; the default is the smallest of a few that makes at most 1 %
            more errors than 500, on dev speech of a recognizer of five hours.
        beam_threshold: how far behind the best one they may be.
        token_beam: tokens tried in a frame.
        token_threshold: how far behind the frame's best token they may be.
        keyterm_boost: for each character (or phone) of a key term of weight 1; 0: there are no key terms.
        blank_skip: a frame whose blank is at least so probable adds no token; 1 or more: none is skipped.
        maximum: the best alignment instead of the sum over all.
        rejection: with a grammar, how much worse than what the audio sounds like without it a phrase may fit,
            for each of its characters (or phones); see `decoding.grammar.rejection`. math.inf: nothing that
            can be said is rejected.
        recombine: with a language model or a grammar, of hypotheses after which everything is equally likely
            keep the best alone. A beam holds more that differs then: one of 50 finds what 200 find without.
            N-best lists become shorter, and sums over alignments a little less exact.
    """

    lm_weight: float = 0.5
    word_bonus: float = 0.0
    unknown_penalty: float = 10.0
    blank_penalty: float = 0.0
    acoustic_scale: float = 1.0
    beam: int = 200
    beam_threshold: float = 12.0
    token_beam: int = 40
    token_threshold: float = 8.0
    keyterm_boost: float = 0.6  # chosen on a dev set; see benchmarks/keyterms.py
    blank_skip: float = 0.9999
    maximum: bool = False
    recombine: bool = True
    rejection: float = 2.5  # benchmarks/grammar.py: best on average over commands, digits and sentences

    def __post_init__(self) -> None:
        """Raises EarwrightError for what makes no sense."""
        for option in fields(self):
            value, switch = getattr(self, option.name), isinstance(option.default, bool)
            if not isinstance(value, bool if switch else _NUMBERS) or isinstance(value, bool) != switch:
                kind = "true or false" if switch else "a number"
                raise EarwrightError(f"search: {option.name} is {value!r}; give {kind}.")
        for name in (
            "lm_weight",
            "beam_threshold",
            "token_threshold",
            "unknown_penalty",
            "keyterm_boost",
            "blank_skip",
            "rejection",
        ):
            value = getattr(self, name)
            if math.isnan(value) or value < 0:
                raise EarwrightError(f"search: {name} is {value}; give a number that is 0 or more.")
        for name in ("lm_weight", "keyterm_boost", "word_bonus", "blank_penalty"):
            if not math.isfinite(getattr(self, name)):
                raise EarwrightError(f"search: {name} is {getattr(self, name)}; give a finite number.")
        if not (math.isfinite(self.acoustic_scale) and self.acoustic_scale > 0):
            raise EarwrightError(f"search: acoustic_scale is {self.acoustic_scale}; give a number above 0.")
        for name in ("beam", "token_beam"):
            value = getattr(self, name)
            if isinstance(value, float | np.floating) or not 1 <= value <= _LARGEST_BEAM:
                raise EarwrightError(
                    f"search: {name} is {value!r}; give a whole number from 1 to {_LARGEST_BEAM:,}."
                )


def for_many(options: SearchOptions, nbest: int) -> SearchOptions:
    """Options with which a list of so many hypotheses holds what differs.

    Recombination would leave what differs in its last words alone, and a beam that is tuned to find the best
    one holds few others.
    """
    return replace(options, recombine=False, beam=max(options.beam, min(5 * nbest, _LARGEST_BEAM)))


# A grammar allows so little that all of it can be tried in every frame, however unlikely. Where it has long
# phrases, and what is said is none of them, those that begin late would fill a small beam.
GRAMMAR_OPTIONS = SearchOptions(
    beam=400, token_beam=100, token_threshold=math.inf, blank_skip=1.0, beam_threshold=math.inf
)


def search_options(
    given: SearchOptions | Mapping[str, Any] | None,
    defaults: SearchOptions = SearchOptions(),
) -> SearchOptions:
    """Options from those that differ from the defaults.

    Raises:
        EarwrightError: there is no such option, or it makes no sense.
    """
    if given is None or isinstance(given, SearchOptions):
        return given or defaults
    known = {option.name for option in fields(SearchOptions)}
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else "."
            raise EarwrightError(f"search: there is no option {name!r}{hint}")
    return replace(defaults, **given)
