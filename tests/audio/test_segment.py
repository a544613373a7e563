"""Cutting a stream: nothing lost, nothing too long, cuts in the pauses, and memory that does not grow."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.audio.segment import LATEST, cut_at_quiet

RATE = 1000


def noise(seconds: float, seed: int = 0, rate: int = RATE) -> npt.NDArray[np.float32]:
    generator = np.random.default_rng(seed)
    return (0.1 * generator.standard_normal(round(seconds * rate))).astype(np.float32)


@given(st.lists(st.integers(0, 3000), max_size=20), st.floats(0.5, 3.0), st.integers(0, 3))
def test_pieces_join_to_the_whole(sizes: list[int], longest: float, seed: int) -> None:
    blocks = [noise(size / RATE, seed + number) for number, size in enumerate(sizes)]
    pieces = list(cut_at_quiet(blocks, RATE, longest))
    whole = np.concatenate([*blocks, np.zeros(0, np.float32)])
    assert np.array_equal(np.concatenate([*(p.samples for p in pieces), np.zeros(0, np.float32)]), whole)
    assert all(0 < len(piece.samples) <= round(longest * RATE) for piece in pieces)
    ends = np.cumsum([0, *(len(piece.samples) for piece in pieces)])
    assert [piece.start_sample for piece in pieces] == ends[:-1].tolist()


@given(st.integers(1, 4000), st.integers(0, 2))
def test_block_sizes_change_nothing(size: int, seed: int) -> None:
    whole = noise(12.0, seed)
    blocks = [whole[at : at + size] for at in range(0, len(whole), size)]
    cuts = [piece.start_sample for piece in cut_at_quiet(blocks, RATE, 2.0)]
    assert cuts == [piece.start_sample for piece in cut_at_quiet([whole], RATE, 2.0)]


def test_what_fits_is_not_cut() -> None:
    assert len(list(cut_at_quiet([noise(20.0)], RATE))) == 1


def test_the_cut_is_in_the_middle_of_the_pause() -> None:
    samples = noise(30.0)
    samples[14_000:15_000] *= 0.001
    first, _ = cut_at_quiet([samples], RATE)
    assert 14_300 <= len(first.samples) <= 14_700


def test_the_quieter_of_two_pauses_is_taken() -> None:
    samples = noise(30.0)
    samples[12_000:12_500] *= 0.1
    samples[17_000:17_500] *= 0.001
    first, _ = cut_at_quiet([samples], RATE)
    assert 17_000 <= len(first.samples) <= 17_500


def test_no_crumb_is_left() -> None:
    pieces = list(cut_at_quiet([noise(20.001)], RATE))
    assert len(pieces) == 2
    assert len(pieces[1].samples) >= (1 - LATEST) * 20 * RATE


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_digital_silence_and_a_constant_are_cut_too(value: float) -> None:
    pieces = list(cut_at_quiet([np.full(50 * RATE, value, np.float32)], RATE))
    assert [len(piece.samples) <= 20 * RATE for piece in pieces] == [True] * len(pieces)
    assert sum(len(piece.samples) for piece in pieces) == 50 * RATE


def test_pieces_of_a_few_samples() -> None:
    pieces = list(cut_at_quiet([noise(1.0)], RATE, longest=0.003))
    assert sum(len(piece.samples) for piece in pieces) == RATE
    assert max(len(piece.samples) for piece in pieces) <= 3


def test_memory_does_not_grow_with_the_stream() -> None:
    def peak(blocks: int) -> int:
        def stream() -> Iterator[npt.NDArray[np.float32]]:
            for number in range(blocks):
                yield noise(10.0, number, rate=4000)

        tracemalloc.start()
        for _ in cut_at_quiet(stream(), 4000):
            pass
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return held

    assert peak(100) < 1.2 * peak(10)
