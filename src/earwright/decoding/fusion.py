"""A neural language model of the recognizer's tokens in the search itself: shallow fusion (arXiv:1503.03535).

What may follow a prefix is asked for when the search first wants to add a token to it, of all prefixes of a
frame at once. Where the blank is all that a frame has, and where all that may follow is in the beam already,
nothing is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from earwright.decoding.spellings import Units
from earwright.errors import EarwrightError
from earwright.lm.neural import NeuralLanguageModel, States
from earwright.lm.ngrams import END, NEVER, SPECIAL_WORDS

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fusion:
    """A neural language model that knows the tokens of a search.

    Attributes:
        model: of tokens.
        columns: (V + 1,) of each token in the model, and of the end of a sentence.
    """

    model: NeuralLanguageModel
    columns: npt.NDArray[np.int64]

    @classmethod
    def of(cls, model: NeuralLanguageModel, units: Units) -> Fusion:
        """For the tokens of a search.

        Raises:
            EarwrightError: the model is of words, or of other tokens than these.
        """
        what = "the neural language model"
        elsewhere = "rescore the best hypotheses with it instead (--rescore, `use_beam(rescorer=...)`)"
        if model.unit != "token":
            raise EarwrightError(
                f"{what} is of words, and the search is of tokens: {elsewhere}, or train one with --tokens."
            )
        said = [name for name, part in zip(units.tokens, units.spellings.said, strict=True) if part]
        known = set(model.vocabulary) - set(SPECIAL_WORDS)
        other = sorted(set(said) - known) or sorted(known - set(units.tokens))
        if other:
            raise EarwrightError(
                f"{what} is of other tokens than the recognizer's ({other[0]!r} is on one side alone): "
                f"{elsewhere}, or train one with --tokens and this recognizer."
            )
        return cls(model, np.append(model.ids(units.tokens), END))


@dataclass
class Prefix:
    """One hypothesis as the model sees it.

    Attributes:
        cache: (L, 2, W, D) what the model keeps of all that came before `last`; of `last`, too, once it was
            asked.
        filled: of how many tokens.
        last: the last token, as the model numbers them.
        log_probs: (V + 1,) log10 of what may follow; None before the model was asked.
    """

    cache: npt.NDArray[np.float32]
    filled: int
    last: int
    log_probs: Numbers | None = None


class Prefixes:
    """What a neural language model says of the hypotheses in a beam.

    Args:
        fusion: the model.
        root: key of the hypothesis that has said nothing.

    Attributes:
        known: of each hypothesis, by its key.
    """

    def __init__(self, fusion: Fusion, root: int) -> None:
        self.fusion = fusion
        start = fusion.model.start_states(1)
        self.known = {root: Prefix(start.cache[0], int(start.filled[0]), int(start.last[0]))}

    def log_probs(self, keys: Sequence[int]) -> Numbers:
        """(B, V) log10 of each token after each hypothesis; NaN after those that were not asked for."""
        found = np.full((len(keys), len(self.fusion.columns) - 1), np.nan)
        for place, key in enumerate(keys):
            row = self.known[key].log_probs
            if row is not None:
                found[place] = row[:-1]
        return found

    def ask(self, keys: Iterable[int]) -> None:
        """Have the model say what follows these hypotheses."""
        wanted = [self.known[key] for key in keys]
        rows, heard = self._predict(wanted)
        for place, (prefix, row) in enumerate(zip(wanted, rows, strict=True)):
            # Copies: one hypothesis that lives long must not keep the others' caches.
            prefix.cache, prefix.filled = heard.cache[place].copy(), int(heard.filled[place])
            prefix.log_probs = row

    def ends(self, keys: Sequence[int]) -> Numbers:
        """(B,) log10 of the sentence's end after each hypothesis. What is asked for it is not kept.

        So a search goes on in the same way, whether it was asked for its hypotheses in between or not: the
        numbers of a network depend a little on what else is in its batch.
        """
        asked = [prefix for key in keys if (prefix := self.known[key]).log_probs is None]
        said = iter(self._predict(asked)[0] if asked else ())
        rows = [self.known[key].log_probs for key in keys]
        return np.array([(next(said) if row is None else row)[-1] for row in rows])

    def follow(self, keys: Sequence[int], parents: Sequence[int | None], tokens: Sequence[int]) -> None:
        """Forget those that left the beam, and note those that came.

        Args:
            keys: of all in the beam.
            parents: keys of what they were made from; None for those that were there before.
            tokens: the last token of each, as the recognizer numbers them.
        """
        before, self.known = self.known, {}
        for key, parent, token in zip(keys, parents, tokens, strict=True):
            if parent is None:
                self.known[key] = before[key]
            else:
                from_here = before[parent]
                last = int(self.fusion.columns[token])
                self.known[key] = Prefix(from_here.cache, from_here.filled, last)

    def save(self, keys: Sequence[int]) -> dict[str, npt.NDArray[Any]]:
        """All that is known of these, as arrays by their names."""
        known = [self.known[key] for key in keys]
        start = self.fusion.model.start_states(0)
        nothing = np.zeros(len(self.fusion.columns))
        return {
            "cache": np.stack([prefix.cache for prefix in known]) if known else start.cache,
            "filled": np.array([prefix.filled for prefix in known], np.int64),
            "last": np.array([prefix.last for prefix in known], np.int64),
            "asked": np.array([prefix.log_probs is not None for prefix in known], np.bool_),
            "log_probs": np.array(
                [nothing if (row := prefix.log_probs) is None else row for prefix in known]
            ).reshape(len(known), len(nothing)),
        }

    def restore(self, keys: Sequence[int], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """The same back.

        Raises:
            KeyError, ValueError: these arrays cannot be such.
        """
        start, model = self.fusion.model.start_states(len(keys)), self.fusion.model
        kinds: dict[str, npt.NDArray[Any]] = {
            "cache": start.cache,
            "filled": start.filled,
            "last": start.last,
            "asked": np.zeros(len(keys), np.bool_),
            "log_probs": np.zeros((len(keys), len(self.fusion.columns))),
        }
        for name, kind in kinds.items():
            if arrays[name].dtype != kind.dtype or arrays[name].shape != kind.shape:
                raise ValueError(f"{name} is of type {arrays[name].dtype} and shape {arrays[name].shape}")
        for name, most in (("filled", model.window), ("last", len(model.vocabulary) - 1)):
            if len(keys) and not (arrays[name].min() >= 0 and arrays[name].max() <= most):
                raise ValueError(f"{name} has numbers that lead nowhere")
        if np.isnan(arrays["log_probs"]).any():
            raise ValueError("log_probs has NaN in it")
        self.known = {
            key: Prefix(
                arrays["cache"][place],
                int(arrays["filled"][place]),
                int(arrays["last"][place]),
                arrays["log_probs"][place] if arrays["asked"][place] else None,
            )
            for place, key in enumerate(keys)
        }

    def _predict(self, wanted: Sequence[Prefix]) -> tuple[Numbers, States]:
        """(B, V + 1) log10 of what follows, and what the model keeps."""
        states = States(
            np.stack([prefix.cache for prefix in wanted]),
            np.array([prefix.filled for prefix in wanted], np.int64),
            np.array([prefix.last for prefix in wanted], np.int64),
        )
        log_probs, heard = self.fusion.model.predict(states)
        found = log_probs[:, self.fusion.columns].astype(np.float64)
        if np.isnan(found).any():
            where = self.fusion.model.where
            raise EarwrightError(f"{where}: gives NaN for log-probs; train or fetch it again.")
        return np.clip(found, NEVER, 0.0), heard
