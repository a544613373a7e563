"""Train for many steps and look at the memory of the process: does it grow?

    python benchmarks/memory_over_steps.py recipes/conformer-3m.toml --train prepared/train \\
        --dev prepared/dev --steps 10000 --set model.dim=48 --set training.batch_seconds=20

Runs `earwright train` and reads what the system says that its processes hold (Linux: PSS, so that pages which
they share count once), every half a second, and puts it beside the step that the log has come to.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from earwright.evaluation.record import machine, save_record


def main() -> int:
    """Train, sample, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe")
    parser.add_argument("--train", required=True, help="prepared folder to train on")
    parser.add_argument("--dev", required=True, help="prepared folder to look at")
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="as `earwright train`"
    )
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    command = [sys.executable, "-m", "earwright.cli.main", "train", args.recipe]
    for change in (
        f"data.train={args.train}",
        f"data.dev={json.dumps([args.dev])}",
        "training.max_time=",
        f"training.steps={args.steps}",
        *args.set,
    ):
        command += ["--set", change]
    samples: list[tuple[int, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        process = subprocess.Popen([*command, "--out", str(out)])
        while process.poll() is None:
            samples.append((logged_steps(out / "log.jsonl"), megabytes(process.pid)))
            time.sleep(0.5)
    if process.returncode:
        raise SystemExit(process.returncode)
    tenths = [
        [
            size
            for step, size in samples
            if size and args.steps * part / 10 <= step < args.steps * (part + 1) / 10
        ]
        for part in range(10)
    ]
    result = {
        "name": "memory-over-steps",
        "command": shlex.join(["python", *sys.argv]),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "steps": args.steps,
        "samples": len(samples),
        "median_mb_of_each_tenth": [round(statistics.median(part), 1) if part else None for part in tenths],
        "largest_mb_of_each_tenth": [round(max(part), 1) if part else None for part in tenths],
    }
    print(json.dumps(result, indent=1))
    if args.save:
        save_record(args.save, result)
    return 0


def logged_steps(log: Path) -> int:
    """The last step of a log, from its end: reading all of it each time would be slow."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.path.getsize(log) - 4096))
            lines = file.read().splitlines()[1:-1]
    except OSError:
        return 0
    return next((json.loads(line)["step"] for line in reversed(lines)), 0)


def megabytes(process: int) -> float:
    """What a process and its children hold; 0 for those that have just ended."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        fields = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    own = next((int(line.split()[1]) for line in fields if line.startswith("Pss:")), 0) / 1000
    return own + sum(megabytes(int(child)) for child in children)


if __name__ == "__main__":
    sys.exit(main())
