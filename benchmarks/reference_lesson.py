"""The reference model as it is, and with one change undone at a time: what is each good for?

    python benchmarks/reference_lesson.py LJSPEECH_TRAIN LJSPEECH_REST --minutes 5 --work runs/lesson \\
        --save docs/results/reference-lesson.json

Every variant is recipes/reference.toml with the changes below, trained with the same seed for the same time;
or, where other work shares the machine, for as many updates (`--steps`; with larger batches as many fewer),
so that what else goes on changes nothing.
Told are its character error rate on the training set, which it is to learn by heart, and on clips that it has
never heard; and of its codebooks the bits a second, perplexities, dead codes, and the error with fewer of
them. What `--work` has already is not trained again, so that it may be stopped at any time; `--only` names
some variants.

A training set of the first clips of a corpus, and the others as the second set, are made by
`python benchmarks/reference_lesson.py --split prepared/ljspeech 200 TRAIN REST`. The tables of
docs/reference-model.md are `python benchmarks/reference_lesson.py --table FILE.json`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from earwright import Recognizer
from earwright.bundle import Bundle
from earwright.cuts import read_cuts
from earwright.evaluation.record import machine, save_record
from earwright.evaluation.run import transcribe_cuts
from earwright.training import load_recipe
from earwright.training.log import read_log

EARWRIGHT = [sys.executable, "-m", "earwright.cli.main"]
RECIPE = Path(__file__).parent.parent / "recipes" / "reference.toml"
# What is undone -> the settings that undo it.
VARIANTS: dict[str, list[str]] = {
    "as it is": [],
    "500 frames a second": ["model.strides=[4, 2, 2]", "model.reduce_kernels=[20, 4, 4]"],
    "25 frames a second": ["model.strides=[40, 2, 4]"],
    "no masks": ["model.masks=false"],
    "narrow": ["model.dim=32", "model.hidden=[16, 16, 16]", "model.quantizer.code_dim=8"],
    "random filters": ["model.filters=random"],
    "no logarithm": ["model.compress=false"],
    "batch norm": ["model.norm=batch"],
    "random convolutions": ["model.even_start=false"],
    "norms after the branches": ["model.norm_first=false"],
    "no warm-up": ["training.warmup=0.0"],
    "no loss in between": ["model.intermediate_ctc=[]"],
    "batches of 200 s": ["training.batch_seconds=200.0"],
    "no quantizer": ["model.quantize=false"],
    "codes moved by a loss": ["model.quantizer.upkeep=gradient"],
    "codes at random": ["model.quantizer.start=random"],
    "no revival": ["model.quantizer.revive=0.0"],
    "codes as wide as the stream": ["model.quantizer.code_dim=0"],
    "no quantizer dropout": ["model.quantizer.dropout=0.0"],
    "no upkeep at all": [
        "model.quantizer.upkeep=gradient",
        "model.quantizer.start=random",
        "model.quantizer.revive=0.0",
        "model.quantizer.code_dim=0",
        "model.quantizer.dropout=0.0",
    ],
}
# Those that are about the upkeep of codebooks.
CODES = (
    "as it is",
    "codes moved by a loss",
    "codes at random",
    "no revival",
    "codes as wide as the stream",
    "no quantizer dropout",
    "no upkeep at all",
)


def main() -> int:
    """Train what is missing, score, print a table, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("train", type=Path, help="prepared folder of what is learnt")
    parser.add_argument("rest", type=Path, help="prepared folder of what is not")
    parser.add_argument("--minutes", type=float, default=5.0, help="of training, for each variant")
    parser.add_argument("--steps", type=int, help="updates of each variant, instead of minutes")
    parser.add_argument("--only", nargs="+", choices=list(VARIANTS), default=list(VARIANTS), metavar="NAME")
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="in every variant")
    parser.add_argument("--work", type=Path, required=True, help="runs are kept here")
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="clips of each set to score on")
    parser.add_argument("--save", type=Path, metavar="FILE", help="add to what this file has, or begin it")
    args = parser.parse_args()
    rows = {}
    if args.save and args.save.exists():
        rows = {row["variant"]: row for row in json.loads(args.save.read_text())["variants"]}
    for name in args.only:
        rows[name] = told_of(args, name, learn(args, name))
        in_order = [rows[one] for one in VARIANTS if one in rows]
        if args.save:
            save_record(args.save, result_of(args, in_order))
    print_table(in_order)
    return 0


def learn(args: argparse.Namespace, name: str) -> Path:
    """The run of a variant, trained if it is not there yet."""
    out: Path = args.work / name.replace(" ", "-")
    if list(out.glob("*.ear")):
        return out
    changes = [
        "name=lesson",
        f"data.train={json.dumps([str(args.train)])}",
        f"data.dev={json.dumps([str(args.rest)])}",
        "data.dev_utterances=30",
        *args.set,
        *VARIANTS[name],
    ]
    command = [*EARWRIGHT, "train", str(args.recipe), "--out", str(out)]
    if args.steps:
        usual, here = (load_recipe(args.recipe, some).training.batch_seconds for some in ([], changes))
        steps = round(args.steps * float(usual) / float(here))
        changes += ["training.max_time=", f"training.steps={steps}"]
    else:
        command += ["--max-time", f"{args.minutes}m"]
    for change in changes:
        command += ["--set", change]
    print(name, flush=True)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return out


def told_of(args: argparse.Namespace, name: str, run: Path) -> dict[str, Any]:
    """What a variant has come to."""
    path = next(run.glob("*.ear"))
    facts = Bundle.open(path).meta.training
    log = read_log(run / "log.jsonl")
    steps = [line for line in log if line["kind"] == "step"]
    row: dict[str, Any] = {
        "variant": name,
        "changes": VARIANTS[name],
        "minutes": facts["minutes"],
        "steps": facts["steps"],
        "precision": facts["precision"],
        "loss": float(np.mean([line["loss"] for line in steps[-len(steps) // 20 :]])),
        "left_the_blanks": left_the_blanks(steps, facts["minutes"]),
        "errors": {},
    }
    recognizer = Recognizer.load(path)
    counts: list[int | None] = [None]
    codes = [line for line in steps if "perplexity" in line]
    if codes:
        books = recognizer.codebooks
        if name in CODES:
            counts += list(range(1, books.count))
        row["bits_per_second"] = [
            books.bits_per_second(recognizer.meta.frame_shift, count + 1) for count in range(books.count)
        ]
        row["perplexity"], row["dead_codes"] = codes[-1]["perplexity"], codes[-1]["dead_codes"]
        thinned = codes[:: max(1, len(codes) // 40)]
        row["course"] = [[line["step"], line["perplexity"], line["dead_codes"]] for line in thinned]
    for count in counts:
        if codes:
            recognizer.use_codebooks(count)
        row["errors"][str(count or "all")] = {
            which: error(recognizer, folder, args.limit)
            for which, folder in (("train", args.train), ("rest", args.rest))
        }
    return row


def left_the_blanks(steps: list[dict[str, Any]], minutes: float) -> float | None:
    """Minutes until the loss of 50 steps was below 2.5, of which a model that only says blanks has 2.85."""
    losses = np.array([line["loss"] for line in steps])
    if len(losses) < 50:
        return None
    mean = np.convolve(losses, np.ones(50) / 50, "valid")
    below = np.flatnonzero(mean < 2.5)
    return round(minutes * float(below[0] + 50) / len(losses), 2) if len(below) else None


def error(recognizer: Recognizer, folder: Path, limit: int) -> float:
    """Character error rate on the first clips of a folder."""
    run = transcribe_cuts(recognizer, list(read_cuts(folder))[:limit])
    return float(run.score(recognizer.meta.normalizer).summary()["cer"])


def result_of(args: argparse.Namespace, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The kept result."""
    return {
        "name": "reference-lesson",
        "command": shlex.join(["python", *sys.argv]),
        "machine": machine(),
        "clips": args.limit,
        "minutes_given": None if args.steps else args.minutes,
        "steps_given": args.steps,
        "variants": rows,
    }


def print_table(rows: list[dict[str, Any]]) -> None:
    """A line a variant."""
    table = Table(title="One change undone at a time")
    for column in ("variant", "steps", "loss", "letters after", "CER learnt", "CER rest", "perplexity"):
        table.add_column(column, justify="left" if column == "variant" else "right")
    for row in rows:
        left, whole = row["left_the_blanks"], row["errors"]["all"]
        table.add_row(
            row["variant"],
            str(row["steps"]),
            f"{row['loss']:.2f}",
            "never" if left is None else f"{left:.1f} min",
            f"{100 * whole['train']:.1f}",
            f"{100 * whole['rest']:.1f}",
            " ".join(f"{one:.0f}" for one in row.get("perplexity", [])),
        )
    Console().print(table)


def markdown(path: Path) -> int:
    """Print the kept result as two tables for a document: all variants, and what became of the codebooks."""
    rows = json.loads(path.read_text())["variants"]
    print("| | updates | letters after | loss at the end | CER learnt, % | CER others, % |")
    print("|---|--:|--:|--:|--:|--:|")
    for row in rows:
        left, whole = row["left_the_blanks"], row["errors"]["all"]
        after = "never" if left is None else f"{row['steps'] * left / row['minutes']:,.0f}"
        figures = [f"{row['steps']:,}", after, f"{row['loss']:.2f}"]
        figures += [f"{100 * whole[which]:.1f}" for which in ("train", "rest")]
        print(f"| {row['variant']} | {' | '.join(figures)} |")
    print()
    of_codes = [row for row in rows if row["variant"] in CODES]
    bits = of_codes[0]["bits_per_second"]
    print(
        f"| CER learnt, % | {' | '.join(f'{one:,.0f} bits/s' for one in bits)} | perplexities | dead codes |"
    )
    print(f"|---|{len(bits) * '--:|'}---|---|")
    for row in of_codes:
        errors = [row["errors"][str(count)] for count in range(1, len(bits))] + [row["errors"]["all"]]
        figures = [f"{100 * error['train']:.1f}" for error in errors]
        figures += [", ".join(f"{one:.0f}" for one in row[name]) for name in ("perplexity", "dead_codes")]
        print(f"| {row['variant']} | {' | '.join(figures)} |")
    return 0


def split(folder: Path, count: int, train: Path, rest: Path) -> int:
    """The first cuts of a folder, and the others, as two folders."""
    lines = gzip.decompress((folder / "cuts.jsonl.gz").read_bytes()).decode().splitlines(keepends=True)
    for out, part in ((train, lines[:count]), (rest, lines[count:])):
        out.mkdir(parents=True, exist_ok=True)
        (out / "cuts.jsonl.gz").write_bytes(gzip.compress("".join(part).encode(), mtime=0))
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--split"]:
        raise SystemExit(split(Path(sys.argv[2]), int(sys.argv[3]), *map(Path, sys.argv[4:6])))
    if sys.argv[1:2] == ["--table"]:
        raise SystemExit(markdown(Path(sys.argv[2])))
    raise SystemExit(main())
