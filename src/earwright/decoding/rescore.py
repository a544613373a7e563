"""A second look at the best hypotheses, with a language model that is too slow for the search.

    rescorer = Rescorer(ModelScorer.load("books.onnx"), share=0.5)
    best = rescorer.rescore(search.decode(log_probs, nbest=20), lm_weight=0.5)[0]

The language model's part of a hypothesis' score becomes a mixture of what the search's own model said and of
what the larger one says. A scorer that fails leaves the order of the search as it is, and says so once.
"""

from __future__ import annotations

import http.client
import json
import math
import os
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from earwright.decoding.hypothesis import Hypothesis
from earwright.errors import EarwrightError, EarwrightWarning, first_line
from earwright.lm.neural import NeuralLanguageModel
from earwright.lm.ngrams import END
from earwright.lm.query import LanguageModel
from earwright.lm.scored_text import load_model
from earwright.lm.spelling import Speller

_LN10 = math.log(10.0)
_LARGEST_ANSWER = 1 << 26  # bytes
_PATIENCE = 3  # failures in a row, after which a scorer is not asked again: each may have taken a timeout


class SentenceScorer(Protocol):
    """Says how likely sentences are."""

    def log10(self, texts: Sequence[str]) -> list[float]:
        """log10 of the probability of each text, as a whole sentence.

        Raises:
            EarwrightError: it cannot say.
        """


@dataclass(frozen=True)
class Rescorer:
    """Orders hypotheses anew.

    A failure is a warning, once for each reason; after three in a row the scorer is asked no more.

    Attributes:
        scorer: the larger model.
        share: of it in the language model's part of the score, from 0 (what the search said) to 1.
        scale: what the search's language model weight is multiplied by; a larger model is worth more trust.
    """

    scorer: SentenceScorer
    share: float = 0.5
    scale: float = 1.0
    _failures: list[str] = field(default_factory=list, init=False, repr=False, compare=False)  # in a row
    _told: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raises EarwrightError for a share outside [0, 1]."""
        if not 0.0 <= self.share <= 1.0:
            raise EarwrightError(f"the share of a rescoring model is {self.share}; give 0 to 1.")
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise EarwrightError(f"the scale of a rescoring model is {self.scale}; give a number above 0.")

    def rescore(self, hypotheses: Sequence[Hypothesis], lm_weight: float) -> list[Hypothesis]:
        """The hypotheses with their new scores, best first.

        Args:
            hypotheses: of one utterance.
            lm_weight: of the search.
        """
        if not hypotheses or self.share == 0.0 or len(self._failures) >= _PATIENCE:
            return list(hypotheses)
        try:
            found = self.scorer.log10([" ".join(one.heard or one.words) for one in hypotheses])
            if len(found) != len(hypotheses) or not all(map(math.isfinite, found)):
                raise EarwrightError("the scorer's answer is not a finite number for each text.")
        except EarwrightError as error:
            self._failures.append(str(error))
            self._warn(f"rescoring failed, and what the search found stands: {error}")
            if len(self._failures) == _PATIENCE:
                self._warn(f"rescoring failed {_PATIENCE} times in a row, and is not tried again.")
            return list(hypotheses)
        self._failures.clear()
        return self.reorder(hypotheses, found, lm_weight)

    def reorder(
        self, hypotheses: Sequence[Hypothesis], log10: Sequence[float], lm_weight: float
    ) -> list[Hypothesis]:
        """The hypotheses with their new scores, best first, given what the scorer has said of each."""
        scored = []
        for one, new in zip(hypotheses, log10, strict=True):
            mixed = (1 - self.share) * one.lm_score + self.share * new
            gain = lm_weight * _LN10 * (self.scale * mixed - one.lm_score)
            scored.append(replace(one, score=one.score + gain, lm_score=mixed))
        return sorted(scored, key=lambda one: -one.score)

    def _warn(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            warnings.warn(message, EarwrightWarning, stacklevel=3)


@dataclass(frozen=True)
class ModelScorer:
    """A language model of earwright's: n-grams of words, or a Transformer of words or of any tokenizer's."""

    model: LanguageModel | NeuralLanguageModel

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ModelScorer:
        """From a file of `earwright lm train`.

        Raises:
            EarwrightError: it is none, or n-grams of tokens, which do not know how words are spelled.
        """
        model = load_model(path)
        if model.unit != "word" and isinstance(model, LanguageModel):
            raise EarwrightError(
                f"{path}: n-grams of tokens; hypotheses are rescored by models of words, and by neural ones."
            )
        return cls(model)

    def log10(self, texts: Sequence[str]) -> list[float]:
        """Of all texts in one run."""
        if not texts:
            return []
        sentences = [self.model.normalize(text).split() for text in texts]
        own = self.model.tokenizer if isinstance(self.model, NeuralLanguageModel) else None
        if own is None:
            ids = np.concatenate([np.append(self.model.ids(words), END) for words in sentences])
            lengths = np.array([len(words) + 1 for words in sentences])
        else:
            speller = Speller(own)
            numbers = [[*(speller.numbers[word] for word in words), END] for words in sentences]
            ids, of_words = speller.spell(np.concatenate(numbers).astype(np.int32))
            begins = np.cumsum([0, *map(len, numbers[:-1])])
            lengths = np.add.reduceat(of_words, begins)
        log_probs = self.model.scores(ids, end=False).log_probs.astype(np.float64)
        sums: list[float] = np.add.reduceat(log_probs, np.cumsum(lengths) - lengths).tolist()
        return sums


@dataclass(frozen=True)
class ServerScorer:
    """A model behind a server that speaks OpenAI's completions API and echoes prompts with log-probs.

    vLLM does; llama.cpp's server does not. Nothing is sent anywhere but to the address that is given.

    Attributes:
        address: such as "http://localhost:8000/v1".
        model: the name that the server knows it by.
        timeout: seconds to wait for an answer, and to read it.
        key: sent as a bearer token, if the server wants one.
    """

    address: str
    model: str
    timeout: float = 30.0
    key: str | None = None

    def log10(self, texts: Sequence[str]) -> list[float]:
        """Of all texts in one request."""
        if not texts:
            return []
        wanted = {
            "model": self.model,
            "prompt": list(texts),
            "max_tokens": 1,
            "temperature": 0.0,
            "echo": True,
            "logprobs": 1,
        }
        choices = self._ask(wanted).get("choices")
        if not isinstance(choices, list) or len(choices) != len(texts):
            raise EarwrightError(f"{self.address}: the answer does not have a choice for each text.")
        try:
            by_index = {int(choice.get("index", place)): choice for place, choice in enumerate(choices)}
            return [self._sum(by_index.get(place), text) for place, text in enumerate(texts)]
        except (AttributeError, OverflowError, TypeError, ValueError) as error:
            raise EarwrightError(
                f"{self.address}: the answer makes no sense ({first_line(error)})."
            ) from error

    def _ask(self, wanted: dict[str, Any]) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if self.key is not None:
            headers["Authorization"] = f"Bearer {self.key}"
        if not self.address.startswith(("http://", "https://")):
            raise EarwrightError(f"{self.address}: is no address; give one such as http://localhost:8000/v1.")
        request = urllib.request.Request(
            f"{self.address.rstrip('/')}/completions", json.dumps(wanted).encode(), headers
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                data = self._read(answer)
        except urllib.error.HTTPError as error:
            error.close()
            raise EarwrightError(f"{self.address}: answered {error.code} {error.reason}.") from error
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: the port is none
            reason = getattr(error, "reason", None) or error
            raise EarwrightError(f"{self.address}: cannot be reached ({first_line(reason)}).") from error
        try:
            found = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise EarwrightError(f"{self.address}: the answer is no JSON.") from error
        if not isinstance(found, dict):
            raise EarwrightError(f"{self.address}: the answer is no JSON object.")
        return found

    def _read(self, answer: http.client.HTTPResponse) -> bytes:
        """All of it; one that trickles in for ever is none."""
        until, parts, size = time.monotonic() + self.timeout, [], 0
        while part := answer.read1(1 << 16):
            parts.append(part)
            size += len(part)
            if time.monotonic() > until or size > _LARGEST_ANSWER:
                raise TimeoutError("its answer does not end")
        if answer.length:  # what is still to come, where the server said how much there is
            raise http.client.IncompleteRead(b"".join(parts), answer.length)
        return b"".join(parts)

    def _sum(self, choice: dict[str, Any] | None, text: str) -> float:
        """log10 of the prompt's tokens; the first has no log-prob, the generated one is left out."""
        probs = choice.get("logprobs") if choice else None
        values = probs.get("token_logprobs") if isinstance(probs, dict) else None
        if not isinstance(values, list) or not values:
            raise EarwrightError(
                f"{self.address}: the answer has no log-probs of the prompt; the server must know `echo`."
            )
        offsets = probs.get("text_offset") if isinstance(probs, dict) else None
        if isinstance(offsets, list) and len(offsets) == len(values):
            known = [value for value, at in zip(values, offsets, strict=True) if at < len(text)]
        else:
            known = values[:-1]
        numbers = [float(value) for value in known if isinstance(value, int | float)]
        if len(numbers) < len(known) - 1:
            raise EarwrightError(f"{self.address}: some of the prompt's log-probs are missing.")
        return math.fsum(numbers) / _LN10
