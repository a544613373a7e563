"""Recordings that begin late and end early: what goes, what stays, and texts keep what they need."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.augmentation.signals import RATE, speech
from data.plans import stream_of
from earwright.data.augment import Augmenter
from earwright.data.augmentation.edges import BLOCK, trim
from earwright.data.augmentation.lengths import Lengths
from earwright.data.augmentation.options import AugmentOptions, ConcatenationOptions, TrimOptions
from earwright.data.batches import BatchReader, load_batches
from earwright.data.frames import FRAME_SHIFT, frames_in, frames_needed, seconds_for
from earwright.data.packed import Example
from earwright.errors import EarwrightError


def steps(*decibels: float) -> np.ndarray:
    """Blocks at so many dB, each one 10 ms long."""
    return np.repeat(np.float32([10 ** (level / 20) for level in decibels]), round(BLOCK * RATE))


@given(st.lists(st.floats(-80, 0), min_size=1, max_size=40), st.floats(0, 100))
def test_what_is_quiet_at_the_edges_goes(levels: list[float], decibels: float) -> None:
    """Written out: blocks go from each end until one is loud enough."""
    kept = list(levels)
    while kept[0] < max(levels) - decibels - 1e-4:
        kept.pop(0)
    while kept[-1] < max(levels) - decibels - 1e-4:
        kept.pop()
    near = any(abs(level - max(levels) + decibels) < 1e-3 for level in levels)  # which rounding decides
    assert near or np.array_equal(trim(steps(*levels), RATE, decibels, 0), steps(*kept))


@given(st.integers(0, 6000), st.floats(0, 60), st.integers(0, 8000), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_it_is_a_piece_of_the_recording_and_not_too_short(
    length: int, decibels: float, least: int, seed: int
) -> None:
    samples = speech(length / RATE, seed)[:length]
    found = trim(samples, RATE, decibels, least)
    assert min(len(samples), least) <= len(found) <= len(samples) and found.dtype == np.float32
    places = range(len(samples) - len(found) + 1)
    assert any(np.array_equal(samples[place : place + len(found)], found) for place in places)


def test_both_edges_keep_their_share() -> None:
    samples = steps(*[-60] * 10, 0, *[-60] * 30)
    block = round(BLOCK * RATE)
    assert len(trim(samples, RATE, 20, 0)) == block
    found = trim(samples, RATE, 20, 21 * block)  # half of what is quiet stays
    assert np.array_equal(found, samples[5 * block : 26 * block])


@pytest.mark.parametrize(
    "samples", [np.zeros(0, np.float32), np.zeros(5, np.float32), np.zeros(RATE, np.float32)]
)
def test_silence_and_next_to_nothing_stay(samples: np.ndarray) -> None:
    assert np.array_equal(trim(samples, RATE, 20, 0), samples)


def test_a_trimmed_text_still_fits() -> None:
    """Clicks between long silences, with texts that just fit: of each the audio stays that CTC needs."""
    clips = [steps(*[-80] * (20 + 3 * n), 0, *[-80] * (40 + n)) for n in range(12)]

    class Store:
        def read(self, index: int) -> np.ndarray:
            return clips[index]

    examples = []
    for number, clip in enumerate(clips):
        count = frames_in(len(clip) / RATE / 1.25)
        examples.append(Example(str(number), len(clip) / RATE, tuple(2 + n % 2 for n in range(count))))
    options = AugmentOptions(
        speeds=(0.8, 1.25), trim=TrimOptions(1.0, (10.0, 10.0), 0.95), concatenation=ConcatenationOptions(0.5)
    )
    lengths = Lengths(options.tempo, options.concatenation, ())
    stream = stream_of(examples, seed=1, batch_seconds=9.0, speeds=options.speeds, lengths=lengths)
    reader = BatchReader(examples, Store(), RATE, (), Augmenter(options, RATE), FRAME_SHIFT)
    shorter = 0
    for batch in itertools.islice(load_batches(reader, stream, 0), 6):
        for row, item in enumerate(batch.plan.items):
            samples, text = int(batch.lengths[row]), batch.targets[row, : batch.target_lengths[row]].tolist()
            assert frames_in(samples / RATE + 1e-9) >= frames_needed(text)
            shorter += samples < 0.9 * item.seconds(reader.examples) * RATE
    assert shorter > 5, "the slow ones have audio to spare"


@given(st.integers(0, 500), st.sampled_from([0.01, 0.02, 0.04, 0.06]))
def test_so_much_audio_has_so_many_frames(frames: int, shift: float) -> None:
    assert frames_in(seconds_for(frames, shift) + 1e-9, shift) == frames


@pytest.mark.parametrize(
    ("given_options", "told"),
    [
        ((1.5,), "probability"),
        ((0.5, (30.0, 10.0)), "decibels"),
        ((0.5, (0.0, float("inf"))), "decibels"),
        ((0.5, (10.0, 20.0), 1.0), "most"),
    ],
)
def test_options_that_make_no_sense(given_options: tuple, told: str) -> None:
    with pytest.raises(EarwrightError, match=told):
        TrimOptions(*given_options)
