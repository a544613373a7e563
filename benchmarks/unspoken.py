"""What rejecting words that nobody spoke costs where somebody speaks: clean, in noise, in rooms.

    python benchmarks/unspoken.py BUNDLE=SET [BUNDLE=SET ...] --noise noise --rooms rir --save FILE.json

Each recognizer transcribes prepared speech as it is, with noise behind it, and in rooms: once with
everything kept, and once without the words that `earwright.pace` rejects, which are counted, also of a
recognizer that rejects none since it was trained without noise alone. What it rejects where nobody speaks:
benchmarks/silence.py, with and without --keep-unspoken.
"""

from __future__ import annotations

import argparse
import math
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from earwright import Recognizer
from earwright.cuts import Cut, read_cuts
from earwright.errors import EarwrightError
from earwright.evaluation.noise import Alter, Draws, behind, check_room, find_backdrop, inside
from earwright.evaluation.record import machine, save_record
from earwright.evaluation.run import transcribe_cuts
from earwright.pace import Pace

SNRS = (20.0, 10.0, 5.0, 0.0)


def main() -> int:
    """Transcribe, count, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", nargs="+", metavar="BUNDLE=SET")
    parser.add_argument("--noise", metavar="DIR", help="recordings, a folder for each class")
    parser.add_argument("--rooms", metavar="DIR", help="impulse responses")
    parser.add_argument("--limit", type=int, default=200, metavar="N", help="cuts of a set (default: 200)")
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    try:
        found = [listen(bundle, folder, args) for bundle, folder in split(args.pairs)]
    except EarwrightError as error:
        print(f"unspoken: {error}", file=sys.stderr)
        return 1
    if args.save:
        words = [f"{Path(bundle).name}={short(folder)}" for bundle, folder in split(args.pairs)]
        typed = ["python", "benchmarks/unspoken.py", *words, f"--limit={args.limit}"]
        typed += [
            f"--{name}={Path(place).name}" for name in ("noise", "rooms") if (place := vars(args)[name])
        ]
        result = {"name": Path(args.save).stem, "command": shlex.join(typed), "machine": machine()}
        save_record(args.save, result | {"sets": found})
    return 0


def split(pairs: list[str]) -> list[tuple[str, str]]:
    """Bundle and set of each."""
    return [(bundle, folder) for bundle, _, folder in (pair.rpartition("=") for pair in pairs)]


def short(folder: str) -> str:
    """The last three parts of a path, so that results tell nothing of whose machine it was."""
    return "/".join(Path(folder).parts[-3:])


def listen(bundle: str, folder: str, args: argparse.Namespace) -> dict[str, Any]:
    """One recognizer on one set, under every condition."""
    recognizer = Recognizer.load(bundle, threads=1)
    pace = Pace.from_dict(recognizer.meta.speech)
    if pace is None:
        raise EarwrightError(f"{bundle}: says nothing of the pace of speech; export it again.")
    cuts = [cut for cut in read_cuts(folder) if cut.text.strip()]
    cuts = cuts[:: math.ceil(len(cuts) / args.limit)]
    print(f"{recognizer.meta.name} on {folder}, {len(cuts)} cuts, {pace}")
    conditions = [
        {"condition": name, **count(recognizer, cuts, alter, pace)}
        for name, alter in alterations(args, recognizer.meta.sample_rate)
    ]
    return {
        "bundle": recognizer.meta.name,
        "search": recognizer.meta.search.get("method", "greedy"),
        "set": short(folder),
        "cuts": len(cuts),
        "pace": pace.to_dict(),
        "conditions": conditions,
    }


def alterations(args: argparse.Namespace, rate: int) -> Iterator[tuple[str, Alter | None]]:
    """What is done to the speech, with a name."""
    yield "clean", None
    if args.noise:
        noise = find_backdrop([args.noise])
        for snr in SNRS:
            yield f"{snr:g} dB", behind(Draws(noise.recordings), snr, rate)
    if args.rooms:
        rooms = find_backdrop([args.rooms], check=check_room)
        yield "rooms", inside(Draws(rooms.recordings), rate)


def count(recognizer: Recognizer, cuts: list[Cut], alter: Alter | None, pace: Pace) -> dict[str, Any]:
    """Words, rejected ones, and character error rates without and with rejection."""
    runs = []
    for recognizer.pace in (None, pace):
        runs.append(transcribe_cuts(recognizer, cuts, alter=alter))
    words, left = (sum(len(one.words) for one in each.transcripts) for each in runs)
    rates = [each.score(recognizer.meta.normalizer).characters.rate for each in runs]
    print(
        f"  {words - left:5} of {words:6} words rejected, CER {100 * rates[0]:.2f} -> {100 * rates[1]:.2f} %"
    )
    return {"words": words, "rejected": words - left, "cer_with_all": rates[0], "cer": rates[1]}


if __name__ == "__main__":
    sys.exit(main())
