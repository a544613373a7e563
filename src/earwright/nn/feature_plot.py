"""A picture of a recording: waveform, spectrogram, log-mel spectrum and MFCC on one time axis."""

from __future__ import annotations

import math
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from earwright.nn import mel
from earwright.nn.features import FeatureOptions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = npt.NDArray[np.float32]

# More columns than a wide picture has pixels; longer recordings are thinned out to it.
MOST_COLUMNS = 3000
DECIBELS_SHOWN = 80.0
TICKS_HZ = (100, 250, 500, 1000, 2000, 4000, 8000, 16000)
INK, FAINT, WAVE = "#22272e", "#c3c9d1", "#35618f"


def plot_features(
    samples: Array,
    log_mel: Array,
    features: Array,
    options: FeatureOptions,
    title: str,
    file: IO[bytes],
    file_format: str = "png",
) -> None:
    """Draw a recording above its features.

    Args:
        samples: (N,) in [-1, 1].
        log_mel: (T, n_mels).
        features: (T, dim), what `options` make of the samples.
        options: what the features are.
        title: the line at the top.
        file: where to write the picture.
        file_format: "png", "svg" or "pdf".
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    static = options.dim // 3 if options.deltas else options.dim
    groups = np.split(features, range(static, options.dim, static), axis=1)
    names = ("", "first difference", "second difference")
    show_mfcc = options.kind == "mfcc"
    below = groups if show_mfcc else groups[1:]
    style: dict[Any, Any] = {
        "font.size": 10,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": FAINT,
        "xtick.color": INK,
        "ytick.color": INK,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
    }
    with rc_context(style):
        heights = [0.8, 1.5, 1.6, *(1.2 for _ in below)]
        figure = Figure(figsize=(11, 1.5 * sum(heights) + 0.9), dpi=150, layout="constrained")
        FigureCanvasAgg(figure)  # draws without a screen
        figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
        axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
        seconds = len(samples) / options.sample_rate
        _waveform(axes[0], samples, seconds)
        _spectrogram(figure, axes[1], samples, options)
        _log_mel(figure, axes[2], log_mel, options)
        for axis, group, name in zip(axes[3:], below, names[0 if show_mfcc else 1 :], strict=False):
            what = f"MFCC, {options.n_mfcc} coefficients" if show_mfcc else "Log-mel"
            _signed(figure, axis, group, options, f"{what}, {name}" if name else what)
        axes[0].set_xlim(0, seconds)
        axes[-1].set_xlabel("time (s)")
        figure.align_ylabels(axes)
        figure.savefig(file, format=file_format)


def _waveform(axis: Axes, samples: Array, seconds: float) -> None:
    """Highest and lowest sample of each column."""
    columns = min(MOST_COLUMNS, len(samples))
    starts = np.linspace(0, len(samples), columns, endpoint=False).astype(int)
    low, high = np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)
    time = starts / len(samples) * seconds
    axis.fill_between(time, low, high, color=WAVE, linewidth=0.6, edgecolor=WAVE)
    reach = max(float(np.abs(samples).max()), 1e-4) * 1.1
    axis.set_ylim(-reach, reach)
    axis.set_title("Waveform")
    axis.set_ylabel("amplitude")
    axis.spines[["top", "right"]].set_visible(False)


def _spectrogram(figure: Figure, axis: Axes, samples: Array, options: FeatureOptions) -> None:
    """The power spectrum of frames, in decibels below the loudest."""
    frame_size, fft_size = options.frame_size, max(options.fft_size, 512)
    count = max(1, min(MOST_COLUMNS, len(samples) // options.hop_length))
    padded = np.pad(samples, frame_size // 2)
    starts = np.linspace(0, len(padded) - frame_size, count).astype(int)
    frames = padded[starts[:, None] + np.arange(frame_size)] * mel.window_function("hann", frame_size)
    power = np.abs(np.fft.rfft(frames, fft_size)) ** 2
    decibels = 10 * np.log10(np.maximum(power, 1e-12))
    decibels = np.maximum(decibels - decibels.max(), -DECIBELS_SHOWN)
    top = options.sample_rate / 2000
    seconds = len(samples) / options.sample_rate
    image = _image(axis, decibels, (0.0, seconds, 0.0, top), cmap="magma", vmin=-DECIBELS_SHOWN, vmax=0.0)
    axis.set_title("Spectrogram")
    axis.set_ylabel("kHz")
    _colorbar(figure, axis, image, "dB")


def _log_mel(figure: Figure, axis: Axes, log_mel: Array, options: FeatureOptions) -> None:
    """The log-mel spectrum, with frequencies where they come to lie on the mel scale."""
    low, high = np.percentile(log_mel, (2, 99.8))
    seconds = len(log_mel) * options.hop_length / options.sample_rate
    extent = (0.0, seconds, -0.5, options.n_mels - 0.5)
    image = _image(axis, log_mel, extent, cmap="magma", vmin=low, vmax=max(high, low + 1e-3))
    edges = mel.hz_to_mel([options.low_freq, options.top_freq])
    step = (edges[1] - edges[0]) / (options.n_mels + 1)
    ticks = [hz for hz in TICKS_HZ if options.low_freq < hz < options.top_freq]
    axis.set_yticks((mel.hz_to_mel(ticks) - edges[0]) / step - 1, [_hertz(hz) for hz in ticks])
    axis.set_ylim(-0.5, options.n_mels - 0.5)
    axis.set_title(f"Log-mel spectrum, {options.n_mels} filters")
    axis.set_ylabel("Hz")
    _colorbar(figure, axis, image, "log power")


def _signed(figure: Figure, axis: Axes, values: Array, options: FeatureOptions, title: str) -> None:
    """Values around zero, each coefficient in units of its own spread: the first would hide the others."""
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    seconds = len(values) * options.hop_length / options.sample_rate
    extent = (0.0, seconds, -0.5, values.shape[1] - 0.5)
    image = _image(axis, scaled, extent, cmap="RdBu_r", vmin=-2.5, vmax=2.5)
    axis.set_title(title)
    axis.set_ylabel("coefficient" if options.kind == "mfcc" else "filter")
    _colorbar(figure, axis, image, "std. dev.")


def _image(
    axis: Axes, values: npt.NDArray[Any], extent: tuple[float, float, float, float], **colors: Any
) -> Any:
    """Draw (T, F) with time to the right; neighbouring frames are averaged where there are too many."""
    group = math.ceil(len(values) / MOST_COLUMNS)
    if group > 1:
        starts = np.arange(0, len(values), group)
        sizes = np.diff(np.append(starts, len(values)))
        values = np.add.reduceat(values, starts, axis=0) / sizes[:, None]
    return axis.imshow(
        values.T, origin="lower", aspect="auto", extent=extent, interpolation="nearest", **colors
    )


def _colorbar(figure: Figure, axis: Axes, image: Any, label: str) -> None:
    bar = figure.colorbar(image, ax=axis, pad=0.01, fraction=0.03, aspect=12)
    bar.set_label(label)
    bar.outline.set_visible(False)


def _hertz(hz: int) -> str:
    return f"{hz // 1000}k" if hz >= 1000 else str(hz)
