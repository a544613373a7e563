"""How fast the walk-through's model trains in our code, and what its batch of 32 takes.

    python benchmarks/reference_speed.py prepared/ljspeech --save docs/results/reference-speed.json

Its own code was measured on two cores of such a machine: 0.7 x real time with batches of 4 clips of 7 s,
which take 15.5 GB, since it keeps every attention map; its batch of 32 does not fit. Here every update is
32 clips that are all cut or padded to 7 s, forward, losses, backward, clipping and Adam; the memory is this
process's largest, everything included.
"""

from __future__ import annotations

import argparse
import json
import resource
import shlex
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from earwright.data.batches import Batch
from earwright.evaluation.record import machine, save_record
from earwright.training import Reporter, load_recipe
from earwright.training.loop import Run
from earwright.training.machine import matmul_peak

RECIPE = Path(__file__).parent.parent / "recipes" / "reference-32x.toml"
SECONDS, CLIPS = 7, 32
THEIRS = {"audio_seconds_per_second": 0.7, "gigabytes_for_4_clips": 15.5}


def main() -> int:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("train", help="prepared folder")
    parser.add_argument("--updates", type=int, default=4, help="timed, after one that is not")
    parser.add_argument("--precision", nargs="+", choices=("fp32", "bf16"), default=["fp32"])
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    speeds = {precision: speed(args, precision) for precision in args.precision}
    best = max(speeds.values())
    result: dict[str, Any] = {
        "name": "reference-speed",
        "command": shlex.join(["python", *sys.argv]),
        "machine": machine(),
        "clips": CLIPS,
        "seconds_each": SECONDS,
        "audio_seconds_per_second": {name: round(value, 2) for name, value in speeds.items()},
        "times_the_walk_throughs_own": round(best / THEIRS["audio_seconds_per_second"], 1),
        "largest_memory_gigabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "the_walk_throughs_own": THEIRS,
        "fp32_peak_gflops": round(matmul_peak(torch.float32, torch.device("cpu")), 1),
    }
    print(json.dumps(result, indent=1))
    if args.save:
        save_record(args.save, result)
    return 0


def speed(args: argparse.Namespace, precision: str) -> float:
    """Seconds of audio a second, the median of some updates."""
    changes = [
        f"data.train={json.dumps([args.train])}",
        "data.dev=[]",
        "data.workers=0",
        "training.max_time=",
        "training.steps=100",
        f"training.precision={precision}",
        "training.batch_clips=4",  # for what a run measures before it begins; `alike` makes 32 of them
    ]
    took = []
    with tempfile.TemporaryDirectory() as folder:
        run = Run(load_recipe(str(RECIPE), changes), Path(folder), Reporter(lambda line: None))
        run.lanes.train()
        stream = run.parts.stream(run.recipe, run.accelerator, 0, 0)
        for _, batch in zip(range(args.updates + 1), run.parts.loader(run.recipe, stream), strict=False):
            batch = alike(batch, run.recipe.features.sample_rate)
            began = time.perf_counter()
            told = run.update([batch])
            took.append(time.perf_counter() - began)
            print(f"{precision}: loss {told['loss']:.2f}, {took[-1]:.1f} s", file=sys.stderr, flush=True)
    return CLIPS * SECONDS / statistics.median(took[1:])


def alike(batch: Batch, sample_rate: int) -> Batch:
    """32 clips of 7 s, whatever they were: rows again from the first if there are fewer."""
    size = SECONDS * sample_rate
    rows = torch.arange(CLIPS) % len(batch.lengths)
    waveform = torch.zeros(CLIPS, size)
    kept = batch.waveform[rows, :size]
    waveform[:, : kept.shape[1]] = kept
    # Texts as they are: at 500 frames a second there is room for any.
    return Batch(
        waveform,
        torch.full((CLIPS,), size),
        batch.targets[rows],
        batch.target_lengths[rows],
        batch.plan,
    )


if __name__ == "__main__":
    raise SystemExit(main())
