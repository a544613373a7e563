"""A run so far, as its log tells it: what the doctor's rules look back on."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from statistics import fmean, median
from typing import Any

LARGEST = 3e38  # a float32; what is beyond, training cannot have logged, and sums of it overflow
RECENT = 20  # steps whose mean is "the loss now": batches differ in length, and short texts cost more


class History:
    """What the lines of a log add up to.

    Attributes:
        facts, plan: what was known of the data and of the run before the first step (kind "facts"); {} in
            logs that have none.
        losses, norms, rates: loss in nats a token, norm of the gradient before clipping and learning rate of
            every step.
        vitals, dev: the lines of these kinds.
        travelled: sum of the learning rates: AdamW moves each weight by about the rate in a step, so this is
            how far a weight can have come.
    """

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.plan: dict[str, Any] = {}
        self.losses, self.norms, self.rates = array("d"), array("d"), array("d")
        self.vitals: list[dict[str, Any]] = []
        self.dev: list[dict[str, Any]] = []
        self.travelled = 0.0
        self.not_finite = array("l")  # the steps that left the weights as they were

    def add(self, line: dict[str, Any]) -> None:
        """Take in the next line of the log; kinds that are not known here are passed over."""
        kind = line.get("kind")
        if kind == "step":
            self._add_step(line)
        elif kind == "facts":
            self.facts, self.plan = line["data"], line["run"]
        elif kind == "vitals":
            norms = [norm for norm in self.norms[-RECENT:] if math.isfinite(norm)]
            norm = median(norms) if len(norms) == RECENT else math.nan
            self.vitals.append({**line, "loss": self.loss(), "norm": norm})
        elif kind == "dev":
            self.dev.append({**line, "train_loss": self.loss()})

    def _add_step(self, line: dict[str, Any]) -> None:
        loss, norm, rate = (number(line.get(key)) for key in ("loss", "gradient_norm", "learning_rate"))
        self.losses.append(loss)
        self.norms.append(norm)
        self.rates.append(rate)
        if math.isfinite(norm):
            self.travelled += rate
        else:
            self.not_finite.append(len(self.norms))

    @property
    def step(self) -> int:
        """The last step."""
        return len(self.losses)

    @property
    def steps(self) -> int:
        """How many the run is to have; 0 if the log does not say."""
        return int(self.plan.get("steps", 0))

    @property
    def share_done(self) -> float:
        """Of the run, 0 to 1; 0 if the log does not say how long it is to be."""
        return self.step / self.steps if self.steps else 0.0

    @property
    def guess(self) -> float | None:
        """What guessing each token by its frequency costs, in nats; None if the log has it not."""
        entropy = self.facts.get("token_entropy")
        return float(entropy) if entropy else None

    def loss(self) -> float:
        """The mean of the last losses; NaN if none of them is finite."""
        finite = [loss for loss in self.losses[-RECENT:] if abs(loss) < LARGEST]
        return fmean(finite) if finite else math.nan

    def movement(self) -> float:
        """How far a layer has come at most, as a share of its size, if what was seen stands for the rest."""
        moving = [line for line in self.vitals if line.get("updates")]
        seen = [(line["step"], median(line["updates"].values())) for line in moving]
        steps = [0, *(step for step, _ in seen)]
        return math.fsum(update * (step - last) for last, (step, update) in zip(steps, seen, strict=False))

    def lowest_norm(self) -> float:
        """The lowest median of twenty gradients' norms so far; 0 where there are fewer."""
        return min((line["norm"] for line in self.vitals if line["norm"] == line["norm"]), default=0.0)

    def windows(self, seconds: float) -> list[dict[str, float]]:
        """The run cut into stretches of at least so many seconds of training, by the clock in the vitals.

        Returns:
            Of each its "from_step", the share of time spent "waiting" for data, seconds of audio a second of
            the rest ("speed"), and processor seconds a second of it ("cores").
        """
        found: list[dict[str, float]] = []
        clocked = [line for line in self.vitals if "minutes" in line]
        start = clocked[0] if clocked else {}
        for line in clocked[1:]:
            wall = 60 * (line["minutes"] - start["minutes"])
            if wall < seconds:
                continue
            waited = 60 * (_waited(line) - _waited(start))
            working = max(wall - waited, 1e-9)
            found.append(
                {
                    "from_step": start["step"],
                    "waiting": waited / wall,
                    "speed": 60 * (_audio(line) - _audio(start)) / working,
                    "cores": 60 * (line["cpu_minutes"] - start["cpu_minutes"]) / working,
                }
            )
            start = line
        return found

    def last(self, key: str, count: int) -> list[Any]:
        """What the last `count` vitals have under `key`; shorter where some do not have it."""
        return [line[key] for line in self.vitals[-count:] if line.get(key) is not None]


def number(value: Any) -> float:
    """A number of a log; NaN for whatever is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def step_at(distance: float, rates: Sequence[float]) -> int | None:
    """The first step at which the sum of the rates is `distance`; None if they never come to it."""
    total = 0.0
    for step, rate in enumerate(rates, 1):
        total += rate
        if total >= distance:
            return step
    return None


def _audio(line: dict[str, Any]) -> float:
    """Minutes of audio that were trained on up to a line."""
    return float(line["audio_seconds_per_second"] * line["minutes"])


def _waited(line: dict[str, Any]) -> float:
    """Minutes that were waited up to a line."""
    return float(line["waiting"] * line["minutes"])
