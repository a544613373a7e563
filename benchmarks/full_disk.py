"""Let the disk fill at each write of a training run: is it said in a sentence, and can the run go on?

    sudo python benchmarks/full_disk.py recipes/conformer-3m.toml --train prepared/train --dev prepared/dev

Runs `earwright train` in a file system in memory (Linux; mounting one needs root), which has room for a
little more each time, so that the disk is full at another write each time: of the recipe, the log,
TensorBoard's file, a checkpoint, a file of the bundle, the report. After each the file system is made larger
and the run started again: its losses must be those of a run that always had room.
"""

from __future__ import annotations

import argparse
import collections
import datetime
import json
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from earwright.evaluation.record import machine, save_record
from earwright.training.log import read_log

ROOM = 1 << 30  # bytes, enough for any run here


def main() -> int:
    """Fill, resume, compare, print; 0 if all went well."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe")
    parser.add_argument("--train", required=True, help="prepared folder to train on")
    parser.add_argument("--dev", required=True, help="prepared folder to look at")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--sizes", type=int, default=40, help="how many sizes of the disk to try")
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
        "training.precision=fp32",
        "training.evaluate_every=4",
        "training.save_every=0",
        *args.set,
    ):
        command += ["--set", change]
    with tempfile.TemporaryDirectory() as folder:
        disk = Disk(Path(folder))
        with disk:
            disk.resize(ROOM)
            done = train(command, disk.folder / "run")
            if done.returncode:
                raise SystemExit(done.stderr)
            losses, need = curve(disk.folder / "run"), disk.used()
        tries = [
            attempt(disk, command, round(need * part / args.sizes), losses)
            for part in range(1, args.sizes + 1)
        ]
    result = {
        "name": "full-disk",
        "command": shlex.join(["python", *sys.argv]),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "bytes_of_a_run": need,
        "tries": len(tries),
        "full": sum(one["full"] for one in tries),
        "said_in_a_sentence": sum(one["full"] and one["sentence"] for one in tries),
        "resumed_equal": sum(one["equal"] for one in tries),
        "full_at": dict(collections.Counter(one["at"] for one in tries if one["full"]).most_common()),
        "complaints": [one for one in tries if not one["equal"] or (one["full"] and not one["sentence"])],
    }
    print(json.dumps(result, indent=1))
    if args.save:
        save_record(args.save, result)
    return 1 if result["complaints"] else 0


class Disk:
    """A file system in memory, mounted while in use.

    Args:
        parent: where to mount it.
    """

    def __init__(self, parent: Path) -> None:
        self.folder = parent / "disk"
        self.folder.mkdir()

    def __enter__(self) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "disk", str(self.folder)], check=True)

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", str(self.folder)], check=True)

    def resize(self, size: int) -> None:
        """Give it room for so many bytes."""
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.folder)], check=True)

    def used(self) -> int:
        """Bytes in its files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def attempt(disk: Disk, command: list[str], size: int, losses: list[tuple[int, float]]) -> dict[str, Any]:
    """One run on a disk of `size` bytes, and on with more room if that filled it."""
    with disk:
        disk.resize(size)
        first = train(command, disk.folder / "run")
        lines = first.stderr.strip().splitlines()
        end = lines[-1] if lines else ""
        # Warnings may come before; the last line says it, and names the file.
        said = re.fullmatch(rf"earwright: {re.escape(str(disk.folder))}/(\S+?): (.*)", end)
        sentence = first.returncode == 1 and "Traceback" not in first.stderr and said is not None
        sentence = sentence and said is not None and "the disk is full" in said[2]
        disk.resize(ROOM)
        second = train(command, disk.folder / "run") if first.returncode else first
        equal = second.returncode == 0 and curve(disk.folder / "run") == losses
        left = [path.name for path in disk.folder.rglob("*") if ".tmp" in path.name]
    return {
        "bytes": size,
        "full": first.returncode != 0,
        "sentence": sentence,
        "said": end.replace(str(disk.folder), "DISK"),
        "at": Path(said[1]).name if said else "",
        "equal": equal,
        "resumed": second.stderr.strip().splitlines()[-1:] if second.returncode else [],
        "left_behind": left,
    }


def train(command: list[str], out: Path) -> subprocess.CompletedProcess[str]:
    """A run from its start or from its checkpoint to its end."""
    return subprocess.run([*command, "--out", str(out)], capture_output=True, text=True)


def curve(out: Path) -> list[tuple[int, float]]:
    """Step and loss of every step."""
    return [(line["step"], line["loss"]) for line in read_log(out / "log.jsonl") if line["kind"] == "step"]


if __name__ == "__main__":
    sys.exit(main())
