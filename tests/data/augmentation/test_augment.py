"""The whole chain, and the batches that it is in: same seed, same samples, texts that fit their audio."""

from __future__ import annotations

import dataclasses
import itertools
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data.augmentation.signals import RATE, lag, speech
from data.plans import plan_epoch, stream_of
from earwright.audio.backgrounds import Background
from earwright.audio.read import resample
from earwright.data.augment import KINDS, Augmenter, build_augmenter
from earwright.data.augmentation import options as kinds
from earwright.data.augmentation.lengths import Lengths, join_tokens, space_between
from earwright.data.augmentation.noise import NoiseBank, Voices
from earwright.data.augmentation.options import AugmentOptions
from earwright.data.augmentation.rooms import RoomBank
from earwright.data.batches import Batch, BatchReader, load_batches
from earwright.data.frames import frames_in, frames_needed
from earwright.data.mixture import Source
from earwright.data.packed import Example, Examples
from earwright.text import build_char_tokenizer, train_bpe_tokenizer

HALL = np.concatenate(
    [[1.0], 0.2 * np.random.default_rng(0).normal(0, 1, 2000) * np.exp(-np.arange(2000) / 400)]
)


def everything(probability: float = 0.5) -> AugmentOptions:
    return AugmentOptions(
        noise=kinds.NoiseOptions(probability),
        room=kinds.RoomOptions(probability, simulated=1),
        pitch=kinds.PitchOptions(probability),
        tempo=kinds.TempoOptions(probability),
        trim=kinds.TrimOptions(probability, (3.0, 30.0)),
        gain=kinds.GainOptions(probability),
        clipping=kinds.ClippingOptions(probability),
        band=kinds.BandOptions(probability),
        codec=kinds.CodecOptions(probability),
        cutout=kinds.CutoutOptions(probability),
        concatenation=kinds.ConcatenationOptions(probability),
        nothing=kinds.NothingOptions(probability / 2),
    )


class Store:
    """Eighteen utterances of one to three seconds."""

    def read(self, index: int) -> np.ndarray:
        return speech(1.0 + index / 9, index)


EXAMPLES = [Example(str(n), len(Store().read(n)) / RATE, (2 + n % 3, 3)) for n in range(18)]
PACKED = Examples.of(EXAMPLES)


def augmenter(options: AugmentOptions) -> Augmenter:
    rooms = RoomBank([HALL.astype(np.float32)])
    return Augmenter(options, RATE, None, rooms, Voices(Store(), len(EXAMPLES)))


def batches(workers: int, options: AugmentOptions, count: int = 6) -> list[Batch]:
    lengths = Lengths(options.tempo, options.concatenation, (1,), options.nothing.probability)
    reader = BatchReader(EXAMPLES, Store(), RATE, (1,), augmenter(options))
    stream = stream_of(EXAMPLES, seed=3, batch_seconds=9.0, speeds=options.speeds, lengths=lengths)
    return list(itertools.islice(load_batches(reader, stream, workers), count))


def test_the_same_samples_whatever_the_number_of_workers() -> None:
    alone = batches(0, everything())
    for workers in (1, 2):
        for a, b in zip(alone, batches(workers, everything()), strict=True):
            assert a.plan == b.plan
            assert torch.equal(a.waveform, b.waveform) and torch.equal(a.targets, b.targets)
    assert not torch.equal(alone[0].waveform, batches(0, AugmentOptions())[0].waveform)


def test_a_stream_goes_on_with_the_samples_it_would_have_had() -> None:
    options, whole = everything(), batches(0, everything(), 8)
    lengths = Lengths(options.tempo, options.concatenation, (1,), options.nothing.probability)
    left = whole[3].plan
    stream = stream_of(
        EXAMPLES,
        seed=3,
        batch_seconds=9.0,
        speeds=options.speeds,
        lengths=lengths,
        epoch=left.epoch,
        position=left.position,
    )
    reader = pickle.loads(pickle.dumps(BatchReader(EXAMPLES, Store(), RATE, (1,), augmenter(options))))
    for a, b in zip(whole[4:], load_batches(reader, stream, 0), strict=False):
        assert torch.equal(a.waveform, b.waveform)


def test_without_augmentation_batches_are_what_they_were() -> None:
    """The plan of an earlier version, written out."""
    generator = np.random.default_rng((3, 0))
    seconds = np.array([example.seconds for example in EXAMPLES])
    speeds = np.array((0.9, 1.0, 1.1))[generator.integers(3, size=18)]
    seconds = seconds / speeds
    order = np.argsort(seconds * generator.uniform(0.95, 1.05, 18), kind="stable").tolist()
    expected: list[list[tuple[int, float]]] = [[]]
    for place in order:
        items = [*expected[-1], (place, float(speeds[place]))]
        if expected[-1] and max(seconds[number] for number, _ in items) * len(items) > 9.0:
            expected.append([items[-1]])
        else:
            expected[-1] = items
    plan = [expected[i] for i in generator.permutation(len(expected)).tolist()]
    found = plan_epoch(EXAMPLES, seed=3, epoch=0, batch_seconds=9.0, speeds=(0.9, 1.0, 1.1))
    assert [[(item.example, item.speed) for item in batch] for batch in found] == plan
    assert build_augmenter(AugmentOptions(), RATE, seed=1, longest=10) is None
    for batch in batches(0, AugmentOptions(), 4):
        for row, item in enumerate(batch.plan.items):
            clip = resample(Store().read(item.example), round(RATE * item.speed), RATE)
            assert np.array_equal(batch.waveform[row, : int(batch.lengths[row])].numpy(), clip)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_draws_the_same_whatever_others_do(kind: str) -> None:
    """One kind alone, for certain, is a pure function of the seed; with all, it is drawn the same."""
    samples = speech(1.0) * np.hanning(RATE).astype(np.float32)  # quiet where it begins and ends
    certain = getattr(everything(1.0), kind)
    alone = augmenter(AugmentOptions(**{kind: certain}))
    first, again = (alone(samples, 7, own=(0,)) for _ in range(2))
    assert np.array_equal(first, again) and first.dtype == np.float32
    assert len(first) == len(samples) or (kind == "trim" and len(samples) / 2 <= len(first) < len(samples))
    assert not np.array_equal(first, samples)
    if kind != "room":  # of which there is one
        assert not all(np.array_equal(first, alone(samples, seed, own=(0,))) for seed in (8, 9, 10, 11))
    with_silence = augmenter(AugmentOptions(**{kind: certain}, tempo=kinds.TempoOptions(0.5)))
    assert np.array_equal(with_silence(samples, 7, own=(0,)), first)


def test_how_often_each_kind_is_drawn() -> None:
    options = AugmentOptions(gain=kinds.GainOptions(0.3, (-6.0, -6.0)))
    samples = np.ones(100, np.float32)
    changed = sum(augmenter(options)(samples, seed)[0] != 1 for seed in range(1000))
    assert 250 < changed < 350


def test_nothing_moves_a_word_but_speed_and_tempo() -> None:
    options = everything(1.0)
    chain = augmenter(
        AugmentOptions(
            noise=kinds.NoiseOptions(1.0, (20.0, 20.0)),
            # At its lowest rates Opus makes noise of its own for a whisper, which is like nothing but itself.
            codec=kinds.CodecOptions(1.0, opus=(32,)),
            **{kind: getattr(options, kind) for kind in ("room", "gain", "clipping", "band", "cutout")},
        )
    )
    for seed in range(25):
        samples = speech(1.5, seed, buzzing=False)
        assert abs(lag(chain(samples, seed), samples)) <= 1


@given(st.floats(0.05, 1), st.integers(2, 5), st.floats(2, 8), st.integers(0, 50), st.booleans())
@settings(max_examples=40, deadline=None)
def test_an_epoch_has_every_utterance_once_however_they_are_put_together(
    probability: float, most: int, max_seconds: float, seed: int, replay: bool
) -> None:
    lengths = Lengths(
        kinds.TempoOptions(0.5, (0.8, 1.25)),
        kinds.ConcatenationOptions(probability, most, max_seconds),
        (1,),
        nothing=0.3,
    )
    sources = (Source(0, 9, 0.5), Source(9, 18, 0.5)) if replay else ()
    options = {"batch_seconds": 12.0, "speeds": (0.9, 1.0), "lengths": lengths, "sources": sources}
    plan = plan_epoch(EXAMPLES, seed=seed, epoch=1, **options)
    assert plan == plan_epoch(EXAMPLES, seed=seed, epoch=1, **options)
    items = [item for batch in plan for item in batch]
    said = sorted(number for item in items for number in item.examples)
    assert said[: 9 if replay else 18] == list(range(9 if replay else 18))
    assert len({item.seed for item in items}) == len(items)
    for item in items:
        assert not (item.then and item.wordless)
        assert len(item.then) < most and (item.then or item.pause == 0)
        if item.then:
            assert (
                sum(EXAMPLES[n].seconds for n in item.examples) + item.pause * len(item.then) <= max_seconds
            )
            assert not replay or len({number < 9 for number in item.examples}) == 1
    if not replay:
        for batch in plan:
            longest = max(item.seconds(PACKED) for item in batch)
            assert len(batch) == 1 or longest * len(batch) <= 12.0 + 1e-9


def test_where_nobody_speaks_there_is_noise_and_no_text() -> None:
    """As loud as was asked for, as long as the speech would have been, and a share of all as asked for."""
    options = AugmentOptions(nothing=kinds.NothingOptions(0.4, (-30.0, -20.0)))
    found = [
        (item, batch.waveform[row, :length], int(batch.target_lengths[row]))
        for batch in batches(0, options, 40)
        for row, (item, length) in enumerate(zip(batch.plan.items, batch.lengths.tolist(), strict=True))
    ]
    wordless = [(heard, tokens) for item, heard, tokens in found if item.wordless]
    assert 0.3 < len(wordless) / len(found) < 0.5
    assert all(tokens == 0 for _, tokens in wordless)
    levels = [10 * float(torch.log10(heard.square().mean())) for heard, _ in wordless if heard.any()]
    assert -30.5 < min(levels) < -25 < max(levels) < -19.5 and len(levels) < len(wordless)
    for item, heard, tokens in found:
        if not item.wordless:
            clip = resample(Store().read(item.example), round(RATE * item.speed), RATE)
            assert np.array_equal(heard.numpy(), clip) and tokens == 2


def test_a_recording_of_noise_is_heard_instead_of_speech() -> None:
    hum = np.sin(np.arange(RATE) / 3).astype(np.float32)
    bank = NoiseBank([(Background(Path("hum/a.wav"), "hum"), hum)])
    chain = Augmenter(AugmentOptions(nothing=kinds.NothingOptions(1.0)), RATE, bank)
    heard = [chain.nothing(3000, seed) for seed in range(300)]
    # Of a sine alone, neighbours of every sample add up to the same multiple of it.
    hums = sum(np.corrcoef(clip[:-2] + clip[2:], clip[1:-1])[0, 1] > 0.999 for clip in heard if clip.any())
    assert 180 < hums < 240


def test_planned_seconds_are_those_of_the_samples() -> None:
    for batch in batches(0, dataclasses.replace(everything(0.7), trim=kinds.TrimOptions()), 8):
        for length, item in zip(batch.lengths.tolist(), batch.plan.items, strict=True):
            assert length / RATE == pytest.approx(item.seconds(PACKED), abs=0.01)
        said = [item._replace(wordless=False).tokens(EXAMPLES, (1,)) for item in batch.plan.items]
        assert batch.plan.update_tokens == sum(map(len, said)) >= int(batch.target_lengths.sum())


@given(
    texts=st.lists(st.text("ab ", min_size=1).filter(str.strip), min_size=2, max_size=4),
    seconds=st.lists(st.floats(0.05, 5), min_size=4, max_size=4),
    speed=st.floats(0.5, 2),
)
def test_what_fits_alone_fits_together(texts: list[str], seconds: list[float], speed: float) -> None:
    tokenizer = build_char_tokenizer(["ab"])
    tokens = [tokenizer.encode(text) for text in texts]
    joined = join_tokens(tokens, space_between(tokenizer))
    assert list(joined) == tokenizer.encode(" ".join(texts))
    parts = list(zip(tokens, seconds, strict=False))
    if all(frames_needed(text) <= frames_in(second / speed) for text, second in parts):
        assert frames_needed(joined) <= frames_in(sum(second for _, second in parts) / speed)


def test_pieces_need_no_space_between() -> None:
    texts = ["the cat sat on the mat", "a dog ran to the cat", "the man sat"]
    tokenizer = train_bpe_tokenizer(texts, 24)
    joined = join_tokens([tokenizer.encode(text) for text in texts], space_between(tokenizer))
    assert list(joined) == tokenizer.encode(" ".join(texts))
    assert tokenizer.decode(joined) == " ".join(texts)
