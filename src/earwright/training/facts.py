"""What is to be told of a run: what it runs on and with, known from the start, and what came of it."""

from __future__ import annotations

import datetime
import platform
from typing import TYPE_CHECKING, Any

import torch

from earwright import __version__
from earwright.pace import Pace
from earwright.training.doctor.data_vitals import TEXTS, spread_places

if TYPE_CHECKING:
    from earwright.training.loop import Run
    from earwright.training.setup import Parts


def start_facts(run: Run) -> dict[str, Any]:
    """Data, machine, versions and seed, ready for JSON and TOML: the log has them from the first step on."""
    progress, parts, machine = run.progress, run.parts, run.machine
    return {
        "planned_steps": progress.steps,
        "hours_of_speech": round(parts.training_set.hours, 3),
        "utterances": len(parts.training_set.examples),
        "speakers": parts.speakers,
        "tokens": parts.tokenizer.vocab_size,
        "parameters": sum(p.numel() for p in parts.model.parameters()),
        "precision": progress.precision,
        "processor": machine.processor,
        "threads": machine.threads,
        "processes": run.accelerator.num_processes,
        "fp32_peak_gflops": round(machine.fp32_peak, 1),
        "bf16_peak_gflops": round(machine.bf16_peak, 1),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "earwright": __version__,
        "seed": run.recipe.seed,
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def training_pace(parts: Parts) -> Pace | None:
    """That of its speech, as recorded, from a sample of the texts."""
    examples = parts.training_set.examples
    some = [examples[place] for place in spread_places(len(examples), TEXTS)]
    texts = [parts.tokenizer.decode(example.tokens) for example in some]
    return Pace.of(texts, [example.seconds for example in some])
