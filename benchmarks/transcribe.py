"""What `earwright transcribe` costs on one core: `python benchmarks/transcribe.py BUNDLE [--save FILE.json]`.

Prints the real-time factor (seconds of computing for a second of audio), the time from the start of the
process to the first word of a 5 s file, and the peak memory for files of 5 s, 10 min and 60 min. Each figure
is of the real command in a process of its own. The audio is real speech, the clips in tests/data one after
another, or `--audio`.

Without a trained bundle, `--recipe recipes/X.toml` makes one with random weights (needs earwright[train]):
the same work, but the words are nonsense.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

CLIPS = Path(__file__).parent.parent / "tests" / "data" / "librispeech"
RATE = 16000


def measure(bundle: str, audio: Path, cache: Path) -> dict[str, float]:
    """Run the command once.

    Returns:
        `first_word` and `wall` in seconds from the start of the process, `cpu` in seconds, `peak_mib`.
    """
    command = [
        sys.executable,
        "-m",
        "earwright.cli.main",
        "transcribe",
        "-m",
        bundle,
        "--threads",
        "1",
        str(audio),
    ]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "OMP_NUM_THREADS": "1"}
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    line = process.stdout.readline()
    first_word = time.perf_counter() - started
    while process.stdout.read(1 << 16):
        pass
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status != 0 or not line:
        raise SystemExit(f"transcribing {audio.name} failed, or gave no words")
    return {
        "first_word": first_word,
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak_mib": usage.ru_maxrss / 1024,  # Linux counts in KiB
    }


def make_audio(folder: Path, clips: list[Path], seconds: list[int]) -> None:
    """Write a FLAC of each length, the clips over and over."""
    import numpy as np
    import soundfile

    from earwright.audio import read_audio

    speech = np.concatenate([read_audio(clip, RATE) for clip in clips])
    for length in seconds:
        with soundfile.SoundFile(folder / f"{length}.flac", "w", RATE, 1, "PCM_16") as file:
            left = length * RATE
            while left > 0:
                file.write(speech[:left])
                left -= len(speech[:left])


def make_bundle(recipe_path: str, path: Path) -> None:
    """A bundle of the recipe's shape with random weights."""
    import torch

    from earwright.models.conformer import Conformer, ConformerOptions
    from earwright.nn.features import build_features
    from earwright.nn.normalization import FeatureNormalization
    from earwright.text import build_char_tokenizer
    from earwright.training.export import export_bundle
    from earwright.training.recipe import load_recipe

    recipe = load_recipe(recipe_path)
    torch.manual_seed(recipe.seed)
    features = build_features(recipe.features)
    tokenizer = build_char_tokenizer(["abcdefghijklmnopqrstuvwxyz'"])
    assert isinstance(recipe.model, ConformerOptions)
    model = Conformer(recipe.model, features.dim, tokenizer.vocab_size, 1.0 / recipe.features.frame_shift)
    normalization = FeatureNormalization(features.dim)
    export_bundle(
        path, recipe, features, normalization, model, tokenizer, {}, "Random weights.", with_weights=False
    )


def peak_gflops() -> float:
    """Matrix products of this machine on one core, in 1e9 operations a second."""
    import numpy as np

    a = np.random.default_rng(0).standard_normal((1024, 1024)).astype(np.float32)
    times = []
    for _ in range(20):
        started = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - started)
    return 2 * 1024**3 / min(times) / 1e9


def elsewhere(function: Any, *arguments: Any) -> Any:
    """Call a function in a fresh process: what it loads must not count as memory of those started later."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def run(bundle: str, clips: list[Path], folder: Path, runs: int, minutes: list[int]) -> dict[str, Any]:
    """All figures of one bundle."""
    lengths = [5, *(60 * minute for minute in minutes)]
    elsewhere(make_audio, folder, clips, lengths)
    new = measure(bundle, folder / "5.flac", folder / "cache")  # sums are checked, disk caches are cold
    short = [measure(bundle, folder / "5.flac", folder / "cache") for _ in range(runs)]
    long = {minute: measure(bundle, folder / f"{60 * minute}.flac", folder / "cache") for minute in minutes}
    first = long[minutes[0]]
    return {
        "real_time_factor": first["wall"] / (60 * minutes[0]),
        "real_time_factor_cpu": first["cpu"] / (60 * minutes[0]),
        "first_word_seconds": statistics.median(one["first_word"] for one in short),
        "first_word_seconds_new_bundle": new["first_word"],
        "peak_mib_5s": max(one["peak_mib"] for one in short),
        **{f"peak_mib_{minute}min": figures["peak_mib"] for minute, figures in long.items()},
        "one_core_peak_gflops": elsewhere(peak_gflops),
    }


def as_typed(args: argparse.Namespace) -> str:
    """The command without the folders of whoever ran it."""
    given = ["--recipe", f"recipes/{Path(args.recipe).name}"] if args.recipe else [Path(args.bundle).name]
    minutes = ["--minutes", *map(str, args.minutes)]
    audio = ["--audio", args.audio.name] if args.audio else []
    return shlex.join(
        ["python", "benchmarks/transcribe.py", *given, *minutes, *audio, "--runs", str(args.runs)]
    )


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", nargs="?", metavar="BUNDLE")
    parser.add_argument(
        "--recipe", metavar="RECIPE.toml", help="instead of BUNDLE: its shape, random weights"
    )
    parser.add_argument("--audio", metavar="FILE", type=Path, help="speech to make the files of")
    parser.add_argument("--runs", type=int, default=5, help="runs on the 5 s file (default 5)")
    parser.add_argument("--minutes", type=int, nargs="+", default=[10, 60], help="default 10 60")
    parser.add_argument("--save", metavar="FILE.json")
    args = parser.parse_args()
    if bool(args.bundle) == bool(args.recipe):
        parser.error("give BUNDLE or --recipe RECIPE.toml")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    with tempfile.TemporaryDirectory() as folder:
        bundle = args.bundle
        if args.recipe:
            bundle = str(Path(folder) / "random.ear")
            elsewhere(make_bundle, args.recipe, Path(bundle))
        clips = [args.audio] if args.audio else sorted(CLIPS.rglob("*.opus"))
        figures = run(bundle, clips, Path(folder), args.runs, args.minutes)

        from earwright.bundle import Bundle
        from earwright.evaluation.record import machine, save_record

        meta = Bundle.open(bundle).meta
    result = {
        "name": f"transcribe-{meta.name}",
        "command": as_typed(args),
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "seed": None,
        "parameters": meta.parameters,
        "weights": "random" if args.recipe else "trained",
        **{name: round(value, 4) for name, value in figures.items()},
    }
    print(json.dumps(result, indent=2))
    if args.save:
        save_record(args.save, result)


if __name__ == "__main__":
    main()
