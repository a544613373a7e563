"""Which letters stand for which phones: graphones, found by expectation-maximization.

A word and its pronunciation are cut into *graphones*, a letter with the phones that it stands for:
`p|F h| o|OW n|N e|`. Every cut of every pair is weighed by the product of its graphones' probabilities, and
these are counted anew under those weights until they fit (Bisani & Ney 2008, "Joint-sequence models for
grapheme-to-phoneme conversion", section 3; Jiampojamarn et al. 2007 for many-to-many chunks). The cut that is
kept of each pair is the one of the highest weight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError

IntArray = npt.NDArray[np.int64]

# (letters, phones) of a graphone. A silent letter is (1, 0); "x" is (1, 2); "ph" becomes a letter that is
# said and a silent one. With (2, 1) for it the error rates on cmudict are the same within their intervals.
SHAPES = ((1, 0), (1, 1), (1, 2))

# How probable such a graphone is at first, where one letter with one phone is 1. Alike, the counting settles
# for cuts that are less likely: a silent letter for every pair of phones (tried: 1, 0.3, 0.1, 0.03, 0.01).
OTHERS_AT_FIRST = 0.03
BLOCK = 4096  # pairs whose graphones are entered into the table before it may grow
_NEVER = 1e-200  # a probability that counts as none


@dataclass(frozen=True)
class Pairs:
    """Words with their pronunciations, as numbers, one after another.

    Attributes:
        letters: of all words; word i is letters[letter_begins[i] : letter_begins[i + 1]].
        phones: the same for the pronunciations.
        alphabet, phone_set: number -> letter, phone.
    """

    letters: IntArray
    letter_begins: IntArray
    phones: IntArray
    phone_begins: IntArray
    alphabet: tuple[str, ...]
    phone_set: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.letter_begins) - 1


@dataclass(frozen=True)
class Alignment:
    """The best cut of each pair.

    Attributes:
        graphones: (letters, phones) of each graphone in use, sorted.
        ids: the cuts one after another, as indexes of `graphones`; cut i is ids[begins[i]:begins[i + 1]]. The
            cut of a pair that has too many phones for its letters, or too few, is empty.
        log_likelihoods: of all pairs before each round of counting (natural logarithm); it never falls.
    """

    graphones: tuple[tuple[str, tuple[str, ...]], ...]
    ids: IntArray
    begins: IntArray
    log_likelihoods: tuple[float, ...]


def make_pairs(entries: Iterable[tuple[str, Sequence[str]]]) -> Pairs:
    """Number the letters and phones of words and their pronunciations.

    Args:
        entries: (word, phones), each with a letter and a phone at least.
    """
    words, pronunciations = zip(*entries, strict=True)
    letters, letter_begins, alphabet = _numbered(words)
    phones, phone_begins, phone_set = _numbered(pronunciations)
    return Pairs(letters, letter_begins, phones, phone_begins, alphabet, phone_set)


def align(
    pairs: Pairs,
    rounds: int = 10,
    shapes: Sequence[tuple[int, int]] = SHAPES,
    report: Callable[[int], None] = lambda done: None,
) -> Alignment:
    """Cut each pair into graphones.

    Args:
        pairs: at least one.
        rounds: of counting. The cuts hardly change after ten.
        shapes: how many letters and phones a graphone may have; letters 1 or more.
        report: called with the number of rounds done.

    Raises:
        EarwrightError: no pair can be cut, or letters and phones are too many to number.
    """
    from earwright.lexicon import alignment_kernels as kernels

    table = np.array(shapes, np.int64).reshape(-1, 2)
    most = table.max(axis=0)
    base = max(len(pairs.alphabet), len(pairs.phone_set)) + 1
    if base ** int(most.sum()) >= 2**63:
        raise EarwrightError(f"{base - 1:,} different letters or phones are too many to align.")
    arrays = (pairs.letters, pairs.letter_begins, pairs.phones, pairs.phone_begins, table, most, base)
    keys = _enter_all(pairs, table, most, base)
    probs = _first_guess(keys, most, base)
    log_likelihoods = []
    for done in range(1, rounds + 1):
        counts = np.zeros(len(keys))
        log_likelihoods.append(float(kernels.expect(keys, probs, counts, *arrays)))
        total = counts.sum()
        if total == 0:
            raise EarwrightError(
                "no word can be aligned with its phones: there are too many for the letters, or too few."
            )
        probs = counts / total
        probs[probs < _NEVER] = 0.0  # numbers near the smallest that there are take a hundred times as long
        report(done)
    with np.errstate(divide="ignore"):
        log_probs = np.log(probs)
    ids = np.empty(len(pairs.letters), np.int64)
    begins = np.empty(len(pairs) + 1, np.int64)
    count = kernels.best_cuts(keys, log_probs, *arrays, ids, begins)
    slots, numbers = np.unique(ids[:count], return_inverse=True)
    graphones = [_graphone(int(keys[slot]), most, base, pairs) for slot in slots]
    order = sorted(range(len(graphones)), key=graphones.__getitem__)
    new_number = np.empty(len(order), np.int64)
    new_number[order] = np.arange(len(order))
    return Alignment(
        tuple(graphones[place] for place in order), new_number[numbers], begins, tuple(log_likelihoods)
    )


def _numbered(sequences: Sequence[Sequence[str]]) -> tuple[IntArray, IntArray, tuple[str, ...]]:
    symbols = tuple(sorted({symbol for sequence in sequences for symbol in sequence}))
    numbers = {symbol: number for number, symbol in enumerate(symbols)}
    begins = np.zeros(len(sequences) + 1, np.int64)
    np.cumsum([len(sequence) for sequence in sequences], out=begins[1:])
    flat = (numbers[symbol] for sequence in sequences for symbol in sequence)
    return np.fromiter(flat, np.int64, int(begins[-1])), begins, symbols


def _enter_all(pairs: Pairs, shapes: IntArray, most: IntArray, base: int) -> IntArray:
    """The table of all graphones: pairs go in block by block, and the table grows."""
    from earwright.lexicon import alignment_kernels as kernels

    keys, used = np.full(1 << 12, -1, np.int64), 0
    letters, phones = np.diff(pairs.letter_begins), np.diff(pairs.phone_begins)
    at_most = np.concatenate([[0], np.cumsum(letters * (phones + 1) * len(shapes))])
    for first in range(0, len(pairs), BLOCK):
        last = min(first + BLOCK, len(pairs))
        room = used + int(at_most[last] - at_most[first])
        if len(keys) < 2 * room:
            larger = np.full(1 << (2 * room).bit_length(), -1, np.int64)
            kernels.move(keys, larger)
            keys = larger
        used += kernels.enter(
            keys, pairs.letters, pairs.letter_begins, pairs.phones, pairs.phone_begins, shapes, most, base,
            first, last,
        )  # fmt: skip
    smaller = np.full(1 << (2 * used + 1).bit_length(), -1, np.int64)
    kernels.move(keys, smaller)
    return smaller


def _first_guess(keys: IntArray, most: IntArray, base: int) -> npt.NDArray[np.float64]:
    """Where the counting begins: every graphone is alike, but one letter with one phone is more probable."""
    rest, simple = keys.copy(), keys >= 0
    for count in (int(most[1]), int(most[0])):
        symbols = np.zeros(len(keys), np.int64)
        for _ in range(count):
            symbols += rest % base > 0
            rest //= base
        simple &= symbols == 1
    weights = np.where(keys >= 0, np.where(simple, 1.0, OTHERS_AT_FIRST), 0.0)
    first: npt.NDArray[np.float64] = weights / max(weights.sum(), OTHERS_AT_FIRST)
    return first


def _graphone(key: int, most: IntArray, base: int, pairs: Pairs) -> tuple[str, tuple[str, ...]]:
    digits = []
    for _ in range(int(most.sum())):
        key, digit = divmod(key, base)
        digits.append(digit - 1)
    digits.reverse()
    letters = "".join(pairs.alphabet[digit] for digit in digits[: most[0]] if digit >= 0)
    return letters, tuple(pairs.phone_set[digit] for digit in digits[most[0] :] if digit >= 0)
