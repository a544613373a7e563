"""The arguments of `earwright evaluate` for noise, rooms and silence."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import Any

LOWEST, HIGHEST = -40.0, 100.0  # decibels: beyond, one of the two is no longer there


def add_noise_arguments(parser: argparse.ArgumentParser, cuts: argparse.Action) -> None:
    """Declare the arguments; `cuts` is the positional that --nothing can do without."""
    group = parser.add_argument_group(
        "noise, rooms and silence",
        "each DIR has recordings, or a folder of them for each class",
    )
    add = group.add_argument
    add("--noise", nargs="+", action="extend", metavar="DIR", help="score with this behind the speech, too")
    add(
        "--snr",
        type=decibels,
        metavar="X,X,...",
        help="levels of speech over noise in dB (default 20,10,5,0; --snr=-5 for one below 0)",
    )
    add(
        "--rooms",
        nargs="+",
        action="extend",
        metavar="DIR",
        help="score in rooms, too, by their impulse responses",
    )
    add(
        "--nothing",
        nargs="+",
        action=_without(cuts),
        metavar="DIR",
        help="count the words that are heard in this, where nobody speaks; `silence` is ten minutes of "
        "zeros, `room` of quiet pink noise",
    )
    add(
        "--noise-part",
        choices=("test", "train", "all"),
        help="which of their recordings: those that training leaves alone (default: test), the others, all",
    )


def _without(cuts: argparse.Action) -> type[argparse.Action]:
    """An action that gathers its values, and with which `cuts` may be left out."""

    class Gather(argparse.Action):
        def __call__(
            self,
            parser: argparse.ArgumentParser,
            namespace: argparse.Namespace,
            values: str | Sequence[Any] | None,
            option_string: str | None = None,
        ) -> None:
            cuts.required = False
            setattr(namespace, self.dest, [*(getattr(namespace, self.dest) or []), *(values or [])])

    return Gather


def decibels(text: str) -> tuple[float, ...]:
    """Levels with commas between them, for argparse."""
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = (math.nan,)
    if not all(LOWEST <= level <= HIGHEST for level in found):
        raise argparse.ArgumentTypeError(
            f"{text} is not decibels from {LOWEST:g} to {HIGHEST:g}, such as 20,10,5,0"
        )
    return tuple(dict.fromkeys(found))


def noise_words(args: argparse.Namespace) -> list[str]:
    """The arguments as they would be typed, without those that were not given."""
    words: list[str] = []
    for name in ("noise", "rooms", "nothing"):
        words += [f"--{name}", *getattr(args, name)] if getattr(args, name) else []
    words += [f"--snr={','.join(f'{level:g}' for level in args.snr)}"] if args.snr else []
    return words + ([f"--noise-part={args.noise_part}"] if args.noise_part else [])
