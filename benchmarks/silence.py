"""How many words recognizers invent where nobody speaks, in ten minutes each of silence, noise and music.

    python benchmarks/silence.py BUNDLE [BUNDLE ...] --music corpora/music \\
        --noise corpora/noise/boiler corpora/noise/running_tap ... \\
        --room corpora/noise/room_background --save FILE.json

Digital silence is zeros. The silence of a room is pink noise 60 dB below full scale, with recordings of
rooms in which nothing happens added to it as loud as they are. Of music and rooms only the part is heard
that training leaves alone; each folder after --noise is a class that is heard whole: name those that no
recognizer was trained with (`augment.noise.without` of the recipe). Recordings of a class go by one after
the other, in an order drawn anew for each round, until the ten minutes are full; how much of them there is
is kept with the figures. Words are those of the normalizer `basic`.
"""

from __future__ import annotations

import argparse
import itertools
import shlex
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from earwright import Recognizer
from earwright.audio.backgrounds import find_backgrounds
from earwright.audio.read import Samples, audio_info, stream_audio
from earwright.errors import EarwrightError
from earwright.evaluation.nothing import Kind, Source, hear_nothing, quiet_room, silence
from earwright.evaluation.record import machine, save_record


def main() -> int:
    """Listen, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundles", nargs="+", metavar="BUNDLE")
    parser.add_argument("--music", metavar="DIR")
    parser.add_argument("--noise", nargs="+", default=[], metavar="DIR", help="each is a class")
    parser.add_argument("--room", metavar="DIR", help="recordings of quiet rooms")
    parser.add_argument("--minutes", type=int, default=10, metavar="N", help="of each (default 10)")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--threads", type=int, default=1, metavar="N")
    parser.add_argument(
        "--keep-unspoken",
        action="store_true",
        help="count the words that a recognizer rejects by their pace, too",
    )
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    try:
        kinds, recorded = classes(args)
        recognizers = [listen(bundle, kinds, recorded, args) for bundle in args.bundles]
    except EarwrightError as error:
        print(f"silence: {error}", file=sys.stderr)
        return 1
    if args.save:
        result = {
            "name": Path(args.save).stem,
            "command": as_typed(args),
            "date": time.strftime("%Y-%m-%d"),
            "machine": machine(),
            "seed": args.seed,
            "minutes": args.minutes,
            "recognizers": recognizers,
        }
        save_record(args.save, result)
    return 0


def classes(args: argparse.Namespace) -> tuple[list[Kind], dict[str, float]]:
    """What to listen to, and how many seconds of recordings there are of each class that has some."""
    kinds = [Kind("silence", partial(silence, minutes=args.minutes))]
    recorded: dict[str, float] = {}
    paths = recordings(args.room, "test") if args.room else []
    kinds.append(Kind("room", partial(room, paths, seed=args.seed, minutes=args.minutes)))
    if paths:
        recorded["room"] = seconds_of(paths)
    folders = [(args.music, "test")] if args.music else []
    for folder, part in [*folders, *((folder, "all") for folder in args.noise)]:
        name, paths = Path(folder).resolve().name, recordings(folder, part)
        kinds.append(Kind(name, partial(over_and_over, paths, seed=args.seed, minutes=args.minutes)))
        recorded[name] = seconds_of(paths)
    return kinds, recorded


def recordings(folder: str, part: str) -> list[Path]:
    """The recordings of a part of a folder that have a header that can be read."""
    found = []
    for background in find_backgrounds([folder], part):
        try:
            audio_info(background.path)
            found.append(background.path)
        except EarwrightError as error:
            print(f"left out: {error}", file=sys.stderr)
    if not found:
        raise EarwrightError(f"{folder}: none of its recordings can be read.")
    return found


def seconds_of(paths: list[Path]) -> float:
    """How much there is of them."""
    return sum(audio_info(path).duration for path in paths)


def over_and_over(paths: list[Path], rate: int, seed: int, minutes: int) -> Iterator[Source]:
    """Recordings one after the other, in an order drawn anew for each round, a minute at a time."""
    blocks = (
        block
        for turn in itertools.count()
        for index in np.random.default_rng((seed, turn)).permutation(len(paths))
        for block in stream_audio(paths[index], rate)
    )
    held = np.zeros(0, np.float32)
    for minute in range(minutes):
        while len(held) < 60 * rate:
            held = np.concatenate([held, next(blocks)])
        yield f"minute {minute + 1}", held[: 60 * rate]
        held = held[60 * rate :]


def room(paths: list[Path], rate: int, seed: int, minutes: int) -> Iterator[Source]:
    """Quiet pink noise, with recordings of rooms added as loud as they are."""
    quiet = quiet_room(rate, seed, minutes)
    if not paths:
        yield from quiet
        return
    for (name, noise), (_, recorded) in zip(quiet, over_and_over(paths, rate, seed, minutes), strict=True):
        yield name, _samples(noise) + _samples(recorded)


def _samples(source: Samples | Path) -> Samples:
    assert isinstance(source, np.ndarray)
    return source


def listen(
    bundle: str, kinds: list[Kind], recorded: dict[str, float], args: argparse.Namespace
) -> dict[str, Any]:
    """What one recognizer hears in all classes, printed and ready for JSON."""
    recognizer = Recognizer.load(bundle, threads=args.threads)
    if args.keep_unspoken:
        recognizer.pace = None
    meta = recognizer.meta
    print(meta.name)
    heard = []
    for kind in kinds:
        found = hear_nothing(recognizer, kind)
        print(f"  {kind.name:20} {found.words:5} words {found.per_minute:8.2f} a minute", flush=True)
        for one in found.inventions[:5]:
            print(f"      {one.source} at {one.start:.1f} s: {one.text} ({one.confidence:.2f})")
        heard.append({**found.to_dict(), "recorded_seconds": recorded.get(kind.name)})
    worst = max(heard, key=lambda one: float(one["words_per_minute"]))
    print(f"  most: {worst['words_per_minute']:.2f} a minute in {worst['kind']}")
    return {
        "bundle": meta.name,
        "rejects_unspoken": recognizer.pace is not None,
        "parameters": meta.parameters or None,
        "training_minutes": meta.training_minutes,
        "search": meta.search.get("method", "greedy"),
        "most_words_per_minute": worst["words_per_minute"],
        "kinds": heard,
    }


def as_typed(args: argparse.Namespace) -> str:
    """The command without the folders of whoever ran it."""
    words = ["python", "benchmarks/silence.py", *(Path(bundle).name for bundle in args.bundles)]
    for name in ("music", "room"):
        words += [f"--{name}", short(getattr(args, name))] if getattr(args, name) else []
    words += ["--noise", *map(short, args.noise)] if args.noise else []
    words += ["--keep-unspoken"] if args.keep_unspoken else []
    return shlex.join([*words, f"--minutes={args.minutes}", f"--seed={args.seed}"])


def short(folder: str) -> str:
    """The last two parts of a path."""
    return "/".join(Path(folder).parts[-2:])


if __name__ == "__main__":
    sys.exit(main())
