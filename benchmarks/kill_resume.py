"""Kill a training run at random moments and resume it: is the loss curve that of an uninterrupted run?

    python benchmarks/kill_resume.py recipes/conformer-3m.toml --train prepared/train --steps 40 --kills 3
    python benchmarks/kill_resume.py recipes/conformer-3m.toml --train prepared/train --dev prepared/dev \\
        --steps 600 --kills 200 --set model.dim=48 --set training.batch_seconds=20    (a burn-in)

Runs `earwright train` twice, once left alone and once killed with SIGKILL and started again, and compares the
two logs, looks at the dev set included, and the weights of the two bundles to the last digit. A kill comes at
any moment between the start of the process and twice (`--until`) the time that it takes to its first step, so
it may hit the reading of data, a step, a look at the dev set, or the writing of a checkpoint. `--save FILE`
keeps the result.
"""

from __future__ import annotations

import argparse
import datetime
import json
import multiprocessing
import os
import random
import shlex
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8192")

from safetensors.numpy import load_file

from earwright.cli.main import main as run_command
from earwright.evaluation.record import machine, save_record
from earwright.training.checkpoint import load_checkpoint
from earwright.training.log import read_log


def main() -> int:
    """Compare, print, and return 0 if the curves are equal."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe")
    parser.add_argument("--train", required=True, help="prepared folder to train on")
    parser.add_argument("--dev", help="prepared folder to look at now and then")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument(
        "--until", type=float, default=2.0, metavar="TIMES", help="how often the time to the first step"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="as `earwright train`"
    )
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    command = [args.recipe]
    for change in (
        f"data.train={args.train}",
        f"data.dev={json.dumps([args.dev] if args.dev else [])}",
        "training.max_time=",
        f"training.steps={args.steps}",
        f"training.evaluate_every={max(1, args.steps // 10)}",
        "training.save_every=0.5",
        *args.set,
    ):
        command += ["--set", change]
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder) / "whole", Path(folder) / "killed"
        until_step = run(command, whole)
        # Two runs may find different precisions the quicker; these two are to be the same run.
        precision = load_checkpoint(whole / "checkpoint.safetensors").progress.precision
        command += ["--set", f"training.precision={precision}"]
        moments = random.Random(args.seed)
        at = [
            step
            for _ in range(args.kills)
            if (step := kill_at(command, killed, moments.uniform(0, args.until * until_step))) is not None
        ]
        run(command, killed)
        pairs = list(zip(curve(whole), curve(killed), strict=True))
        differ = [a["step"] for a, b in pairs if a != b]
        worst = weights_differ(whole, killed)
    result = {
        "name": "kill-resume",
        "command": shlex.join(["python", *sys.argv]),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "steps": args.steps,
        "precision": precision,
        "kills": len(at),
        "seconds_until_the_first_step": round(until_step, 1),
        "killed_before_the_first_step": at.count(0),
        "killed_at_steps": at,
        "equal": not differ and worst == 0.0,
        "lines_that_differ": len(differ),
        "largest_difference_of_weights": worst,
    }
    print(json.dumps(result))
    if args.save:
        save_record(args.save, result)
    return 0 if result["equal"] else 1


def run(arguments: list[str], out: Path) -> float:
    """Let the run come to its end; returns the seconds until its first step was logged."""
    began, first = time.perf_counter(), 0.0
    process = start(arguments, out)
    while process.is_alive():
        if not first and last_step(out):
            first = time.perf_counter() - began
        process.join(0.05)
    if process.exitcode:
        raise SystemExit(f"the run in {out.name} ended with exit code {process.exitcode}")
    return first


def kill_at(arguments: list[str], out: Path, seconds: float) -> int | None:
    """Start the run, kill it after so many seconds; returns its last step, or None if it was done before."""
    process = start(arguments, out)
    process.join(seconds)
    if not process.is_alive():
        return None
    process.kill()
    process.join()
    return last_step(out)


def start(arguments: list[str], out: Path) -> multiprocessing.process.BaseProcess:
    """A run in a process of its own, silent; it is forked, so that libraries need not be loaded each time."""
    # No daemon: it may have processes of its own.
    process = multiprocessing.get_context("fork").Process(
        target=child, args=([*arguments, "--out", str(out)],)
    )
    process.start()
    return process


def child(arguments: list[str]) -> None:
    """`earwright train` in this process."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    sys.exit(run_command(["train", *arguments]))


def last_step(out: Path) -> int:
    """The last step that a run has logged."""
    steps = [line["step"] for line in read_log(out / "log.jsonl") if line["kind"] == "step"]
    return max(steps, default=0)


def curve(out: Path) -> list[dict[str, Any]]:
    """What a run's log says of its steps and of its looks at the dev set, but for times."""
    kept = {"step": ("step", "loss", "gradient_norm", "learning_rate"), "dev": ("step", "wer", "cer")}
    lines = read_log(out / "log.jsonl")
    return [{key: line[key] for key in kept[line["kind"]]} for line in lines if line["kind"] in kept]


def weights_differ(one: Path, other: Path) -> float:
    """The largest difference of two runs' bundles, of any weight."""
    (a,), (b,) = ([load_file(path) for path in out.glob("*.ear/weights.safetensors")] for out in (one, other))
    return max(float(abs(a[name] - b[name]).max()) for name in a.keys() | b.keys())


if __name__ == "__main__":
    sys.exit(main())
