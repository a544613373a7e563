"""Levels of speech and mixtures: known signals, properties, and what cannot be."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from earwright.audio.backgrounds import find_backgrounds, read_backgrounds
from earwright.audio.mix import excerpt, mix_at_snr, speech_power
from earwright.errors import EarwrightError

RATE = 8000


def spoken(active: float, loud: float, seed: int = 0) -> np.ndarray:
    """Four seconds, of which a share is noise of this deviation, the rest nearly nothing."""
    generator = np.random.default_rng(seed)
    samples = generator.normal(0, 1e-4, 4 * RATE)
    count = round(active * 4 * RATE)
    samples[:count] = generator.normal(0, loud, count)
    return samples.astype(np.float32)


@given(st.floats(0.05, 1.0), st.floats(0.01, 0.5))
@settings(max_examples=30, deadline=None)
def test_pauses_do_not_count(active: float, loud: float) -> None:
    assert speech_power(spoken(active, loud), RATE) == pytest.approx(loud**2, rel=0.15)


def test_silence_has_no_power() -> None:
    assert speech_power(np.zeros(100, np.float32), RATE) == 0
    assert speech_power(np.zeros(0, np.float32), RATE) == 0


@given(st.floats(-10, 40), st.floats(0.1, 1.0))
@settings(max_examples=30, deadline=None)
def test_the_ratio_is_that_of_active_speech(snr: float, active: float) -> None:
    speech = spoken(active, 0.1)
    noise = np.random.default_rng(1).normal(0, 0.3, len(speech)).astype(np.float32)
    mixed = mix_at_snr(speech, noise, snr, RATE)
    behind = mixed.astype(np.float64) - speech
    found = 10 * np.log10(speech_power(speech, RATE) / np.square(behind).mean())
    assert found == pytest.approx(snr, abs=0.05)
    assert mixed.dtype == np.float32


def test_nothing_is_mixed_with_silence() -> None:
    speech, silence = spoken(0.5, 0.1), np.zeros(4 * RATE, np.float32)
    assert np.array_equal(mix_at_snr(speech, silence, 5, RATE), speech)
    assert np.array_equal(mix_at_snr(silence, speech, 5, RATE), silence)


@pytest.mark.parametrize("snr", [float("inf"), float("-inf"), float("nan")])
def test_ratios_that_cannot_be(snr: float) -> None:
    with pytest.raises(EarwrightError, match="cannot be mixed; give a finite number"):
        mix_at_snr(spoken(0.5, 0.1), spoken(0.5, 0.1), snr, RATE)


def test_lengths_must_agree() -> None:
    with pytest.raises(EarwrightError, match="do not go with"):
        mix_at_snr(spoken(0.5, 0.1), spoken(0.5, 0.1)[1:], 5, RATE)


@given(st.integers(1, 20), st.integers(0, 60), st.floats(0, 0.999))
def test_an_excerpt_goes_round(size: int, length: int, start: float) -> None:
    samples = np.arange(size, dtype=np.float32)
    found = excerpt(samples, length, start)
    assert len(found) == length
    steps = np.diff(found) % size
    assert np.all((steps == 1) | (size == 1))
    if length <= size:  # no join where there need not be one
        assert np.all(np.diff(found) == 1)


def write(path: Path, samples: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE)


def test_parts_are_by_class_and_do_not_meet(tmp_path: Path) -> None:
    for kind, count in (("tap", 10), ("fan", 2), ("door", 1)):
        for number in range(count):
            write(tmp_path / kind / f"{number}.wav", spoken(1.0, 0.1))
    write(tmp_path / "loose.wav", spoken(1.0, 0.1))
    every = find_backgrounds([tmp_path])
    train, test = find_backgrounds([tmp_path], "train"), find_backgrounds([tmp_path], "test")
    assert len(every) == 14 and sorted(train + test, key=every.index) == every
    kinds = [one.kind for one in test]
    assert kinds.count("tap") == 3 and kinds.count("fan") == 1 and "door" not in kinds
    assert {one.kind for one in every} == {"tap", "fan", "door", tmp_path.name}
    assert find_backgrounds([tmp_path], "test") == test


def test_takes_of_one_place_stay_together(tmp_path: Path) -> None:
    takes = ("Hall position 1", "Hall position 2", "HallPosition3", "hall_pos4", "nave-take-1", "nave-take-2")
    for name in (*takes, "Arch1", "Arch2", "Arch3", "1/room", "2/room"):
        write(tmp_path / "rooms" / f"{name}.wav", spoken(0.2, 0.1))
    for number in range(30):  # of a class with one large place and a small one, the small one is tested with
        write(tmp_path / "street" / f"corner take {number}.wav", spoken(0.2, 0.1))
    write(tmp_path / "street" / "bridge.wav", spoken(0.2, 0.1))
    parts = {
        part: {str(one.path.relative_to(tmp_path))[:-4] for one in find_backgrounds([tmp_path], part)}
        for part in ("train", "test")
    }
    for place in ("hall", "nave"):
        assert len([part for part in parts if any(place in name.lower() for name in parts[part])]) == 1
    assert {name for name in parts["test"] if "street" in name} == {"street/bridge"}
    assert len([name for name in parts["test"] if "rooms" in name]) in (3, 4, 5)
    assert not parts["train"] & parts["test"]


def test_bad_files_are_skipped_and_told(tmp_path: Path) -> None:
    write(tmp_path / "good.wav", spoken(1.0, 0.1))
    write(tmp_path / "silent.wav", np.zeros(100))
    (tmp_path / "bad.wav").write_bytes(b"RIFF no")
    told: list[tuple[str, str]] = []
    read = read_backgrounds(find_backgrounds([tmp_path]), 16000, lambda p, why: told.append((p.name, why)))
    assert [(one.path.name, len(samples)) for one, samples in read] == [("good.wav", 64000)]
    assert [name for name, _ in told] == ["bad.wav", "silent.wav"] and told[1][1] == "it is silent"
    (tmp_path / "good.wav").unlink()
    with pytest.raises(EarwrightError, match=r"none of 2 recordings can be used.*bad.wav \(this is no audio"):
        read_backgrounds(find_backgrounds([tmp_path]), 16000, lambda p, why: None)


def test_folders_without_recordings(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="there is no recording in it"):
        find_backgrounds([tmp_path])
    with pytest.raises(EarwrightError, match="is not a folder"):
        find_backgrounds([tmp_path / "none"])
    write(tmp_path / "one.wav", spoken(1.0, 0.1))
    with pytest.raises(EarwrightError, match="no recording is in the test part"):
        find_backgrounds([tmp_path], "test")


def test_a_folder_that_cannot_be_listed_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("fan", "tap"):
        write(tmp_path / kind / "one.wav", spoken(1.0, 0.1))
    listed = os.scandir

    def refusing(place: str) -> Any:  # the superuser, as whom tests may run, is refused nothing
        if str(place).endswith("tap"):
            raise PermissionError(errno.EACCES, "Permission denied", str(place))
        return listed(place)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(EarwrightError, match=r"tap: this folder cannot be read \(Permission denied\)"):
        find_backgrounds([tmp_path])


def test_a_folder_has_one_name_from_wherever_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "music"
    for number in range(6):
        write(folder / f"{number}.wav", spoken(1.0, 0.1))
    there = find_backgrounds([folder], "test")
    monkeypatch.chdir(folder)
    here = find_backgrounds(["."], "test")
    assert [(one.kind, one.path.name) for one in here] == [(one.kind, one.path.name) for one in there]
