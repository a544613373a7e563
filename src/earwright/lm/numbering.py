"""From texts to the ids of their words, sentence after sentence, as quickly as Python can.

Most normalizers change each word for itself; then each token is normalized once, whatever its count. The
others see whole sentences, in as many processes as there are cores.
"""

from __future__ import annotations

import os
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor

import numpy as np
import numpy.typing as npt

from earwright.compiling import kernel
from earwright.lm.documents import ReadingNotes
from earwright.lm.ngrams import END, SPECIAL_WORDS, UNKNOWN
from earwright.lm.sentences import find_ends, split_tokens, token_flags
from earwright.lm.storage import Array
from earwright.text import NORMALIZERS, normalize

Ids = npt.NDArray[np.int32]

# Normalizers to which a text is its words, one by one (a test holds it).
WORD_BY_WORD = frozenset({"raw", "basic"})

_MOST_TYPES = 1 << 20  # tokens that are remembered; then all are forgotten, and memory stays bounded
_LONGEST_SENTENCE = 1 << 14  # tokens, for normalizers that see sentences: a longer one is cut there
_SENTENCES_AT_ONCE = 2000

# UTF-8 that somebody read as Windows-1252: "â€™" for an apostrophe, "Ã©" for e acute.
_MOJIBAKE = "ÂÃâ"
_DASHES = ("--", "—")


class WordNumbers(dict[str, int]):
    """Word -> id; where `growing`, a new word gets the next id, and else it is UNKNOWN."""

    def __init__(self, words: Sequence[str] = SPECIAL_WORDS, growing: bool = True) -> None:
        super().__init__((word, number) for number, word in enumerate(words))
        self.growing = growing

    def __missing__(self, word: str) -> int:
        if not self.growing:
            return UNKNOWN
        self[word] = number = len(self)
        return number


class _TokenTypes(dict[str, int]):
    """Token -> the number of its type; what is known of each type lies in arrays."""

    def __init__(self, numbers: WordNumbers, normalizer: str, notes: ReadingNotes) -> None:
        super().__init__()
        self.numbers, self.normalizer, self.notes = numbers, normalizer, notes
        self.forget()

    def forget(self) -> None:
        self.clear()
        self.flags, self.ids, self.offsets = array("B"), array("i"), array("q", [0])

    def __missing__(self, token: str) -> int:
        self[token] = number = len(self)
        self.flags.append(token_flags(token))
        if token in SPECIAL_WORDS:  # sentences that were marked before; the marks are ours to set
            self.ids.extend([UNKNOWN] if token == SPECIAL_WORDS[UNKNOWN] else [])
        elif self.normalizer in WORD_BY_WORD:
            words = normalize(repair_mojibake(token, self.notes), self.normalizer).split()
            self.ids.extend(self.numbers[word] for word in words)
        self.offsets.append(len(self.ids))
        return number


class Numberer:
    """Numbers the words of texts.

    Args:
        numbers: of the words.
        normalizer: that the text goes through, a name in `earwright.text.NORMALIZERS`.
        notes: told what was odd.
        jobs: processes for normalizers that need whole sentences; None takes one for each core.

    Example:
        with Numberer(WordNumbers(), "basic", ReadingNotes()) as numberer:
            for ids in numberer.number(read_document("emma.txt.gz"), "paragraphs"):
                ...  # (n,) int32, END after each sentence
    """

    def __init__(
        self, numbers: WordNumbers, normalizer: str, notes: ReadingNotes, jobs: int | None = None
    ) -> None:
        normalize("", normalizer)  # an unknown name is an error now
        self.numbers, self.normalizer, self.notes = numbers, normalizer, notes
        self._types = _TokenTypes(numbers, normalizer, notes)
        self._jobs = jobs or _cores()
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Numberer:
        return self

    def __exit__(self, *details: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def number(self, pieces: Iterable[str], layout: str) -> Iterator[Ids]:
        """The ids of one text, END after each sentence and at its end.

        Args:
            pieces: as `read_document` yields them.
            layout: one of `sentences.LAYOUTS`.
        """
        if self.normalizer in WORD_BY_WORD:
            yield from self._number_words(pieces, layout)
        else:
            yield from self._number_sentences(pieces, layout)

    def _tokens(
        self, pieces: Iterable[str], layout: str
    ) -> Iterator[tuple[list[str], npt.NDArray[np.int64], Array]]:
        """Of each piece the tokens, their types, and before which of them a sentence ends."""
        state = np.zeros(1, bool)
        for text in pieces:
            if self.normalizer != "raw":  # between words there, and no part of them
                for dash in _DASHES:
                    text = text.replace(dash, f" {dash} ")
            tokens = split_tokens(text, layout)
            if len(self._types) > _MOST_TYPES:
                self._types.forget()
            types = np.fromiter(map(self._types.__getitem__, tokens), np.int64, len(tokens))
            yield tokens, types, find_ends(types, _view(self._types.flags, np.uint8), layout, state)

    def _number_words(self, pieces: Iterable[str], layout: str) -> Iterator[Ids]:
        filled = np.zeros(1, bool)  # whether the sentence that is going on has a word
        for _, types, ends in self._tokens(pieces, layout):
            yield self._ids(types, ends, filled)
        if filled[0]:
            yield np.array([END], np.int32)

    def _ids(self, types: Array, ends: Array, filled: Array) -> Ids:
        # The views must be gone before the arrays grow again.
        offsets, ids = _view(self._types.offsets, np.int64), _view(self._types.ids, np.int32)
        room = int((offsets[types + 1] - offsets[types]).sum()) + int(ends.sum())
        joined: Ids = _join_ids(types, ends, offsets, ids, filled, np.empty(room, np.int32))
        return joined

    def _number_sentences(self, pieces: Iterable[str], layout: str) -> Iterator[Ids]:
        waiting: deque[Future[list[str]]] = deque()
        for batch in _batches(self._sentences(pieces, layout)):
            if self._jobs > 1:
                self._pool = self._pool or ProcessPoolExecutor(self._jobs)
                waiting.append(self._pool.submit(_normalize_all, batch, self.normalizer))
                if len(waiting) > 2 * self._jobs:
                    yield self._number_normalized(waiting.popleft().result())
            else:
                yield self._number_normalized(_normalize_all(batch, self.normalizer))
        while waiting:
            yield self._number_normalized(waiting.popleft().result())

    def _sentences(self, pieces: Iterable[str], layout: str) -> Iterator[str]:
        going_on: list[str] = []
        for tokens, _, ends in self._tokens(pieces, layout):
            begin = 0
            for end in np.flatnonzero(ends).tolist():
                yield self._join(going_on + tokens[begin:end])
                going_on, begin = [], end
            going_on += tokens[begin:]
            while len(going_on) > _LONGEST_SENTENCE:
                yield self._join(going_on[:_LONGEST_SENTENCE])
                going_on = going_on[_LONGEST_SENTENCE:]
        yield self._join(going_on)

    def _join(self, tokens: Sequence[str]) -> str:
        return " ".join(repair_mojibake(token, self.notes) for token in tokens)

    def _number_normalized(self, sentences: Sequence[str]) -> Ids:
        ids = array("i")
        for sentence in sentences:
            if sentence:
                ids.extend(map(self.numbers.__getitem__, sentence.split()))
                ids.append(END)
        return np.array(ids, np.int32)


def _view(values: array[int], dtype: npt.DTypeLike) -> Array:
    return np.frombuffer(values, dtype) if len(values) else np.empty(0, dtype)


@kernel
def _join_ids(types: Array, ends: Array, offsets: Array, ids: Array, filled: Array, out: Array) -> Array:
    """The words of the tokens, END where a sentence that has words ends."""
    going_on = filled[0]
    length = 0
    for place in range(len(types)):
        if ends[place] and going_on:
            out[length] = END
            length += 1
            going_on = False
        for word in range(offsets[types[place]], offsets[types[place] + 1]):
            out[length] = ids[word]
            length += 1
            going_on = True
    filled[0] = going_on
    return out[:length]


def _normalize_all(sentences: Sequence[str], normalizer: str) -> list[str]:
    function = NORMALIZERS[normalizer]
    return [function(sentence) for sentence in sentences]


def _batches(sentences: Iterator[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for sentence in sentences:
        batch.append(sentence)
        size += len(sentence)
        if len(batch) >= _SENTENCES_AT_ONCE or size > 1 << 20:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def repair_mojibake(text: str, notes: ReadingNotes) -> str:
    """UTF-8 that was read as Windows-1252 as what it was; text that makes no sense so stays."""
    if not any(character in text for character in _MOJIBAKE):
        return text
    try:
        # Five bytes have no character in Windows-1252, and stay the control characters of Latin-1.
        repaired = b"".join(
            character.encode("latin-1" if "\x80" <= character <= "\x9f" else "cp1252") for character in text
        ).decode("utf-8")
    except UnicodeError:
        return text
    notes.add("words whose letters were garbled (UTF-8 read as Windows-1252), put right")
    return repaired


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
