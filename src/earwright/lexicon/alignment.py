"""Which letters stand for which phones: graphones, found by expectation-maximization.

A word and its pronunciation are cut into *graphones*, a letter or two with the phones that they stand for:
`p|p ho|ə n|n e|i`. Every cut of every pair is weighed by the product of its graphones' probabilities, and
these are counted anew under those weights until they fit (Bisani & Ney 2008, "Joint-sequence models for
grapheme-to-phoneme conversion", section 3; Jiampojamarn et al. 2007 for many-to-many chunks). The cut that is
kept of each pair is the one of the highest weight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwright.errors import EarwrightError

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

# (letters, phones) of a graphone. A silent letter is (1, 0); "x" is (1, 2); "ph" is (2, 1). With (2, 2) as well,
# likelihood would be gained by gluing neighbours together, since fewer factors make a larger product.
SHAPES = ((1, 0), (1, 1), (1, 2), (2, 1))
# A longer graphone must be this much more probable for each further symbol than the short ones in its place, when the
# best cut is taken (not in the counting). The figure is Phonetisaurus' way of weighing, by length.
BLOCK = 4096  # pairs whose graphones are entered into the table before it may grow


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
class Graphones:
    """Every graphone that some pair could be cut into, with its probability.

    Attributes:
        keys: of the graphones, in a table with open addressing; -1 where a slot is free.
        probs: slot -> probability; they sum to 1.
        base: letters and phones of a key are digits of this many values each: 0 for none.
    """

    keys: IntArray
    probs: FloatArray
    shapes: IntArray
    base: int


@dataclass(frozen=True)
class Alignment:
    """The best cut of each pair.

    Attributes:
        graphones: (letters, phones) of each graphone in use, sorted by its letters.
        ids: the cuts one after another, as indexes of `graphones`; cut i is ids[begins[i] : begins[i + 1]].
        log_likelihoods: of all pairs before each round of counting (natural logarithm).
        unaligned: indexes of the pairs that cannot be cut, having too many phones for their letters; their cuts are empty.
    """

    graphones: tuple[tuple[str, tuple[str, ...]], ...]
    ids: IntArray
    begins: IntArray
    log_likelihoods: tuple[float, ...]
    unaligned: IntArray
