"""Words and their ids in a few arrays that need no reading: what a mapped file offers at once."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError
from earwright.lm.ngrams import UNKNOWN

# What separates words in ARPA files; other blanks (a no-break space) may be part of one.
_BLANK = re.compile("[\0\t\n\v\f\r ]")
_EMPTY = np.uint32(2**32 - 1)


class Vocabulary(Sequence[str]):
    """The words of a model, as a sequence and by `id`.

    Args:
        blob: the words in UTF-8, in the order of their ids, each followed by a line end.
        ends: (words,) where each word ends in the blob.
        table: a hash table with open addresses: ids, 2 ** 32 - 1 where empty.
    """

    def __init__(
        self, blob: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64], table: npt.NDArray[np.uint32]
    ) -> None:
        self.blob, self.ends, self.table = blob, ends, table
        self._found: dict[str, int] = {}

    @classmethod
    def of(cls, words: Iterable[str]) -> Vocabulary:
        """From a list of words, all different and without blanks."""
        if isinstance(words, cls):
            return words
        encoded = [word.encode("utf-8", "surrogatepass") for word in words]
        blob = np.frombuffer(b"".join(word + b"\n" for word in encoded), np.uint8)
        table = [int(_EMPTY)] * (len(encoded) * 4 // 3 + 1)
        for number, word in enumerate(encoded):
            place = zlib.crc32(word) % len(table)
            while table[place] != _EMPTY:
                place = (place + 1) % len(table)
            table[place] = number
        return cls(blob, find_ends(blob), np.array(table, np.uint32))

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"no word has the id {index}: there are {len(self)} words")
        return self._bytes(index % len(self)).decode("utf-8", "replace")

    def __iter__(self) -> Iterator[str]:
        return iter(self.blob.tobytes().decode("utf-8", "replace").split("\n")[:-1])

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self._look_up(word) is not None

    def id(self, word: str) -> int:
        """The id of a word, UNKNOWN for those that are not in it."""
        found = self._found.get(word)
        if found is None:
            known = self._look_up(word)
            found = UNKNOWN if known is None else known
            if known is not None:  # what is unknown has no end
                self._found[word] = known
        return found

    def _bytes(self, index: int) -> bytes:
        begin = int(self.ends[index - 1]) + 1 if index else 0
        return self.blob[begin : int(self.ends[index])].tobytes()

    def _look_up(self, word: str) -> int | None:
        wanted = word.encode("utf-8", "surrogatepass")
        place = zlib.crc32(wanted) % len(self.table)
        for _ in range(len(self.table)):
            found = int(self.table[place])
            if found >= len(self):  # empty
                return None
            if self._bytes(found) == wanted:
                return found
            place = (place + 1) % len(self.table)
        return None


def find_ends(blob: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Where the words end in a blob: at its line ends."""
    return np.flatnonzero(blob == ord("\n"))


def check_words(words: Sequence[str], where: str) -> None:
    """Whether these can be the words of a file.

    Raises:
        EarwrightError: an empty word, one with a blank or a line end in it, or two that are the same.
    """
    seen: set[str] = set()
    for number, word in enumerate(words):
        if not word or _BLANK.search(word):
            raise EarwrightError(
                f"{where}: word {number} of the vocabulary, {word!r}, is empty or has a blank in it; "
                "take it out."
            )
        if word in seen:
            raise EarwrightError(f"{where}: the vocabulary has {word!r} twice; take one out.")
        seen.add(word)
