"""Does synthetic speech beside real help on real speech? Trained with and without, in equal time.

    earwright synthesize novels/*.txt.gz prepared/synthetic --sentences 6000 --apart-from prepared/dev \\
        --apart-from prepared/test --voices 300 --seed 1 \\
        --styles neutral,neutral,neutral,fast,slow,high,low,lively,hesitant,emphatic
    python benchmarks/synthetic_mix.py --train prepared/train-clean-5 --synthetic prepared/synthetic \\
        --dev prepared/dev --test prepared/dev prepared/test --minutes 60 --save FILE.json

Both runs have the recipe recipes/librispeech-5h-synthetic.toml and one seed; the control has the real speech
alone. Each is watched on dev and gets the weights that are best there. The difference of the word error rates
comes with a paired bootstrap interval: the same speakers are drawn for both. Several --share train several
mixtures beside one control. Run it on a quiet machine: equal time is equal only there (--steps makes it equal
steps instead).
"""

from __future__ import annotations

import argparse
import datetime
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
from earwright.evaluation.bootstrap import bootstrap_interval
from earwright.evaluation.record import machine, save_record
from earwright.evaluation.run import transcribe_cuts
from earwright.evaluation.score import Evaluation

EARWRIGHT = [sys.executable, "-m", "earwright.cli.main"]
RECIPE = Path(__file__).parents[1] / "recipes" / "librispeech-5h-synthetic.toml"
KEPT = ("wer", "wer_interval", "cer", "cer_interval", "utterances", "speakers")


def main() -> int:
    """Train, score, print a table, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", required=True, type=Path, help="prepared folder of real speech")
    parser.add_argument("--synthetic", required=True, type=Path, help="folder that synthesize wrote")
    parser.add_argument("--dev", required=True, type=Path, help="real speech to watch while it trains")
    parser.add_argument("--test", required=True, nargs="+", type=Path, help="real speech to score on")
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument(
        "--share",
        type=float,
        nargs="+",
        default=[0.25],
        help="of synthetic speech in each batch (default: 0.25)",
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="of training, for each run (default: 60)")
    parser.add_argument("--steps", type=int, help="of each run, instead of minutes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="as `earwright train`"
    )
    parser.add_argument("--work", type=Path, help="keep the runs here, and go on with what is there")
    parser.add_argument(
        "--limit", type=int, metavar="N", help="score on the first N cuts alone, to try it out"
    )
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    if not all(0 < share < 1 for share in args.share):
        parser.error("a --share lies between 0 and 1")
    with tempfile.TemporaryDirectory() as folder:
        work = args.work or Path(folder)
        control, bundle = run(args, work, 0.0)
        runs = [control["facts"]]
        for share in args.share:
            mixed, _ = run(args, work, share)
            runs.append(mixed["facts"] | {"against_control": compared(control["scores"], mixed["scores"])})
        made = Bundle.open(bundle).meta
        result = {
            "name": "synthetic-mix",
            "command": shlex.join(["python", *sys.argv]),
            "date": datetime.date.today().isoformat(),
            "machine": machine(),
            "seed": args.seed,
            "parameters": made.parameters,
            "normalizer": made.normalizer,
            "minutes_given": None if args.steps else args.minutes,
            "steps_given": args.steps,
            "real": hours(args.train),
            "synthetic": hours(args.synthetic),
            "runs": runs,
        }
    print_table(runs)
    if args.save:
        save_record(args.save, result)
    return 0


def run(args: argparse.Namespace, work: Path, share: float) -> tuple[dict[str, Any], Path]:
    """Train with a share of synthetic speech, and score: what is kept, the scores, and the bundle."""
    name = f"synthetic-{100 * share:g}" if share else "control"
    bundle = train(args, work / name, name, share)
    scores = {folder.name: scored(bundle, folder, args.limit) for folder in args.test}
    told = Bundle.open(bundle).meta.training
    facts = {
        "share": share,
        **{key: told[key] for key in ("minutes", "cpu_minutes", "steps", "precision", "hours_of_speech")},
        "errors": {test: {key: score.summary()[key] for key in KEPT} for test, score in scores.items()},
    }
    return {"facts": facts, "scores": scores}, bundle


def train(args: argparse.Namespace, out: Path, name: str, share: float) -> Path:
    """`earwright train`; returns the bundle that came of it."""
    sources = [args.train, args.synthetic] if share else [args.train]
    changes = [
        f"name={name}",
        f"seed={args.seed}",
        f"data.train={json.dumps([str(source.absolute()) for source in sources])}",
        f"data.weights={json.dumps([1 - share, share] if share else [])}",
        f"data.dev={json.dumps([str(args.dev.absolute())])}",
    ]
    if args.steps:
        changes += ['training.max_time=""', f"training.steps={args.steps}"]
    else:
        changes.append(f'training.max_time="{60 * args.minutes:.0f}s"')
    command = [*EARWRIGHT, "train", str(args.recipe), "--out", str(out)]
    for change in [*changes, *args.set]:
        command += ["--set", change]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return out / f"{name}.ear"


def scored(bundle: Path, folder: Path, limit: int | None) -> Evaluation:
    """A recognizer on a set, greedily."""
    recognizer = Recognizer.load(bundle)
    cuts = [cut for cut in read_cuts(folder) if cut.text.strip()][:limit]
    return transcribe_cuts(recognizer, cuts).score(recognizer.meta.normalizer)


def compared(control: dict[str, Evaluation], mixed: dict[str, Evaluation]) -> dict[str, Any]:
    """For each set by how much the word error rate differs, with the paired bootstrap interval."""
    result = {}
    for name, before in control.items():
        after = {utterance.id: utterance for utterance in mixed[name].scored}
        pairs = [(one, after[one.id]) for one in before.scored if one.id in after]
        speakers = [one.speaker for one, _ in pairs]
        low, high = bootstrap_interval(
            [other.words.errors - one.words.errors for one, other in pairs],
            [one.words.reference for one, _ in pairs],
            speakers if before.interval_unit == "speaker" else None,
        )
        difference = mixed[name].wer - before.wer
        result[name] = {
            "wer_difference": difference,
            "interval": [low, high],
            "interval_drawn": before.interval_unit,
            "relative": difference / before.wer if before.wer else None,
        }
    return result


def hours(folder: Path) -> dict[str, Any]:
    """How much speech a folder has."""
    cuts = read_cuts(folder)
    return {
        "folder": folder.name,
        "hours": round(sum(cut.duration for cut in cuts) / 3600, 2),
        "utterances": len(cuts),
        "speakers": len({cut.speaker for cut in cuts if cut.speaker}),
        "styles": sorted({str(cut.custom["style"]) for cut in cuts if "style" in cut.custom}),
    }


def print_table(runs: list[dict[str, Any]]) -> None:
    """Word error rates, and by how much they differ from the control's."""
    table = Table(title="Word error rate in %, and the difference to the control's")
    for column in ("synthetic", "steps", "minutes", "set", "WER", "difference"):
        table.add_column(column, justify="left" if column == "set" else "right")
    for one in runs:
        for test, errors in one["errors"].items():
            against = one.get("against_control", {}).get(test)
            table.add_row(
                *(f"{100 * one['share']:g} %", str(one["steps"]), f"{one['minutes']:.1f}", test),
                percent(errors["wer"], errors["wer_interval"]),
                percent(against["wer_difference"], against["interval"]) if against else "",
            )
    Console().print(table)


def percent(value: float, interval: list[float]) -> str:
    """ "12.3 (11.0 to 13.9)"."""
    return f"{100 * value:.1f} ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"


if __name__ == "__main__":
    raise SystemExit(main())
