"""The rooms of a run: simulated as asked for, measured ones read, what is none left out."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data.augmentation.signals import RATE
from earwright.audio.rooms import align_to_direct_path
from earwright.data.augmentation.options import RoomOptions
from earwright.data.augmentation.rooms import RoomBank, open_rooms, simulate_rooms
from earwright.errors import EarwrightError


def fall(response: np.ndarray) -> float:
    """Seconds in which the sound falls by 60 dB, as ISO 3382 has it: from its way from -5 to -25 dB."""
    left = np.cumsum(np.square(response[::-1].astype(np.float64)))[::-1]
    level = 10 * np.log10(left / left[0])
    first, last = int(np.argmax(level < -5)), int(np.argmax(level < -25))
    return 3 * (last - first) / RATE


def test_simulated_rooms_die_away_as_asked_for() -> None:
    pytest.importorskip("pyroomacoustics")
    quick = simulate_rooms(6, RATE, (0.2, 0.25), np.random.default_rng(0))
    slow = simulate_rooms(6, RATE, (0.6, 0.7), np.random.default_rng(0))
    assert np.median([fall(room) for room in quick]) < 0.35 < np.median([fall(room) for room in slow])
    assert all(room.dtype == np.float32 for room in (*quick, *slow))


def test_the_direct_sound_is_where_geometry_has_it() -> None:
    pyroomacoustics = pytest.importorskip("pyroomacoustics")
    generator = np.random.default_rng(5)
    for _ in range(15):
        size = generator.uniform((3, 3, 2.4), (8, 6, 3.5))
        material = pyroomacoustics.Material(float(generator.uniform(0.2, 0.6)))
        room = pyroomacoustics.ShoeBox(size, fs=RATE, materials=material, max_order=8)
        mouth, microphone = generator.uniform(0.4, size - 0.4), generator.uniform(0.4, size - 0.4)
        room.add_source(mouth)
        room.add_microphone(microphone)
        room.compute_rir()
        response = np.asarray(room.rir[0][0], np.float32)
        arrival = float(np.linalg.norm(mouth - microphone)) / room.c * RATE
        arrival += pyroomacoustics.constants.get("frac_delay_length") // 2
        aligned = align_to_direct_path(response)
        begins = next(
            n for n in range(len(response)) if np.array_equal(response[n:][: len(aligned)], aligned)
        )
        assert begins == pytest.approx(arrival, abs=1)


def test_the_same_seed_builds_the_same_rooms() -> None:
    pytest.importorskip("pyroomacoustics")

    def rooms(seed: int) -> list[np.ndarray]:
        return list(open_rooms(RoomOptions(1.0, (), 3), RATE, seed, 10.0, lambda line: None).simulated)

    first, again, other = rooms(1), rooms(1), rooms(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(len(a) == len(b) and np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_rooms_that_cannot_be() -> None:
    pytest.importorskip("pyroomacoustics")
    with pytest.raises(EarwrightError, match="no simulated room dies away within"):
        simulate_rooms(1, RATE, (0.05, 0.05), np.random.default_rng(0))


def test_the_library_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyroomacoustics", None)
    with pytest.raises(ModuleNotFoundError):
        open_rooms(RoomOptions(1.0, (), 1), RATE, 1, 10.0, lambda line: None)


def test_both_kinds_are_drawn_as_often() -> None:
    real, made = np.float32([1, 0]), np.float32([1, 0, 0])
    bank = RoomBank([real] * 9, [made])
    generator = np.random.default_rng(0)
    count = sum(len(bank.draw(generator)) == 3 for _ in range(400))
    assert 150 < count < 250
    assert len(RoomBank([real], []).draw(generator)) == 2 and len(RoomBank([], [made]).draw(generator)) == 3


def test_measured_ones(tmp_path: Path) -> None:
    for number in range(4):
        response = np.zeros(RATE)
        response[100 * number], response[100 * number + 400] = 1.0, 0.5
        soundfile.write(tmp_path / f"{number}.wav", 0.5 * response, RATE)
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    said: list[str] = []
    bank = open_rooms(RoomOptions(1.0, (str(tmp_path),)), RATE, 1, 10.0, said.append)
    assert 2 <= len(bank.measured) <= 4 and not bank.simulated
    assert all(room[0] == pytest.approx(0.5, abs=1e-3) and len(room) == 401 for room in bank.measured)
    assert len(said) == 1
    with pytest.raises(EarwrightError, match=r"augment.room.folders: .*longer than the speech"):
        open_rooms(RoomOptions(1.0, (str(tmp_path),)), RATE, 1, 0.01, said.append)
    with pytest.raises(EarwrightError, match=r"augment.room.folders: .*is not a folder"):
        open_rooms(RoomOptions(1.0, (str(tmp_path / "no"),)), RATE, 1, 10.0, said.append)
