"""A neural language model at work: one ONNX file, its words in it, run by onnxruntime."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError, first_line
from earwright.lm.ngrams import END, SPECIAL_WORDS, START, UNKNOWN
from earwright.lm.query import Scores
from earwright.lm.vocabulary import Vocabulary, check_words
from earwright.sessions import external_data, open_session, ort_errors
from earwright.text import BpeTokenizer, CharTokenizer, Tokenizer
from earwright.text.tokenizers import BLANK

FORMAT_VERSION = 1
METADATA = "earwright.language_model"
REPAIR = "train or fetch it again."

# Log-probs that one run may give, over all words of the vocabulary: 16 MB. With these runs and an arena, a
# word of a text took less than half the time that it took with 64 MB and without.
_LARGEST_RUN = 1 << 22
_INPUTS = {"tokens", "cache", "filled"}


@dataclass(frozen=True)
class States:
    """Where hypotheses stand: what a search carries, some hundred KB each.

    Attributes:
        cache: (B, L, 2, W, D) float32, what the model keeps of the past.
        filled: (B,) int64, of how many tokens.
        last: (B,) int64, the token that came after those.
    """

    cache: npt.NDArray[np.float32]
    filled: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.last)

    def then(self, rows: npt.ArrayLike, tokens: npt.ArrayLike) -> States:
        """The hypotheses that go on, from `rows` (K,) of these with `tokens` (K,): after `predict`."""
        places = np.asarray(rows, np.int64)
        return States(self.cache[places], self.filled[places], np.asarray(tokens, np.int64))


@dataclass(frozen=True)
class NeuralLanguageModel:
    """A Transformer over words or over a recognizer's tokens, ready for queries; made by `load`.

    Attributes:
        vocabulary: id -> word, and `vocabulary.id(word)`. UNKNOWN, START and END are 0, 1 and 2; in a model
            of tokens, the token t of the tokenizer is t + 2.
        normalizer: of `earwright.text`, what the model's text went through; "none": as it came.
        unit: "word", or "token" for a model over a recognizer's tokens.
        tokenizer: of such a model.
        window: tokens before a token that each of its blocks sees.
        notes: how it was made.
        digest: SHA-256 of the file, as hex digits.

    Example:
        model = NeuralLanguageModel.load("novels.onnx")
        states = model.start_states(1)
        for word in ["it", "was", "the", "best"]:
            log_probs, states = model.score(states, [model.id(word)])  # log10, (1,)

        # A beam: what may follow each of B hypotheses is computed once, however many go on.
        log_probs, heard = model.predict(states)  # (B, V)
        rows, words = ...  # (K,) which hypotheses go on, with which words
        states = heard.then(rows, words)
    """

    session: Any
    where: str
    vocabulary: Vocabulary
    normalizer: str = "none"
    unit: str = "word"
    tokenizer: Tokenizer | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""

    @classmethod
    def load(cls, path: str | os.PathLike[str], threads: int | None = None) -> NeuralLanguageModel:
        """Open a model.

        Args:
            path: NAME.onnx, made by `earwright lm train --kind transformer`.
            threads: how many cores one run may use; None: all.

        Raises:
            EarwrightError: it is no such file, or damaged.
        """
        where = str(path)
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise EarwrightError(f"{where}: cannot be read ({error.strerror or error}).") from error
        try:
            outside = next(external_data(data), None)
        except (ValueError, IndexError, RecursionError):
            raise EarwrightError(f"{where}: is not a whole ONNX graph; {REPAIR}") from None
        if outside is not None:
            raise EarwrightError(f"{where}: keeps weights in another file, {outside!r}; do not use it.")
        session = open_session(data, where, threads, arena=True)
        facts = _read_facts(where, session)
        words = facts["words"]
        check_words(words, where)
        shapes = {value.name: value.shape for value in session.get_inputs()}
        sizes = shapes.get("cache", [])[1:]
        known = session.get_outputs()[0].shape[-1]
        if set(shapes) != _INPUTS or not all(isinstance(size, int) for size in sizes) or known != len(words):
            raise EarwrightError(
                f"{where}: its graph is none of a language model of {len(words)} words; {REPAIR}"
            )
        return cls(
            session,
            where,
            Vocabulary.of(words),
            facts["normalizer"],
            facts["unit"],
            _tokenizer(where, facts),
            facts["notes"],
            hashlib.sha256(data).hexdigest(),
        )

    @property
    def window(self) -> int:
        """Tokens before a token that each block sees."""
        return int(self._cache_shape[2])

    @property
    def _cache_shape(self) -> tuple[int, ...]:
        """L, 2, W, D."""
        shapes = {value.name: value.shape for value in self.session.get_inputs()}
        return tuple(shapes["cache"][1:])

    def id(self, word: str) -> int:
        """The id of a word, UNKNOWN (0) for one that the model does not know."""
        return self.vocabulary.id(word)

    def ids(self, words: Sequence[str]) -> npt.NDArray[np.int64]:
        """(n,) the ids of words."""
        return np.fromiter(map(self.vocabulary.id, words), np.int64, len(words))

    def normalize(self, text: str) -> str:
        """A text as the model's own text was made; words are separated by single blanks."""
        from earwright.text import normalize

        return normalize(text, "raw" if self.normalizer == "none" else self.normalizer)

    def start_states(self, count: int) -> States:
        """`count` hypotheses at the beginning of a sentence: after <s>."""
        cache = np.zeros((count, *self._cache_shape), np.float32)
        return States(cache, np.zeros(count, np.int64), np.full(count, START, np.int64))

    def predict(self, states: States) -> tuple[npt.NDArray[np.float32], States]:
        """What may come next.

        Args:
            states: of B hypotheses.

        Returns:
            (B, V) float32, log10 P of each token; and what `then` turns into the states after one of them.
        """
        log_probs, cache, filled = self._run(states.last[:, None], states.cache, states.filled)
        return log_probs[:, 0], States(cache, filled, np.full(len(states), -1))

    def score(self, states: States, tokens: npt.ArrayLike) -> tuple[npt.NDArray[np.float32], States]:
        """(B,) float32, log10 P of one given token (B,) after each hypothesis, and the states after them.

        Raises:
            IndexError: there is no such token.
        """
        given = self._checked(tokens)
        log_probs, heard = self.predict(states)
        rows = np.arange(len(states))
        return log_probs[rows, given], heard.then(rows, given)

    def scores(self, ids: npt.ArrayLike, *, end: bool = True) -> Scores:
        """Every token of a text after those before it in its sentence; one begins with the text.

        Args:
            ids: (n,) token ids; after END a new sentence begins.
            end: whether the text ends a sentence; then there is one more number, for </s>.

        Returns:
            Numbers of the tokens; there are no n-grams to be matched or backed off from, and no state.

        Raises:
            IndexError: there is no such token.
        """
        tokens = self._checked(np.append(np.asarray(ids, np.int64).reshape(-1), [END] if end else []))
        sentences = [part for part in np.split(tokens, np.flatnonzero(tokens == END) + 1) if len(part)]
        log_probs = np.concatenate([np.empty(0, np.float32), *self._score_sentences(sentences)])
        nothing = np.zeros(len(tokens), np.float32)
        return Scores(log_probs, nothing.astype(np.int8), nothing, tokens == UNKNOWN, 0)

    def _score_sentences(self, sentences: Sequence[npt.NDArray[np.int64]]) -> list[npt.NDArray[np.float32]]:
        """log10 P of the tokens of sentences, run in batches of like lengths."""
        results: list[npt.NDArray[np.float32]] = [np.empty(0, np.float32)] * len(sentences)
        order = sorted(range(len(sentences)), key=lambda place: len(sentences[place]))
        most = max(1, _LARGEST_RUN // len(self.vocabulary))  # tokens of a run
        begin = 0
        while begin < len(order):
            end = begin + 1
            while end < len(order) and (end - begin + 1) * len(sentences[order[end]]) <= most:
                end += 1
            batch = [sentences[place] for place in order[begin:end]]
            for place, found in zip(order[begin:end], self._score_batch(batch, most), strict=True):
                results[place] = found
            begin = end
        return results

    def _score_batch(
        self, batch: Sequence[npt.NDArray[np.int64]], most: int
    ) -> list[npt.NDArray[np.float32]]:
        longest = len(batch[-1])
        before = np.full((len(batch), longest), END, np.int64)
        tokens = np.full((len(batch), longest), END, np.int64)
        for row, sentence in enumerate(batch):
            before[row, 0], before[row, 1 : len(sentence)] = START, sentence[:-1]
            tokens[row, : len(sentence)] = sentence
        states = self.start_states(len(batch))
        cache, filled, found = states.cache, states.filled, []
        step = max(1, most // len(batch))  # a sentence alone may be longer than a run
        for begin in range(0, longest, step):
            part = slice(begin, begin + step)
            log_probs, cache, filled = self._run(before[:, part], cache, filled)
            found.append(np.take_along_axis(log_probs, tokens[:, part, None], axis=2)[..., 0])
        joined = np.concatenate(found, axis=1)
        return [joined[row, : len(sentence)] for row, sentence in enumerate(batch)]

    def _run(
        self,
        tokens: npt.NDArray[np.int64],
        cache: npt.NDArray[np.float32],
        filled: npt.NDArray[np.int64],
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        try:
            log_probs, cache, filled = self.session.run(
                None, {"tokens": np.ascontiguousarray(tokens), "cache": cache, "filled": filled}
            )
        except ort_errors() as error:
            raise EarwrightError(f"{self.where} failed to run ({first_line(error)}).") from error
        return log_probs, cache, filled

    def _checked(self, tokens: npt.ArrayLike) -> npt.NDArray[np.int64]:
        values = np.asarray(tokens, np.int64)
        if values.size and (values.min() < 0 or values.max() >= len(self.vocabulary)):
            raise IndexError(
                f"no word of this model is {values.min()} or {values.max()}: "
                f"there are {len(self.vocabulary):,}"
            )
        return values


def is_neural(path: str | os.PathLike[str]) -> bool:
    """Whether a file looks like an ONNX graph: field 1 of its protobuf message, a number, comes first."""
    try:
        with open(path, "rb") as file:
            return file.read(1) == b"\x08"
    except OSError:
        return False


def _read_facts(where: str, session: Any) -> dict[str, Any]:
    """What the file says of itself, each thing of its kind."""
    text = session.get_modelmeta().custom_metadata_map.get(METADATA)
    if text is None:
        raise EarwrightError(f"{where}: is no language model of earwright; {REPAIR}")
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict) or not isinstance(facts.get("format"), int):
        raise EarwrightError(f"{where}: what it says of itself cannot be read; {REPAIR}")
    if facts["format"] > FORMAT_VERSION:
        raise EarwrightError(
            f"{where}: has format {facts['format']}, and this earwright reads up to {FORMAT_VERSION}; "
            "update earwright."
        )
    kinds = {"words": list, "normalizer": str, "unit": str, "notes": dict}
    for key, kind in kinds.items():
        if not isinstance(facts.get(key), kind):
            raise EarwrightError(f"{where}: what it says of itself has no {key}; {REPAIR}")
    words = facts["words"]
    if tuple(words[: len(SPECIAL_WORDS)]) != SPECIAL_WORDS or not all(isinstance(w, str) for w in words):
        raise EarwrightError(f"{where}: its words do not begin with {', '.join(SPECIAL_WORDS)}; {REPAIR}")
    if facts["unit"] not in ("word", "token"):
        raise EarwrightError(f"{where}: its unit is {facts['unit']!r}, neither word nor token; {REPAIR}")
    return facts


def _tokenizer(where: str, facts: Mapping[str, Any]) -> Tokenizer | None:
    if facts["unit"] == "word":
        return None
    tokens = [BLANK, *facts["words"][len(SPECIAL_WORDS) :]]
    if facts.get("tokenizer") == "bpe":
        try:
            model = base64.b64decode(str(facts.get("tokenizer_model")), validate=True)
        except ValueError:
            raise EarwrightError(f"{where}: its tokenizer cannot be read; {REPAIR}") from None
        return BpeTokenizer(tokens, model)
    return CharTokenizer(tokens)
