"""What error rate to expect, from the runs whose results are kept.

`kept_results.json` beside this file is made by `python benchmarks/kept_results.py` from docs/results of
earwright's repository, where each result has its command, machine, date and seed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("kept_results.json")
SIMILAR = 1.5  # times as much speech, or as little, is still called about as much


@dataclass(frozen=True)
class KeptScore:
    """A recognizer's errors on `speech`: fractions, with their 95 % intervals."""

    name: str
    speech: str
    utterances: int
    cer: float
    cer_interval: tuple[float, float]
    wer: float
    wer_interval: tuple[float, float]


@dataclass(frozen=True)
class KeptRun:
    """A run whose results are kept.

    Attributes:
        name: of its recipe.
        corpus: what it learnt from.
        language: of that.
        hours: of it.
        parameters, minutes, machine, date: of the run.
        scores: of what came out, the lowest CER first.
        curve: (hours of audio gone through, CER, WER) on dev while it ran.
    """

    name: str
    corpus: str
    language: str
    hours: float
    parameters: int
    minutes: float
    machine: str
    date: str
    scores: tuple[KeptScore, ...]
    curve: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Expectation:
    """What the nearest kept run reached, and what it had reached after as much audio.

    Attributes:
        run: the nearest by its hours of speech.
        cer, wer: on its dev set after as much audio as this run will go through; None where it has no curve.
        notes: in what this run differs from it, a sentence each.
    """

    run: KeptRun
    cer: float | None
    wer: float | None
    notes: tuple[str, ...]

    def sentences(self) -> list[str]:
        """All of it, for a person."""
        run, best = self.run, self.run.scores[0]
        low, high = best.cer_interval
        said = [
            f"What to expect, from a kept result ({best.name} in docs/results of earwright's repository, "
            f"{run.date}): {run.parameters / 1e6:.1f} M parameters, {run.hours:.1f} h of {run.corpus} and "
            f"{run.minutes:.0f} minutes on {run.machine} came to a CER of {_percent(best.cer)} "
            f"({_percent(low)} to {_percent(high)}) and a WER of {_percent(best.wer)} on "
            f"{best.utterances:,} utterances of {best.speech}."
        ]
        for other in run.scores[1:]:
            said.append(f"On {other.speech} its CER was {_percent(other.cer)}.")
        if self.cer is not None and self.wer is not None:
            said.append(
                f"After as much audio as this run will go through it stood at a CER of {_percent(self.cer)} "
                f"and a WER of {_percent(self.wer)} on dev."
            )
        return [*said, *self.notes]


def expect(
    hours: float, audio_hours: float, languages: Sequence[str], runs: Sequence[KeptRun] | None = None
) -> Expectation | None:
    """What a run like the kept ones would reach; None if none is kept.

    Args:
        hours: of speech to learn from.
        audio_hours: that the run goes through, each time anew.
        languages: of the speech, as codes.
        runs: to compare with; None takes those that come along.
    """
    runs = load_kept_runs() if runs is None else runs
    if not runs:
        return None
    nearest = min(runs, key=lambda run: abs(math.log(run.hours / hours)))
    notes = []
    ratio = hours / nearest.hours
    if ratio < 1 / SIMILAR:
        notes.append(f"Here are {hours:.1f} h, less than it had: expect more errors than that.")
    elif ratio > SIMILAR:
        notes.append(f"Here are {hours:.1f} h, more than it had: with time to go through them, expect fewer.")
    if not languages:
        notes.append(f"It learnt the language {nearest.language}; the data here name none.")
    elif nearest.language not in languages:
        notes.append(f"It learnt another language ({nearest.language}), so take its figures as a hint only.")
    if not nearest.curve:
        return Expectation(nearest, None, None, tuple(notes))
    if audio_hours > nearest.curve[-1][0]:
        notes.append(f"It ended after {nearest.curve[-1][0]:.0f} h of audio; this run will go on longer.")
    at = [_at(nearest.curve, audio_hours, which) for which in (1, 2)]
    return Expectation(nearest, at[0], at[1], tuple(notes))


def _at(curve: Sequence[tuple[float, float, float]], place: float, which: int) -> float:
    """The error on the line from look to look; before the first and after the last it is theirs."""
    before = max((point for point in curve if point[0] <= place), default=curve[0])
    after = min((point for point in curve if point[0] >= place), default=curve[-1])
    if after[0] <= before[0]:
        return before[which] if place > curve[0][0] else curve[0][which]
    share = (place - before[0]) / (after[0] - before[0])
    return before[which] + share * (after[which] - before[which])


@cache
def load_kept_runs() -> tuple[KeptRun, ...]:
    """The kept results that come along."""
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    return tuple(_run(run) for run in table["runs"])


def _run(values: dict[str, Any]) -> KeptRun:
    scores = []
    for score in values["scores"]:
        intervals = {key: tuple(score[key]) for key in ("cer_interval", "wer_interval")}
        scores.append(KeptScore(**(score | intervals)))
    curve = tuple(tuple(point) for point in values["curve"])
    return KeptRun(**(values | {"scores": tuple(scores), "curve": curve}))


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"
