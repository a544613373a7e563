"""Fine-tune a recognizer on new speech, with and without replay of old: what is gained, what is forgotten?

    python benchmarks/finetune.py BUNDLE prepared/accent prepared/reader --old-train prepared/train \\
        --old-dev prepared/dev --minutes 10 --save docs/results/finetune.json

Each NEW folder is what `earwright prepare` wrote, and is split (by speaker where they are known, else by
recording) unless it is a split already. Each is learnt twice in the same time with the same seed, and every
recognizer, the one to start from among them, is scored on the whole of the new test set and the old dev set.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from earwright import Recognizer
from earwright.bundle import Bundle
from earwright.cuts import read_cuts
from earwright.evaluation.record import machine, save_record
from earwright.evaluation.run import transcribe_cuts
from earwright.training.finetuning.over_bundle import find_bundle

EARWRIGHT = [sys.executable, "-m", "earwright.cli.main"]
KEPT = ("wer", "wer_interval", "cer", "cer_interval", "utterances", "speakers")


def main() -> int:
    """Fine-tune, score, print a table, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", help="to start from, or the folder of the run that made it")
    parser.add_argument("new", nargs="+", type=Path, help="prepared folders of new speech")
    parser.add_argument("--old-train", required=True, type=Path, help="what the bundle was trained on")
    parser.add_argument("--old-dev", required=True, type=Path, help="held-out speech of the same kind")
    parser.add_argument("--minutes", type=float, default=10.0, help="of training, for each run")
    parser.add_argument("--share", type=float, default=0.3, help="of old speech in each batch, with replay")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="as `earwright train`"
    )
    parser.add_argument("--work", type=Path, help="keep splits and runs here, and go on with what is there")
    parser.add_argument(
        "--limit", type=int, metavar="N", help="score on the first N cuts alone, to try it out"
    )
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = args.work or Path(folder)
        bundle = find_bundle(args.bundle)
        old_before = errors(bundle, args.old_dev, args.limit)
        corpora = [learn(args, work, bundle, new, old_before) for new in args.new]
    made = Bundle.open(bundle).meta
    result = {
        "name": "finetune",
        "command": shlex.join(["python", *sys.argv]),
        "machine": machine(),
        "seed": args.seed,
        "bundle": made.name,
        "parameters": made.parameters,
        "minutes_given": args.minutes,
        "normalizer": made.normalizer,
        "old": {"train": args.old_train.name, "dev": args.old_dev.name},
        "corpora": corpora,
    }
    print_table(corpora, old_before)
    if args.save:
        save_record(args.save, result)
    return 0


def learn(
    args: argparse.Namespace, work: Path, bundle: Path, new: Path, old_before: dict[str, Any]
) -> dict[str, Any]:
    """One corpus, without replay and with it."""
    parts = split(new, work / "parts" / new.name, args.seed)
    new_before = errors(bundle, parts / "test", args.limit)
    runs = []
    for share in (0.0, args.share):
        out = work / "runs" / f"{new.name}-{round(100 * share)}"
        made = finetune(args, bundle, parts, out, share)
        facts = Bundle.open(made).meta.training
        runs.append(
            {
                "replay_share": share,
                "minutes": facts["minutes"],
                "cpu_minutes": facts["cpu_minutes"],
                "steps": facts["steps"],
                "precision": facts["precision"],
                "hours_of_speech": facts["hours_of_speech"],
                "new": {"before": new_before, "after": errors(made, parts / "test", args.limit)},
                "old": {"before": old_before, "after": errors(made, args.old_dev, args.limit)},
            }
        )
    return {"new": new.name, "runs": runs}


def split(new: Path, parts: Path, seed: int) -> Path:
    """A folder with train, dev and test: `new` itself, or what `earwright split` makes of it."""
    if (new / "train").is_dir() and (new / "test").is_dir():
        return new
    subprocess.run(
        [*EARWRIGHT, "split", str(new), str(parts), "--seed", str(seed)], check=True, stdout=sys.stderr
    )
    return parts


def finetune(args: argparse.Namespace, bundle: Path, parts: Path, out: Path, share: float) -> Path:
    """`earwright train --init`; returns the bundle that came of it."""
    command = [
        *EARWRIGHT,
        "train",
        "--init",
        str(bundle),
        "--out",
        str(out),
        "--max-time",
        f"{args.minutes}m",
    ]
    changes = [
        f"seed={args.seed}",
        f"name={out.name}",
        f"data.train={json.dumps([str(parts / 'train')])}",
        f"data.dev={json.dumps([str(parts / 'dev')])}",
        f"finetune.old_dev={json.dumps([str(args.old_dev)])}",
    ]
    if share:
        changes.append(f"finetune.replay={json.dumps([str(args.old_train)])}")
        changes.append(f"finetune.replay_share={share}")
    for change in [*changes, *args.set]:
        command += ["--set", change]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return out / f"{out.name}.ear"


def errors(bundle: Path, cuts: Path, limit: int | None) -> dict[str, Any]:
    """Error rates of a recognizer on a set, with their intervals."""
    recognizer = Recognizer.load(bundle)
    run = transcribe_cuts(recognizer, [cut for cut in read_cuts(cuts) if cut.text.strip()][:limit])
    summary = run.score(recognizer.meta.normalizer).summary()
    return {key: summary[key] for key in KEPT}


def print_table(corpora: list[dict[str, Any]], old_before: dict[str, Any]) -> None:
    """Word error rates, before and after."""
    table = Table(title=f"Word error rate in %; old speech before: {percent(old_before)}")
    for column in ("new speech", "replay", "minutes", "new before", "new after", "old after"):
        table.add_column(column, justify="left" if column == "new speech" else "right")
    for corpus in corpora:
        for run in corpus["runs"]:
            new, old = run["new"], run["old"]
            table.add_row(
                *(corpus["new"], f"{100 * run['replay_share']:g} %", f"{run['minutes']:.1f}"),
                *(percent(new["before"]), percent(new["after"]), percent(old["after"])),
            )
    Console().print(table)


def percent(result: dict[str, Any]) -> str:
    """ "12.3 (11.0 to 13.9)"."""
    low, high = result["wer_interval"]
    return f"{100 * result['wer']:.1f} ({100 * low:.1f} to {100 * high:.1f})"


if __name__ == "__main__":
    raise SystemExit(main())
