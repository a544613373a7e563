"""Leave one out: a recognizer for every speaker (or other value of a column) who is not in its training.

    earwright prepare tsv corpora/fsdd/metadata.tsv prepared/fsdd --language en
    python benchmarks/leave_one_out.py prepared/fsdd recipes/digits.toml --by speaker --work runs/digits \\
        --save docs/results/digits.json

For each value, the recipe learns from all others, and what it made transcribes that value's utterances. The
others stand for the first of the recipe's `data.train`; further ones are heard beside them in every fold. No
run watches a dev set: the recipe's is taken away, since it might hold who is left out. With --work, what is
done is kept: a fold that is there is not made again, and a training that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from earwright import Recognizer
from earwright.bundle import Bundle
from earwright.cli.evaluate_run import trained_on
from earwright.cuts import read_cuts
from earwright.data.splitting.options import SplitOptions
from earwright.data.splitting.split import split
from earwright.errors import EarwrightError
from earwright.evaluation.groups import NOT_GIVEN, column_value
from earwright.evaluation.record import record, save_record
from earwright.evaluation.run import Run, transcribe_cuts
from earwright.evaluation.score import score
from earwright.files import atomic_write
from earwright.training import load_recipe
from earwright.training.recipe import recipe_differences, recipe_to_dict

EARWRIGHT = [sys.executable, "-m", "earwright.cli.main"]
FOLD = "fold.json"
PER_UTTERANCE = ("ids", "references", "hypotheses", "speakers", "durations")


def main() -> int:
    """Train and score each fold, print a table, save."""
    args = arguments()
    try:
        with tempfile.TemporaryDirectory() as folder:
            result = leave_one_out(args, args.work or Path(folder))
    except EarwrightError as error:
        print(f"leave_one_out: {error}", file=sys.stderr)
        return 1
    print_table(result)
    if args.save:
        save_record(args.save, result)
    return 0


def arguments() -> argparse.Namespace:
    """What was typed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("prepared", type=Path, help="what `earwright prepare` wrote")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--by", default="speaker", metavar="COLUMN", help="whose values are left out")
    parser.add_argument(
        "--only", action="append", default=[], metavar="VALUE", help="leave out these alone, to try it"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="as `earwright train`"
    )
    parser.add_argument("--work", type=Path, help="keep splits, runs and folds here, and go on with them")
    parser.add_argument("--name", help="of the result (default: the recipe's)")
    parser.add_argument("--save", metavar="FILE")
    return parser.parse_args()


def leave_one_out(args: argparse.Namespace, work: Path) -> dict[str, Any]:
    """All folds, and what they come to together."""
    values = values_of(args.prepared, args.by)
    if strange := [value for value in args.only if value not in values]:
        raise EarwrightError(f"{args.prepared}: no {args.by} is {strange[0]}; there are {', '.join(values)}.")
    chosen = args.only or values
    folds = [fold(args, work / folder_name(values, value), value, values) for value in chosen]
    made = load_recipe(args.recipe, args.set)
    of_all: dict[str, list[Any]] = {
        key: [item for one in folds for item in one[key]] for key in PER_UTTERANCE
    }
    evaluation = score(
        of_all["references"],
        of_all["hypotheses"],
        made.text.normalizer,
        of_all["speakers"],
        of_all["durations"],
        of_all["ids"],
    )
    shown = [{k: v for k, v in one.items() if k not in (*PER_UTTERANCE, "recipe")} for one in folds]
    return record(
        evaluation,
        name=args.name or made.name,
        command=shlex.join(["python", *sys.argv]),
        corpus=args.prepared.resolve().name,
        split=f"each {args.by} left out",
        seed=made.seed,
        parameters=folds[0]["parameters"],
        training_minutes=mean([one["training_minutes"] for one in folds]),
        training_hours=mean([one["training_hours"] for one in folds]),
        training_machine=folds[0].get("training_machine"),
        bundle=made.name,
        left_out_by=args.by,
        wrong_share=mean([one["wrong_share"] for one in folds]),
        longest_training_minutes=max(one["training_minutes"] for one in folds),
        left_out=shown,
    )


def mean(numbers: Sequence[float]) -> float:
    """The average: each fold counts alike, however many utterances it has."""
    return sum(numbers) / len(numbers)


def values_of(prepared: Path, column: str) -> list[str]:
    """The values of a column, in order.

    Raises:
        EarwrightError: there are fewer than two, so that nothing is left when one is left out.
    """
    values = sorted({column_value(cut, column) for cut in read_cuts(prepared)} - {NOT_GIVEN})
    if len(values) < 2:
        there = f"the only {column} is {values[0]}" if values else f"no cut names a {column}"
        raise EarwrightError(f"{prepared}: {there}; to leave one out takes two or more.")
    return values


def folder_name(values: Sequence[str], value: str) -> str:
    """A name that no two values share, whatever they are written with."""
    return f"{values.index(value) + 1:02d}-{re.sub(r'[^A-Za-z0-9_.-]+', '_', value)[:40]}"


def part(prepared: Path, out: Path, column: str, value: str, values: Sequence[str]) -> Path:
    """A folder with `test`, what is left out, and `train`, all others. Cuts without a value are in neither.

    Raises:
        EarwrightError: the two have a speaker in common, as when somebody came to two sessions.
    """
    parts_of = {other: "test" if other == value else "train" for other in values}
    if any(column_value(cut, column) == NOT_GIVEN for cut in read_cuts(prepared)):
        parts_of[""] = "none"
    report = split(prepared, out, SplitOptions(column=column, parts_of=parts_of))
    for shared in report.shared:
        if shared.what == "speakers":
            raise EarwrightError(
                f"without {column} {value}, {shared.different} of its speakers are heard in training all the "
                "same; leave out by speaker, or by what parts them."
            )
    return out


def fold(args: argparse.Namespace, folder: Path, value: str, values: Sequence[str]) -> dict[str, Any]:
    """One value left out: trained, transcribed and scored, or what was kept of that."""
    recipe = plain_recipe(args)
    kept = folder / FOLD
    if kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        if changed := recipe_differences(found["recipe"], recipe):
            raise EarwrightError(
                f"{kept}: it was made with another {', '.join(changed)}; name another --work, or remove it."
            )
        return found
    parts = part(args.prepared, folder / "parts", args.by, value, values)
    beside = heard_beside(args, value)
    bundle = train(args, [parts / "train", *beside], folder / "run")
    meta = Bundle.open(bundle).meta
    told = [cut for cut in read_cuts(parts / "test") if cut.text.strip()]
    run = transcribe_cuts(Recognizer.load(bundle), told)
    figures = scored(run, meta.normalizer) | {
        "parameters": meta.parameters,
        "training_minutes": meta.training_minutes,
        **trained_on(meta),
        "steps": meta.training["steps"],
        "recipe": recipe,
    }
    with atomic_write(kept) as file:
        json.dump({"value": value} | figures, file, ensure_ascii=False, indent=1)
    return {"value": value} | figures


def plain_recipe(args: argparse.Namespace) -> dict[str, Any]:
    """What a fold is made with, without the places of its data."""
    recipe = recipe_to_dict(load_recipe(args.recipe, args.set))
    recipe["data"]["train"] = recipe["data"]["train"][1:]
    for key in ("dev", "cache", "workers"):
        del recipe["data"][key]
    return recipe


def heard_beside(args: argparse.Namespace, value: str) -> list[Path]:
    """The recipe's further training data.

    Raises:
        EarwrightError: the value that is left out is in them.
    """
    beside = [Path(name) for name in load_recipe(args.recipe, args.set).data.train[1:]]
    for folder in beside:
        if any(column_value(cut, args.by) == value for cut in read_cuts(folder)):
            raise EarwrightError(f"{folder}: {args.by} {value} is in it, and is to be left out.")
    return beside


def train(args: argparse.Namespace, parts: Sequence[Path], out: Path) -> Path:
    """`earwright train`, without a dev set; returns the bundle."""
    command = [*EARWRIGHT, "train", str(args.recipe), "--out", str(out)]
    for change in [*args.set, f"data.train={json.dumps([str(part) for part in parts])}", "data.dev=[]"]:
        command += ["--set", change]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise EarwrightError(f"{out}: training ended with an error, see above; what is done is kept.")
    return Path(done.stdout.splitlines()[-1])


def scored(run: Run, normalizer: str) -> dict[str, Any]:
    """The rates of one fold, and its utterances for the rates of all."""
    evaluation = run.score(normalizer)
    summary = evaluation.summary()
    kept = ("utterances", "wer", "wer_interval", "cer", "cer_interval", "wrong_utterances")
    result: dict[str, Any] = {key: summary[key] for key in kept}
    return result | {
        "wrong_share": evaluation.wrong_utterances / evaluation.utterances,
        "failed": len(run.failed),
        "confused": evaluation.confused(8),
        "ids": [cut.id for cut in run.cuts],
        "speakers": [cut.speaker for cut in run.cuts],
        "durations": [cut.duration for cut in run.cuts],
        "references": [cut.text for cut in run.cuts],
        "hypotheses": [transcript.text for transcript in run.transcripts],
    }


def print_table(result: dict[str, Any]) -> None:
    """A row a fold."""
    title = f"{result['name']}: wrong utterances {100 * result['wrong_share']:.1f} % on average"
    table = Table(title=title)
    for column in (result["left_out_by"], "utterances", "wrong", "wrong %", "WER %", "CER %", "minutes"):
        table.add_column(column, justify="left" if column == result["left_out_by"] else "right")
    for one in result["left_out"]:
        table.add_row(
            *(one["value"], str(one["utterances"]), str(one["wrong_utterances"])),
            *(f"{100 * one[key]:.1f}" for key in ("wrong_share", "wer", "cer")),
            f"{one['training_minutes']:.1f}",
        )
    Console().print(table)


if __name__ == "__main__":
    raise SystemExit(main())
