"""A run's log, read line by line: its steps, its looks at dev, and what else was written there.

It may end anywhere, since a run may be running still or have been killed, and lines may be of kinds that are
not known here.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

MOST_NOTES = 1000  # of the doctor's that are kept
MOST_VITALS = 24  # kinds of numbers that are kept
LARGEST = 1e15
STEP_VALUES = ("loss", "learning_rate", "gradient_norm")

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Look:
    """A look at dev: error rates as fractions, what had been spent by then, and some transcripts.

    Attributes:
        minutes, cpu_minutes: of training; None where the log does not say.
        speed: audio seconds a second; None likewise.
        share_of_peak, waiting: shares; None likewise.
        transcripts: pairs of what was said and what was recognized.
    """

    step: int
    wer: float
    cer: float
    minutes: float | None = None
    cpu_minutes: float | None = None
    speed: float | None = None
    share_of_peak: float | None = None
    waiting: float | None = None
    transcripts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Note:
    """A note of the doctor's."""

    step: int
    name: str
    sentence: str
    advice: str
    severity: str
    figures: str


@dataclass
class Log:
    """What stands in log.jsonl.

    Attributes:
        steps: (N,).
        values: "loss", "learning_rate", "gradient_norm" -> (N,), not a number where the log does not say.
        looks: at dev, in order.
        notes: the doctor's, in order.
        vitals: other numbers that were logged, by name: steps and values.
        starts: what was told at each start of the run, with its step.
        facts: what was told before the first step besides, of data and texts.
        skipped: steps whose gradient was not finite, which left the weights as they were.
        unknown: lines of kinds that are not known here.
        damaged: lines that cannot be read.
    """

    steps: Array = field(default_factory=lambda: np.zeros(0))
    values: dict[str, Array] = field(default_factory=dict)
    looks: list[Look] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    vitals: dict[str, tuple[Array, Array]] = field(default_factory=dict)
    starts: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    skipped: list[int] = field(default_factory=list)
    unknown: int = 0
    damaged: int = 0


def read_run_log(path: Path) -> Log:
    """Read a log line by line; what cannot be read, or is of an unknown kind, is counted.

    Args:
        path: of log.jsonl; it may be missing.
    """
    log = Log()
    steps = array("d")
    values = {name: array("d") for name in STEP_VALUES}
    vitals: dict[str, tuple[array[float], array[float]]] = {}
    for line in _lines(path, log):
        kind, step = line.get("kind"), whole(line.get("step"))
        if kind == "step":
            steps.append(step)
            norm = line.get("gradient_norm")
            if _is_number(norm) and not math.isfinite(_number(norm)):
                log.skipped.append(step)
            for name, column in values.items():
                column.append(_number(line.get(name)))
        elif kind == "dev" and _is_number(line.get("wer")) and _is_number(line.get("cer")):
            log.looks.append(_look(step, line))
        elif kind == "finding":
            if len(log.notes) < MOST_NOTES:
                found = line.get("finding")
                log.notes.append(_note(step, found if isinstance(found, dict) else line))
        elif kind == "start" and isinstance(line.get("facts"), dict):
            log.starts.append((step, line["facts"]))
        elif kind == "facts":
            log.facts |= {name: value for name, value in line.items() if _is_fact(name, value)}
        elif kind == "vitals":
            _add_vitals(vitals, step, line)
        else:
            log.unknown += 1
    log.steps = np.array(steps)
    log.values = {name: np.array(column) for name, column in values.items()}
    log.vitals = {name: (np.array(at), np.array(column)) for name, (at, column) in vitals.items()}
    return log


def _lines(path: Path, log: Log) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for text in file:
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                log.damaged += bool(text.strip())
                continue
            if isinstance(line, dict):
                yield line
            else:
                log.damaged += 1


def _look(step: int, line: dict[str, Any]) -> Look:
    pairs = line.get("transcripts")
    return Look(
        step=step,
        wer=_number(line["wer"]),
        cer=_number(line["cer"]),
        minutes=number_or_none(line.get("minutes")),
        cpu_minutes=number_or_none(line.get("cpu_minutes")),
        speed=number_or_none(line.get("audio_seconds_per_second")),
        share_of_peak=number_or_none(line.get("share_of_peak")),
        waiting=number_or_none(line.get("waiting")),
        transcripts=tuple(
            (str(pair[0]), str(pair[1])) for pair in pairs if isinstance(pair, list) and len(pair) == 2
        )
        if isinstance(pairs, list)
        else (),
    )


def _note(step: int, line: dict[str, Any]) -> Note:
    figures = line.get("figures")
    if isinstance(figures, dict):
        figures = ", ".join(f"{name} {_shown(value)}" for name, value in figures.items())
    name, sentence, advice, severity = (
        _shown(line.get(key, "")) for key in ("name", "sentence", "advice", "severity")
    )
    return Note(step, name, sentence, advice, severity, "" if figures is None else _shown(figures))


def _shown(value: object) -> str:
    return f"{value:,.6g}" if isinstance(value, float) else str(value)


def _add_vitals(
    vitals: dict[str, tuple[array[float], array[float]]], step: int, line: dict[str, Any]
) -> None:
    for name, value in line.items():
        if name in ("kind", "step") or not _is_number(value):
            continue
        if name in vitals or len(vitals) < MOST_VITALS:
            at, column = vitals.setdefault(name, (array("d"), array("d")))
            at.append(step)
            column.append(_number(value))


def _is_fact(name: str, value: object) -> bool:
    """Whether a page can say it in a line."""
    return name not in ("kind", "step") and isinstance(value, str | int | float)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: object) -> float:
    """A number of the log as one that arrays hold; not a number where it is none."""
    try:
        return float(value) if _is_number(value) else float("nan")  # type: ignore[arg-type]
    except OverflowError:
        return float("inf")


def number_or_none(value: object) -> float | None:
    """A number of a log or a description as a float; None if it is none, or beyond all sense."""
    number = _number(value)
    return number if abs(number) < LARGEST else None


def whole(value: object) -> int:
    """A count of the log, at least 0; 0 where it is none."""
    number = _number(value)
    return int(number) if 0 < number < 2**53 else 0
