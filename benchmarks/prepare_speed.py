"""How quick `earwright prepare` is, beside lhotse's `prepare_librispeech` on the same FLAC files and cores.

    python benchmarks/prepare_speed.py prepared/dev-clean [--rounds 3] [--rows 1000000] [--save FILE.json]

Writes the recordings of a prepared LibriSpeech folder as FLAC in LibriSpeech's layout, and lets both read it,
in turn, with as many processes as there are cores. lhotse reads the headers; earwright decodes and checks the
audio besides. Then prepares a made-up table of a million rows over these files, and measures the memory.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import soundfile

from earwright.cuts import read_cut_audio, read_cuts
from earwright.evaluation.record import machine

LHOTSE = """
import sys
from lhotse.recipes import prepare_librispeech
_, corpus, part, out, jobs = sys.argv
prepare_librispeech(corpus, dataset_parts=[part], output_dir=out, num_jobs=int(jobs))
"""


def main() -> int:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("prepared", help="prepared folder of a part of LibriSpeech")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the made-up table; 0 leaves it out")
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    jobs = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_flac(args.prepared, folder / "LibriSpeech/dev-clean")
        print(f"{files} FLAC files, {jobs} processes", flush=True)
        result = compare(folder, files, args.rounds, jobs)
        if args.rows:
            result["table"] = large_table(folder, args.rows, jobs)
    result |= {"name": "prepare-speed", "command": shlex.join(["python", *sys.argv]), "machine": machine()}
    print(json.dumps(result, indent=1))
    if args.save:
        Path(args.save).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


def write_flac(prepared: str, target: Path) -> int:
    """The cuts of a prepared folder as LibriSpeech has them; returns how many."""
    texts: dict[Path, list[str]] = {}
    cuts = read_cuts(prepared)
    for cut in cuts:
        speaker, chapter, _ = cut.id.split("-")
        place = target / speaker / chapter
        place.mkdir(parents=True, exist_ok=True)
        soundfile.write(place / f"{cut.id}.flac", read_cut_audio(cut, 16000), 16000, subtype="PCM_16")
        texts.setdefault(place / f"{speaker}-{chapter}.trans.txt", []).append(f"{cut.id} {cut.text}\n")
    for path, lines in texts.items():
        path.write_text("".join(lines), encoding="utf-8")
    return len(cuts)


def compare(folder: Path, files: int, rounds: int, jobs: int) -> dict[str, Any]:
    """Both in turn, whole processes, the start of Python and the imports included."""
    corpus = folder / "LibriSpeech"
    seconds: dict[str, list[float]] = {"earwright": [], "lhotse": [], "earwright again": []}
    for number in range(rounds):
        out = folder / f"out{number}"
        ours = [*EARWRIGHT, "librispeech", str(corpus / "dev-clean"), str(out), "--jobs", str(jobs)]
        theirs = [
            sys.executable,
            "-c",
            LHOTSE,
            str(corpus),
            "dev-clean",
            str(folder / f"l{number}"),
            str(jobs),
        ]
        for name, command in (("earwright", ours), ("lhotse", theirs), ("earwright again", ours)):
            began = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            seconds[name].append(time.perf_counter() - began)
    rates = {name: round(files / statistics.median(times), 1) for name, times in seconds.items()}
    return {
        "files": files,
        "files_per_second": rates,
        "ratio_to_lhotse": round(rates["earwright"] / rates["lhotse"], 2),
        "seconds": {name: [round(value, 2) for value in times] for name, times in seconds.items()},
    }


EARWRIGHT = [sys.executable, "-m", "earwright.cli.main", "prepare"]


def large_table(folder: Path, rows: int, jobs: int) -> dict[str, Any]:
    """A table of so many rows, each a stretch of one of the files, and what preparing it takes."""
    paths = sorted((folder / "LibriSpeech").rglob("*.flac"))[:300]
    lengths = [soundfile.info(path).duration for path in paths]
    table = folder / "rows.csv"
    with open(table, "w", encoding="utf-8") as file:
        file.write("path,text,id,speaker,start,end\n")
        for row in range(rows):
            place = row % len(paths)
            start = (row // len(paths)) % 7 * lengths[place] / 30
            end = min(start + 4.0, lengths[place])
            file.write(
                f"{paths[place]},what number {row} says,row-{row},s{row % 999},{start:.2f},{end:.2f}\n"
            )
    began = time.perf_counter()
    command = [*EARWRIGHT, "csv", str(table), str(folder / "large"), "--jobs", str(jobs), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit("preparing the large table failed")
    summary = json.loads(output)
    return {
        "rows": rows,
        "files": len(paths),
        "kept": summary["kept"],
        "seconds": round(time.perf_counter() - began, 1),
        "peak_mib_of_the_largest_process": round(usage.ru_maxrss / 1024),
    }


if __name__ == "__main__":
    raise SystemExit(main())
