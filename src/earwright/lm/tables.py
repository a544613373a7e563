"""The arrays that queries run over: the nodes of all orders numbered through, plain or packed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError
from earwright.lm.ngrams import FloatArray, IntArray, Level, NgramModel

# Nodes are numbered in 32 bits: 0 is the empty context, then come the unigrams, the bigrams and so on.
MAX_NODES = 2**32 - 2


class Tables(NamedTuple):
    """What a compiled query reads. Node 0 is the empty context, node 1 + w the word w, and so on upward.

    The children of a node stand side by side, so `begins` grows from node to node. A plain model has all its
    nodes in the first arrays; a packed one has there what belongs to order 1, and the rest in the others.

    Attributes:
        starts: (order + 2,) int64, the first node of each order from 0 up, and the end.
        words: (nodes,) int32, the last word of each node; empty where packed.
        begins: uint32, first child of each context (a node below the highest order), and the end of the last.
        log_probs: float32, log10; 0 for node 0.
        backoffs: float32, log10, for contexts; 0 for node 0.
        records: uint64, a bit string with word, code of log prob and code of back-off of each node of order 2
            and more; padded at the end.
        fields: (order + 1, 4) int64, for each order: where its records begin in bits, and how many bits of
            each record are the word, the log prob and the back-off.
        log_prob_codes, backoff_codes: (order + 1, 2 ** bits) float32, what the codes stand for.
        high, low, samples, low_bits: `begins` of order 2 up in Elias and Fano's code (see `lm.packing`).
        links: uint32, for contexts of three words and more: the longest proper suffix that is a node, as far
            as it was found already; 0 where not. Queries fill it in.
    """

    starts: npt.NDArray[np.int64]
    words: npt.NDArray[np.int32]
    begins: npt.NDArray[np.uint32]
    log_probs: npt.NDArray[np.float32]
    backoffs: npt.NDArray[np.float32]
    records: npt.NDArray[np.uint64]
    fields: npt.NDArray[np.int64]
    log_prob_codes: npt.NDArray[np.float32]
    backoff_codes: npt.NDArray[np.float32]
    high: npt.NDArray[np.uint64]
    low: npt.NDArray[np.uint64]
    samples: npt.NDArray[np.uint32]
    low_bits: int
    links: npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Sizes:
    """How many nodes there are.

    Attributes:
        starts: the first node of each order from 0 up, and the end: (0, 1, 1 + words, ...).
    """

    starts: tuple[int, ...]

    @classmethod
    def of(cls, counts: tuple[int, ...]) -> Sizes:
        """From the number of n-grams of each order."""
        starts = [0, 1]
        for count in counts:
            starts.append(starts[-1] + count)
        if starts[-1] > MAX_NODES:
            raise EarwrightError(
                f"a model of {starts[-1]:,} n-grams is too large; prune it below {MAX_NODES:,}."
            )
        return cls(tuple(starts))

    @property
    def order(self) -> int:
        """Words of the longest n-grams."""
        return len(self.starts) - 2

    @property
    def contexts(self) -> int:
        """Nodes below the highest order, the empty context among them: they are numbered first."""
        return self.starts[-2]

    @property
    def nodes(self) -> int:
        """All nodes, the empty context among them."""
        return self.starts[-1]

    @property
    def vocabulary(self) -> int:
        """Words."""
        return self.starts[2] - 1


def tables_from_model(model: NgramModel) -> Tables:
    """A model's arrays for queries, plain."""
    sizes = Sizes.of(model.counts)
    below = model.levels[:-1]
    root = np.zeros(1, np.float32)
    begins = [np.ones(1, np.uint32)]
    for start, level in zip(sizes.starts[2:], model.levels[1:], strict=False):
        begins.append((level.begins[:-1] + start).astype(np.uint32))
    begins.append(np.array([sizes.nodes], np.uint32))
    return plain_tables(
        sizes,
        words=np.concatenate([np.zeros(1, np.int32), *(level.words for level in model.levels)]),
        begins=np.concatenate(begins),
        log_probs=np.concatenate([root, *(level.log_probs for level in model.levels)]),
        backoffs=np.concatenate([root, *(backoffs_of(level) for level in below)]),
    )


def backoffs_of(level: Level) -> FloatArray:
    """A level's back-offs, zeros where it has none."""
    return np.zeros(len(level), np.float32) if level.backoffs is None else level.backoffs


def plain_tables(
    sizes: Sizes, words: IntArray, begins: IntArray, log_probs: FloatArray, backoffs: FloatArray
) -> Tables:
    """Tables with nothing packed; the arrays are those of `Tables`."""
    order = sizes.order
    return frozen(
        Tables(
            starts=np.array(sizes.starts, np.int64),
            words=words.astype(np.int32, copy=False),
            begins=begins.astype(np.uint32, copy=False),
            log_probs=log_probs.astype(np.float32, copy=False),
            backoffs=backoffs.astype(np.float32, copy=False),
            records=np.zeros(2, np.uint64),
            fields=np.zeros((order + 1, 4), np.int64),
            log_prob_codes=np.zeros((order + 1, 1), np.float32),
            backoff_codes=np.zeros((order + 1, 1), np.float32),
            high=np.zeros(2, np.uint64),
            low=np.zeros(2, np.uint64),
            samples=np.zeros(1, np.uint32),
            low_bits=0,
            links=np.zeros(sizes.contexts, np.uint32),
        )
    )


def frozen(tables: Tables) -> Tables:
    """The same with all arrays but the links read-only, as those of a mapped file are.

    To the compiler a read-only array is another type: so one compiled query serves all.
    """
    views: dict[str, Any] = {}
    for name, array in tables._asdict().items():
        if isinstance(array, np.ndarray) and name != "links":
            views[name] = array.view()
            views[name].flags.writeable = False
    return tables._replace(**views)


def levels_from_tables(tables: Tables) -> tuple[Level, ...]:
    """The levels of plain tables, as views where they can be.

    Raises:
        ValueError: the tables contradict themselves; the message says how.
    """
    starts = tables.starts
    order = len(starts) - 2
    levels = []
    for n in range(1, order + 1):
        nodes, parents = slice(starts[n], starts[n + 1]), slice(starts[n - 1], starts[n] + 1)
        # The end of the last parent's children is the beginning of the next order's first.
        begins = tables.begins[parents].astype(np.int64) - starts[n]
        backoffs = tables.backoffs[nodes] if n < order else None
        level = Level(tables.words[nodes], begins, tables.log_probs[nodes], backoffs)
        check_level(level, n, starts[2] - 1)
        levels.append(level)
    return tuple(levels)


def check_level(level: Level, order: int, vocabulary: int) -> None:
    """Whether a level from a file can be trusted by code that does not look again.

    Raises:
        ValueError: it can not; the message says why.
    """
    words, begins = level.words, level.begins
    if begins[0] != 0 or begins[-1] != len(level) or (np.diff(begins) < 0).any():
        raise ValueError(f"its index of {order}-grams is not in order")
    if len(words) and (words.min() < 0 or words.max() >= vocabulary):
        raise ValueError(f"a {order}-gram has a word outside the vocabulary")
    rising = np.diff(words) > 0
    rising[begins[(begins > 0) & (begins < len(words))] - 1] = (
        True  # from one parent's children to the next's
    )
    if not rising.all():
        raise ValueError(f"its {order}-grams are not sorted")
    for values in (level.log_probs, level.backoffs):
        if values is not None and not np.isfinite(values).all():
            raise ValueError(f"a {order}-gram has a probability or back-off that is no number")
