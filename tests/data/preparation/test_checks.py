"""Each check finds what it is for, in every format, and nothing else."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwright.data.corpora import Row
from earwright.data.preparation.checks import REASONS, Limits, check_audio, check_text
from earwright.data.preparation.listen import Stretch, listen

RATE = 16000
FORMATS = [
    ("wav", "WAV", "PCM_16"),
    ("wav", "WAV", "FLOAT"),
    ("aiff", "AIFF", "PCM_16"),
    ("au", "AU", "PCM_16"),
    ("w64", "W64", "PCM_16"),
    ("flac", "FLAC", "PCM_16"),
    ("ogg", "OGG", "VORBIS"),
    ("opus", "OGG", "OPUS"),
    ("mp3", "MP3", "MPEG_LAYER_III"),
]


def noise(seconds: float, rate: int = RATE, channels: int = 1) -> np.ndarray:
    samples = np.random.default_rng(0).uniform(-0.3, 0.3, (round(seconds * rate), channels))
    return samples[:, 0] if channels == 1 else samples


def write(
    path: Path, samples: np.ndarray, rate: int = RATE, form: str = "WAV", subtype: str = "PCM_16"
) -> Path:
    soundfile.write(path, samples, rate, format=form, subtype=subtype)
    return path


def reason(
    path: Path, text: str = "HELLO", start: float = 0.0, duration: float | None = None, **limits: float
) -> str | None:
    """What is wrong with one utterance, as `prepare` would find it."""
    row = Row("a", str(path), text, start=start, duration=duration)
    problem = check_text(row)
    if problem is None:
        report = listen(row.path, [Stretch(start, duration)])
        problem = check_audio(row, report, report.heard[0] if report.heard else None, Limits(**limits))
    assert problem is None or (problem.reason in REASONS and problem.detail and "\n" not in problem.detail)
    return problem.reason if problem else None


@pytest.mark.parametrize(("ending", "form", "subtype"), FORMATS)
def test_whole_and_cut_off_files_in_every_format(
    tmp_path: Path, ending: str, form: str, subtype: str
) -> None:
    path = write(tmp_path / f"a.{ending}", noise(3.0), RATE, form, subtype)
    report = listen(str(path), [Stretch()])
    assert (report.problem, report.samples, report.sample_rate, report.channels) == (None, 3 * RATE, RATE, 1)
    assert reason(path) is None
    packed = path.read_bytes()
    for share in (0.5, 0.9):
        path.write_bytes(packed[: int(len(packed) * share)])
        assert reason(path) == "truncated"
    path.write_bytes(packed[:20])
    assert reason(path) in ("unreadable", "empty-audio", "truncated")
    path.write_bytes(b"")
    assert reason(path) == "empty-audio"


@pytest.mark.parametrize("size", [0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wav_from_a_pipe_is_whole(tmp_path: Path, size: int) -> None:
    # A program that cannot seek back writes what it likes for the sizes; libsndfile then reads to the end.
    path = write(tmp_path / "a.wav", noise(1.0))
    packed = bytearray(path.read_bytes())
    packed[4:8] = packed[40:44] = size.to_bytes(4, "little")
    path.write_bytes(packed)
    assert reason(path) is None


def test_a_flac_stream_that_names_no_length_is_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", noise(1.0), form="FLAC")
    packed = bytearray(path.read_bytes())
    packed[21] &= 0xF0  # the 36 bits of STREAMINFO's total samples
    packed[22:26] = bytes(4)
    path.write_bytes(packed)
    assert reason(path) is None
    assert listen(str(path), [Stretch()]).samples == RATE


def test_files_that_are_not_audio(tmp_path: Path) -> None:
    assert reason(tmp_path / "none.wav") == "missing-audio"
    assert reason(Path("a\0b.wav")) == "missing-audio"
    assert reason(tmp_path) == "unreadable"
    path = tmp_path / "a.wav"
    for content in (b"a text, not audio " * 99, np.random.default_rng(0).bytes(5000), b"RIFF"):
        path.write_bytes(content)
        assert reason(path) == "unreadable"
    assert reason(write(path, np.zeros(0))) == "empty-audio"


def test_texts(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(1.0))
    assert reason(path, "") == reason(path, " \n ") == "empty-text"
    assert reason(path, "x" * 25) is None
    assert reason(path, "x" * 26) == reason(path, "x" * 1_000_000) == "text-too-long"
    assert reason(path, "x" * 26, max_characters_per_second=30.0) is None
    assert reason(path, "नमस्ते, γειά, 你好") is None


def test_durations(tmp_path: Path) -> None:
    short = write(tmp_path / "short.wav", noise(0.01))
    assert reason(short, "a") == "too-short"
    assert reason(short, "a", min_duration=0.0, max_characters_per_second=100.0) is None
    long = write(tmp_path / "long.wav", noise(61.0, 8000), 8000)
    assert reason(long) == "too-long"
    assert reason(long, max_duration=61.0) is None


@pytest.mark.parametrize(("ending", "form", "subtype"), FORMATS)
def test_digital_silence_survives_no_codec(tmp_path: Path, ending: str, form: str, subtype: str) -> None:
    path = tmp_path / f"a.{ending}"
    assert reason(write(path, np.zeros(RATE), RATE, form, subtype)) == "silent"
    quiet = np.zeros(RATE)
    quiet[4000:8000] = 0.01 * np.sin(np.arange(4000) / 5)
    assert reason(write(path, quiet, RATE, form, subtype)) is None


def test_what_is_silent_once_mixed_is_silent(tmp_path: Path) -> None:
    assert reason(write(tmp_path / "dc.wav", np.full(RATE, 0.25))) == "silent"
    opposite = noise(1.0)[:, None] * [1, -1]
    assert reason(write(tmp_path / "b.wav", opposite, subtype="FLOAT")) == "silent"


def test_samples_that_are_not_numbers(tmp_path: Path) -> None:
    samples = noise(2.0)
    samples[100] = np.nan
    path = write(tmp_path / "a.wav", samples, subtype="FLOAT")
    assert reason(path) == "nan-samples"
    assert reason(path, start=1.0) is None
    samples[100] = -np.inf
    assert reason(write(path, samples, subtype="FLOAT")) == "nan-samples"


@pytest.mark.parametrize(("rate", "channels"), [(8000, 2), (44100, 1), (192000, 8)])
def test_any_rate_and_channels(tmp_path: Path, rate: int, channels: int) -> None:
    path = write(tmp_path / "a.wav", noise(1.5, rate, channels), rate)
    report = listen(str(path), [Stretch()])
    assert (report.sample_rate, report.channels, report.samples) == (rate, channels, rate * 3 // 2)
    assert reason(path) is None


def test_parts_of_a_file(tmp_path: Path) -> None:
    samples = noise(200.0, 8000)
    samples[8000:16000] = 0
    path = write(tmp_path / "a.wav", samples, 8000)
    stretches = [(0.0, 1.0), (1.0, 1.0), (0.5, 1.0), (130.0, 60.0), (199.5, None), (199.5, 0.55)]
    report = listen(str(path), [Stretch(*pair) for pair in stretches])
    assert [span.samples for span in report.heard] == [8000, 8000, 8000, 480000, 4000, 4000]
    assert reason(path, start=1.0, duration=1.0) == "silent"
    assert reason(path, start=0.5, duration=1.0) is None
    assert reason(path, start=199.5, duration=0.55) is None  # rounded up by whoever wrote it down
    assert reason(path, start=199.5, duration=1.0) == "outside-audio"
    assert reason(path, start=200.0) == reason(path, start=1e9) == "outside-audio"
    assert (
        reason(path, start=-1.0) == reason(path, duration=0.0) == reason(path, duration=-2) == "outside-audio"
    )
    assert reason(path, start=1.5, duration=0.05) == "too-short"


def test_three_hours_in_bounded_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "long.wav", noise(1.0, 8000), 8000)
    size = 2 * 8000 * 3 * 3600
    with open(path, "r+b") as file:  # a hole in the file: three hours take no disk
        file.seek(40)
        file.write(size.to_bytes(4, "little"))
        file.truncate(44 + size)
    tracemalloc.start()
    report = listen(str(path), [Stretch(), Stretch(0.0, 1.0)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report.samples == 8000 * 3 * 3600 and report.problem is None
    assert peak < 40e6
    assert reason(path, duration=1.0) is None
