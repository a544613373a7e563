"""One training of a neural language model, from a text in numbers to weights."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from earwright.errors import EarwrightError
from earwright.lm.storage import Array
from earwright.models.language_model import TransformerLanguageModel
from earwright.nn.randomness import drawing_from
from earwright.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from earwright.training.language_model.options import LanguageModelOptions
from earwright.training.language_model.text import NumberedText, pack_sentences, plan_rows, read_rows
from earwright.training.log import Reporter, duration
from earwright.training.loop import HOPELESS, LATEST
from earwright.training.machine import choose_precision, measure_machine
from earwright.training.options import parse_time
from earwright.training.recipe import recipe_differences
from earwright.training.schedule import learning_rate
from earwright.training.setup import adamw, decayed

# Looks at the held-out text take their part of a budget of time.
SHARE_FOR_STEPS = 0.94
MEASURED_STEPS = 6
LOOKS = 12
LOOK_SHARE = 0.04  # at most, of all time; a token that is looked at costs a third of one that is learnt
SAVE_EVERY = 120.0  # seconds
ROWS_AT_A_LOOK = 32


class LanguageModelRun:
    """Everything that a training holds while it runs.

    Args:
        text: to learn from.
        options: what to train, for how long.
        checkpoint: where it is kept; if it is there, the training goes on from it.
        reporter: told how it goes.
        facts: what else a checkpoint must have in common with the run that goes on from it.
    """

    def __init__(
        self,
        text: NumberedText,
        options: LanguageModelOptions,
        checkpoint: Path,
        reporter: Reporter,
        facts: dict[str, Any],
    ) -> None:
        self.text, self.options, self.checkpoint, self.reporter = text, options, checkpoint, reporter
        self.recipe = {**options.to_dict(), **facts}
        torch.manual_seed(options.seed)
        self.model = TransformerLanguageModel(options.model, len(text.vocabulary))
        self.model.vocabulary.start_from(torch.from_numpy(text.counts))
        self.optimizer = adamw(decayed(self.model, options.training), options.training)
        self.length = min(2 * options.model.window, int(np.diff(text.ranges).max()))
        self.rows = max(1, options.batch_tokens // self.length)
        self.progress = Progress()
        self.best: dict[str, Tensor] = {}
        self.best_perplexity = math.inf
        self.looks: list[tuple[int, float]] = []  # step, held-out perplexity
        self.stopping = False
        if checkpoint.exists():
            self._resume()
        self._settle()

    def _resume(self) -> None:
        kept = load_checkpoint(self.checkpoint)
        differences = recipe_differences(kept.recipe, self.recipe)
        if differences:
            raise EarwrightError(
                f"{self.checkpoint} holds a training of other options or texts (it differs in "
                f"{', '.join(differences[:5])}); remove it, or add --restart to begin again."
            )
        self.progress = kept.progress
        self.model.load_state_dict(kept.part("model"))
        self.best = kept.part("average")
        # The slot is the recognizers' best error rate: the lower the better, here too.
        self.best_perplexity = math.inf if kept.progress.best_cer is None else kept.progress.best_cer
        kept.restore_optimizer(self.optimizer)
        self.reporter.say(f"going on from step {self.progress.step} of {self.progress.steps}")

    # -- what is settled before the first step -----------------------------------------------------------

    def _settle(self) -> None:
        """At a first start choose the precision and the number of steps; they then hold."""
        progress, options = self.progress, self.options
        per_epoch = self._updates_of_an_epoch()
        if not progress.steps:
            machine = measure_machine(torch.device("cpu"))
            progress.precision, seconds = choose_precision(options.precision, machine, self._time_steps)
            per_update = seconds[progress.precision] / MEASURED_STEPS
            if options.max_time:
                progress.steps = int(parse_time(options.max_time) * SHARE_FOR_STEPS / per_update)
            else:
                progress.steps = options.steps or math.ceil(options.epochs * per_epoch)
            progress.steps = max(1, progress.steps)
            self.reporter.say(
                f"{self.parameters / 1e6:.2f} M parameters; precision {progress.precision}, "
                f"{self.rows * self.length / per_update:,.0f} tokens/s; {progress.steps} steps, "
                f"{progress.steps / per_epoch:.1f} epochs, about {duration(progress.steps * per_update)}"
            )
        dropout = options.dropout
        if dropout is None:  # what is seen once or twice cannot be learnt by heart
            dropout = 0.1 if progress.steps > 2 * per_epoch else 0.0
        self.model.set_dropout(dropout)

    @property
    def parameters(self) -> int:
        """Trained numbers."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def _updates_of_an_epoch(self) -> int:
        return math.ceil(len(plan_rows(self.text.ranges, self.length, self.options.seed, 0)) / self.rows)

    def _time_steps(self, precision: str) -> float:
        """Steps that change nothing; the first pays for memory and kernels."""
        batches = self._batches(epoch=0, position=0)
        began = 0.0
        for number in range(MEASURED_STEPS + 1):
            if number == 1:
                began = time.perf_counter()
            _, _, rows = next(batches)
            self._loss(rows, precision).backward()  # type: ignore[no-untyped-call]
            self.optimizer.zero_grad()
        return time.perf_counter() - began

    # -- one update ----------------------------------------------------------------------------------------

    def _batches(self, epoch: int, position: int) -> Iterator[tuple[int, int, npt.NDArray[np.int64]]]:
        """Of each update from (epoch, position) on: its epoch, its position, and where its rows begin."""
        while True:
            rows = plan_rows(self.text.ranges, self.length, self.options.seed, epoch)
            for begin in range(position * self.rows, len(rows), self.rows):
                yield epoch, begin // self.rows, rows[begin : begin + self.rows]
            epoch, position = epoch + 1, 0

    def _loss(self, rows: npt.NDArray[np.int64], precision: str) -> Tensor:
        before, tokens = read_rows(self.text.ids, rows, self.length)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            losses: Tensor = self.model.losses(torch.from_numpy(before), torch.from_numpy(tokens))
        return losses.mean()

    def update(self, rows: npt.NDArray[np.int64]) -> float:
        """One step of the optimizer, unless the gradient is not finite; its loss, in nats a token."""
        progress, training = self.progress, self.options.training
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(progress.step, progress.steps, training)
        # Every draw of this step follows from seed and step, so a restart changes nothing.
        generator = torch.Generator().manual_seed(self.options.seed * 1_000_003 + progress.step)
        with drawing_from(generator):
            loss = self._loss(rows, progress.precision)
            loss.backward()  # type: ignore[no-untyped-call]
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), training.clip))
        if math.isfinite(norm):
            self.optimizer.step()
        else:
            progress.skipped_steps += 1
        self.optimizer.zero_grad()
        progress.step += 1
        return loss.item()

    # -- the whole run -------------------------------------------------------------------------------------

    def run(self) -> None:
        """Train to the last step or to Ctrl-C, and leave the weights that foretold the held-out text best."""
        progress = self.progress
        every = max(1, progress.steps // LOOKS, self._steps_a_look())
        saved, smoothed, hopeless = time.monotonic(), math.nan, 0
        batches = self._batches(progress.epoch, progress.position)
        previous = signal.signal(signal.SIGINT, self._interrupt)
        self.model.train()
        try:
            while progress.step < progress.steps and not self.stopping:
                began, skipped = time.monotonic(), progress.skipped_steps
                progress.epoch, progress.position, rows = next(batches)
                loss = self.update(rows)
                progress.position += 1
                progress.wall_seconds += time.monotonic() - began
                smoothed = loss if math.isnan(smoothed) else 0.95 * smoothed + 0.05 * loss
                hopeless = hopeless + 1 if progress.skipped_steps > skipped else 0
                if hopeless >= HOPELESS:
                    raise EarwrightError(
                        f"the gradients have not been finite for {HOPELESS} steps; lower --learning-rate, or "
                        "set --precision fp32."
                    )
                if self.reporter.due():
                    self.reporter.say(self._line(smoothed))
                last = progress.step == progress.steps or self._out_of_time()
                if progress.step % every == 0 or last or self.stopping:
                    self._look()
                if last or self.stopping or time.monotonic() - saved > SAVE_EVERY:
                    self.save()
                    saved = time.monotonic()
                if last:
                    break
        finally:
            signal.signal(signal.SIGINT, previous)
        if self.best:
            self.model.load_state_dict(self.best)
        self.model.eval()

    def _steps_a_look(self) -> int:
        """The fewest steps between two looks."""
        return math.ceil(len(self.text.held_out) / 3 / (self.rows * self.length) / LOOK_SHARE)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.stopping:  # a second Ctrl-C does not wait
            raise KeyboardInterrupt
        self.stopping = True
        self.reporter.say("stopping after this step (Ctrl-C again to stop at once, without saving)")

    def _out_of_time(self) -> bool:
        budget = self.options.max_time
        if not budget or self.progress.wall_seconds < LATEST * parse_time(budget):
            return False
        self.reporter.say(
            f"{budget} were given and {duration(self.progress.wall_seconds)} are used up at step "
            f"{self.progress.step} of {self.progress.steps}: the machine is slower than when it was measured."
        )
        return True

    def _look(self) -> None:
        if not len(self.text.held_out):
            return
        found = self.perplexity(self.text.held_out)
        self.looks.append((self.progress.step, found))
        if found <= self.best_perplexity:
            self.best_perplexity = self.progress.best_cer = found
            self.progress.best_step = self.progress.step
            self.best = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.reporter.say(
            f"step {self.progress.step}/{self.progress.steps}: held-out perplexity {found:,.1f}, "
            f"lowest {self.best_perplexity:,.1f}"
        )

    @torch.no_grad()
    def perplexity(self, ids: Array) -> float:
        """Of whole sentences, a token, with the weights as they are."""
        was_training = self.model.training
        self.model.eval()
        packed = [torch.from_numpy(part) for part in pack_sentences(ids, self.length)]
        summed, count = 0.0, 0
        for begin in range(0, len(packed[0]), ROWS_AT_A_LOOK):
            before, tokens, real = (part[begin : begin + ROWS_AT_A_LOOK] for part in packed)
            with torch.autocast("cpu", torch.bfloat16, enabled=self.progress.precision == "bf16"):
                losses = self.model.losses(before, tokens)
            summed += float(losses[real].double().sum())
            count += int(real.sum())
        self.model.train(was_training)
        return math.exp(min(summed / max(count, 1), 700.0))

    @property
    def tokens_per_second(self) -> float:
        """Of all steps so far."""
        return self.progress.step * self.rows * self.length / max(1e-9, self.progress.wall_seconds)

    def _line(self, loss: float) -> str:
        progress = self.progress
        left = (progress.steps - progress.step) * progress.wall_seconds / max(1, progress.step)
        return (
            f"step {progress.step}/{progress.steps}  perplexity {math.exp(min(loss, 700.0)):,.1f}  "
            f"{self.tokens_per_second:,.0f} tokens/s  {duration(left)} left"
        )

    def save(self) -> None:
        """Write the checkpoint; a full disk leaves the one before it."""
        save_checkpoint(
            self.checkpoint, self.progress, self.recipe, {"model": self.model}, self.best, self.optimizer
        )
