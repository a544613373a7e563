"""CTC prefix beam search as the paper has it: plain Python, a dictionary of prefixes.

Hannun et al. 2014 (arXiv:1408.2873), algorithm 1. A prefix keeps its acoustic masses alone; what language
model, lexicon and bonuses say of it is a function of its tokens, computed anew whenever prefixes are ranked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decoding.enumeration import lm_log10
from earwright.decoding import SearchOptions
from earwright.lm.query import LanguageModel

Prefix = tuple[int, ...]


def prefix_search(
    log_probs: npt.NDArray[np.float64],
    options: SearchOptions,
    worth: Callable[[Prefix, bool], float],
    blank: int = 0,
) -> list[tuple[float, Prefix]]:
    """What each prefix in the last beam is worth, best first.

    Args:
        log_probs: (T, V).
        options: `beam`, `maximum`, `token_beam`, `blank_skip`, scale and penalty are heeded, thresholds not.
        worth: natural logarithm of all but the acoustics, of a prefix; and whether the sentence ends with it.
        blank: its number.
    """
    plus = max if options.maximum else float.__add__
    beam: dict[Prefix, tuple[float, float]] = {(): (1.0, 0.0)}
    scale = 0.0
    for given in log_probs:
        row = given * options.acoustic_scale
        row[blank] -= options.blank_penalty
        scale += row.max()
        probs = [float(p) for p in np.exp(row - row.max())]
        tokens = sorted((t for t in range(len(probs)) if t != blank), key=lambda t: -probs[t])
        tokens = tokens[: options.token_beam]
        if options.blank_skip < 1 and probs[blank] >= options.blank_skip * math.fsum(probs):
            tokens = []
        after: dict[Prefix, tuple[float, float]] = {}
        for prefix, (in_blank, in_label) in beam.items():
            total = plus(in_blank, in_label)
            stays = in_label * probs[prefix[-1]] if prefix else 0.0
            after[prefix] = (total * probs[blank], plus(after.get(prefix, (0.0, 0.0))[1], stays))
            # What is in the beam gets all that belongs to it; tokens are left out where they are new.
            there = [token for token in range(len(probs)) if tokens and (*prefix, token) in beam]
            for token in dict.fromkeys([*tokens, *there]):
                repeated = bool(prefix) and prefix[-1] == token
                grown, mass = (*prefix, token), (in_blank if repeated else total) * probs[token]
                was = after.get(grown, (0.0, 0.0))
                after[grown] = (was[0], plus(was[1], mass))
        ranked = sorted(after, key=lambda one: -_log(plus(*after[one])) - worth(one, False))
        ranked = [one for one in ranked if _log(plus(*after[one])) + worth(one, False) > -math.inf]
        best = max((plus(*after[one]) for one in ranked), default=1.0)
        scale += math.log(best)
        beam = {one: (after[one][0] / best, after[one][1] / best) for one in ranked[: options.beam]}
    found = [(_log(plus(*masses)) + scale + worth(one, True), one) for one, masses in beam.items()]
    return sorted((one for one in found if one[0] > -math.inf), reverse=True)


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


@dataclass(frozen=True)
class Worth:
    """What words and tokens are worth by definition: `SearchOptions` says how.

    Attributes:
        names: of the tokens, with signs for spaces.
        options: weights.
        lexicon: the words, if there are such; others are unknown.
        lm: of words or of the tokens.
    """

    names: tuple[str, ...]
    options: SearchOptions
    lexicon: Collection[str] | None = None
    lm: LanguageModel | None = None

    def __call__(self, tokens: Prefix, ended: bool) -> float:
        """Of a prefix whose last word may be unfinished, or of a whole sentence."""
        text = "".join(self.names[token] for token in tokens).replace("\u2581", " ")
        words = text.split()
        open_word = "" if ended or not words or text.endswith(" ") else words.pop()
        known = self.lexicon
        worth = self.options.word_bonus * len(words)
        unknown = 0 if known is None else sum(word not in known for word in words)
        if self.lm is not None and self.lm.unit == "token":
            worth += self._log(self.lm, [self.names[token] for token in tokens], ended)
        elif self.lm is not None:
            worth += self._log(self.lm, words, ended)
        if open_word and known is not None:
            begun = [word for word in known if word.startswith(open_word)]
            unknown += not begun
            if begun and self.lm is not None and self.lm.unit == "word":
                alone, _ = self.lm.score_batch(np.full(len(begun), self.lm.empty_state), self.lm.ids(begun))
                worth += self.options.lm_weight * math.log(10) * float(alone.max())
        return worth - (unknown * self.options.unknown_penalty if unknown else 0.0)

    def _log(self, lm: LanguageModel, words: list[str], ended: bool) -> float:
        log10 = (
            lm_log10(lm, words)
            if ended
            else float(lm.scores(lm.ids(words), end=False).log_probs.sum(dtype=float))
        )
        return self.options.lm_weight * math.log(10) * log10
