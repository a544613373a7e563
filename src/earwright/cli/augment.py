"""`earwright augment`: what augmentation does to a recording, to be heard and to be seen."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from earwright.training.hearing import Version
    from earwright.training.recipe import Recipe

PICTURES = ("png", "svg", "pdf")
# As `training.hearing` has them, which is not to be loaded for --help.
KINDS = (
    *("concatenation", "speed", "tempo", "pitch", "trim", "room", "noise"),
    *("gain", "clipping", "band", "codec", "cutout", "nothing"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("audio", metavar="AUDIO", help="the recording")
    parser.add_argument("--recipe", metavar="FILE", help="whose [augment] to use; else each kind as it comes")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a value of the recipe"
    )
    parser.add_argument("--kind", choices=KINDS, help="this kind alone, even where the recipe leaves it out")
    parser.add_argument("--draws", type=int, default=3, metavar="N", help="whole draws (default 3)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of all that is drawn (default 1)")
    parser.add_argument("--out", metavar="DIR", help="write each version as a WAV file, to listen to")
    parser.add_argument("--plot", metavar="FILE", help="draw each version (.png, .svg or .pdf)")


def run(args: argparse.Namespace) -> int:
    """Make all versions; write, draw and list them."""
    import os
    import sys

    from earwright.audio import read_audio
    from earwright.errors import EarwrightError
    from earwright.training.hearing import hear, kinds_in_use

    picture = os.path.splitext(args.plot)[1].lstrip(".").lower() if args.plot else ""
    if args.plot and picture not in PICTURES:
        raise EarwrightError(f"{args.plot}: name a picture that ends in .{', .'.join(PICTURES)}.")
    if args.draws < 0 or args.seed < 0:
        raise EarwrightError("--draws and --seed must be 0 or more.")
    recipe = _recipe(args.recipe, args.set)
    kinds = [args.kind] if args.kind else kinds_in_use(recipe.augment) if args.recipe else list(KINDS)
    samples = read_audio(args.audio, recipe.features.sample_rate)
    versions = hear(
        samples,
        recipe,
        seed=args.seed,
        kinds=kinds,
        draws=0 if args.kind else args.draws,
        say=lambda line: print(line, file=sys.stderr),
    )
    if args.out:
        _write(versions, args.out, recipe.features.sample_rate)
    if args.plot:
        _draw(versions, recipe, args, picture)
    for version in versions:
        print(_line(version, recipe.features.sample_rate))
    return 0


def _recipe(path: str | None, overrides: Sequence[str]) -> Recipe:
    """The recipe; without any, one that has every kind that needs no folder."""
    from importlib.util import find_spec

    from earwright.training.recipe import load_recipe

    if path is not None:
        return load_recipe(path, overrides)
    rooms = ["augment.room.simulated=8"] if find_spec("pyroomacoustics") else []
    often = [f"augment.{kind}.probability=0.3" for kind in KINDS if kind not in ("speed", "room")]
    if rooms:
        often.append("augment.room.probability=0.3")
    return load_recipe(None, [*rooms, *often, *overrides])


def _write(versions: Sequence[Version], folder: str, sample_rate: int) -> None:
    from pathlib import Path

    import numpy as np
    import soundfile

    from earwright.files import atomic_write

    Path(folder).mkdir(parents=True, exist_ok=True)
    for number, version in enumerate(versions):
        # Training hears floats that may go beyond what a file can hold; a listener hears them quieter.
        quiet = version.samples / max(1.0, float(np.abs(version.samples).max(initial=0.0)))
        with atomic_write(Path(folder) / f"{number:02d}-{version.name}.wav", "wb") as file:
            soundfile.write(file, quiet, sample_rate, format="WAV", subtype="PCM_16")


def _draw(versions: Sequence[Version], recipe: Recipe, args: argparse.Namespace, picture: str) -> None:
    import os

    from earwright.files import atomic_write
    from earwright.nn.augmentation_plot import plot_versions

    title = f"{os.path.basename(args.audio)}   seed {args.seed}"
    panels = [(version.name, version.samples) for version in versions]
    features = [] if args.kind or recipe.features.kind == "waveform" else _masked(versions, recipe, args.seed)
    with atomic_write(args.plot, "wb") as file:
        plot_versions(panels, features, recipe.features.sample_rate, title, file, picture)


def _masked(
    versions: Sequence[Version], recipe: Recipe, seed: int
) -> list[tuple[str, npt.NDArray[np.float32]]]:
    """The features of the recording, with what SpecAugment leaves of them."""
    import torch

    from earwright.nn.features import build_features
    from earwright.nn.randomness import drawing_from
    from earwright.nn.specaugment import spec_augment

    samples, augment = torch.from_numpy(versions[0].samples), recipe.augment
    with torch.inference_mode(), drawing_from(torch.Generator().manual_seed(seed)):
        x, lengths = build_features(recipe.features)(samples[None], torch.tensor([len(samples)]))
        if not int(lengths[0]):
            return []
        x = (x - x.mean(dim=1, keepdim=True)) / x.std(dim=1, keepdim=True, correction=0).clamp(min=1e-5)
        masked = spec_augment(
            x,
            lengths,
            frequency_masks=augment.frequency_masks,
            frequency_width=augment.frequency_width,
            time_masks_per_second=augment.time_masks_per_second,
            time_seconds=augment.time_seconds,
            time_share=augment.time_share,
            warp_seconds=augment.warp_seconds,
            frame_rate=1.0 / recipe.features.frame_shift,
        )
    return [("features", x[0].numpy()), ("SpecAugment", masked[0].numpy())]


def _line(version: Version, sample_rate: int) -> str:
    import numpy as np

    peak = float(np.abs(version.samples).max(initial=0.0))
    power = float(np.square(version.samples, dtype=np.float64).mean()) if len(version.samples) else 0.0
    level = f"{10 * np.log10(power):6.1f} dB" if power > 0 else "silent"
    return f"{version.name:<16} {len(version.samples) / sample_rate:7.2f} s  {level}  peak {peak:.2f}"
