"""What augmentation costs: milliseconds of one core for a second of audio, and its share of a training step.

    python benchmarks/augmentation_cost.py recipes/librispeech-5h-augmented.toml --train prepared/train \\
        --noise corpora/noise --noise corpora/music --rir corpora/rir [--save FILE.json]

Each kind is measured alone, on every utterance, and so are the batches of the recipe with its own
probabilities beside the same batches with speeds alone. What is more of it, shared out over all cores, is
told as a share of a step: workers take turns with the model on the same cores. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import shlex
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8192")

import numpy as np

from earwright.data.augment import KINDS, SEEDS, Augmenter
from earwright.data.augmentation.codecs import code
from earwright.data.augmentation.noise import add_noise
from earwright.data.augmentation.options import CODECS, GENERATED
from earwright.data.augmentation.voice import change_voice
from earwright.evaluation.record import machine, save_record
from earwright.training import Reporter, load_recipe
from earwright.training.loop import Run
from earwright.training.plan import _sample_batches, _time_steps

MOST = 25.0  # percent that a step may become longer


def main() -> int:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe")
    parser.add_argument("--train", required=True, help="prepared folder")
    parser.add_argument("--noise", required=True, action="append", help="folder of noise")
    parser.add_argument("--rir", required=True, action="append", help="folder of impulse responses")
    parser.add_argument("--utterances", type=int, default=60, help="on which each kind is measured")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=200, help="that are read in each round")
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = measure(args, Path(folder))
    results |= {
        "name": "augmentation-cost",
        "command": shlex.join(["python", *sys.argv]),
        "machine": machine(),
        "seed": 1,
    }
    print(json.dumps(results, indent=1))
    if args.save:
        save_record(args.save, results)
    return 0


def measure(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All figures."""
    data = [
        f"data.train={json.dumps([args.train])}",
        "data.dev=[]",
        f"augment.noise.folders={json.dumps(args.noise)}",
        f"augment.room.folders={json.dumps(args.rir)}",
        "training.max_time=",
        "training.steps=1000",
    ]
    run = Run(
        load_recipe(args.recipe, data), folder / "run", Reporter(lambda line: print(line, file=sys.stderr))
    )
    assert run.parts.augmenter is not None, "the recipe has no augmentation"
    run.progress.step = run.progress.steps // 2  # beyond the start, where nothing is masked yet
    by_kind = cost_by_kind(run, run.parts.augmenter, args.utterances)
    steps, plain, augmented = [], [], []
    for _ in range(args.rounds):
        steps.append(step_seconds(run))
        plain.append(reading_seconds(run, None, args.batches))
        augmented.append(reading_seconds(run, run.parts.augmenter, args.batches))
    step, extra = statistics.median(steps), statistics.median(augmented) - statistics.median(plain)
    share = 100 * extra / (os.cpu_count() or 1) / step
    return {
        "cores": os.cpu_count(),
        "milliseconds_of_a_core_per_second_of_audio": by_kind,
        "batch_seconds": run.parts.batch_seconds,
        "batches_read": args.batches,
        "seconds_per_step": round(step, 4),
        "core_seconds_of_reading_per_step": round(statistics.median(plain), 4),
        "core_seconds_of_reading_per_step_augmented": round(statistics.median(augmented), 4),
        "rounds": {"step": steps, "plain": plain, "augmented": augmented},
        "extra_percent_of_a_step": round(share, 1),
        "extra_percent_allowed": MOST,
    }


def cost_by_kind(run: Run, augmenter: Augmenter, count: int) -> dict[str, float]:
    """Milliseconds of a core for a second of audio that gets the kind, for certain."""
    training_set, rate = run.parts.training_set, augmenter.sample_rate
    count = min(count, len(training_set.examples))
    clips = [training_set.audio.read(number) for number in range(count)]
    seconds = sum(map(len, clips)) / rate
    noise, codec = augmenter.options.noise, augmenter.options.codec
    work: dict[str, Any] = {
        kind: lambda clip, generator, own, kind=kind: augmenter.apply(kind, clip, generator, own)
        for kind in KINDS
    }
    for kind in GENERATED:
        only = dataclasses.replace(noise, generated=(kind,))
        work[f"noise, {kind}"] = lambda clip, generator, own, only=only: add_noise(
            clip, rate, only, generator, None, augmenter.voices, own
        )
    for kind in CODECS:
        alone = dataclasses.replace(codec, kinds=(kind,))
        work[f"codec, {kind}"] = lambda clip, generator, own, alone=alone: code(clip, rate, alone, generator)
    work["tempo"] = lambda clip, generator, own: change_voice(clip, rate, tempo=1.1)
    work["speed"] = lambda clip, generator, own: change_voice(clip, rate, speed=1.1)
    costs = {}
    for name, function in work.items():
        generators = [np.random.default_rng((number, SEEDS.get(name, len(SEEDS)))) for number in range(count)]
        began = time.process_time()
        for number, clip in enumerate(clips):
            function(clip, generators[number], (number,))
        costs[name] = round(1000 * (time.process_time() - began) / seconds, 3)
        print(f"{name}: {costs[name]} ms of a core for a second", file=sys.stderr, flush=True)
    return costs


def step_seconds(run: Run) -> float:
    """Seconds of a step whose batch is there already."""
    batches = _sample_batches(run)
    return _time_steps(run, batches, run.progress.precision) / len(batches)


def reading_seconds(run: Run, augmenter: Augmenter | None, count: int) -> float:
    """Seconds of one core for reading the batch of a step, the average of so many: few meet a dear codec."""
    reader = run.parts.reader(run.recipe)
    plans = list(itertools.islice(iter(run.parts.stream(run.recipe, run.accelerator, 0, 0)), count))
    reader.augmenter = augmenter
    if augmenter is None:  # the plainer recipe changes no tempo either, and replaces no speech by noise
        plans = [
            plan._replace(items=[item._replace(tempo=1.0, wordless=False) for item in plan.items])
            for plan in plans
        ]
    began = time.process_time()
    for plan in plans:
        reader[plan]
    return (time.process_time() - began) / len(plans)


if __name__ == "__main__":
    sys.exit(main())
