"""The utterances of a training set, side by side in arrays: a million of them must not cost gigabytes.

As an object of its own, with a number object for each token, an utterance takes more than a kilobyte; here it
takes its id, a byte or two a token, and 28 bytes (`benchmarks/shard_memory.py`).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt

LOOSE = -1  # the shard of an utterance that lies in a file of its own


@dataclass(frozen=True)
class Example:
    """One utterance to learn from. `tokens` are its text's."""

    id: str
    seconds: float
    tokens: tuple[int, ...]


class Examples(Sequence[Example]):
    """Utterances by number, each made when it is asked for.

    Args:
        ids: the UTF-8 of all ids, one after the other.
        id_ends: (N,) int64, where each ends.
        seconds: (N,) float64.
        tokens: of all texts, one after the other, in the smallest type that holds them.
        token_ends: (N,) int64, where each text ends.
        shards: (N,) int32, the number of the shard that each lies in, or `LOOSE`. Utterances of one shard
            follow one another.
    """

    def __init__(
        self,
        ids: npt.NDArray[np.uint8],
        id_ends: npt.NDArray[np.int64],
        seconds: npt.NDArray[np.float64],
        tokens: npt.NDArray[Any],
        token_ends: npt.NDArray[np.int64],
        shards: npt.NDArray[np.int32],
    ) -> None:
        self._ids, self._id_ends = ids, id_ends
        self.seconds = seconds
        self._tokens, self._token_ends = tokens, token_ends
        self.shards = shards
        self.sharded = bool((shards != LOOSE).any())

    @classmethod
    def of(cls, examples: Sequence[Example]) -> Examples:
        """These, packed; what is packed already stays as it is."""
        if isinstance(examples, Examples):
            return examples
        packer = Packer(1 + max((max(example.tokens, default=0) for example in examples), default=0))
        for example in examples:
            packer.add(example)
        return packer.packed()

    @classmethod
    def joined(cls, parts: Sequence[Examples]) -> Examples:
        """Several one after the other; their shards get new numbers, so that none is taken for another."""
        shards, above = [], 0
        for part in parts:
            shards.append(np.where(part.shards == LOOSE, LOOSE, part.shards + above).astype(np.int32))
            above += int(part.shards.max(initial=LOOSE)) + 1
        return cls(
            np.concatenate([part._ids for part in parts]),
            _ends([part._id_ends for part in parts]),
            np.concatenate([part.seconds for part in parts]),
            np.concatenate([part._tokens for part in parts]),
            _ends([part._token_ends for part in parts]),
            np.concatenate(shards),
        )

    def __len__(self) -> int:
        return len(self.seconds)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Examples: ...
    def __getitem__(self, index: int | slice) -> Example | Examples:
        if isinstance(index, slice):
            return self._between(*index.indices(len(self)))
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        number = index % len(self)
        first, last = _range(self._token_ends, number)
        return Example(self.id(number), float(self.seconds[number]), tuple(self._tokens[first:last].tolist()))

    def id(self, number: int) -> str:
        """The id of one."""
        first, last = _range(self._id_ends, number)
        return self._ids[first:last].tobytes().decode("utf-8", "surrogatepass")

    def token_counts(self, numbers: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """How many tokens each of these utterances has."""
        chosen = np.asarray(numbers, np.int64)
        starts = np.where(chosen > 0, self._token_ends[chosen - 1], 0)
        return np.asarray(self._token_ends[chosen] - starts)

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        arrays = (self._ids, self._id_ends, self.seconds, self._tokens, self._token_ends, self.shards)
        return sum(one.nbytes for one in arrays)

    def _between(self, first: int, last: int, step: int) -> Examples:
        assert step == 1, "parts of a set follow one another"
        last = max(first, last)
        ids = _range(self._id_ends, first)[0], _range(self._id_ends, last)[0]
        tokens = _range(self._token_ends, first)[0], _range(self._token_ends, last)[0]
        return Examples(
            self._ids[slice(*ids)],
            self._id_ends[first:last] - ids[0],
            self.seconds[first:last],
            self._tokens[slice(*tokens)],
            self._token_ends[first:last] - tokens[0],
            self.shards[first:last],
        )


class Packer:
    """Packs utterances as they come.

    Args:
        vocab_size: tokens are below it.
    """

    def __init__(self, vocab_size: int) -> None:
        self._ids, self._id_ends = bytearray(), array("q")
        self._seconds, self._token_ends, self._shards = array("d"), array("q"), array("i")
        self._tokens = array("B" if vocab_size <= 1 << 8 else "H" if vocab_size <= 1 << 16 else "I")

    def add(self, example: Example, shard: int = LOOSE) -> None:
        """One more."""
        self._ids += example.id.encode("utf-8", "surrogatepass")
        self._id_ends.append(len(self._ids))
        self._seconds.append(example.seconds)
        self._tokens.extend(example.tokens)
        self._token_ends.append(len(self._tokens))
        self._shards.append(shard)

    def packed(self) -> Examples:
        """All of them; nothing can be added afterwards."""
        return Examples(
            np.frombuffer(self._ids, np.uint8),
            np.frombuffer(self._id_ends, np.int64),
            np.frombuffer(self._seconds, np.float64),
            np.frombuffer(self._tokens, self._tokens.typecode),
            np.frombuffer(self._token_ends, np.int64),
            np.frombuffer(self._shards, np.int32),
        )


def _range(ends: npt.NDArray[np.int64], number: int) -> tuple[int, int]:
    """Where one begins and ends; that of the number behind the last begins at the end."""
    first = int(ends[number - 1]) if number else 0
    return first, int(ends[number]) if number < len(ends) else first


def _ends(parts: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """Ends of parts that now lie one after the other."""
    sizes = [int(part[-1]) if len(part) else 0 for part in parts]
    starts = np.cumsum([0, *sizes[:-1]])
    return np.concatenate([part + start for part, start in zip(parts, starts, strict=True)])
