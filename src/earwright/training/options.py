"""The table of a recipe that is about training: how long, how fast, how often."""

from __future__ import annotations

import re
from dataclasses import dataclass

from earwright.data.options import check_options
from earwright.errors import EarwrightError


@dataclass(frozen=True)
class TrainingOptions:
    """How long, how fast, how often.

    Exactly one of epochs, steps and max_time sets the length; max_time is turned into steps once, after
    a short measurement at the start.

    Attributes:
        epochs: passes over the data; 0 leaves it to the others.
        steps: updates of the weights; 0 leaves it to the others.
        max_time: "90m", "2h", "1h30m" or "45s" of training.
        batch_seconds: seconds of audio in a batch, padding included; "auto" tries a few before the first
            step, and takes the fastest that stays under half of the memory.
        batch_clips: most utterances in a batch; 0 for any number.
        accumulate: batches an update.
        learning_rate: the highest, reached at the end of the warm-up.
        warmup: share of all steps over which the rate rises from 0.
        decay: "cosine" down to final_rate, or "inverse_sqrt" of the step.
        final_rate: share of learning_rate that a cosine ends at.
        betas: of AdamW.
        weight_decay: of AdamW, on matrices only.
        clip: gradients are scaled down to this norm at most.
        average: "ema" keeps an exponential moving average of the weights, which is what is scored and
            kept; "none" uses the weights as they are.
        ema_decay: of that average.
        keep: the weights of so many looks at dev, those with the lowest CER, are kept beside the
            checkpoint.
        export: what the bundle gets: the "mean" of the kept weights, the "best" single ones of them, "ema",
            the average as it ended, "last", the weights of the last step as they are, or "auto", whichever
            of these has the lowest CER on dev: averages lag behind a run that ends while it still learns.
        precision: "fp32", "bf16", or "auto", which measures both here.
        device: "auto" takes a GPU if there is one; "cpu", or "gpu" or nothing.
        evaluate_every: steps between looks at dev; 0 means about thirty looks a run, or fewer if they would
            take more than 15 % of max_time.
        save_every: seconds between checkpoints.
    """

    epochs: float = 0.0
    steps: int = 0
    max_time: str = ""
    batch_seconds: float | str = 100.0
    batch_clips: int = 0
    accumulate: int = 1
    learning_rate: float = 1e-3
    warmup: float = 0.1
    decay: str = "cosine"
    final_rate: float = 0.01
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.01
    clip: float = 5.0
    average: str = "ema"
    ema_decay: float = 0.998
    keep: int = 3
    export: str = "auto"
    precision: str = "auto"
    device: str = "auto"
    evaluate_every: int = 0
    save_every: float = 120.0

    def __post_init__(self) -> None:
        lengths = [bool(self.epochs), bool(self.steps), bool(self.max_time)]
        check_options(
            "training",
            (sum(lengths) <= 1, "epochs, steps and max_time: give only one of them"),
            (self.epochs >= 0 and self.steps >= 0, "epochs and steps must be 0 or more"),
            (
                self.batch_seconds == "auto" or not isinstance(self.batch_seconds, str),
                f'batch_seconds "{self.batch_seconds}" is neither a number of seconds nor "auto"',
            ),
            (
                (isinstance(self.batch_seconds, str) or self.batch_seconds > 0) and self.accumulate > 0,
                "batch_seconds and accumulate must be above 0",
            ),
            (self.learning_rate > 0 and self.clip > 0, "learning_rate and clip must be above 0"),
            (
                0 <= self.warmup < 1 and 0 <= self.final_rate <= 1,
                "warmup and final_rate are shares, within [0, 1]",
            ),
            (
                self.decay in ("cosine", "inverse_sqrt"),
                f'decay "{self.decay}" is neither cosine nor inverse_sqrt',
            ),
            (self.average in ("ema", "none"), f'average "{self.average}" is neither ema nor none'),
            (0 < self.ema_decay < 1, "ema_decay must lie between 0 and 1"),
            (
                self.export in ("auto", "mean", "best", "ema", "last"),
                f'export "{self.export}" is none of auto, mean, best, ema, last',
            ),
            (
                self.export != "ema" or self.average == "ema",
                'export "ema" needs average = "ema"; without an average, take "last"',
            ),
            (
                self.keep > 0 or (self.keep == 0 and self.export not in ("mean", "best")),
                'keep must be 0 or more, and above 0 with export = "mean" or "best"',
            ),
            (
                self.precision in ("auto", "fp32", "bf16"),
                f'precision "{self.precision}" is none of auto, fp32, bf16',
            ),
            (self.device in ("auto", "cpu", "gpu"), f'device "{self.device}" is none of auto, cpu, gpu'),
            (self.batch_clips >= 0, "batch_clips must be 0 or more"),
            (
                self.evaluate_every >= 0 and self.save_every >= 0,
                "evaluate_every and save_every must be 0 or more",
            ),
            (all(0 <= beta < 1 for beta in self.betas), "betas must lie in [0, 1)"),
        )
        if self.max_time:
            parse_time(self.max_time)


def parse_time(text: str) -> float:
    """Seconds of "2h", "90m", "45s" or "1h30m".

    Raises:
        EarwrightError: it is none of these.
    """
    match = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", text.strip())
    seconds = (
        sum(float(n or 0) * unit for n, unit in zip(match.groups(), (3600, 60, 1), strict=True))
        if match
        else 0
    )
    if seconds <= 0:
        raise EarwrightError(f'"{text}" is no length of time; write 2h, 90m, 45s or 1h30m.')
    return seconds
