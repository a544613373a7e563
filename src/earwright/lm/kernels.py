"""Compiled queries: what follows what, with which probability, over the arrays of `lm.tables`.

Every index that is read from the arrays is brought into range before it is used and every loop is bounded, so
that a damaged file can give wrong numbers but no access outside the arrays.

The trie has the first word of an n-gram at its top, so what follows a context are the children of its node.
Backing off goes to the node of the context without its first word. That link is found by a walk from the top
when it is first needed and kept in `links`; most are found on the way, when a context is arrived at. Two
threads may do so at once: they write the same number.
"""

# To the compiler the integers of Python and of numpy are one kind.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earwright.compiling import Kernel, compile_kernel
from earwright.lm.layout import SAMPLED
from earwright.lm.ngrams import END, UNKNOWN
from earwright.lm.tables import Tables


def compiled(function: Kernel) -> Kernel:
    """Compile a function that makes no arrays, without numba's counting of references.

    To pass `Tables` on, or to look at one of their arrays, would count them all with atomic operations: that
    took ten times as long as the query.
    """
    return compile_kernel(function, nogil=True, _nrt=False, no_cfunc_wrapper=True)


def inlined(function: Kernel) -> Kernel:
    """The same for what is small and often called: passing `Tables` copies a hundred numbers."""
    return compile_kernel(function, nogil=True, _nrt=False, forceinline=True, no_cfunc_wrapper=True)


def inner(function: Kernel) -> Kernel:
    """As `inlined`, for other kernels alone: Python must not call it, so there is no way in to compile.

    Without these the search is compiled in two thirds of the time.
    """
    return compile_kernel(function, forceinline=True, **_HIDDEN)


def apart(function: Kernel) -> Kernel:
    """As `inner`, but called where it stands instead of being copied there."""
    return compile_kernel(function, **_HIDDEN)


_HIDDEN = {"nogil": True, "_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


_ONE = np.uint64(1)
_ZERO = np.uint64(0)
_WORD = np.uint64(64)


@inner
def read_bits(bits: npt.NDArray[np.uint64], at: int, width: int) -> np.uint64:
    """`width` (0 to 63) bits of a bit string, the lowest first; the array has a word of padding."""
    place = min(max(at >> 6, 0), len(bits) - 2)
    shift = np.uint64(at & 63)
    value = bits[place] >> shift
    if shift + np.uint64(width) > _WORD:
        value |= bits[place + 1] << (_WORD - shift)
    return value & ((_ONE << np.uint64(width)) - _ONE)


@inner
def count_ones(value: np.uint64) -> int:
    """Ones among 64 bits (Hacker's Delight, 5-1)."""
    value = value - ((value >> np.uint64(1)) & np.uint64(0x5555555555555555))
    value = (value & np.uint64(0x3333333333333333)) + (
        (value >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    value = (value + (value >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((value * np.uint64(0x0101010101010101)) >> np.uint64(56))


@apart
def next_one(high: npt.NDArray[np.uint64], at: int) -> int:
    """The place of the first one at or after the place `at`; the end of the array where there is none."""
    place = at >> 6
    if place >= len(high):
        return len(high) << 6
    value = high[place] >> np.uint64(at & 63) << np.uint64(at & 63)
    while value == _ZERO:
        place += 1
        if place >= len(high):
            return len(high) << 6
        value = high[place]
    return (place << 6) + count_ones((value & (~value + _ONE)) - _ONE)


@apart
def select(high: npt.NDArray[np.uint64], samples: npt.NDArray[np.uint32], index: int) -> int:
    """The place of the one that has `index` ones before it."""
    at = np.int64(samples[min(index // SAMPLED, len(samples) - 1)])
    rest = index % SAMPLED
    place = at >> 6
    if place >= len(high):
        return len(high) << 6
    value = high[place] >> np.uint64(at & 63) << np.uint64(at & 63)
    ones = count_ones(value)
    while ones <= rest:
        rest -= ones
        place += 1
        if place >= len(high):
            return len(high) << 6
        value = high[place]
        ones = count_ones(value)
    for _ in range(rest):
        value &= value - _ONE
    return (place << 6) + count_ones((value & (~value + _ONE)) - _ONE)


@inner
def children(t: Tables, node: int) -> tuple[int, int]:
    """The nodes first to last (not included) that continue a context."""
    if node + 1 < len(t.begins):
        first, last = np.int64(t.begins[node]), np.int64(t.begins[node + 1])
    else:  # packed: order 1 has its own array, whose last entry is the first of the packed ones
        index = node - (len(t.begins) - 1)
        at = select(t.high, t.samples, index)
        after = next_one(t.high, at + 1)
        width = t.low_bits
        first = ((at - index) << width) | np.int64(read_bits(t.low, index * width, width))
        last = ((after - index - 1) << width) | np.int64(read_bits(t.low, (index + 1) * width, width))
        base = t.starts[3] if len(t.starts) > 3 else t.starts[-1]
        first, last = first + base, last + base
    end = t.starts[-1]
    first = min(max(first, 1), end)
    return first, min(max(last, first), end)


@inlined
def order_of(t: Tables, node: int) -> int:
    """Words of a node."""
    order = 0
    while node >= t.starts[order + 1]:
        order += 1
    return order


@inlined
def word_of(t: Tables, node: int, order: int) -> int:
    """The last word of a node."""
    if order <= 1:
        return node - 1
    if node < len(t.words):
        word = np.int64(t.words[node])
    else:
        fields = t.fields[order]
        width = fields[1] + fields[2] + fields[3]
        at = fields[0] + (node - t.starts[order]) * width
        word = np.int64(read_bits(t.records, at, fields[1]))
    return word if 0 <= word < t.starts[2] - 1 else UNKNOWN


@inner
def log_prob_of(t: Tables, node: int, order: int) -> float:
    """log10 of a node's probability."""
    if node < len(t.log_probs):
        return np.float64(t.log_probs[node])
    fields = t.fields[order]
    width = fields[1] + fields[2] + fields[3]
    at = fields[0] + (node - t.starts[order]) * width + fields[1]
    return np.float64(t.log_prob_codes[order, np.int64(read_bits(t.records, at, fields[2]))])


@inner
def backoff_of(t: Tables, node: int, order: int) -> float:
    """log10 of a context's back-off weight."""
    if node < len(t.backoffs):
        return np.float64(t.backoffs[node])
    fields = t.fields[order]
    width = fields[1] + fields[2] + fields[3]
    at = fields[0] + (node - t.starts[order]) * width + fields[1] + fields[2]
    return np.float64(t.backoff_codes[order, np.int64(read_bits(t.records, at, fields[3]))])


@inner
def find(t: Tables, node: int, order: int, word: int) -> int:
    """The node of a context (of `order` words) and a word after it; -1 where the model lacks it."""
    if node == 0:
        return 1 + word
    first, last = children(t, node)
    count = last - first
    if count <= 0:
        return -1
    # Halving without a branch, which would be guessed wrong every other time.
    if len(t.words) > 0:
        while count > 1:
            half = count >> 1
            first += half * (t.words[first + half - 1] < word)
            count -= half
        return first if t.words[first] == word else -1
    fields = t.fields[order + 1]
    width = fields[1] + fields[2] + fields[3]
    base = fields[0] - t.starts[order + 1] * width
    while count > 1:
        half = count >> 1
        at = base + (first + half - 1) * width
        first += half * (np.int64(read_bits(t.records, at, fields[1])) < word)
        count -= half
    return first if word_of(t, first, order + 1) == word else -1


@inner
def node_limit(t: Tables) -> int:
    """The last context."""
    return t.starts[-2] - 1


@compiled
def parent_of(t: Tables, node: int, order: int) -> int:
    """The context that a node (of `order` words) continues: the last whose children begin up to here."""
    low, high = t.starts[order - 1], t.starts[order] - 1
    while low < high:
        middle = (low + high + 1) >> 1
        if children(t, middle)[0] <= node:
            low = middle
        else:
            high = middle - 1
    return low


@inner
def link_of(t: Tables, node: int) -> int:
    """The longest proper suffix of a context that is a node."""
    order = order_of(t, node)
    if order > 2 and t.links[node] == 0:
        _fill_link(t, node, order)
    return _known_link(t, node, order)


@inner
def _known_link(t: Tables, node: int, order: int) -> int:
    if order <= 1:
        return 0
    if order == 2:
        return 1 + word_of(t, node, 2)
    return min(np.int64(t.links[node]), node_limit(t))


@apart
def _fill_link(t: Tables, node: int, order: int) -> None:
    """Find the link of a context that no query came by: first those of its prefixes, the shortest first."""
    for length in range(3, order + 1):
        prefix = node
        for n in range(order, length, -1):
            prefix = parent_of(t, prefix, n)
        if t.links[prefix] == 0:
            word, place = word_of(t, prefix, length), parent_of(t, prefix, length)
            for _ in range(length):
                place = _known_link(t, place, order_of(t, place))
                found = find(t, place, order_of(t, place), word)
                if found >= 0:
                    t.links[prefix] = found
                    break


@inner
def suffix_of(t: Tables, node: int, word: int) -> int:
    """The longest proper suffix of (context, word) that is a node, 0 if there is none."""
    for _ in range(len(t.starts)):
        if node == 0:
            return 0
        node = link_of(t, node)
        child = find(t, node, order_of(t, node), word)
        if child >= 0:
            return child
    return 0


@inlined
def shortened(t: Tables, node: int) -> int:
    """The longest suffix of a node that matters to what comes next: that has children or a back-off."""
    for _ in range(len(t.starts)):
        if node == 0:
            return 0
        first, last = children(t, node)
        if first < last or backoff_of(t, node, order_of(t, node)) != 0.0:
            return node
        node = link_of(t, node)
    return 0


@inlined
def step(t: Tables, state: int, word: int) -> tuple[float, int, int, float]:
    """One word more.

    Args:
        t: the model.
        state: a context's node, 0 up to `starts[-2]`.
        word: an id within the vocabulary.

    Returns:
        log10 of its probability; the next state; the order that matched; the back-offs in the first.
    """
    node, order, backoff, child = state, order_of(t, state), 0.0, -1
    for _ in range(len(t.starts)):
        child = find(t, node, order, word)
        if child >= 0:
            break
        backoff += backoff_of(t, node, order)
        node = link_of(t, node)
        order = order_of(t, node)
    if child < 0:  # only in a damaged file
        node, order, child = 0, 0, 1 + word
    matched = order_of(t, child)
    log_prob = backoff + log_prob_of(t, child, matched)
    if child > node_limit(t):
        following = suffix_of(t, node, word)
    else:
        following = child
        if matched >= 3 and t.links[child] == 0:
            t.links[child] = suffix_of(t, node, word)
    if following > node_limit(t):  # only in a damaged file
        following = 0
    return log_prob, shortened(t, following), matched, backoff


@compiled
def step_batch(
    t: Tables,
    states: npt.NDArray[np.int64],
    words: npt.NDArray[np.int64],
    log_probs: npt.NDArray[np.float32],
    following: npt.NDArray[np.int64],
) -> None:
    """`step` for many pairs of a state and a word."""
    for index in range(len(states)):
        log_prob, state, _, _ = step(t, states[index], words[index])
        log_probs[index] = log_prob
        following[index] = state


@compiled
def step_along(
    t: Tables,
    state: int,
    restart: int,
    words: npt.NDArray[np.int64],
    log_probs: npt.NDArray[np.float32],
    matched: npt.NDArray[np.int8],
    backoffs: npt.NDArray[np.float32],
) -> int:
    """`step` along a text, from `restart` again after each </s>; returns the last state."""
    for index in range(len(words)):
        log_prob, state, order, backoff = step(t, state, words[index])
        if words[index] == END:
            state = restart
        log_probs[index] = log_prob
        matched[index] = order
        backoffs[index] = backoff
    return state
