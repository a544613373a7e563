"""A kept result: an evaluation with everything needed to read it later and to make it again."""

from __future__ import annotations

import datetime
import json
import os
import platform
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from earwright.evaluation.score import Evaluation
from earwright.files import atomic_write


def record(
    evaluation: Evaluation | None,
    *,
    name: str,
    command: str,
    corpus: str,
    split: str,
    seed: int,
    parameters: int | None = None,
    training_minutes: float | None = None,
    **details: Any,
) -> dict[str, Any]:
    """The result as a dictionary, ready for JSON; rates are fractions.

    Args:
        evaluation: the figures; None where nothing was scored, and the details are all there is.
        name: of the result.
        command: what was run.
        corpus: where the utterances are from.
        split: which part of it.
        seed: of the training, or of the bootstrap where nothing was trained.
        parameters: trained numbers of the recognizer.
        training_minutes: that it was trained for.
        details: anything more, such as audio_seconds and decode_seconds.
    """
    return {
        "name": name,
        "command": command,
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "seed": seed,
        "corpus": corpus,
        "split": split,
        **(evaluation.summary() if evaluation else {}),
        "parameters": parameters,
        "training_minutes": training_minutes,
        **details,
    }


def save_record(path: str | os.PathLike[str], result: Mapping[str, Any]) -> None:
    """Write a result as JSON."""
    with atomic_write(path) as file:
        json.dump(result, file, indent=2, ensure_ascii=False)
        file.write("\n")


def machine() -> str:
    """The processor, its cores and the system, in one line; no name of a host or a user."""
    processor = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                processor = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{processor}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


def command_line(arguments: Sequence[str]) -> str:
    """A command as it would be typed here: paths below the working folder are written from there."""
    here = os.getcwd() + os.sep
    return shlex.join(["earwright", *(argument.removeprefix(here) for argument in arguments)])
