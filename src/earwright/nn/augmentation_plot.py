"""A picture of what augmentation does: the spectrograms of a recording's versions side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from earwright.nn import mel

Array = npt.NDArray[np.float32]

COLUMNS = 3
MOST_FRAMES = 1200  # of a panel: more than it has pixels
DECIBELS_SHOWN = 80.0
FRAME = 0.025  # seconds


def spectrogram(samples: Array, sample_rate: int) -> npt.NDArray[np.float64]:
    """(T, F) decibels below full scale, of at most so many frames as can be seen."""
    size = round(FRAME * sample_rate)
    fft_size = max(512, 1 << (size - 1).bit_length())
    count = max(1, min(MOST_FRAMES, len(samples) // (size // 2)))
    padded = np.pad(samples, (size // 2, size))
    starts = np.linspace(0, max(len(samples) - 1, 0), count).astype(int)
    frames = padded[starts[:, None] + np.arange(size)] * mel.window_function("hann", size)
    power = np.abs(np.fft.rfft(frames, fft_size)) ** 2 / (size / 4) ** 2
    decibels: npt.NDArray[np.float64] = 10 * np.log10(np.maximum(power, 1e-12))
    return decibels


def plot_versions(
    versions: Sequence[tuple[str, Array]],
    features: Sequence[tuple[str, Array]],
    sample_rate: int,
    title: str,
    file: IO[bytes],
    file_format: str = "png",
) -> None:
    """Draw every version of a recording in a panel of its own.

    Args:
        versions: names and samples (N,), the original first; all on one scale of loudness, and of time but
            for what is much longer than the original.
        features: names and features (T, F), such as SpecAugment's, drawn behind them.
        sample_rate: Hz.
        title: the line at the top.
        file: where to write the picture.
        file_format: "png", "svg" or "pdf".
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = len(versions) + len(features)
    columns = min(COLUMNS, count)
    rows = math.ceil(count / columns)
    usual = 1.15 * len(versions[0][1]) / sample_rate
    style: dict[Any, Any] = {"font.size": 9, "axes.titlesize": 9, "axes.titlelocation": "left"}
    with rc_context(style):
        figure = Figure(figsize=(4.2 * columns, 1.9 * rows + 0.5), dpi=130, layout="constrained")
        FigureCanvasAgg(figure)  # draws without a screen
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis, (name, samples) in zip(axes, versions, strict=False):
            extent = (0.0, len(samples) / sample_rate, 0.0, sample_rate / 2000)
            loudness = spectrogram(samples, sample_rate).T
            axis.imshow(
                loudness, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=-100, vmax=-20
            )
            axis.set_xlim(0, max(usual, len(samples) / sample_rate))
            axis.set_facecolor("black")
            axis.set_title(name)
            axis.set_ylabel("kHz")
        for axis, (name, values) in zip(axes[len(versions) :], features, strict=False):
            axis.imshow(values.T, origin="lower", aspect="auto", cmap="magma")
            axis.set_title(name)
            axis.set_ylabel("feature")
        for axis in axes[count:]:
            axis.set_axis_off()
        figure.savefig(file, format=file_format)
