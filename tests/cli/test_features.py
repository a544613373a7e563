"""`earwright features`: the same numbers as the module, a picture that shows something, clear refusals."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from earwright.cli.main import main
from earwright.nn.features import FeatureOptions, build_features


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Half a second of a rising tone with some noise, 16 kHz."""
    time = np.arange(8000) / 16000
    sound = 0.3 * np.sin(2 * np.pi * (300 + 2000 * time) * time) + np.random.default_rng(0).normal(
        0, 0.01, 8000
    )
    path = tmp_path / "tone.wav"
    soundfile.write(path, sound, 16000, subtype="FLOAT")
    return path


def test_saved_features_are_the_modules(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "features.npy"
    arguments = ["--kind", "mfcc", "--n-mels", "40", "--deltas", "--json", "--out", str(out)]
    assert main(["features", str(recording), *arguments]) == 0
    saved = np.load(out)
    clip, _ = soundfile.read(recording, dtype="float32")
    module = build_features(FeatureOptions(kind="mfcc", n_mels=40, deltas=True))
    expected, _ = module(torch.from_numpy(clip)[None], torch.tensor([8000]))
    assert saved.dtype == np.float32
    np.testing.assert_allclose(saved, expected[0].numpy(), atol=1e-4)
    summary = json.loads(capsys.readouterr().out)
    assert (summary["frames"], summary["features"], summary["seconds"]) == (50, 39, 0.5)
    assert summary["max"] == pytest.approx(float(saved.max()))
    np.testing.assert_allclose(summary["mean_of_each"], saved.mean(axis=0), atol=1e-3)


def test_the_text_names_shape_and_statistics(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["features", str(recording), "--start", "0.1", "--duration", "0.2"]) == 0
    text = capsys.readouterr().out
    assert "0.20 s at 16000 Hz" in text
    assert "log_mel: 20 frames of 80, one every 10 ms" in text
    assert "standard deviation" in text


@pytest.mark.parametrize(
    "arguments",
    [[], ["--kind", "mfcc", "--deltas"], ["--deltas", "--sample-rate", "8000"], ["--duration", "0.01"]],
)
def test_the_picture_is_large_and_many_coloured(
    recording: Path, tmp_path: Path, arguments: list[str]
) -> None:
    from matplotlib.image import imread

    picture = tmp_path / "new" / "picture.png"
    assert main(["features", str(recording), "--plot", str(picture), *arguments]) == 0
    width, height = struct.unpack(">II", picture.read_bytes()[16:24])
    assert width >= 1200 and height >= 700
    pixels = (imread(io.BytesIO(picture.read_bytes()))[:, :, :3] * 255).astype(int)
    assert len(np.unique(pixels.reshape(-1, 3) @ (65536, 256, 1))) > 100


@pytest.mark.parametrize("ending", ["svg", "pdf"])
def test_silence_is_drawn_as_vectors_too(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(16000), 16000)
    picture = tmp_path / f"picture.{ending}"
    assert main(["features", str(path), "--plot", str(picture)]) == 0
    assert picture.stat().st_size > 1000


@pytest.mark.parametrize(
    ("samples", "arguments", "words"),
    [
        (np.zeros(0), [], "no audio in it"),
        (np.zeros(40), [], "0.0025 s is too short for a frame; it takes 0.005 s"),
        (np.zeros(300), ["--snip-edges"], "is too short for a frame; it takes 0.025 s"),
        (np.full(16000, np.nan), [], "not numbers"),
        (np.zeros(16000), ["--plot", "picture.gif"], "ends in .png, .svg, .pdf"),
        (np.zeros(16000), ["--n-mels", "1000"], "n_mels = 1000 is too many"),
        (np.zeros(16000), ["--window", "kaiser"], "window = 'kaiser' must be one of"),
        (np.zeros(16000), ["--kind", "mfcc", "--n-mels", "20", "--n-mfcc", "40"], "n_mfcc = 40"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    samples: np.ndarray[tuple[int], np.dtype[np.float64]],
    arguments: list[str],
    words: str,
) -> None:
    path = tmp_path / "clip.wav"
    soundfile.write(path, samples, 16000, subtype="FLOAT")
    assert main(["features", str(path), *arguments]) == 1
    captured = capsys.readouterr()
    assert words in captured.err and "Traceback" not in captured.err
    assert not captured.out


def test_eight_channels_and_high_rates_are_mixed_and_resampled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "array.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, (19200, 8)), 192000, subtype="FLOAT")
    assert main(["features", str(path)]) == 0
    assert "10 frames of 80" in capsys.readouterr().out
