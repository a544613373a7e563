"""Reading audio: every format, rate, number of channels and fault."""

from __future__ import annotations

import io
import os
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from earwright.audio import audio_info, from_array, read_audio, stream_audio
from earwright.errors import EarwrightError

CLIP = Path(__file__).parent.parent / "data/librispeech/672/122797/672-122797-0000.opus"

# ending, format, subtype, largest error against what was written (lossy: only the power is compared)
FORMATS = [
    ("wav", "WAV", "PCM_16", 2e-4),
    ("wav", "WAV", "PCM_24", 1e-6),
    ("wav", "WAV", "PCM_U8", 2e-2),
    ("wav", "WAV", "FLOAT", 0.0),
    ("wav", "WAV", "ULAW", None),
    ("flac", "FLAC", "PCM_16", 2e-4),
    ("aiff", "AIFF", "PCM_16", 2e-4),
    ("caf", "CAF", "PCM_16", 2e-4),
    ("ogg", "OGG", "VORBIS", None),
    ("opus", "OGG", "OPUS", None),
    ("mp3", "MP3", "MPEG_LAYER_III", None),
]


def voice(seconds: float, rate: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Harmonics that glide under noise: something that codecs have to work for; (N,) or (N, C)."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(120 + 40 * np.sin(2 * np.pi * 1.3 * time)) / rate
    wave = sum(np.sin(k * phase) / k for k in range(1, 8)) * 0.1
    samples = wave[:, None] + 0.02 * rng.standard_normal((len(time), channels))
    return samples[:, 0] if channels == 1 else samples


def write(path: Path, samples: np.ndarray, rate: int, form: str = "WAV", subtype: str | None = None) -> Path:
    soundfile.write(path, samples, rate, format=form, subtype=subtype)
    return path


@pytest.mark.parametrize(("ending", "form", "subtype", "tolerance"), FORMATS)
def test_every_format_reads_alike(
    tmp_path: Path, ending: str, form: str, subtype: str, tolerance: float | None
) -> None:
    samples = voice(2.0, 16000)
    path = write(tmp_path / f'é a\'s "clip".{ending}', samples, 16000, form, subtype)
    read = read_audio(path)
    assert read.dtype == np.float32 and read.shape == (32000,)
    if tolerance is None:
        assert np.mean(read**2) == pytest.approx(np.mean(samples**2), rel=0.2)
    else:
        assert np.abs(read - samples).max() <= tolerance + 1e-7
    info = audio_info(path)
    assert (info.sample_rate, info.channels, info.samples, info.duration) == (16000, 1, 32000, 2.0)
    assert info.format == f"{form}/{subtype}"
    packed = path.read_bytes()
    for source in (str(path), packed, bytearray(packed), memoryview(packed), io.BytesIO(packed)):
        assert np.array_equal(read_audio(source), read)


@pytest.mark.parametrize(("ending", "form", "subtype", "tolerance"), FORMATS)
@pytest.mark.parametrize("block_seconds", [0.1, 0.37, 10.0])
def test_blocks_join_to_the_whole(
    tmp_path: Path, ending: str, form: str, subtype: str, tolerance: float | None, block_seconds: float
) -> None:
    path = write(tmp_path / f"a.{ending}", voice(3.0, 16000), 16000, form, subtype)
    whole = soundfile.read(path, dtype="float32")[0]
    # soundfile itself damages MP3 when it is read in blocks; ours must not.
    assert np.abs(np.concatenate(list(stream_audio(path, None, block_seconds))) - whole).max() < 1e-6


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 192000])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_any_rate_and_channels(tmp_path: Path, rate: int, channels: int) -> None:
    path = write(tmp_path / "a.wav", voice(1.0, rate, channels), rate, subtype="FLOAT")
    read = read_audio(path, 16000)
    assert abs(len(read) - 16000) <= 1
    streamed = np.concatenate(list(stream_audio(path, 16000, 0.21)))
    assert len(streamed) == len(read) and np.abs(streamed - read).max() < 1e-4
    assert len(read_audio(path, None)) == rate


def test_resampling_keeps_a_tone_and_drops_what_does_not_fit(tmp_path: Path) -> None:
    time = np.arange(48000) / 48000
    low, high = np.sin(2 * np.pi * 1000 * time), np.sin(2 * np.pi * 11000 * time)
    path = write(tmp_path / "a.wav", 0.3 * (low + high), 48000, subtype="FLOAT")
    read = read_audio(path, 16000)[1000:-1000]  # the filter's edges
    expected = 0.3 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)[1000:-1000]
    assert np.abs(read - expected).max() < 1e-3


def test_channels_are_mixed_or_chosen(tmp_path: Path) -> None:
    samples = voice(0.5, 16000, 3, seed=1).astype(np.float32)
    path = write(tmp_path / "a.wav", samples, 16000, subtype="FLOAT")
    assert np.allclose(read_audio(path), samples.mean(axis=1), atol=1e-7)
    assert np.array_equal(read_audio(path, channel=2), samples[:, 2])
    assert np.allclose(read_audio(path, channel=(0, 2)), samples[:, [0, 2]].mean(axis=1), atol=1e-7)
    with pytest.raises(EarwrightError, match="no channel 3; it has 3"):
        read_audio(path, channel=3)


@pytest.mark.parametrize(("ending", "form", "subtype", "tolerance"), FORMATS)
def test_a_part_equals_that_part_of_the_whole(
    tmp_path: Path, ending: str, form: str, subtype: str, tolerance: float | None
) -> None:
    path = write(tmp_path / f"a.{ending}", voice(4.0, 16000), 16000, form, subtype)
    whole = read_audio(path)
    # An Opus decoder that starts in the middle comes close to one that came from the front, no closer.
    close = 0.02 if subtype == "OPUS" else 1e-6
    for start in (0.0, 0.01, 0.5, 1.23456, 3.9):
        first = round(start * 16000)
        part = read_audio(path, start=start, duration=0.5)
        expected = whole[first : first + 8000]
        assert len(part) == len(expected) and np.abs(part - expected).max() < close
        assert len(read_audio(path, start=start)) == len(whole) - first
    with pytest.raises(EarwrightError, match=r"no audio at 4 s; it is 4\.000 s long"):
        read_audio(path, start=4.0)
    with pytest.raises(EarwrightError, match="no audio at -1 s"):
        read_audio(path, start=-1.0)


def test_a_real_clip() -> None:
    samples = read_audio(CLIP)
    assert len(samples) == audio_info(CLIP).samples == 65120
    assert 0.05 < np.abs(samples).max() < 1.0


def test_a_flac_stream_that_names_no_length(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", voice(3.0, 16000), 16000, "FLAC")
    whole = read_audio(path)
    packed = bytearray(path.read_bytes())
    packed[21] &= 0xF0  # STREAMINFO's 36 bits of total samples: 0 means unknown (RFC 9639, section 8.2)
    packed[22:26] = bytes(4)
    path.write_bytes(packed)
    assert audio_info(path).samples == 48000
    assert np.array_equal(read_audio(path), whole)


def test_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    packed = CLIP.read_bytes()
    writer = threading.Thread(target=pipe.write_bytes, args=(packed,))
    writer.start()
    samples = read_audio(pipe)
    writer.join()
    assert np.array_equal(samples, read_audio(CLIP))


def test_faults_are_one_sentence(tmp_path: Path) -> None:
    good = write(tmp_path / "good.flac", voice(2.0, 16000), 16000, "FLAC").read_bytes()
    cases = {
        "missing.wav": (None, "there is no such file"),
        "empty.wav": (b"", r"the file is empty \(0 bytes\)"),
        "text.wav": (b"this is not audio\n" * 50, "no audio that libsndfile reads"),
        "random.mp3": (np.random.default_rng(0).bytes(3000), "no audio that libsndfile reads"),
        "phone.m4a": (b"\0\0\0 ftypM4A " + bytes(500), "damaged, cut off or of no kind|earwright.av."),
        "samples.raw": (bytes(500), "without a header"),
        "cut.flac": (good[: len(good) // 2], "damaged or cut off"),
    }
    for name, (content, message) in cases.items():
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(EarwrightError, match=message) as caught:
            read_audio(path)
        assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)
        with pytest.raises(EarwrightError):
            list(stream_audio(path))
    with pytest.raises(EarwrightError, match="this is a folder"):
        read_audio(tmp_path)
    with pytest.raises(EarwrightError, match="no file name"):
        read_audio("a\0b.wav")
    with pytest.raises(EarwrightError, match=r"empty \(0 bytes\)"):
        read_audio(b"")
    with pytest.raises(EarwrightError, match="no audio that"):
        read_audio(b"this is not audio")


def test_no_samples_and_one_sample(tmp_path: Path) -> None:
    none = write(tmp_path / "none.wav", np.zeros(0), 16000)
    with pytest.raises(EarwrightError, match=r"no audio in it \(0 samples\)"):
        read_audio(none)
    with pytest.raises(EarwrightError, match="no audio"):
        list(stream_audio(none))
    one = write(tmp_path / "one.wav", np.full(1, 0.5), 16000)
    assert read_audio(one).tolist() == [0.5]
    assert len(read_audio(write(tmp_path / "short.wav", voice(0.01, 44100), 44100))) == 160


def test_samples_that_are_not_numbers(tmp_path: Path) -> None:
    samples = voice(1.0, 16000)
    samples[[100, 200]] = np.nan, np.inf
    path = write(tmp_path / "a.wav", samples, 16000, subtype="FLOAT")
    for read in (read_audio, lambda source: list(stream_audio(source)), lambda _: from_array(samples, 16000)):
        with pytest.raises(EarwrightError, match="2 of 16000 samples are not numbers"):
            read(path)
    assert len(read_audio(path, start=0.5)) == 8000  # the part asked for is sound


def test_three_hours_stream_in_bounded_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "long.wav", np.zeros(8000), 8000)
    seconds, size = 3 * 3600, 2 * 8000 * 3 * 3600
    with open(path, "r+b") as file:  # a hole in the file: three hours of nothing take no disk
        file.seek(40)
        file.write(size.to_bytes(4, "little"))
        file.truncate(44 + size)
    tracemalloc.start()
    total = sum(len(block) for block in stream_audio(path, 16000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == pytest.approx(16000 * seconds, abs=2)
    assert peak < 8e6


@given(arrays.arrays(np.int16, st.integers(1, 200)))
def test_int16_arrays_are_scaled(samples: np.ndarray) -> None:
    expected = samples / 32768.0
    assert np.allclose(from_array(samples, 16000), expected, atol=1e-7)
    assert np.allclose(from_array(samples.tolist(), 16000), expected, atol=1e-7)  # a list becomes int64
    assert np.allclose(from_array(samples.astype(np.int32) << 16, 16000), expected, atol=1e-7)
    assert np.allclose(from_array(expected.astype(np.float64), 16000), expected, atol=1e-7)


@given(st.integers(1, 4), st.integers(5, 50), st.integers(0, 9))
def test_arrays_with_channels_in_either_order(channels: int, length: int, seed: int) -> None:
    samples = np.random.default_rng(seed).uniform(-1, 1, (length, channels)).astype(np.float32)
    mixed = samples.mean(axis=1)
    assert np.allclose(from_array(samples, 8000, None), mixed, atol=1e-6)
    assert np.allclose(from_array(samples.T, 8000, None), mixed, atol=1e-6)


def test_arrays_of_other_types() -> None:
    assert from_array(np.array([0, 128, 255], np.uint8), 16000).tolist() == [-1.0, 0.0, 127 / 128]
    assert from_array(np.array([-128, 64], np.int8), 16000).tolist() == [-1.0, 0.5]
    assert len(from_array(np.zeros(44100), 44100)) == 16000
    assert from_array(np.zeros(10, np.float16), 16000).dtype == np.float32
    with pytest.raises(EarwrightError, match="divide 16-bit samples by 32768"):
        from_array(np.array([0.0, 12000.0]), 16000)
    for bad in ([], np.zeros((2, 2, 2)), 3.0, np.zeros((0, 2))):
        with pytest.raises(EarwrightError, match="audio arrays are"):
            from_array(bad, 16000)
    for bad in (["a"], np.zeros(5, complex), np.zeros(5, bool), np.zeros(5, np.uint16)):
        with pytest.raises(EarwrightError, match="floats or signed integers, not"):
            from_array(bad, 16000)
    with pytest.raises(EarwrightError, match="sample rate is 0"):
        from_array([0.0], 0)
    with pytest.raises(EarwrightError, match="sample rate asked for is -1"):
        from_array([0.0], 16000, -1)
