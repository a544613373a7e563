"""What can be known of training runs from their folders, whatever state they are in, without PyTorch.

A run may be under way, killed, half written, of another version, or nothing but a folder: each of its files
is read for what it has, and what cannot be read is told in a note.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import time
import tomllib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from earwright.bundle_description import DESCRIPTION, parse
from earwright.data.preparation.prepared import SUMMARY_NAME
from earwright.errors import EarwrightError, first_line
from earwright.training.log import iterate_log

CHECKPOINT, LOG, RECIPE = "checkpoint.safetensors", "log.jsonl", "recipe.toml"
KNOWN_FORMATS = (1, 2)  # of checkpoints
DEPTH = 3  # folders below the given one that are searched for runs
# A log that grew in so many seconds is being written: a run writes into it every ten.
FRESH = 120.0
LOSSES = 150  # means of at most so many stretches are kept of a run's losses: as many dots as a curve is wide


@dataclass(frozen=True)
class Point:
    """A look at dev. Error rates are fractions; NaN is what the log does not say."""

    step: int
    minutes: float
    cpu_minutes: float
    cer: float
    wer: float

    def where(self, by: str) -> float:
        """Its place on an axis: "step", "minutes" or "cpu"."""
        return {"step": float(self.step), "minutes": self.minutes, "cpu": self.cpu_minutes}[by]

    def error(self, metric: str) -> float:
        """ "cer" or "wer"."""
        return self.cer if metric == "cer" else self.wer


@dataclass
class RunFacts:
    """What a folder tells of its run; None is what it does not tell.

    Attributes:
        folder: of the run.
        label: what to call it beside others.
        name: of its recipe, or else of the folder.
        state: "finished", "running?", "stopped", "failed", "not begun" or "empty".
        note: one sentence on what went wrong, or cannot be read.
        step, steps: where it stands, and where it ends.
        minutes, cpu_minutes: of training.
        speed: seconds of audio, padding included, that it learns from in a second.
        parameters: trained numbers.
        data: the folders that it learns from.
        hours: of speech in them.
        recipe: as nested dictionaries, with whatever keys its version had.
        settled: what was measured and settled at its first start: steps, precision, batch_seconds, lanes.
        export: which weights the bundle holds and what they have on dev.
        curve: its looks at dev, in the order of steps.
        losses: (step, loss), thinned out; only if they were asked for.
    """

    folder: Path
    label: str = ""
    name: str = ""
    state: str = "empty"
    note: str = ""
    step: int | None = None
    steps: int | None = None
    minutes: float | None = None
    cpu_minutes: float | None = None
    speed: float | None = None
    parameters: int | None = None
    data: tuple[str, ...] = ()
    hours: float | None = None
    recipe: dict[str, Any] = field(default_factory=dict)
    settled: dict[str, Any] = field(default_factory=dict)
    export: dict[str, Any] = field(default_factory=dict)
    curve: list[Point] = field(default_factory=list)
    losses: list[tuple[int, float]] = field(default_factory=list)

    def best(self, metric: str) -> Point | None:
        """The look with the lowest error, of equal ones the latest."""
        looks = [point for point in self.curve if not math.isnan(point.error(metric))]
        return min(looks, key=lambda point: (point.error(metric), -point.step), default=None)

    def points(self, metric: str, by: str) -> list[tuple[float, float]]:
        """A curve to draw: where, and the error or loss there; what is not known is left out."""
        if metric == "loss":
            places = [(self.when(step, by), loss) for step, loss in self.losses]
        else:
            places = [(point.where(by), point.error(metric)) for point in self.curve]
        return [place for place in places if all(map(math.isfinite, place))]

    def when(self, step: float, by: str) -> float:
        """Where a step lies on the axis of steps, minutes or cpu minutes: between the looks around it."""
        if by == "step":
            return step
        known = [(0.0, 0.0), *((float(point.step), point.where(by)) for point in self.curve)]
        known = [pair for pair in known if math.isfinite(pair[1])]
        if step > known[-1][0] and len(known) > 1:  # on, at the pace so far
            return known[-1][1] * step / known[-1][0]
        return interpolate(known, step)


def interpolate(points: Sequence[tuple[float, float]], x: float) -> float:
    """The value at x on the line through points in the order of their x; NaN beyond them."""
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x0 <= x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0) if x1 > x0 else y1
    return points[0][1] if len(points) == 1 and points[0][0] == x else math.nan


def find_runs(places: Sequence[str | Path]) -> dict[Path, str]:
    """The folders of runs at or below the given ones, in the order of their names.

    Returns:
        Folder -> what to call it: its path below the place, or the place where it is one itself.

    Raises:
        EarwrightError: a place is no folder.
    """
    found: dict[Path, str] = {}
    for place in map(Path, places):
        if not place.is_dir():
            raise EarwrightError(f"{place}: there is no such folder; earwright train makes one for each run.")
        if is_run(place):
            found[place] = str(place)
        else:
            found |= {folder: str(folder.relative_to(place)) for folder in _below(place, DEPTH)}
    if len(set(found.values())) < len(found):  # two places have runs of one name
        return {folder: str(folder) for folder in found}
    return found


def is_run(folder: Path) -> bool:
    """Whether training has been here."""
    return any((folder / name).is_file() for name in (CHECKPOINT, LOG))


def _below(place: Path, depth: int) -> Iterator[Path]:
    with contextlib.suppress(OSError):  # a folder that may not be read holds no runs of ours
        for folder in sorted(path for path in place.iterdir() if path.is_dir()):
            if folder.name.startswith(".") or (folder / DESCRIPTION).exists():
                continue
            bare = [path.name for path in folder.iterdir()] in ([], [RECIPE])
            if is_run(folder) or (bare and depth == DEPTH):
                yield folder
            elif depth > 1:
                yield from _below(folder, depth - 1)


def read_run(folder: Path, label: str = "", losses: bool = False) -> RunFacts:
    """Everything that a folder tells of its run.

    Args:
        folder: of the run, in whatever state.
        label: what to call it; "" takes its path.
        losses: also read the loss of every step, which takes longer.
    """
    facts = RunFacts(folder, label or str(folder))
    notes: list[str] = []
    progress = _read_checkpoint(facts, notes)
    _read_recipe(facts, notes)
    end = _read_log(facts, losses, notes)
    trained = _read_bundle(facts, notes)
    facts.name = _text(facts.recipe.get("name")) or folder.resolve().name
    facts.data = _texts(_table(facts.recipe, "data").get("train"))
    if facts.hours is None:
        facts.hours = _hours(facts.data)
    facts.state = _state(facts, progress, end, trained)
    if facts.state == "failed":
        notes.insert(0, _text(end.get("reason")))
    facts.note = " ".join(note for note in notes if note)
    return facts


def _state(
    facts: RunFacts, progress: dict[str, Any], end: dict[str, Any], trained: dict[str, Any] | None
) -> str:
    # A bundle that an earlier run left here is not this run's: it tells its steps.
    stands = _whole(progress, "step") if progress else facts.step
    if trained is not None and _whole(trained, "steps") == stands:
        return "finished"
    if end:
        return "failed" if end.get("state") == "failed" else "stopped"
    times = [path.stat().st_mtime for name in (LOG, CHECKPOINT) if (path := facts.folder / name).exists()]
    if times and time.time() - max(times) < FRESH:
        return "running?"
    if times:
        return "stopped" if facts.step else "not begun"
    return "not begun" if facts.recipe else "empty"


def _read_checkpoint(facts: RunFacts, notes: list[str]) -> dict[str, Any]:
    """Take over what the checkpoint says, and return its progress."""
    path = facts.folder / CHECKPOINT
    if not path.exists():
        return {}
    try:
        with safe_open(path, framework="numpy") as file:
            state = json.loads((file.metadata() or {}).get("earwright", "{}"))
            names = [name for name in file.keys() if name.startswith("model.")]  # noqa: SIM118
            shapes = [file.get_slice(name).get_shape() for name in names]
    except (SafetensorError, OSError, ValueError) as error:
        notes.append(f"{CHECKPOINT} cannot be read ({first_line(error)}).")
        return {}
    if not isinstance(state, dict) or state.get("format") not in KNOWN_FORMATS:
        version = state.get("format") if isinstance(state, dict) else None
        notes.append(f"{CHECKPOINT} is of another version (format {version}).")
        state = state if isinstance(state, dict) else {}
    progress = _table(state, "progress")
    facts.parameters = sum(math.prod(shape) for shape in shapes) or None
    facts.step, facts.steps = _whole(progress, "step"), _whole(progress, "steps")
    facts.minutes, facts.cpu_minutes = (
        _divided(_number(progress, f"{kind}_seconds"), 60.0) for kind in ("wall", "cpu")
    )
    facts.speed = _divided(_number(progress, "audio_seconds"), _number(progress, "wall_seconds"))
    facts.settled = {
        key: progress[key] for key in ("steps", "precision", "batch_seconds", "lanes") if progress.get(key)
    }
    facts.recipe = _table(state, "recipe")
    return progress


def _read_recipe(facts: RunFacts, notes: list[str]) -> None:
    path = facts.folder / RECIPE
    if not path.exists():
        return
    try:
        facts.recipe = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        notes.append(f"{RECIPE} cannot be read ({first_line(error)}).")


def _read_log(facts: RunFacts, losses: bool, notes: list[str]) -> dict[str, Any]:
    """Take over what the log says, and return the line that says why there are no more."""
    steps, values = array("l"), array("d")
    last: dict[str, Any] = {}
    end: dict[str, Any] = {}
    try:
        for line in iterate_log(facts.folder / LOG, without="" if losses else "step"):
            step = _whole(line, "step")
            if step is None:
                continue
            last = line if step >= (_whole(last, "step") or 0) else last
            end = line if line.get("kind") == "end" else end
            if line.get("kind") == "dev":
                facts.curve.append(_point(line, step))
                facts.speed = _number(line, "audio_seconds_per_second") or facts.speed
            elif line.get("kind") == "step" and losses:
                steps.append(step)
                values.append(_or_nan(_number(line, "loss")))
    except OSError as error:
        notes.append(f"{LOG} cannot be read ({first_line(error)}).")
    facts.losses = _thinned(steps, values)
    if last:
        facts.step = max(facts.step or 0, _whole(last, "step") or 0)
    if facts.curve and facts.minutes is None:  # no checkpoint yet
        facts.minutes, facts.cpu_minutes = (
            None if math.isnan(value) else value
            for value in (facts.curve[-1].minutes, facts.curve[-1].cpu_minutes)
        )
    return end


def _point(line: dict[str, Any], step: int) -> Point:
    keys = ("minutes", "cpu_minutes", "cer", "wer")
    return Point(step, *(_or_nan(_number(line, key)) for key in keys))


def _thinned(steps: Sequence[int], values: Sequence[float]) -> list[tuple[int, float]]:
    """Means of stretches, each at its last step."""
    stretch = max(1, math.ceil(len(steps) / LOSSES))
    thinned = []
    for start in range(0, len(steps), stretch):
        finite = [value for value in values[start : start + stretch] if math.isfinite(value)]
        if finite:
            thinned.append((steps[min(start + stretch, len(steps)) - 1], sum(finite) / len(finite)))
    return thinned


def _read_bundle(facts: RunFacts, notes: list[str]) -> dict[str, Any] | None:
    """Take over what the bundle says, and return its facts of the training; None if there is no bundle."""
    found = [path for path in facts.folder.glob("*.ear") if (path / DESCRIPTION).is_file()]
    if not found:
        return None
    try:
        latest = max(found, key=lambda path: (path / DESCRIPTION).stat().st_mtime)
        meta, _ = parse(latest, (latest / DESCRIPTION).read_bytes(), sealed=False)
    except (EarwrightError, OSError) as error:
        notes.append(first_line(error))
        return None
    trained = meta.training
    facts.parameters = meta.parameters or facts.parameters
    facts.hours = _number(trained, "hours_of_speech")
    if facts.step is None:
        facts.step = _whole(trained, "steps")
        facts.minutes, facts.cpu_minutes = _number(trained, "minutes"), _number(trained, "cpu_minutes")
        facts.speed = _number(trained, "audio_seconds_per_second") or facts.speed
    facts.export = {
        key: trained[key] for key in ("weights", "weights_steps", "dev_cer", "dev_wer") if key in trained
    }
    return trained


def _hours(folders: Sequence[str]) -> float | None:
    """What `earwright prepare` counted, if the folders are still where the run had them."""
    total = 0.0
    for folder in folders:
        try:
            summary = json.loads((Path(folder).expanduser() / SUMMARY_NAME).read_text(encoding="utf-8"))
            total += float(summary["hours"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
    return total or None


# -- values of files that anybody may have written ---------------------------------------------------


def _number(table: dict[str, Any], key: str) -> float | None:
    value = table.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(table: dict[str, Any], key: str) -> int | None:
    value = _number(table, key)
    return int(value) if value is not None and math.isfinite(value) else None


def _table(table: dict[str, Any], key: str) -> dict[str, Any]:
    value = table.get(key)
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(item for item in items if isinstance(item, str))


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _divided(value: float | None, by: float | None) -> float | None:
    return value / by if value is not None and by else None
