"""The training doctor: hears the lines of a run's log, and says what it makes of them, each thing once.

What it knows of a run is what the log tells, so a run that is over can be looked at in the same way, and a
run that goes on after a kill remembers what was said.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earwright.errors import EarwrightError
from earwright.training.doctor.data_symptoms import check_data
from earwright.training.doctor.dev_symptoms import CLOCK_RULES, DEV_LOOK_RULES, describe_dev
from earwright.training.doctor.finding import NOTE, WARNING, Finding
from earwright.training.doctor.history import History, step_at
from earwright.training.doctor.run_symptoms import LETTERS_AFTER, RUN_RULES
from earwright.training.log import read_log
from earwright.training.schedule import learning_rate

if TYPE_CHECKING:
    from earwright.training.loop import Run

# A finding -> what follows from it, and need not be said beside it.
NOT_LEARNT = ("only-blanks", "learns-nothing", "loss-rises", "gradients-explode", "gradients-die")
FOLLOWS: dict[str, tuple[str, ...]] = {
    "rate-too-high": (*NOT_LEARNT, "too-few-steps"),
    "no-warmup": (*NOT_LEARNT, "too-few-steps", "rate-too-high"),
    "rate-too-low": (*NOT_LEARNT, "too-few-steps"),
    "too-few-steps": NOT_LEARNT,
    "silence": (*NOT_LEARNT, "too-few-steps", "dev-left-behind", "dev-band", "dev-level"),
    "texts-shuffled": (
        *NOT_LEARNT, "too-few-steps", "too-short-for-ctc", "texts-too-long", "dev-pace", "overfitting",
        "dev-left-behind",
    ),
    "too-short-for-ctc": ("dev-pace",),
    "texts-too-long": ("dev-pace",),
    "gradients-explode": ("gradients-die",),
    "overfitting": ("dev-left-behind",),
    "dev-script": ("dev-language", "dev-characters", "dev-left-behind"),
    "dev-language": ("dev-characters", "dev-left-behind"),
    "dev-band": ("dev-left-behind",),
    "dev-level": ("dev-left-behind",),
    "dev-silence": ("dev-left-behind", "overfitting"),
}  # fmt: skip
LOUDER = 2.0  # times its weight: then a finding is said again


class Doctor:
    """Hears a run's log line by line.

    Attributes:
        history: what was heard.
        found: every finding, in the order in which they were said.
    """

    def __init__(self) -> None:
        self.history = History()
        self.found: list[Finding] = []
        self._said: dict[str, Finding] = {}

    def hear(self, line: dict[str, Any]) -> list[Finding]:
        """Take in the next line of the log.

        Returns:
            What has to be said now: new, or grave where it was only noted, or twice as bad as when it was
            last said.
        """
        self.history.add(line)
        if line.get("kind") not in ("facts", "vitals", "dev"):
            return []
        news = []
        for finding in self._findings(line["kind"]):
            before = self._said.get(finding.name)
            graver = before and (before.severity == NOTE) > (finding.severity == NOTE)
            if before is None or graver or finding.weight >= LOUDER * before.weight > 0:
                finding = replace(finding, step=self.history.step)
                self._said[finding.name] = finding
                news.append(finding)
        self.found += news
        return news

    def holding(self) -> set[str]:
        """The names of what is still so at the last line that was heard."""
        kinds = ("facts", "vitals", "dev")
        return {finding.name for kind in kinds for finding in self._findings(kind)}

    def _findings(self, kind: str) -> list[Finding]:
        if kind == "facts":
            findings = check_data(self.history.facts, by_heart=bool(self.history.plan.get("overfit")))
        else:
            rules = (*RUN_RULES, *CLOCK_RULES) if kind == "vitals" else DEV_LOOK_RULES
            findings = [finding for rule in rules if (finding := rule(self.history))]
        causes = {*self._said, *(finding.name for finding in findings)}
        following = {name for cause in causes for name in FOLLOWS.get(cause, ())}
        return [finding for finding in findings if finding.name not in following]


def describe_run(run: Run) -> dict[str, Any]:
    """What the rules need to know of a run's plan; it is kept in the log's line of facts."""
    training, steps = run.recipe.training, run.progress.steps
    rates = [learning_rate(step, steps, training) for step in range(steps)]
    return {
        "steps": steps,
        "learning_rate": training.learning_rate,
        "warmup_steps": round(training.warmup * steps),
        "travel": sum(rates),
        "letters_expected": [step_at(distance, rates) for distance in LETTERS_AFTER],
        "clip": training.clip,
        "precision": run.progress.precision,
        "stochastic_depth": run.parts.model.stochastic_depth,
        "overfit": run.overfit,
    }


@dataclass(frozen=True)
class Examination:
    """What the doctor makes of a whole log.

    Attributes:
        step, steps: where the run stands, and how many steps it is to have (0: not known).
        loss: of the last steps, in nats a token.
        dev: the "last" look at dev and the "best" one; {} where there was none.
        findings: in the order of the run.
        holding: the names of those that are still so at the end.
    """

    step: int
    steps: int
    loss: float
    dev: dict[str, Any]
    findings: list[Finding]
    holding: set[str]

    @property
    def warnings(self) -> list[Finding]:
        """The findings that are no notes."""
        return [finding for finding in self.findings if finding.severity == WARNING]


def examine(folder: str | os.PathLike[str]) -> Examination:
    """Look at a run that is over, or still runs, from its log.

    Args:
        folder: of the run.

    Raises:
        EarwrightError: there is no log in it, or no step in the log, or it is none of a training run.
    """
    path = Path(folder) / "log.jsonl"
    if not path.is_file():
        raise EarwrightError(
            f"{path}: there is no such file; name the folder of a run, which `earwright train` wrote (--out)."
        )
    doctor = Doctor()
    try:
        listen(doctor, read_log(path))
        holding = doctor.holding() if doctor.history.step else set()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EarwrightError(
            f"{path}: this is not the log of a training run of this version "
            f"({type(error).__name__}: {error})."
        ) from error
    history = doctor.history
    if not history.step:
        raise EarwrightError(f"{path}: no step was logged yet; wait for some.")
    dev = describe_dev(history)
    return Examination(history.step, history.steps, history.loss(), dev, doctor.found, holding)


def listen(doctor: Doctor, lines: Iterable[dict[str, Any]]) -> None:
    """Let the doctor hear lines that were logged before."""
    for line in lines:
        doctor.hear(line)
