"""How many bits and numbers packed tables take; what they hold is told in `lm.packing`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earwright.lm.tables import Sizes

BITS = 64  # of one number in a bit string
# One place in so many of Elias and Fano's high bits is kept.
SAMPLED = 32


def record_fields(sizes: Sizes, bits: int) -> npt.NDArray[np.int64]:
    """`Tables.fields` of a packed model: see there."""
    word_bits = max(sizes.vocabulary - 1, 1).bit_length()
    fields = np.zeros((sizes.order + 1, 4), np.int64)
    at = 0
    for n in range(2, sizes.order + 1):
        backoff_bits = bits if n < sizes.order else 0
        fields[n] = at, word_bits, bits, backoff_bits
        at += (sizes.starts[n + 1] - sizes.starts[n]) * (word_bits + bits + backoff_bits)
    return fields


def record_words(sizes: Sizes, bits: int) -> int:
    """How many numbers of 64 bits all records take, with the padding."""
    fields = record_fields(sizes, bits)
    last = sizes.starts[-1] - sizes.starts[-2] if sizes.order > 1 else 0
    return (int(fields[-1, 0]) + last * int(fields[-1, 1:].sum()) + BITS - 1) // BITS + 2


def rising_sizes(count: int, limit: int) -> tuple[int, int, int, int]:
    """Lengths of `high`, `low` and `samples` for `count` numbers up to `limit`, and `low_bits`."""
    low_bits = max(limit // max(count, 1), 1).bit_length() - 1
    high = (count + (limit >> low_bits)) // BITS + 1
    return high, (count * low_bits) // BITS + 2, count // SAMPLED + 1, low_bits
