"""The loops of the alignment, compiled: a table of graphones, forward and backward sums, the best cut."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from earwright.compiling import kernel

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@kernel
def slot_of(keys: IntArray, key: int) -> int:
    """Where `key` lies in the table, or the free slot where it belongs."""
    mask = np.uint64(len(keys) - 1)
    # Fibonacci hashing: the high bits of a product with 2^64 / golden ratio are well mixed.
    product = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    slot = (product >> np.uint64(20)) & mask
    while keys[slot] != key and keys[slot] != -1:
        slot = (slot + np.uint64(1)) & mask
    return np.int64(slot)  # type: ignore[return-value]


@kernel
def move(keys: IntArray, larger: IntArray) -> None:
    """Put every key of a table into another one, which is empty."""
    for slot in range(len(keys)):
        if keys[slot] != -1:
            larger[slot_of(larger, keys[slot])] = keys[slot]


@kernel
def key_of(
    letters: IntArray, i: int, i_count: int, phones: IntArray, j: int, j_count: int, base: int, most: IntArray
) -> int:
    """A graphone as one number: its letters and phones are the digits, none is 0."""
    key = 0
    for place in range(most[0]):
        key = key * base + (letters[i + place] + 1 if place < i_count else 0)
    for place in range(most[1]):
        key = key * base + (phones[j + place] + 1 if place < j_count else 0)
    return key


@kernel
def enter(
    keys: IntArray,
    letters: IntArray,
    letter_begins: IntArray,
    phones: IntArray,
    phone_begins: IntArray,
    shapes: IntArray,
    most: IntArray,
    base: int,
    first: int,
    last: int,
) -> int:
    """Put every graphone of the pairs first to last - 1 into the table; return how many were new."""
    new = 0
    for pair in range(first, last):
        for i in range(letter_begins[pair], letter_begins[pair + 1]):
            for j in range(phone_begins[pair], phone_begins[pair + 1] + 1):
                for shape in range(len(shapes)):
                    a, b = shapes[shape, 0], shapes[shape, 1]
                    if i + a <= letter_begins[pair + 1] and j + b <= phone_begins[pair + 1]:
                        key = key_of(letters, i, a, phones, j, b, base, most)
                        slot = slot_of(keys, key)
                        if keys[slot] == -1:
                            keys[slot] = key
                            new += 1
    return new


@kernel
def expect(
    keys: IntArray,
    probs: FloatArray,
    counts: FloatArray,
    letters: IntArray,
    letter_begins: IntArray,
    phones: IntArray,
    phone_begins: IntArray,
    shapes: IntArray,
    most: IntArray,
    base: int,
) -> float:
    """Add the expected number of each graphone to `counts`; return the log-likelihood of all pairs."""
    widest, longest = 0, 0
    for pair in range(len(letter_begins) - 1):
        widest = max(widest, letter_begins[pair + 1] - letter_begins[pair])
        longest = max(longest, phone_begins[pair + 1] - phone_begins[pair])
    forward = np.empty((widest + 1, longest + 1))
    backward = np.empty((widest + 1, longest + 1))
    slots = np.empty((widest + 1, longest + 1, len(shapes)), np.int64)
    scales = np.empty(widest + 1)
    total = 0.0
    for pair in range(len(letter_begins) - 1):
        i0, j0 = letter_begins[pair], phone_begins[pair]
        rows, columns = letter_begins[pair + 1] - i0, phone_begins[pair + 1] - j0
        # Each row (letters read so far) is scaled to sum to 1, so that long words do not underflow.
        forward[: rows + 1, : columns + 1] = 0.0
        forward[0, 0] = 1.0
        scales[0] = 1.0
        for i in range(1, rows + 1):
            mass = 0.0
            for j in range(columns + 1):
                for shape in range(len(shapes)):
                    a, b = shapes[shape, 0], shapes[shape, 1]
                    if a <= i and b <= j and forward[i - a, j - b] > 0.0:
                        key = key_of(letters, i0 + i - a, a, phones, j0 + j - b, b, base, most)
                        slot = slot_of(keys, key)
                        slots[i - a, j - b, shape] = slot
                        step = forward[i - a, j - b] * probs[slot]
                        # From two rows back: the scale of the row between is missing.
                        for between in range(i - a + 1, i):
                            step /= scales[between]
                        forward[i, j] += step
                mass += forward[i, j]
            scales[i] = mass if mass > 0.0 else 1.0
            for j in range(columns + 1):
                forward[i, j] /= scales[i]
        end = forward[rows, columns]
        if end <= 0.0:
            continue
        for i in range(rows + 1):
            total += math.log(scales[i])
        total += math.log(end)
        backward[: rows + 1, : columns + 1] = 0.0
        backward[rows, columns] = 1.0
        for i in range(rows - 1, -1, -1):
            for j in range(columns + 1):
                if forward[i, j] == 0.0:
                    continue
                mass = 0.0
                for shape in range(len(shapes)):
                    a, b = shapes[shape, 0], shapes[shape, 1]
                    if i + a <= rows and j + b <= columns:
                        step = probs[slots[i, j, shape]] * backward[i + a, j + b]
                        for between in range(i + 1, i + a + 1):
                            step /= scales[between]
                        mass += step
                        counts[slots[i, j, shape]] += forward[i, j] * step / end
                backward[i, j] = mass
    return total


@kernel
def best_cuts(
    keys: IntArray,
    log_probs: FloatArray,
    letters: IntArray,
    letter_begins: IntArray,
    phones: IntArray,
    phone_begins: IntArray,
    shapes: IntArray,
    most: IntArray,
    base: int,
    out: IntArray,
    out_begins: IntArray,
) -> int:
    """Write the slots of each pair's best cut into `out`; return how many there are in all."""
    widest, longest = 0, 0
    for pair in range(len(letter_begins) - 1):
        widest = max(widest, letter_begins[pair + 1] - letter_begins[pair])
        longest = max(longest, phone_begins[pair + 1] - phone_begins[pair])
    best = np.empty((widest + 1, longest + 1))
    came = np.empty((widest + 1, longest + 1), np.int64)
    used = np.empty((widest + 1, longest + 1), np.int64)
    written = 0
    for pair in range(len(letter_begins) - 1):
        out_begins[pair] = written
        i0, j0 = letter_begins[pair], phone_begins[pair]
        rows, columns = letter_begins[pair + 1] - i0, phone_begins[pair + 1] - j0
        best[: rows + 1, : columns + 1] = -np.inf
        best[0, 0] = 0.0
        for i in range(rows):
            for j in range(columns + 1):
                if best[i, j] == -np.inf:
                    continue
                for shape in range(len(shapes)):
                    a, b = shapes[shape, 0], shapes[shape, 1]
                    if i + a <= rows and j + b <= columns:
                        slot = slot_of(keys, key_of(letters, i0 + i, a, phones, j0 + j, b, base, most))
                        # A longer graphone counts for each of its symbols.
                        score = best[i, j] + log_probs[slot] * max(a, b)
                        if score > best[i + a, j + b]:
                            best[i + a, j + b] = score
                            came[i + a, j + b] = shape
                            used[i + a, j + b] = slot
        if best[rows, columns] == -np.inf:
            continue
        i, j, count = rows, columns, 0
        while i > 0:
            out[written + count] = used[i, j]
            shape = came[i, j]
            i -= shapes[shape, 0]
            j -= shapes[shape, 1]
            count += 1
        for place in range(count // 2):
            other = written + count - 1 - place
            out[written + place], out[other] = out[other], out[written + place]
        written += count
    out_begins[len(letter_begins) - 1] = written
    return written
