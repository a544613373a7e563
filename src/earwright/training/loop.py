"""One training run, from a recipe to a bundle."""

from __future__ import annotations

import contextlib
import math
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from earwright.data.batches import Batch
from earwright.errors import EarwrightError
from earwright.nn.randomness import drawing_from
from earwright.training.board import show_look
from earwright.training.checkpoint import Look, Progress, load_checkpoint, save_checkpoint
from earwright.training.doctor.data_vitals import describe_data
from earwright.training.doctor.doctor import Doctor, describe_run, listen
from earwright.training.doctor.vitals import Vitals, seldom
from earwright.training.facts import start_facts
from earwright.training.finetuning.forgetting import compared, errors_by_name
from earwright.training.keep import keep_weights, sweep
from earwright.training.lanes import MOST_LANES, Lanes, lanes_for
from earwright.training.log import Reporter, RunLog, duration, progress_line, read_log
from earwright.training.machine import Machine
from earwright.training.options import parse_time
from earwright.training.processes import build_accelerator, sum_over_processes
from earwright.training.recipe import Recipe, recipe_differences, recipe_from_dict, recipe_to_dict
from earwright.training.schedule import first_augmented, learning_rate, set_learning_rate, steps_between_looks
from earwright.training.setup import Parts, build_optimizer, build_parts
from earwright.training.share import share_of
from earwright.training.upkeep import follow_jumps, learn, start_codebooks, take_notes
from earwright.training.watch import DevResult, DevSet, compare_transcripts

# A budget of time is only a plan; this far beyond it the run ends, whatever the plan was.
LATEST = 1.25
# After so many updates in a row without a finite gradient the run is beyond help.
HOPELESS = 50


class Run:
    """Everything that a training run holds while it runs."""

    def __init__(
        self, recipe: Recipe, out: Path, reporter: Reporter, overfit: int = 0, doctor: bool = True
    ) -> None:
        from earwright.training.plan import settle

        self.recipe, self.out, self.overfit = recipe, out, overfit
        self.accelerator = build_accelerator(
            find_unused_parameters=getattr(recipe.model, "stochastic_depth", 0.0) > 0,
            asked=recipe.training.device,
        )
        self.reporter = reporter if self.accelerator.is_main_process else Reporter(lambda line: None)
        self.device = self.accelerator.device
        with self.accelerator.local_main_process_first():  # which decodes for the others on its machine
            self.parts: Parts = build_parts(recipe, self.reporter, self.device, overfit)
        self.checkpoint_path = out / "checkpoint.safetensors"
        self.optimizer = build_optimizer(self.parts.model, recipe)
        self.average = {name: p.detach().clone() for name, p in self.parts.model.state_dict().items()}
        self.progress = Progress(init=self.parts.start.digest if self.parts.start else "")
        if self.checkpoint_path.exists():
            self._resume()
        if self.accelerator.is_main_process:
            sweep(self.progress, out)
        self.vitals = Vitals(self.parts.model, every=0)
        self.model: nn.Module
        self.model, self.optimizer = self.accelerator.prepare(self.parts.model, self.optimizer)
        count, threads = lanes_for(self.device, self.accelerator.num_processes)
        # The number is part of what a resumed run must have in common: each lane draws its own dropout.
        self.progress.lanes = self.progress.lanes or count
        self.lanes = Lanes(self.model, self.progress.lanes, threads)
        self.machine: Machine
        self.machine, self.flops_per_second_of_audio = settle(self)
        self.doctor = Doctor() if doctor and self.accelerator.is_main_process else None
        if self.doctor:
            self.vitals.every = seldom(self.progress.steps)
        self.stopping = False

    def _resume(self) -> None:
        checkpoint = load_checkpoint(self.checkpoint_path)
        # Keys that an older version had not are at their defaults.
        old = recipe_to_dict(recipe_from_dict(checkpoint.recipe, str(self.checkpoint_path)))
        differences = recipe_differences(old, recipe_to_dict(self.recipe))
        if differences:
            raise EarwrightError(
                f"{self.out} holds a run of another recipe (it differs in {', '.join(differences[:5])}); "
                "train into another folder, or add --restart to begin again here."
            )
        if checkpoint.progress.init != self.progress.init:
            raise EarwrightError(
                f"{self.recipe.finetune.init} is not the bundle that the run in {self.out} began with; put "
                "that one back, train into another folder, or add --restart to begin again."
            )
        self.progress = checkpoint.progress
        self.parts.model.load_state_dict(checkpoint.part("model"))
        self.parts.normalization.load_state_dict(checkpoint.part("normalization"))
        self.average = checkpoint.part("average")
        checkpoint.restore_optimizer(self.optimizer)
        self.reporter.say(f"going on from step {self.progress.step} of {self.progress.steps}")

    # -- one update ----------------------------------------------------------------------------------

    def parts_of(self, batch: Batch) -> list[Batch]:
        """A batch as it is computed: with replay, short utterances are not padded to long ones.

        The processes of a distributed run wait for one another at every part, so theirs stay whole.
        """
        mixed = self.parts.training_set.sources and self.accelerator.num_processes == 1
        return batch.pieces() if mixed else [batch]

    def gradients(self, batch: Batch, precision: str, number: int = 0) -> tuple[dict[str, float], int]:
        """Add a batch's share of an update to the gradients.

        Args:
            batch: shared out over the lanes.
            precision: "fp32" or "bf16".
            number: of the batch in the update.

        Returns:
            Its share of the update's losses, as `Share.told`, and how many utterances were left out of it.
        """
        context, skipped = self.parts.model.draw()
        seed = (self.recipe.seed * 1_000_003 + self.progress.step) * 1009 + number

        def work(model: nn.Module, part: Batch, lane: int) -> tuple[dict[str, float], int]:
            with drawing_from(torch.Generator().manual_seed(seed * MOST_LANES + lane)):
                share = share_of(self, model, part, precision, context, skipped)
                self.accelerator.backward(share.total)
            return {name: value.item() for name, value in share.told.items()}, share.skipped

        results = self.lanes.run(work, batch)
        told = {name: sum(one[name] for one, _ in results) for name in results[0][0]}
        return told, sum(left_out for _, left_out in results)

    def update(self, batches: list[Batch]) -> dict[str, float]:
        """One step of the optimizer; a non-finite gradient leaves the weights as they are."""
        training, progress = self.recipe.training, self.progress
        rate = learning_rate(progress.step, progress.steps, training)
        set_learning_rate(self.optimizer, rate)
        # Every draw of this step follows from seed and step, so a restart changes nothing.
        torch.manual_seed(self.recipe.seed * 1_000_003 + progress.step)
        self.vitals.begin(progress.step + 1)
        take_notes(self)  # what a measurement has left is thrown away
        start_codebooks(self)
        summed: dict[str, float] = {}
        for number, batch in enumerate(batches):
            # Processes add up their gradients once an update, with its last batch.
            last = number == len(batches) - 1
            with contextlib.nullcontext() if last else self.accelerator.no_sync(self.model):
                told, left_out = self.gradients(batch, progress.precision, number)
            for name, value in told.items():
                summed[name] = summed.get(name, 0.0) + value / self.accelerator.num_processes
            progress.skipped_utterances += left_out
        values = sum_over_processes(self.accelerator, *summed.values())
        summed = dict(zip(summed, values, strict=True))
        self.vitals.see_gradients()
        norm = self.move()
        if not math.isfinite(norm):
            progress.skipped_steps += 1
        self.vitals.see_update(math.isfinite(norm))
        progress.step += 1
        return {**summed, "gradient_norm": norm, "learning_rate": rate}

    def move(self, rehearsal: bool = False) -> float:
        """Clip the gradients and take a step with them, unless they are not finite; their norm before.

        Args:
            rehearsal: what the copies of the model have noted is not learnt from.
        """
        notes = take_notes(self)
        parameters = [p for p in self.parts.model.parameters() if p.grad is not None]
        total = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        norm, clip = float(total), self.recipe.training.clip
        if math.isfinite(norm):
            if norm > clip:
                nn.utils.clip_grads_with_norm_(parameters, clip, total)
            self.optimizer.step()
            if not rehearsal:
                learn(self, notes)
            self._update_average()
        self.optimizer.zero_grad()
        return norm

    @torch.no_grad()
    def _update_average(self) -> None:
        training = self.recipe.training
        # Young averages follow quickly: (1 + n) / (10 + n), as in TensorFlow's moving averages.
        decay = min(training.ema_decay, (1 + self.progress.step) / (10 + self.progress.step))
        decay = decay if training.average == "ema" else 0.0
        for name, value in self.parts.model.state_dict().items():
            self.average[name].lerp_(value, 1.0 - decay)
        follow_jumps(self)

    # -- the whole run -------------------------------------------------------------------------------

    def run(self) -> None:
        """Train to the last step, with looks at dev and checkpoints on the way."""
        progress, recipe = self.progress, self.recipe
        log = RunLog(self.out, progress.step) if self.accelerator.is_main_process else None
        if log:
            log.write("start", progress.step, facts=start_facts(self))
            log.flush()  # whoever looks before the first checkpoint sees what is running
        spared = max(0, first_augmented(recipe.augment.start, progress.steps) - progress.step)
        stream = self.parts.stream(recipe, self.accelerator, progress.epoch, progress.position, spared)
        batches = iter(self.parts.loader(recipe, stream))
        every = steps_between_looks(progress.steps, recipe.training.evaluate_every or progress.evaluate_every)
        saved, hopeless = time.monotonic(), 0
        if log:
            self._call_the_doctor(log)
        previous = signal.signal(signal.SIGINT, self._interrupt)
        self.lanes.train()
        try:
            if log and self.parts.start and progress.step == 0:
                self._look_at_dev(log)
            while progress.step < progress.steps:
                began, cpu = time.monotonic(), time.process_time()
                update = [
                    part for _ in range(recipe.training.accumulate) for part in self.parts_of(next(batches))
                ]
                waited = time.monotonic() - began
                skipped = progress.skipped_steps
                values = self.update(update)
                hopeless = hopeless + 1 if progress.skipped_steps > skipped else 0
                if hopeless >= HOPELESS:
                    raise EarwrightError(
                        f"the gradients have not been finite for {HOPELESS} steps; "
                        'lower training.learning_rate, or set training.precision = "fp32".'
                    )
                progress.epoch, progress.position = update[-1].plan.epoch, update[-1].plan.position
                audio = sum(batch.seconds for batch in update) / recipe.features.sample_rate
                late, stopping, audio = sum_over_processes(
                    self.accelerator, float(self._out_of_time()), float(self.stopping), audio
                )
                progress.audio_seconds += audio
                progress.wall_seconds += time.monotonic() - began
                progress.cpu_seconds += time.process_time() - cpu
                progress.wait_seconds += waited
                if log:
                    self._tell(log, "step", **values, **self.parts.model.vitals())
                    if self.vitals.measured:
                        self._tell(log, "vitals", **self.vitals.measured, **self._clock())
                    if self.reporter.due():
                        self.reporter.say(progress_line(progress, values["loss"], self.speed()))
                last = progress.step == progress.steps or late > 0
                if (progress.step % every == 0 or last) and log:
                    self._look_at_dev(log)
                if log and (last or stopping or time.monotonic() - saved > recipe.training.save_every):
                    log.flush()
                    self.save()
                    saved = time.monotonic()
                if stopping:
                    self.reporter.say(f"saved at step {progress.step}; the same command goes on from here")
                    raise KeyboardInterrupt
                if last:
                    break
        except (Exception, KeyboardInterrupt) as error:
            if log:
                log.end(progress.step, error)
            raise
        finally:
            signal.signal(signal.SIGINT, previous)
            del batches  # ends the workers
            if log:
                log.close()

    def _out_of_time(self) -> bool:
        """Whether a budget of time is used up long before the last step: the machine has become slower."""
        budget = self.recipe.training.max_time
        if not budget or self.progress.wall_seconds < LATEST * parse_time(budget):
            return False
        self.reporter.say(
            f"{budget} were given and {duration(self.progress.wall_seconds)} are used up at step "
            f"{self.progress.step} of {self.progress.steps}: the machine is slower than it was when it was "
            "measured. What has been learnt so far is kept."
        )
        return True

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.stopping:  # a second Ctrl-C does not wait
            raise KeyboardInterrupt
        self.stopping = True
        self.reporter.say("stopping after this step (Ctrl-C again to stop at once, without saving)")

    def look(self, weights: Mapping[str, Tensor]) -> DevResult:
        """Transcribe and score dev with these weights of the model."""
        assert self.parts.dev is not None
        return self.look_at([self.parts.dev], weights)[0]

    def look_at(self, sets: Sequence[DevSet], weights: Mapping[str, Tensor]) -> list[DevResult]:
        """Transcribe and score sets of utterances with these weights of the model."""
        parts = self.parts
        own = {name: value.clone() for name, value in parts.model.state_dict().items()}
        parts.model.load_state_dict(weights)
        with self.lanes.on_all_cores():
            results = [
                dev.evaluate(parts.features, parts.normalization, parts.model, parts.tokenizer, self.device)
                for dev in sets
            ]
        parts.model.load_state_dict(own)
        return results

    def _call_the_doctor(self, log: RunLog) -> None:
        """Let the doctor know what was logged before, and once in a run what the data are like."""
        if self.doctor is None:
            return
        listen(self.doctor, read_log(log.path))
        if not self.doctor.history.plan:
            facts = describe_data(self.parts, self.recipe.features.sample_rate)
            self._tell(log, "facts", data=facts, run=describe_run(self))

    def _tell(self, log: RunLog, kind: str, **values: Any) -> None:
        """Log a line, and say and log what the doctor makes of it."""
        step = self.progress.step
        log.write(kind, step, **values)
        for finding in self.doctor.hear({"kind": kind, "step": step, **values}) if self.doctor else ():
            log.write("finding", step, finding=finding.as_dict())
            self.reporter.say(f"doctor: {finding.text}")

    def _look_at_dev(self, log: RunLog) -> None:
        progress, parts = self.progress, self.parts
        if parts.dev is None:
            return
        results = self.look_at(parts.watched, self.average)
        result, progress.after = results[0], errors_by_name(results)
        progress.before = progress.before or progress.after
        if progress.best_cer is None or result.cer <= progress.best_cer:
            progress.best_cer, progress.best_step = result.cer, progress.step
        progress.last_look = Look(progress.step, result.cer, result.wer)
        keep_weights(progress, self.out, progress.last_look, self.average, self.recipe.training.keep)
        heard = compare_transcripts(result.pairs, self.recipe.text.normalizer)
        heard |= {"blank": result.blank} | ({} if result.loss is None else {"loss": result.loss})
        samples = result.pairs[:: max(1, len(result.pairs) // 3)][:3]
        show_look(self, log)
        self._tell(log, "dev", **progress.after, transcripts=samples, **heard, **self._clock())
        log.text("transcripts", progress.step, "\n\n".join(f"{a}  \n→ {b}" for a, b in samples))
        self.reporter.evaluated(progress.step, progress.steps, result.wer, result.cer, samples)
        if parts.start:
            self.reporter.say(f"    {compared(progress.before, progress.after)}")

    def _clock(self) -> dict[str, float]:
        progress = self.progress
        minutes = {"minutes": progress.wall_seconds / 60, "cpu_minutes": progress.cpu_seconds / 60}
        return minutes | self.speed()

    def speed(self) -> dict[str, float]:
        """Audio seconds a second, share of the matrix-product peak, share of time spent waiting for data."""
        progress = self.progress
        rate = progress.audio_seconds / max(1e-9, progress.wall_seconds)
        flops = rate * self.flops_per_second_of_audio / 1e9
        peak = self.machine.peak(progress.precision)
        return {
            "audio_seconds_per_second": rate,
            "share_of_peak": flops / peak,
            "waiting": progress.wait_seconds / max(1e-9, progress.wall_seconds),
        }

    def save(self) -> None:
        """Write the checkpoint; a full disk leaves the one before it."""
        modules = {"model": self.parts.model, "normalization": self.parts.normalization}
        recipe: dict[str, Any] = recipe_to_dict(self.recipe)
        optimizer = getattr(self.optimizer, "optimizer", self.optimizer)
        save_checkpoint(self.checkpoint_path, self.progress, recipe, modules, self.average, optimizer)
        sweep(self.progress, self.out)
