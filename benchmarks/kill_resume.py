"""Kill a training run at random moments and resume it: is the loss curve that of an uninterrupted run?

    python benchmarks/kill_resume.py recipes/conformer-3m.toml --train prepared/train --steps 40 --kills 3

Runs `earwright train` twice, once left alone and once killed with SIGKILL and started again, and compares the
two logs to the last digit. `--save FILE` keeps the result.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from earwright.evaluation.record import machine
from earwright.training.checkpoint import load_checkpoint


def main() -> int:
    """Compare, print, and return 0 if the curves are equal."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe")
    parser.add_argument("--train", required=True, help="prepared folder to train on")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    command = [sys.executable, "-m", "earwright.cli.main", "train", args.recipe, "--no-weights"]
    for change in (
        f"data.train={args.train}",
        "data.dev=[]",
        'training.max_time=""',
        f"training.steps={args.steps}",
        "training.save_every=2",
    ):
        command += ["--set", change]
    generator = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder) / "whole", Path(folder) / "killed"
        subprocess.run([*command, "--out", str(whole)], check=True, stderr=subprocess.DEVNULL)
        # Two runs may find different precisions the quicker; these two are to be the same run.
        precision = load_checkpoint(whole / "checkpoint.safetensors").progress.precision
        command += ["--set", f"training.precision={precision}"]
        targets = sorted(generator.sample(range(2, args.steps - 1), args.kills))
        at = [kill_after(command, killed, step, generator.uniform(0, 0.5)) for step in targets]
        subprocess.run([*command, "--out", str(killed)], check=True, stderr=subprocess.DEVNULL)
        a, b = curve(whole), curve(killed)
    result = {
        "name": "kill-resume",
        "command": " ".join(["python", *sys.argv]),
        "machine": machine(),
        "steps": args.steps,
        "precision": precision,
        "killed_at_steps": at,
        "equal": a == b,
        "largest_difference": max(abs(x[1] - y[1]) for x, y in zip(a, b, strict=True)),
    }
    print(json.dumps(result, indent=1))
    if args.save:
        Path(args.save).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0 if a == b else 1


def kill_after(command: list[str], out: Path, step: int, delay: float) -> int:
    """Start the run, kill it with SIGKILL soon after it has logged `step`; return the last step it logged."""
    process = subprocess.Popen(
        [*command, "--out", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and last_step(out) < step:
        time.sleep(0.05)
    time.sleep(delay)
    process.kill()
    process.wait()
    return last_step(out)


def last_step(out: Path) -> int:
    """The last step that a run has logged."""
    steps = curve(out)
    return steps[-1][0] if steps else 0


def curve(out: Path) -> list[tuple[int, float, float]]:
    """Step, loss and gradient norm of every step in a run's log."""
    from earwright.training.log import read_log

    lines = read_log(out / "log.jsonl")
    return [(line["step"], line["loss"], line["gradient_norm"]) for line in lines if line["kind"] == "step"]


if __name__ == "__main__":
    sys.exit(main())
