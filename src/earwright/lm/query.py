"""A language model that answers: how probable is this word here, and where does it lead?"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError
from earwright.lm.ngrams import END, START, UNKNOWN, NgramModel
from earwright.lm.tables import Tables, tables_from_model
from earwright.lm.vocabulary import Vocabulary


@dataclass(frozen=True)
class Scores:
    """What a model says to each word of a text, one number each.

    Attributes:
        log_probs: (n,) float32, log10.
        matched: (n,) int8, words of the n-gram that was found, the word itself among them.
        backoffs: (n,) float32, log10, the part of `log_probs` that backing off cost.
        unknown: (n,) bool, whether the word is outside the vocabulary.
        state: where the text leads.
    """

    log_probs: npt.NDArray[np.float32]
    matched: npt.NDArray[np.int8]
    backoffs: npt.NDArray[np.float32]
    unknown: npt.NDArray[np.bool_]
    state: int


@dataclass(frozen=True)
class LanguageModel:
    """An n-gram model, ready for queries; made by `load` or `from_ngrams`.

    A *state* is all that a search has to carry of the words so far: one integer, the number of the longest
    suffix of them that makes a difference to what follows. Hypotheses with equal states can be recombined. It
    is the same in every process that loads the same file (not in another file of the same model).
    `start_state` stands after <s>, `empty_state` after nothing.

    Attributes:
        tables: the arrays; `lm.kernels.step(tables, state, word)` is a query for other compiled code.
        vocabulary: id -> word, and `vocabulary.id(word)`. UNKNOWN, START and END are 0, 1 and 2.
        normalizer: of `earwright.text`, what the model's text went through; "none": as it came.
        unit: "word", or "token" for a model over a recognizer's tokens.
        notes: how it was made.

    Example:
        model = LanguageModel.load("novels.bin")
        state = model.start_state
        for word in ["it", "was", "the", "best"]:
            log_prob, state = model.score(state, model.id(word))  # log10
        end, _ = model.score(state, END)

        # A beam: (B, K) hypotheses and words at once.
        log_probs, states = model.score_batch(states[:, None], words)
    """

    tables: Tables
    vocabulary: Vocabulary
    normalizer: str = "none"
    unit: str = "word"
    notes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, check: bool = True) -> LanguageModel:
        """Open a model: a `.bin` of earwright's is mapped, an ARPA file (also .gz) is read.

        Args:
            path: the file; what it is shows in its first bytes.
            check: compare the checksums of a `.bin`, which takes a second per gigabyte.

        Raises:
            EarwrightError: it is neither, or damaged.
        """
        from earwright.lm.arpa import read_arpa
        from earwright.lm.binary import is_binary, open_binary

        if Path(path).is_file() and is_binary(path):
            tables, vocabulary, header = open_binary(path, check=check)
            return cls(tables, vocabulary, header.normalizer, header.unit, header.notes)
        return cls.from_ngrams(read_arpa(path))

    @classmethod
    def from_ngrams(cls, model: NgramModel) -> LanguageModel:
        """From a model in memory."""
        vocabulary = Vocabulary.of(model.vocabulary)
        return cls(tables_from_model(model), vocabulary, model.normalizer, model.unit, model.notes)

    @property
    def order(self) -> int:
        """Words of the longest n-grams."""
        return len(self.tables.starts) - 2

    @property
    def counts(self) -> tuple[int, ...]:
        """N-grams of each order."""
        return tuple(np.diff(self.tables.starts)[1:].tolist())

    @property
    def empty_state(self) -> int:
        """Where nothing was said, not even that a sentence begins."""
        return 0

    @property
    def start_state(self) -> int:
        """Where a sentence begins: after <s>."""
        from earwright.lm.kernels import shortened

        return int(shortened(self.tables, 1 + START)) if self.order > 1 else 0

    def id(self, word: str) -> int:
        """The id of a word, UNKNOWN (0) for one that the model does not know."""
        return self.vocabulary.id(word)

    def ids(self, words: Iterable[str]) -> npt.NDArray[np.int64]:
        """(n,) the ids of words."""
        return np.fromiter(map(self.vocabulary.id, words), np.int64)

    def words_of(self, state: int) -> list[str]:
        """The words that a state stands for, the oldest first."""
        from earwright.lm.kernels import order_of, parent_of, word_of

        self._check(np.array(state), np.array(UNKNOWN))
        words = []
        for order in range(order_of(self.tables, state), 0, -1):
            words.append(self.vocabulary[int(word_of(self.tables, state, order))])
            state = parent_of(self.tables, state, order)
        return words[::-1]

    def score(self, state: int, word: int) -> tuple[float, int]:
        """log10 P(word | state), and the state after it.

        Raises:
            IndexError: there is no such state or word.
        """
        from earwright.lm.kernels import step

        if not (0 <= state < self.tables.starts[-2] and 0 <= word < len(self.vocabulary)):
            self._check(np.array(state), np.array(word))
        log_prob, following, _, _ = step(self.tables, state, word)
        return float(log_prob), int(following)

    def score_batch(
        self, states: npt.ArrayLike, words: npt.ArrayLike
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """`score` for arrays of states and words, which are broadcast against each other.

        Returns:
            log10 probabilities, float32, and the states after the words, int64, in the common shape.

        Raises:
            IndexError: there is no such state or word.
        """
        from earwright.lm.kernels import step_batch

        before, given = np.broadcast_arrays(np.asarray(states, np.int64), np.asarray(words, np.int64))
        self._check(before, given)
        log_probs, following = np.empty(given.size, np.float32), np.empty(given.size, np.int64)
        # reshape copies what broadcasting only repeats, and a contiguous array is what was compiled for.
        flat = np.ascontiguousarray(before.reshape(-1)), np.ascontiguousarray(given.reshape(-1))
        step_batch(self.tables, *flat, log_probs, following)
        return log_probs.reshape(given.shape), following.reshape(given.shape)

    def scores(self, ids: npt.ArrayLike, *, state: int | None = None, end: bool = True) -> Scores:
        """Every word of a text after those before it.

        Args:
            ids: (n,) word ids; after END a new sentence begins.
            state: where it begins; None: at the beginning of a sentence.
            end: whether it ends a sentence; then there is one more number, for </s>.

        Raises:
            IndexError: there is no such state or word.
        """
        from earwright.lm.kernels import step_along

        words = np.append(np.asarray(ids, np.int64).reshape(-1), [END] if end else [])
        words = words.astype(np.int64)
        begin = self.start_state if state is None else state
        self._check(np.array(begin), words)
        log_probs, backoffs = np.empty(words.size, np.float32), np.empty(words.size, np.float32)
        matched = np.empty(words.size, np.int8)
        after = step_along(self.tables, begin, self.start_state, words, log_probs, matched, backoffs)
        return Scores(log_probs, matched, backoffs, words == UNKNOWN, int(after))

    def normalize(self, text: str) -> str:
        """A text as the model's own text was made; words are separated by single blanks."""
        from earwright.text import normalize

        return normalize(text, "raw" if self.normalizer == "none" else self.normalizer)

    def _check(self, states: npt.NDArray[np.int64], words: npt.NDArray[np.int64]) -> None:
        for what, values, end in (
            ("state", states, int(self.tables.starts[-2])),
            ("word", words, len(self.vocabulary)),
        ):
            if values.size and (values.min() < 0 or values.max() >= end):
                raise IndexError(
                    f"no {what} of this model is {values.min()} or {values.max()}: there are {end:,}"
                )


def load_ngrams(path: str | os.PathLike[str]) -> NgramModel:
    """Read a model as what training, pruning and mixing work on, from either kind of file.

    Raises:
        EarwrightError: it is neither, or damaged.
    """
    from earwright.lm.arpa import read_arpa
    from earwright.lm.binary import is_binary, read_binary
    from earwright.lm.neural import is_neural

    if is_neural(path):
        raise EarwrightError(f"{path}: a neural model, which has no n-grams; give an n-gram model.")
    return read_binary(path) if Path(path).is_file() and is_binary(path) else read_arpa(path)


def save_ngrams(path: str | os.PathLike[str], model: NgramModel, quantize: int = 0) -> None:
    """Write a model as its name asks: NAME.arpa, NAME.arpa.gz or NAME.bin.

    Args:
        path: the file to make or replace.
        model: any.
        quantize: as for `write_binary`.

    Raises:
        EarwrightError: another name, `quantize` for an ARPA file, or a disk that is full.
    """
    from earwright.lm.arpa import write_arpa
    from earwright.lm.binary import write_binary

    if check_form(path, quantize):
        write_binary(path, model, quantize)
    else:
        write_arpa(path, model)


def check_form(path: str | os.PathLike[str], quantize: int = 0) -> bool:
    """Whether the name of a file asks for the binary form.

    Raises:
        EarwrightError: it asks for none, or for one that cannot be quantized.
    """
    from earwright.lm.binary import check_bits

    check_bits(quantize)
    name = Path(path).name
    if name.endswith(".bin"):
        return True
    if not name.endswith((".arpa", ".arpa.gz", ".lm", ".lm.gz")):
        raise EarwrightError(f"{path}: language models are written as .arpa, .arpa.gz or .bin; choose one.")
    if quantize:
        raise EarwrightError(f"{path}: only .bin files are quantized; name one, or leave out --quantize.")
    return False
