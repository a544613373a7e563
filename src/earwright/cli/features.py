"""`earwright features`: what a recognizer sees of a recording, as numbers and as a picture."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from earwright.nn.features import FeatureOptions

PICTURES = ("png", "svg", "pdf")
# Arguments that are options of the features, under the same names.
OPTIONS = (
    *("kind", "sample_rate", "n_mels", "n_mfcc", "deltas"),
    *("window", "low_freq", "high_freq", "snip_edges"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("audio", metavar="AUDIO", help="the recording")
    parser.add_argument("--plot", metavar="FILE", help="draw waveform and features (.png, .svg or .pdf)")
    parser.add_argument("--out", metavar="FILE.npy", help="save the features, float32 (frames, features)")
    parser.add_argument("--json", action="store_true", help="print shape and statistics as JSON")
    part = parser.add_argument_group("which part")
    part.add_argument("--start", type=float, default=0.0, metavar="S", help="begin there, in seconds")
    part.add_argument("--duration", type=float, metavar="S", help="take so many seconds")
    add = parser.add_argument_group("which features").add_argument
    add("--kind", choices=("log_mel", "mfcc"), default="log_mel", help="default log_mel")
    add("--sample-rate", type=int, default=16000, metavar="HZ", help="resample to it (default 16000)")
    add("--n-mels", type=int, default=80, metavar="N", help="mel filters (default 80)")
    add("--n-mfcc", type=int, default=13, metavar="N", help="cepstra, of kind mfcc (default 13)")
    add("--deltas", action="store_true", help="append first and second differences in time")
    add("--window", default="povey", metavar="NAME", help="povey (default), hamming, hann, blackman, sine")
    add(
        "--low-freq",
        type=float,
        default=20.0,
        metavar="HZ",
        help="where the first filter begins (default 20)",
    )
    add(
        "--high-freq",
        type=float,
        default=0.0,
        metavar="HZ",
        help="where the last one ends; 0 or less counts down from half the sample rate (default 0)",
    )
    add("--snip-edges", action="store_true", help="whole frames only, nothing mirrored at the ends")


def run(args: argparse.Namespace) -> int:
    """Compute, save, draw, and print."""
    import json
    import os

    from earwright.audio import read_audio
    from earwright.errors import EarwrightError
    from earwright.nn.features import FeatureOptions

    picture = os.path.splitext(args.plot)[1].lstrip(".").lower() if args.plot else ""
    if args.plot and picture not in PICTURES:
        raise EarwrightError(f"{args.plot}: name a picture that ends in .{', .'.join(PICTURES)}.")
    options = FeatureOptions(**{name: getattr(args, name) for name in OPTIONS})
    samples = read_audio(args.audio, options.sample_rate, start=args.start, duration=args.duration)
    features = _compute(samples, options)
    if not len(features):
        seconds = len(samples) / options.sample_rate
        least = options.frame_length if options.snip_edges else options.frame_shift / 2
        raise EarwrightError(f"{args.audio}: {seconds:.4f} s is too short for a frame; it takes {least:g} s.")
    if args.out:
        _save(features, args.out)
    if args.plot:
        _draw(samples, features, options, args, picture)
    summary = _summary(samples, features, options, args.audio)
    print(json.dumps(summary, ensure_ascii=False) if args.json else _as_text(summary))
    return 0


def _compute(samples: npt.NDArray[np.float32], options: FeatureOptions) -> npt.NDArray[np.float32]:
    import torch

    from earwright.nn.features import build_features

    with torch.inference_mode():
        features, _ = build_features(options)(torch.from_numpy(samples)[None], torch.tensor([len(samples)]))
    array: npt.NDArray[np.float32] = features[0].numpy()
    return array


def _save(features: npt.NDArray[np.float32], path: str) -> None:
    import numpy as np

    from earwright.files import atomic_write

    with atomic_write(path, "wb") as file:
        np.save(file, features)


def _draw(
    samples: npt.NDArray[np.float32],
    features: npt.NDArray[np.float32],
    options: FeatureOptions,
    args: argparse.Namespace,
    picture: str,
) -> None:
    import os
    from dataclasses import replace

    from earwright.files import atomic_write
    from earwright.nn.feature_plot import plot_features

    log_mel = _compute(samples, replace(options, kind="log_mel", deltas=False))
    seconds = len(samples) / options.sample_rate
    begin = f" from {args.start:g} s" if args.start else ""
    title = f"{os.path.basename(args.audio)}   {seconds:.2f} s{begin}, {options.sample_rate} Hz"
    with atomic_write(args.plot, "wb") as file:
        plot_features(samples, log_mel, features, options, title, file, picture)


def _summary(
    samples: npt.NDArray[np.float32], features: npt.NDArray[np.float32], options: FeatureOptions, name: str
) -> dict[str, Any]:
    return {
        "audio": name,
        "seconds": len(samples) / options.sample_rate,
        "sample_rate": options.sample_rate,
        "kind": options.kind,
        "frames": features.shape[0],
        "features": features.shape[1],
        "frame_shift": options.frame_shift,
        "mean": float(features.mean(dtype="f8")),
        "std": float(features.std(dtype="f8")),
        "min": float(features.min()),
        "max": float(features.max()),
        "mean_of_each": [round(float(value), 4) for value in features.mean(axis=0, dtype="f8")],
        "std_of_each": [round(float(value), 4) for value in features.std(axis=0, dtype="f8")],
    }


def _as_text(summary: dict[str, Any]) -> str:
    s = summary
    return (
        f"{s['audio']}: {s['seconds']:.2f} s at {s['sample_rate']} Hz\n"
        f"{s['kind']}: {s['frames']} frames of {s['features']}, one every {1000 * s['frame_shift']:g} ms\n"
        f"mean {s['mean']:.3f}, standard deviation {s['std']:.3f}, from {s['min']:.3f} to {s['max']:.3f}"
    )
