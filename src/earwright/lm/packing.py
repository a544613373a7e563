"""Tables in few bits: records without gaps, quantized numbers, an index in Elias and Fano's code.

Elias and Fano's code (Vigna 2013, "Quasi-succinct indices") keeps n numbers that never fall, up to u, in
about 2 + log2(u / n) bits each: the low bits of each as they are; the high bits h of the number i as a one at
the place h + i of a bit string, where the place of every `layout.SAMPLED`-th one is kept.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earwright.compiling import kernel
from earwright.lm.codebooks import codebook, encode
from earwright.lm.kernels import backoff_of, children, log_prob_of, word_of
from earwright.lm.layout import BITS, SAMPLED, record_fields, record_words, rising_sizes
from earwright.lm.ngrams import FloatArray, IntArray
from earwright.lm.tables import Sizes, Tables, frozen, plain_tables


def pack(tables: Tables, bits: int) -> Tables:
    """Plain tables, packed.

    Order 1 keeps its log probs and back-offs as they are: it is small, and everything backs off to it.

    Args:
        tables: plain.
        bits: of the codes for log probs and back-offs.
    """
    sizes = Sizes(tuple(int(start) for start in tables.starts))
    starts, order = sizes.starts, sizes.order
    fields = record_fields(sizes, bits)
    records = np.zeros(record_words(sizes, bits), np.uint64)
    books = np.zeros((2, order + 1, 1 << bits), np.float32)
    for n in range(2, order + 1):
        nodes = slice(starts[n], starts[n + 1])
        at, word_bits, _, backoff_bits = (int(value) for value in fields[n])
        books[0, n] = codebook(tables.log_probs[nodes], bits)
        values = tables.words[nodes].astype(np.uint64)
        values |= encode(tables.log_probs[nodes], books[0, n]) << np.uint64(word_bits)
        if backoff_bits:
            books[1, n] = codebook(tables.backoffs[nodes], bits)
            values |= encode(tables.backoffs[nodes], books[1, n]) << np.uint64(word_bits + bits)
        _write_bits(records, at, word_bits + bits + backoff_bits, values)
    order_one = min(starts[2], sizes.contexts)
    index = tables.begins[order_one:].astype(np.int64) - (starts[3] if order > 1 else starts[2])
    high, low, samples, low_bits = encode_rising(index, sizes.nodes - (starts[3] if order > 1 else starts[2]))
    return frozen(
        tables._replace(
            words=np.zeros(0, np.int32),
            begins=tables.begins[: order_one + 1],
            log_probs=tables.log_probs[: starts[2]],
            backoffs=tables.backoffs[:order_one],
            records=records,
            fields=fields,
            log_prob_codes=books[0],
            backoff_codes=books[1],
            high=high,
            low=low,
            samples=samples,
            low_bits=low_bits,
        )
    )


def encode_rising(
    values: npt.NDArray[np.int64], limit: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.uint32], int]:
    """Elias and Fano's code of numbers from 0 to `limit` that never fall: high, low, samples, low_bits."""
    sizes = rising_sizes(len(values), limit)
    low_bits = sizes[3]
    places = (values >> low_bits) + np.arange(len(values))
    high, low, samples = np.zeros(sizes[0], np.uint64), np.zeros(sizes[1], np.uint64), places[::SAMPLED]
    np.bitwise_or.at(high, places // BITS, np.uint64(1) << (places % BITS).astype(np.uint64))
    if low_bits:
        _write_bits(low, 0, low_bits, (values & ((1 << low_bits) - 1)).astype(np.uint64))
    kept = np.zeros(sizes[2], np.uint32)
    kept[: len(samples)] = samples
    return high, low, kept, low_bits


@kernel
def _write_bits(bits: npt.NDArray[np.uint64], at: int, width: int, values: npt.NDArray[np.uint64]) -> None:
    """Put values of `width` bits side by side into a bit string of zeros, from the bit `at` on."""
    for value in values:
        place, shift = at >> 6, np.uint64(at & 63)
        bits[place] |= value << shift
        if shift + np.uint64(width) > np.uint64(64):
            bits[place + 1] |= value >> (np.uint64(64) - shift)
        at += width


def unpack(tables: Tables) -> Tables:
    """Plain tables of packed ones, with the numbers that the codes stand for."""
    sizes = Sizes(tuple(int(start) for start in tables.starts))
    words, log_probs = np.zeros(sizes.nodes, np.int32), np.zeros(sizes.nodes, np.float32)
    begins, backoffs = np.zeros(sizes.contexts + 1, np.uint32), np.zeros(sizes.contexts, np.float32)
    _unpack(tables, words, begins, log_probs, backoffs)
    return plain_tables(sizes, words, begins, log_probs, backoffs)


@kernel
def _unpack(
    t: Tables, words: IntArray, begins: IntArray, log_probs: FloatArray, backoffs: FloatArray
) -> None:
    contexts = t.starts[-2]
    for order in range(1, len(t.starts) - 1):
        for node in range(t.starts[order], t.starts[order + 1]):
            words[node] = word_of(t, node, order)
            log_probs[node] = log_prob_of(t, node, order)
    for order in range(len(t.starts) - 2):
        for node in range(t.starts[order], t.starts[order + 1]):
            begins[node] = children(t, node)[0]
            backoffs[node] = backoff_of(t, node, order)
    begins[contexts] = t.starts[-1]
