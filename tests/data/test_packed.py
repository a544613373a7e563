from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.data.packed import LOOSE, Example, Examples, Packer

EXAMPLES = st.lists(
    st.builds(
        Example,
        st.text(max_size=8),
        st.floats(0.1, 30.0),
        st.lists(st.integers(0, 70_000), max_size=12).map(tuple),
    ),
    max_size=12,
)


@given(one=EXAMPLES, other=EXAMPLES)
def test_what_is_packed_comes_out_again(one: list[Example], other: list[Example]) -> None:
    wide = Packer(70_001)  # of a larger type than the first may need
    for example in other:
        wide.add(example)
    packed = Examples.joined([Examples.of(one), wide.packed()])
    everything = [*one, *other]
    assert list(packed) == everything and len(packed) == len(everything)
    assert not packed.sharded and Examples.of(packed) is packed
    for first in range(len(everything) + 1):
        for last in range(first, len(everything) + 1):
            assert list(packed[first:last]) == everything[first:last]
    if everything:
        numbers = list(range(len(everything)))[::-1]
        assert packed.token_counts(numbers).tolist() == [len(everything[n].tokens) for n in numbers]
        assert packed[-1] == everything[-1]
    with pytest.raises(IndexError):
        packed[len(everything)]


def test_shards_of_several_sets_stay_apart() -> None:
    def in_shards(*numbers: int) -> Examples:
        packer = Packer(9)
        for number in numbers:
            packer.add(Example("x", 1.0, (1,)), number)
        return packer.packed()

    joined = Examples.joined([in_shards(0, 0, 2), in_shards(LOOSE, LOOSE), in_shards(0, 1)])
    assert joined.shards.tolist() == [0, 0, 2, LOOSE, LOOSE, 3, 4] and joined.sharded
    assert joined[5:].shards.tolist() == [3, 4]


def test_an_utterance_takes_its_tokens_and_little_more() -> None:
    """A million of 80 letters are 120 MB, and a gigabyte as objects; here a fiftieth of them."""
    tokens = np.random.default_rng(0).integers(1, 40, 80).tolist()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        packer = Packer(40)
        for number in range(20_000):
            packer.add(Example(f"{number:010}", 1.0 + number, tuple(tokens)), number // 1000)
        packed = packer.packed()
        del packer
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert packed.nbytes == 20_000 * (10 + 80 + 28)
    assert held < 1.2 * packed.nbytes
