"""Does augmentation pay? One Conformer, trained in equal time without, with little and with all of it.

    python benchmarks/augmentation_worth.py --train data/train-clean-5 --dev data/dev --test data/test \\
        --channel data/dev-clean-mp3 --noise noise --music music --rooms rir --minutes 100 --side-by-side \\
        --work runs/augmentation-worth --save docs/results/augmentation-worth.json

The arms: `none` hides and changes nothing; `masks` is recipes/librispeech-5h.toml, with three speeds and
SpecAugment; `all` is recipes/librispeech-5h-augmented.toml. All have its model, its data and one seed, and
get the weights that are best on dev. Each is scored on the test set as it is, with noise behind it, in
rooms, and on another channel, with those recordings of --noise and --rooms that no training hears.
Differences to the first arm come with a paired bootstrap interval: the same speakers are drawn for both.
With --lm, each is scored once more as `earwright tune` sets it up with that language model on dev as it is,
without noise: with a beam and the weights that are best for it there.

--side-by-side trains two at a time with a core each, so that what else the machine does slows both alike.
How many steps fit into the minutes is measured by each at its start. Where both share a machine, that is
rough; --steps says it instead, and the minutes that each took are kept with the scores.
With --work, runs and scores are kept, and a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from earwright import Recognizer
from earwright.bundle import Bundle
from earwright.cuts import read_cuts
from earwright.evaluation.bootstrap import bootstrap_interval
from earwright.evaluation.noise import Alter, Draws, behind, check_room, find_backdrop, inside
from earwright.evaluation.record import machine, save_record
from earwright.evaluation.run import transcribe_cuts
from earwright.files import atomic_write

EARWRIGHT = [sys.executable, "-m", "earwright.cli.main"]
RECIPES = Path(__file__).parents[1] / "recipes"
SNRS = (20.0, 10.0, 5.0, 0.0)
NOTHING_DONE = ("augment.speeds=[1.0]", "augment.frequency_masks=0", "augment.time_masks_per_second=0")
ARMS = {
    "none": ("librispeech-5h.toml", NOTHING_DONE),
    "masks": ("librispeech-5h.toml", ()),
    "all": ("librispeech-5h-augmented.toml", ()),
}
Scores = dict[str, dict[str, list[Any]]]  # condition -> of each utterance: speaker, errors, lengths


def main() -> int:
    """Train, score, compare, print a table, save."""
    args = arguments()
    with tempfile.TemporaryDirectory() as folder:
        work = args.work or Path(folder)
        with ThreadPoolExecutor(2 if args.side_by_side else 1) as pool:
            bundles = dict(
                zip(args.arms, pool.map(lambda arm: train(args, work, arm), args.arms), strict=True)
            )
        greedy = {arm: kept_scores(args, work / arm, bundle) for arm, bundle in bundles.items()}
        result = {
            "name": "augmentation-worth",
            "command": shlex.join(["python", f"benchmarks/{Path(__file__).name}", *sys.argv[1:]]),
            "machine": machine(),
            "minutes_given": None if args.steps else args.minutes,
            "steps_given": args.steps,
            "arms": [facts(arm, bundles[arm], greedy, args.arms[0]) for arm in args.arms],
        }
        if args.lm:
            tuned = {arm: with_lm(args, work / arm, bundle) for arm, bundle in bundles.items()}
            of_lm = f"{Path(args.lm).stem}-scores.json"
            beam = {arm: kept_scores(args, work / arm, tuned[arm], of_lm) for arm in args.arms}
            result["lm"] = Path(args.lm).name
            result["arms_with_lm"] = [facts(arm, tuned[arm], beam, args.arms[0]) for arm in args.arms]
    print_table(result["arms"], "greedy search")
    if args.lm:
        print_table(result["arms_with_lm"], f"with {result['lm']}")
    if args.save:
        save_record(args.save, result)
    return 0


def arguments() -> argparse.Namespace:
    """What was typed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", required=True, type=Path, help="prepared folder")
    parser.add_argument("--dev", required=True, type=Path, help="to watch while it trains")
    parser.add_argument("--test", required=True, type=Path, help="to score on")
    parser.add_argument("--channel", type=Path, help="to score on, recorded in another way")
    parser.add_argument("--noise", required=True, help="a folder for each class of noise")
    parser.add_argument("--music", help="trained with beside the noise")
    parser.add_argument("--rooms", required=True, help="impulse responses")
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--minutes", type=float, default=60.0, help="of training, for each (default: 60)")
    parser.add_argument(
        "--steps", type=int, nargs="+", help="instead of minutes; of all, or a number for each arm"
    )
    parser.add_argument("--side-by-side", action="store_true", help="two at a time, a core each")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="as `earwright train`, for all"
    )
    parser.add_argument("--lm", metavar="FILE", help="score with this n-gram model, too")
    parser.add_argument("--work", type=Path, help="keep runs and scores here, and go on with what is there")
    parser.add_argument("--limit", type=int, metavar="N", help="score the first N cuts alone, to try it out")
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    if args.steps and len(args.steps) not in (1, len(args.arms)):
        parser.error("--steps: give one number, or one for each arm.")
    return args


def train(args: argparse.Namespace, work: Path, arm: str) -> Path:
    """`earwright train`; returns the bundle that came of it."""
    recipe, changes = ARMS[arm]
    asked = [
        f"name={arm}",
        f"data.train={json.dumps([str(args.train.absolute())])}",
        f"data.dev={json.dumps([str(args.dev.absolute())])}",
        *changes,
    ]
    if arm == "all":
        noise = [folder for folder in (args.noise, args.music) if folder]
        asked.append(f"augment.noise.folders={json.dumps(noise)}")
        asked.append(f"augment.room.folders={json.dumps([args.rooms])}")
    if args.steps:
        steps = args.steps[args.arms.index(arm) if len(args.steps) > 1 else 0]
        asked += ['training.max_time=""', f"training.steps={steps}"]
    else:
        asked.append(f'training.max_time="{60 * args.minutes:.0f}s"')
    command = [*EARWRIGHT, "train", str(RECIPES / recipe), "--out", str(work / arm)]
    for change in [*asked, *args.set]:
        command += ["--set", change]
    threads = {"OMP_NUM_THREADS": "1"} if args.side_by_side else {}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | threads)
    return work / arm / f"{arm}.ear"


def with_lm(args: argparse.Namespace, folder: Path, bundle: Path) -> Path:
    """The bundle with the language model in it and the weights that are best for it on dev."""
    tuned = folder.parent / f"{folder.name}-with-{Path(args.lm).stem}.ear"  # a run has one bundle
    if not tuned.exists():
        told = ["--lm", args.lm, "-o", str(tuned)]
        subprocess.run([*EARWRIGHT, "tune", str(bundle), str(args.dev), *told], check=True)
    return tuned


def kept_scores(args: argparse.Namespace, folder: Path, bundle: Path, name: str = "scores.json") -> Scores:
    """The scores of an arm, or those that an earlier run kept: they take minutes."""
    kept = folder / name
    if kept.exists():
        found: Scores = json.loads(kept.read_text(encoding="utf-8"))
        return found
    recognizer = Recognizer.load(bundle)
    scores = {
        name: scored(recognizer, cuts, args, alter) for name, cuts, alter in conditions(args, recognizer)
    }
    if not args.limit:
        with atomic_write(kept) as file:
            json.dump(scores, file)
    return scores


def conditions(args: argparse.Namespace, recognizer: Recognizer) -> Iterator[tuple[str, Path, Alter | None]]:
    """Name, set, and what is done to its audio."""
    rate = recognizer.meta.sample_rate
    yield "clean", args.test, None
    noise = find_backdrop([args.noise])
    for snr in SNRS:
        yield f"{snr:g} dB", args.test, behind(Draws(noise.recordings), snr, rate)
    rooms = find_backdrop([args.rooms], check=check_room)
    yield "rooms", args.test, inside(Draws(rooms.recordings), rate)
    if args.channel:
        yield "channel", args.channel, None


def scored(
    recognizer: Recognizer, folder: Path, args: argparse.Namespace, alter: Alter | None
) -> dict[str, list[Any]]:
    """Of each utterance: who speaks, and the errors and lengths in words and characters."""
    cuts = [cut for cut in read_cuts(folder) if cut.text.strip()][: args.limit]
    found = transcribe_cuts(recognizer, cuts, alter=alter).score(recognizer.meta.normalizer).scored
    return {
        "ids": [one.id for one in found],
        "speakers": [one.speaker for one in found],
        "word_errors": [one.words.errors for one in found],
        "words": [one.words.reference for one in found],
        "character_errors": [one.characters.errors for one in found],
        "characters": [one.characters.reference for one in found],
    }


def facts(arm: str, bundle: Path, scores: dict[str, Scores], first: str) -> dict[str, Any]:
    """What an arm was given, and what came of it, against the first."""
    meta = Bundle.open(bundle).meta
    told = meta.training
    keys = ("minutes", "cpu_minutes", "steps", "precision", "hours_of_speech", "threads")
    return {
        "arm": arm,
        "parameters": meta.parameters,
        **{key: told.get(key) for key in keys},
        "search": {key: "inf" if value == math.inf else value for key, value in meta.search.items()},
        "conditions": {
            name: {
                what: compared(found, scores[first][name], what) for what in ("character", "word")
            }
            for name, found in scores[arm].items()
        },
    }  # fmt: skip


def compared(found: dict[str, list[Any]], before: dict[str, list[Any]], what: str) -> dict[str, Any]:
    """A rate, and how far it is from that of the first arm on the same utterances."""
    if found["ids"] != before["ids"]:
        raise SystemExit("augmentation_worth: the arms could not read the same utterances.")
    lengths, errors, were = found[f"{what}s"], found[f"{what}_errors"], before[f"{what}_errors"]

    def interval(counts: Sequence[int]) -> tuple[float, float]:
        return bootstrap_interval(counts, lengths, found["speakers"])

    return {
        "rate": sum(errors) / sum(lengths),
        "interval": interval(errors),
        "difference": (sum(errors) - sum(were)) / sum(lengths),
        "difference_interval": interval([now - then for now, then in zip(errors, were, strict=True)]),
        "relative": sum(errors) / sum(were) - 1 if sum(were) else None,
    }


def print_table(arms: list[dict[str, Any]], search: str) -> None:
    """Error rates, and how far they are from the first arm's."""
    table = Table(title=f"Error rates in %, and how far from the first, {search}")
    for column in ("condition", "arm", "CER", "difference", "relative", "WER", "relative"):
        table.add_column(column, justify="left" if column in ("condition", "arm") else "right")
    for name in arms[0]["conditions"]:
        for arm in arms:
            one, words = (arm["conditions"][name][what] for what in ("character", "word"))
            against = () if arm is arms[0] else (one["difference"], one["difference_interval"])
            table.add_row(
                *(name if arm is arms[0] else "", arm["arm"], percent(one["rate"], one["interval"])),
                *((percent(*against), f"{100 * (one['relative'] or 0):+.0f} %") if against else ("", "")),
                f"{100 * words['rate']:.1f}",
                f"{100 * (words['relative'] or 0):+.0f} %" if against else "",
                end_section=arm is arms[-1],
            )
    Console().print(table)


def percent(value: float, interval: tuple[float, float]) -> str:
    """ "12.3 (11.0 to 13.9)"."""
    return f"{100 * value:.1f} ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"


if __name__ == "__main__":
    raise SystemExit(main())
