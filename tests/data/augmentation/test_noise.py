"""Noise of files, generated noise and babble: what they are made of, and at which ratio they are mixed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from data.augmentation.signals import RATE, lag, speech
from earwright.audio.mix import speech_power
from earwright.audio.noises import pink_noise, white_noise
from earwright.data.augmentation.noise import Voices, add_noise, babble, check_often, nothing, open_noise
from earwright.data.augmentation.options import NoiseOptions, NothingOptions
from earwright.errors import EarwrightError


class Store:
    """Utterances that are a different tone each; notes which are read."""

    def __init__(self) -> None:
        self.read_so_far: list[int] = []

    def read(self, index: int) -> np.ndarray:
        self.read_so_far.append(index)
        return (0.1 * np.sin(2 * np.pi * 100 * (index + 1) * np.arange(RATE) / RATE)).astype(np.float32)


def noise_folder(folder: Path, files: int = 4) -> Path:
    for kind in ("low", "high"):
        (folder / kind).mkdir(parents=True)
        for number in range(files):
            tone = np.sin(2 * np.pi * (200 if kind == "low" else 5000) * np.arange(RATE) / RATE + number)
            soundfile.write(folder / kind / f"{number}.wav", 0.1 * tone, RATE)
    return folder


@given(st.floats(-5, 30), st.integers(0, 50), st.sampled_from(["white", "pink", "music", "babble"]))
@settings(max_examples=40, deadline=None)
def test_the_ratio_is_what_was_drawn(snr: float, seed: int, kind: str) -> None:
    samples = speech(1.0, seed)
    options = NoiseOptions(1.0, (snr, snr), generated=(kind,))
    heard = add_noise(samples, RATE, options, np.random.default_rng(seed), voices=Voices(Store(), 9))
    behind = heard.astype(np.float64) - samples
    found = 10 * np.log10(speech_power(samples, RATE) / np.square(behind).mean())
    assert found == pytest.approx(snr, abs=0.1) and heard.dtype == np.float32
    if snr > 0:
        assert lag(heard, samples) == 0


@pytest.mark.parametrize("length", [1, 2, 1000, 50_000])
def test_white_and_pink_are_as_loud_as_they_say(length: int) -> None:
    for noise in (
        white_noise(length, np.random.default_rng(0)),
        pink_noise(length, RATE, np.random.default_rng(0)),
    ):
        assert len(noise) == length and noise.dtype == np.float32 and np.isfinite(noise).all()
        if length > 10_000:
            assert np.square(noise).mean() == pytest.approx(1.0, rel=0.2)


def test_pink_noise_has_as_much_power_in_each_octave() -> None:
    spectrum = np.abs(np.fft.rfft(pink_noise(20 * RATE, RATE, np.random.default_rng(3)))) ** 2
    octaves = [spectrum[20 * hertz : 40 * hertz].sum() for hertz in (125, 250, 500, 1000, 2000)]
    assert max(octaves) / min(octaves) < 1.15


@given(st.integers(2, 12), st.sets(st.integers(0, 11), max_size=3), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_babble_is_made_of_others(count: int, own: set[int], seed: int) -> None:
    if own >= set(range(count)):
        return
    store = Store()
    heard = babble(500, RATE, Voices(store, count), 20, np.random.default_rng(seed), tuple(own))
    assert len(heard) == 500
    assert set(store.read_so_far) <= set(range(count)) - own


def test_every_other_utterance_has_its_turn_in_babble() -> None:
    store = Store()
    babble(100, RATE, Voices(store, 6), 300, np.random.default_rng(0), (0, 3))
    assert set(store.read_so_far) == {1, 2, 4, 5}


def test_music_is_among_what_is_heard_where_nobody_speaks() -> None:
    """Made music has a pitch that is held: its spectrum is far from flat, as no noise's is."""
    generator = np.random.default_rng(0)
    drawn = [nothing(RATE, RATE, NothingOptions(1.0), generator) for _ in range(200)]
    pitched = [samples for samples in drawn if samples.any() and flatness(samples) < 0.2]
    assert 40 <= len(pitched) <= 80  # 30 %


def flatness(samples: np.ndarray) -> float:
    """Of the power from 100 to 4000 Hz, relative to pink noise: the geometric mean over the mean."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    inside = (hertz > 100) & (hertz < 4000)
    power = (spectrum * hertz)[inside] + 1e-20
    return float(np.exp(np.log(power).mean()) / power.mean())


def test_who_is_alone_has_no_babble_behind() -> None:
    samples, options = speech(0.5), NoiseOptions(1.0, generated=("babble",))
    for voices in (None, Voices(Store(), 1)):
        assert np.array_equal(
            add_noise(samples, RATE, options, np.random.default_rng(0), None, voices, (0,)), samples
        )


def test_the_training_part_of_folders_is_used_each_class_as_often(tmp_path: Path) -> None:
    said: list[str] = []
    options = NoiseOptions(1.0, (0.0, 0.0), (str(noise_folder(tmp_path)),), ())
    bank = open_noise(options, RATE, 1, said.append)
    assert bank is not None and {kind: len(found) for kind, found in bank.classes.items()} == {
        "low": 3,
        "high": 3,
    }
    assert said == ["noise: 6 recordings in 2 classes, 0 min"]
    samples = speech(2.0)
    high = 0
    for seed in range(200):
        behind = add_noise(samples, RATE, options, np.random.default_rng(seed), bank) - samples
        spectrum = np.abs(np.fft.rfft(behind))
        high += bool(spectrum[2 * 3000 :].max() > spectrum[: 2 * 3000].max())
    assert 70 < high < 130


def test_whole_classes_may_be_left_alone(tmp_path: Path) -> None:
    folder = str(noise_folder(tmp_path))
    bank = open_noise(NoiseOptions(1.0, folders=(folder,), without=("low",)), RATE, 1, [].append)
    assert bank is not None and set(bank.classes) == {"high"}
    for without, message in ((("lo",), 'no class is "lo".* high, low'), (("low", "high"), "leaves no class")):
        with pytest.raises(EarwrightError, match=message):
            open_noise(NoiseOptions(1.0, folders=(folder,), without=without), RATE, 1, [].append)


def test_bad_files_are_skipped_counted_and_told_once(tmp_path: Path) -> None:
    folder = noise_folder(tmp_path / "noise", 2)
    for number in range(8):
        (folder / "low" / f"bad{number}.wav").write_bytes(b"nothing to hear")
    soundfile.write(folder / "high" / "silent.wav", np.zeros(RATE), RATE)
    said: list[str] = []
    open_noise(NoiseOptions(1.0, folders=(str(folder),)), RATE, 1, said.append)
    assert len(said) == 1 and "recordings are left out: bad" in said[0] and said[0].endswith(", ...")


def test_folders_of_no_use(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    for number in range(3):
        (tmp_path / "bad" / f"{number}.wav").write_bytes(b"nothing to hear")
    for name, message in (
        ("missing", "is not a folder of recordings"),
        ("empty", "there is no recording in it"),
        ("bad", "can be used: each is unreadable or silent"),
    ):
        with pytest.raises(EarwrightError, match=f"augment.noise.folders: .*{message}"):
            open_noise(NoiseOptions(1.0, folders=(str(tmp_path / name),)), RATE, 1, lambda line: None)


def test_more_noise_than_memory_should_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earwright.data.augmentation.noise.MOST_HOURS", 3.5 / 3600)
    options = NoiseOptions(1.0, folders=(str(noise_folder(tmp_path)),))
    taken = []
    for seed in (1, 1, 2, 3, 4):
        said: list[str] = []
        bank = open_noise(options, RATE, seed, said.append)
        assert bank is not None and "as many of 6 as" in said[0]
        taken.append({kind: len(found) for kind, found in bank.classes.items()})
        assert sum(taken[-1].values()) == 3
    assert taken[0] == taken[1]


def test_classes_that_are_drawn_often(tmp_path: Path) -> None:
    folder = noise_folder(tmp_path / "noise")
    bank = open_noise(NoiseOptions(folders=(str(folder),)), RATE, 0, lambda line: None)
    assert bank is not None

    def share_of_high(options: NothingOptions) -> float:
        """Of the recordings that are drawn: tones of 5 kHz, not of 200 Hz."""
        generator = np.random.default_rng(0)
        drawn = [nothing(800, RATE, options, generator, bank) for _ in range(2000)]
        peaks = [int(np.argmax(np.abs(np.fft.rfft(samples)))) * RATE / 800 for samples in drawn]
        return peaks.count(5000) / (peaks.count(5000) + peaks.count(200))

    assert share_of_high(NothingOptions(1.0)) == pytest.approx(0.5, abs=0.05)
    assert share_of_high(NothingOptions(1.0, often=("high",))) == pytest.approx(0.75, abs=0.05)
    check_often(bank, NothingOptions(1.0, often=("high", "low")))
    with pytest.raises(
        EarwrightError, match=r'augment.nothing.often: no class is "music"; there are high, low'
    ):
        check_often(bank, NothingOptions(1.0, often=("music",)))
    with pytest.raises(EarwrightError, match="names no folder"):
        check_often(None, NothingOptions(1.0, often=("music",)))
