"""Closed grammars: how often they find what was said, and reject what they do not have; and what that costs.

    python benchmarks/grammar.py BUNDLE --commands prepared/speech-commands --digits prepared/fsdd
        --noise prepared/noise --dev prepared/dev --test prepared/test --save FILE.json

Three grammars: the ten commands of Speech Commands, beside its other words; half of the digits of FSDD,
beside the others; and a third of the sentences of a LibriSpeech set, beside the others. The first two are
halved by speaker, into one half to choose the threshold on and one to report; sentences have a set for each.
The threshold is the one whose mean error over the three is least on the first halves, false rejections and
false acceptances weighing alike.
"""

from __future__ import annotations

import argparse
import datetime
import math
import shlex
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from earwright import Recognizer
from earwright.cuts import Cut, read_cut_audio, read_cuts
from earwright.decoding import BeamSearch, Grammar
from earwright.decoding.options import GRAMMAR_OPTIONS
from earwright.evaluation.record import machine, save_record
from earwright.text import normalize

COMMANDS = ["down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes"]
DIGITS = ["zero", "two", "four", "six", "eight"]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Heard:
    """What a grammar made of some utterances, nothing rejected; one array a property."""

    inside: npt.NDArray[np.bool_]  # whether the grammar has what was said
    right: npt.NDArray[np.bool_]  # whether that is what was found
    fits: Values
    audio_seconds: float
    build_seconds: float
    search_seconds: float

    def rates(self, threshold: float) -> tuple[float, float]:
        """Of what is inside how much is rejected, of what is not how much is accepted."""
        accepted = self.fits >= -threshold
        rejected = 1 - accepted[self.inside].mean() if self.inside.any() else 0.0
        return float(rejected), float(accepted[~self.inside].mean())

    def equal_error_rate(self) -> tuple[float, float]:
        """Where both are alike: the rate, and the threshold."""
        rates = [(self.rates(-fit), -fit) for fit in np.unique(self.fits[np.isfinite(self.fits)])]
        (rejected, accepted), threshold = min(rates, key=lambda one: abs(one[0][0] - one[0][1]))
        return (rejected + accepted) / 2, float(threshold)

    def summary(self, threshold: float) -> dict[str, Any]:
        """The figures to keep."""
        rejected, wrongly = self.rates(threshold)
        accepted = self.inside & (self.fits >= -threshold)
        rate, at = self.equal_error_rate()
        return {
            "inside": int(self.inside.sum()),
            "outside": int((~self.inside).sum()),
            "accuracy": round(float(self.right[self.inside].mean()), 4),
            "equal_error_rate": round(rate, 4),
            "equal_error_threshold": round(at, 3),
            "false_rejections": round(rejected, 4),
            "false_acceptances": round(wrongly, 4),
            "accuracy_of_accepted": round(float(self.right[accepted].mean()), 4) if accepted.any() else None,
            "audio_seconds": round(self.audio_seconds, 1),
            "build_seconds": round(self.build_seconds, 4),
            "search_real_time_factor": round(self.search_seconds / self.audio_seconds, 5),
        }


def main() -> int:
    """Search, choose, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle")
    for name in ("commands", "digits", "noise", "dev", "test"):
        parser.add_argument(f"--{name}", required=True, metavar="CUTS")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N of each alone")
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    recognizer = Recognizer.load(args.bundle)
    tasks: dict[str, tuple[list[Cut], list[Cut], Callable[[Sequence[Cut]], list[str]]]] = {
        "commands": (*by_speaker(args.commands), lambda cuts: COMMANDS),
        "digits": (*by_speaker(args.digits), lambda cuts: DIGITS),
        "sentences": (
            sentences(args.dev),
            sentences(args.test),
            lambda cuts: [cut.text for cut in cuts[::3]],
        ),
    }
    heard = {
        name: tuple(hear(recognizer, part[: args.limit], listed(part[: args.limit])) for part in (dev, test))
        for name, (dev, test, listed) in tasks.items()
    }
    grid = np.round(np.arange(0.0, 8.01, 0.1), 1)
    errors = [np.mean([sum(dev.rates(at)) / 2 for dev, _ in heard.values()]) for at in grid]
    threshold = float(grid[int(np.argmin(errors))])
    result: dict[str, Any] = {
        "name": "grammar",
        "command": shlex.join(["python", *sys.argv]),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "bundle": recognizer.meta.name,
        "beam": GRAMMAR_OPTIONS.beam,
        "best_threshold_on_dev": threshold,
        "mean_error_on_dev": {
            f"{at:g}": round(float(error), 4)
            for at, error in zip(grid, errors, strict=True)
            if at * 2 % 1 == 0
        },
        "default_threshold": GRAMMAR_OPTIONS.rejection,
        "test_at_default_threshold": {},
    }
    for name, (_, test) in heard.items():
        result["test_at_default_threshold"][name] = test.summary(GRAMMAR_OPTIONS.rejection)
    noise = hear(recognizer, [cut for cut in read_cuts(args.noise) if cut.duration <= 20.0], COMMANDS)
    result["commands_accepted_in_noise"] = round(noise.rates(GRAMMAR_OPTIONS.rejection)[1], 4)
    result["recordings_of_noise"] = len(noise.fits)
    print(result)
    if args.save:
        save_record(args.save, result)
    return 0


def by_speaker(path: str) -> tuple[list[Cut], list[Cut]]:
    """Cuts in two halves that share no speaker."""
    cuts = list(read_cuts(path))
    odd = [zlib.crc32((cut.speaker or "").encode()) & 1 for cut in cuts]
    return (
        [cut for cut, half in zip(cuts, odd, strict=True) if not half],
        [cut for cut, half in zip(cuts, odd, strict=True) if half],
    )


def sentences(path: str) -> list[Cut]:
    """Cuts of three words or more."""
    return [cut for cut in read_cuts(path) if len(cut.text.split()) >= 3]


def hear(recognizer: Recognizer, cuts: Sequence[Cut], phrases: Sequence[str]) -> Heard:
    """Search all cuts with a grammar of these phrases."""
    rate = recognizer.meta.sample_rate
    grids = [recognizer.log_probs([read_cut_audio(cut, rate)])[0] for cut in cuts]

    def spelled(text: str) -> str:
        return normalize(text, recognizer.meta.normalizer)

    listed = {spelled(phrase) for phrase in phrases}
    options = replace(GRAMMAR_OPTIONS, rejection=math.inf)
    began = time.perf_counter()
    search = BeamSearch(recognizer.tokenizer, grammar=Grammar.of_phrases(sorted(listed)), options=options)
    built = time.perf_counter() - began
    search.decode(grids[0])  # what is compiled or read at the first call
    began = time.process_time()
    found = [search.decode(grid)[0] for grid in grids]
    spent = time.process_time() - began
    texts = [spelled(cut.text) for cut in cuts]
    return Heard(
        np.array([text in listed for text in texts]),
        np.array([one.text == text for one, text in zip(found, texts, strict=True)]),
        np.array([-math.inf if one.fit is None else one.fit for one in found]),
        sum(cut.duration for cut in cuts),
        built,
        spent,
    )


if __name__ == "__main__":
    raise SystemExit(main())
