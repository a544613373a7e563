"""How long `earwright lm train` takes and how much memory, for a million words.

    python benchmarks/lm_train.py text/english-novels [--order 3] [--memory 2G] [--save FILE.json]

Trains on every .txt and .txt.gz of a folder, first with nothing compiled (as after an installation), then
again: the whole command each time, from starting Python to the written model. Where other work shares the
cores, the processor time says more than the seconds.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from earwright.evaluation.record import machine


def main() -> int:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--order", type=int, default=3)
    parser.add_argument("--memory", default="2G")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    texts = sorted(str(path) for end in ("txt", "txt.gz") for path in args.folder.glob(f"*.{end}"))
    with tempfile.TemporaryDirectory() as folder:
        rounds = [train(texts, args.order, args.memory, Path(folder)) for _ in range(args.rounds + 1)]
    result = {
        "name": "lm-train",
        "command": shlex.join(["python", *sys.argv]),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "files": len(texts),
        "order": args.order,
        "memory": args.memory,
        **summarize(rounds),
    }
    print(json.dumps(result, indent=1))
    if args.save:
        Path(args.save).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


def train(texts: list[str], order: int, memory: str, folder: Path) -> dict[str, Any]:
    """One run of the command: its figures, its seconds, and its processor time."""
    out = folder / "model.bin"
    arguments = ["lm", "train", *texts, "-o", str(out), "--order", str(order), "--memory", memory, "--json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "earwright.cli.main", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder / "compiled")},
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    figures: dict[str, Any] = json.loads(done.stdout)
    return {**figures, "total": seconds, "processor": processor, "bytes": out.stat().st_size}


def summarize(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The first run by itself, the medians of the others."""
    first, *others = rounds
    millions = first["words"] / 1e6
    seconds = statistics.median(run["total"] for run in others)
    processor = statistics.median(run["processor"] for run in others)
    facts = {key: first[key] for key in ("words", "sentences", "vocabulary", "ngrams")}
    return {
        **facts,
        "model_bytes": first["bytes"],
        "first_seconds": round(first["total"], 2),
        "seconds": round(seconds, 2),
        "processor_seconds": round(processor, 2),
        "seconds_per_million_words": round(seconds / millions, 2),
        "processor_seconds_per_million_words": round(processor / millions, 2),
        "peak_memory_mb": round(max(run["peak_memory_bytes"] for run in others) / 1e6),
        "spilled_mb": round(max(run["spilled_bytes"] for run in others) / 1e6),
        "rounds": len(others),
    }


if __name__ == "__main__":
    raise SystemExit(main())
