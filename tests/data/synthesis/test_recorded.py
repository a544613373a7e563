"""What lies between a synthesizer and a recording: noise at the level that was asked for, rooms, recipes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwright.audio.read import Samples
from earwright.data.augmentation.options import (
    AugmentOptions,
    GainOptions,
    NoiseOptions,
    RoomOptions,
)
from earwright.data.synthesis.options import SynthesisOptions
from earwright.data.synthesis.recorded import as_recorded, prepare_augmentation
from earwright.errors import EarwrightError

RATE = 16000
SPEECH: Samples = (0.2 * np.sin(2 * np.pi * 220 * np.arange(2 * RATE) / RATE)).astype(np.float32)


def options(clean: bool = True, **kinds: object) -> SynthesisOptions:
    augment = replace(AugmentOptions(speeds=(1.0,)), **kinds)  # type: ignore[arg-type]
    return SynthesisOptions(clean=clean, augment=augment, seed=5)


@pytest.fixture
def hiss(tmp_path: Path) -> Path:
    (tmp_path / "noise" / "hiss").mkdir(parents=True)
    noise = 0.1 * np.random.default_rng(0).standard_normal(3 * RATE)
    soundfile.write(tmp_path / "noise" / "hiss" / "a.wav", noise, RATE, subtype="FLOAT")
    return tmp_path / "noise"


def test_noise_is_as_loud_as_was_asked_for(hiss: Path) -> None:
    noise = NoiseOptions(probability=1.0, snr=(3.0, 9.0), folders=(str(hiss),), generated=())
    found = []
    for index in range(40):
        heard = as_recorded(SPEECH, options(noise=noise), index)
        assert len(heard) == len(SPEECH) and np.abs(heard).max() <= 1
        # The tone is known: its share is a projection, and the rest is noise.
        share = float(heard @ SPEECH / (SPEECH @ SPEECH))
        rest = heard - share * SPEECH
        found.append(10 * np.log10(share**2 * (SPEECH @ SPEECH) / (rest @ rest)))
    assert 2.8 < min(found) < 4.5 and 7.5 < max(found) < 9.2


def test_a_room_does_what_a_convolution_does(tmp_path: Path) -> None:
    response = np.zeros(4000)
    response[300], response[700], response[3000] = 0.5, 0.3, -0.2  # the direct sound comes late
    (tmp_path / "rooms").mkdir()
    soundfile.write(tmp_path / "rooms" / "a.wav", response, RATE, subtype="FLOAT")
    room = RoomOptions(probability=1.0, folders=(str(tmp_path / "rooms"),))
    heard = as_recorded(SPEECH, options(room=room), 0)
    expected = np.convolve(SPEECH, response[300:])[: len(SPEECH)]
    expected *= np.sqrt(np.mean(SPEECH**2) / np.mean(expected**2))
    np.testing.assert_allclose(heard, expected, atol=1e-4)


def test_speed_and_tempo_change_the_length_and_the_rest_does_not() -> None:
    drawn = replace(options(), augment=AugmentOptions(speeds=(0.8,)))
    assert len(as_recorded(SPEECH, drawn, 0)) == pytest.approx(len(SPEECH) / 0.8, abs=2)
    loud = as_recorded(SPEECH, options(gain=GainOptions(probability=1.0, decibels=(30.0, 30.0))), 0)
    np.testing.assert_allclose(loud, SPEECH / np.abs(SPEECH).max(), atol=1e-5)  # turned down, not clipped


def test_the_same_seed_and_utterance_give_the_same_samples(hiss: Path) -> None:
    noise = NoiseOptions(probability=0.5, folders=(str(hiss),))
    for clean in (True, False):
        drawn = options(clean, noise=noise)
        first = [as_recorded(SPEECH, drawn, index) for index in range(6)]
        again = [as_recorded(SPEECH, drawn, index) for index in reversed(range(6))][::-1]
        for one, other in zip(first, again, strict=True):
            np.testing.assert_array_equal(one, other)
        others = [as_recorded(SPEECH, replace(drawn, seed=6), index) for index in range(6)]
        assert any(len(a) != len(b) or (a != b).any() for a, b in zip(first, others, strict=True))


def test_without_augmentation_only_pauses_noise_and_level_change() -> None:
    np.testing.assert_array_equal(as_recorded(SPEECH, SynthesisOptions(clean=True), 0), SPEECH)
    heard = as_recorded(SPEECH, SynthesisOptions(), 0)
    assert 0.1 * RATE <= len(heard) - len(SPEECH) <= 0.8 * RATE
    assert 10 ** (-12 / 20) - 1e-6 <= np.abs(heard).max() <= 10 ** (-1 / 20) + 1e-6
    # The speech is where the two fit best, 15 dB and more above the rest.
    place = int(np.correlate(heard, SPEECH, "valid").argmax())
    inside = heard[place : place + len(SPEECH)]
    share = float(inside @ SPEECH / (SPEECH @ SPEECH))
    rest = inside - share * SPEECH
    assert 10 * np.log10(share**2 * (SPEECH @ SPEECH) / (rest @ rest)) > 14


def test_what_there_is_is_told_and_bad_folders_are_named(hiss: Path, tmp_path: Path) -> None:
    for number in range(5):
        (hiss / "hiss" / f"good-{number}.wav").write_bytes((hiss / "hiss" / "a.wav").read_bytes())
        (hiss / "hiss" / f"bad-{number}.wav").write_text("no audio")
    told: list[str] = []
    noise = NoiseOptions(probability=1.0, folders=(str(hiss),))
    prepare_augmentation(options(noise=noise), told.append)
    assert any("no babble" in line for line in told)
    assert any("recordings in 1 classes" in line and "recordings are left out: bad-" in line for line in told)
    (tmp_path / "empty").mkdir()
    for folder, message in (("nowhere", "not a folder"), ("empty", "no recording in it")):
        bad = NoiseOptions(probability=1.0, folders=(str(tmp_path / folder),))
        with pytest.raises(EarwrightError, match=message):
            prepare_augmentation(options(noise=bad), told.append)
