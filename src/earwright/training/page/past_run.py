"""What a run has left behind: its log, its recipe, its checkpoint's figures, its bundle.

All of it may be there or not: a run may be running still, or have been killed at any time.
"""

from __future__ import annotations

import datetime
import json
import math
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from earwright.bundle import Bundle
from earwright.bundle_description import DESCRIPTION
from earwright.errors import EarwrightError, first_line
from earwright.training.page.run_log import Array, Log, Look, number_or_none, read_run_log, whole

LOG_NAME, RECIPE_NAME, CHECKPOINT_NAME = "log.jsonl", "recipe.toml", "checkpoint.safetensors"
LARGEST_HEADER = 1 << 26  # bytes of a checkpoint's description


@dataclass(frozen=True)
class PastRun:
    """A run as far as it has come.

    Attributes:
        place: the folder, or the bundle where there is no more than that.
        recipe_text: of recipe.toml; "" if there is none.
        recipe: what it says; empty where it is no TOML.
        log: what was logged.
        progress: the checkpoint's figures; empty if there is none.
        bundle: what the run made; None if there is nothing yet, or nothing that can be opened.
        written: when the log was last written to; None if there is none.
        problems: what could not be read, a sentence each.
    """

    place: Path
    recipe_text: str
    recipe: dict[str, Any]
    log: Log
    progress: dict[str, Any]
    bundle: Bundle | None
    written: datetime.datetime | None
    problems: tuple[str, ...]

    @property
    def name(self) -> str:
        """The recipe's name, or the bundle's, or the folder's."""
        if isinstance(self.recipe.get("name"), str):
            return str(self.recipe["name"])
        return self.bundle.meta.name if self.bundle else self.place.name

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of data, machine and versions, from the last start and from the end, if any."""
        facts = self.log.facts | (self.log.starts[-1][1] if self.log.starts else {})
        return facts | (self.bundle.meta.training if self.bundle else {})

    @property
    def dev_sets(self) -> list[str]:
        """Where the recipe's dev set lies."""
        data = self.recipe.get("data")
        places = data.get("dev", []) if isinstance(data, dict) else []
        return [places] if isinstance(places, str) else [str(place) for place in places]

    @property
    def step(self) -> int:
        """The last step that is known of."""
        logged = int(self.log.steps.max()) if len(self.log.steps) else 0
        return max(logged, whole(self.progress.get("step")), whole(self.facts.get("steps")))

    @property
    def planned(self) -> int:
        """How many steps there are to be; 0 if that is not known."""
        return whole(self.progress.get("steps")) or whole(self.facts.get("planned_steps"))

    @property
    def best(self) -> Look | None:
        """The look at dev with the lowest character error rate, the later of two that are equal."""
        finite = [look for look in reversed(self.log.looks) if math.isfinite(look.cer)]
        return min(finite, key=lambda look: look.cer, default=None)

    @property
    def skipped(self) -> int:
        """How many steps left the weights as they were, since their gradient was not finite."""
        return max(len(self.log.skipped), whole(self.progress.get("skipped_steps")))

    def spent(self, cpu: bool = False) -> Array:
        """Minutes of training, or of processor time, at each logged step, (N,): between looks in a line.

        All are not a number where no time is known.
        """
        anchors = [(0.0, 0.0)]
        for look in self.log.looks:
            minutes = look.cpu_minutes if cpu else look.minutes
            if minutes is not None and look.step > anchors[-1][0] and minutes > anchors[-1][1]:
                anchors.append((look.step, minutes))
        seconds = number_or_none(self.progress.get("cpu_seconds" if cpu else "wall_seconds"))
        step = whole(self.progress.get("step"))
        if seconds and step > anchors[-1][0] and seconds / 60 > anchors[-1][1]:
            anchors.append((step, seconds / 60))
        steps, minutes_of = (np.array(part) for part in zip(*anchors, strict=True))
        if len(anchors) == 1:
            return np.full(len(self.log.steps), np.nan)
        beyond = minutes_of[-1] / steps[-1] * self.log.steps  # at the mean speed
        inside = np.interp(self.log.steps, steps, minutes_of)
        times: Array = np.where(self.log.steps > steps[-1], beyond, inside)
        return times


def read_run(place: str | os.PathLike[str]) -> PastRun:
    """Read what there is of a run.

    Args:
        place: the folder of a run, or a bundle; that of the run that made a bundle is found where it lies
            in the run's folder still.

    Raises:
        EarwrightError: it is neither.
    """
    path = Path(place)
    if not path.exists():
        raise EarwrightError(
            f"{path}: there is no such place; give the --out of earwright train, or a bundle."
        )
    if path.is_file() or (path / DESCRIPTION).is_file():
        bundle = Bundle.open(path)
        recipe = bundle.read(RECIPE_NAME) if RECIPE_NAME in bundle.names else b""
        beside = path.absolute().parent / RECIPE_NAME
        if beside.is_file() and recipe and beside.read_bytes() == recipe:
            return _of_folder(path.absolute().parent, bundle)
        text, table, problems = _recipe(recipe, path)
        return PastRun(path, text, table, Log(), {}, bundle, None, problems)
    if not any((path / name).is_file() for name in (LOG_NAME, RECIPE_NAME, CHECKPOINT_NAME)):
        bundles = sorted(path.glob(f"*/{DESCRIPTION}"))
        if bundles:  # it was moved, and the rest was not
            return read_run(bundles[-1].parent)
        raise EarwrightError(
            f"{path}: neither a run's folder (it has no {RECIPE_NAME} and no {LOG_NAME}) nor a bundle; "
            "give the --out of earwright train, or a folder NAME.ear."
        )
    return _of_folder(path, None)


def _of_folder(folder: Path, bundle: Bundle | None) -> PastRun:
    recipe = folder / RECIPE_NAME
    text, table, problems = _recipe(recipe.read_bytes() if recipe.is_file() else b"", recipe)
    log_path = folder / LOG_NAME
    written = None
    if log_path.is_file():
        written = datetime.datetime.fromtimestamp(log_path.stat().st_mtime).astimezone()
    if bundle is None:
        bundle, wrong = _find_bundle(folder, table.get("name"))
        problems += wrong
    progress, wrong = _progress(folder / CHECKPOINT_NAME)
    return PastRun(folder, text, table, read_run_log(log_path), progress, bundle, written, problems + wrong)


def _recipe(data: bytes, path: Path) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    text = data.decode("utf-8", "replace")
    try:
        return text, tomllib.loads(text), ()
    except tomllib.TOMLDecodeError as error:
        return text, {}, (f"{path}: not valid TOML: {first_line(error)}.",)


def _find_bundle(folder: Path, name: object) -> tuple[Bundle | None, tuple[str, ...]]:
    """The bundle that the recipe names, or else the newest one in the folder."""
    found = [path.parent for path in folder.glob(f"*/{DESCRIPTION}")]
    found.sort(key=lambda path: (path.name == f"{name}.ear", path.stat().st_mtime))
    if not found:
        return None, ()
    try:
        return Bundle.open(found[-1]), ()
    except EarwrightError as error:
        return None, (str(error),)


def _progress(path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The figures in a checkpoint's description, without its tensors (and without their library)."""
    if not path.is_file():
        return {}, ()
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, LARGEST_HEADER)))
        progress = json.loads(header["__metadata__"]["earwright"])["progress"]
        return dict(progress), ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        return {}, (f"{path}: the checkpoint cannot be read ({first_line(error)}).",)
