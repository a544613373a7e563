"""Batch sizes: what is tried, what is taken, and that a run keeps it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.errors import EarwrightError
from earwright.training import Recipe, Reporter, load_recipe, plan, train
from earwright.training.batch_size import SIZES, Trial, Trials, choose_batch_size
from earwright.training.checkpoint import load_checkpoint
from earwright.training.log import read_log
from earwright.training.options import TrainingOptions
from earwright.training.recipe import recipe_to_toml

GIB = 2.0**30


def tried(
    speeds: dict[float, float],
    memory: Callable[[float], float] = lambda size: 1 + size / 100,
    allowed: float = 100.0,
    in_use: float = 1.0,
) -> Trials:
    """A machine with these speeds; memory in GiB."""

    def try_size(size: float) -> Trial:
        return Trial(size, speeds[size], memory(size) * GIB, 1.0)

    return choose_batch_size(try_size, allowed * GIB, in_use * GIB)


@pytest.mark.parametrize(
    ("speeds", "taken", "count"),
    [
        ({20: 50, 40: 70, 80: 80, 160: 90}, 160, 4),
        ({20: 50, 40: 70, 80: 80, 160: 79}, 80, 4),
        ({20: 50, 40: 70, 80: 69, 160: 999}, 40, 3),  # slower: nothing larger is tried
        ({20: 96, 40: 100, 80: 90}, 20, 3),  # within 5 % the smaller
        ({20: 90, 40: 96, 80: 100, 160: 99}, 40, 4),
        ({20: 50, 40: 49}, 20, 2),
    ],
)
def test_the_fastest_or_a_smaller_one_close_to_it(
    speeds: dict[float, float], taken: float, count: int
) -> None:
    trials = tried(speeds)
    assert trials.taken.batch_seconds == taken
    assert [trial.batch_seconds for trial in trials.tried] == list(SIZES[:count])


def test_memory_ends_it() -> None:
    faster = {20.0: 10.0, 40.0: 20.0, 80.0: 40.0, 160.0: 80.0}
    # 1.2, 1.4, 1.8 GiB; 160 s would take 2.6.
    trials = tried(faster, allowed=2.0)
    assert trials.taken.batch_seconds == 80 and len(trials.tried) == 3
    assert trials.describe() == (
        "batches of 80 s (20 s 10x real time in 1.2 GiB, 40 s 20x real time in 1.4 GiB, "
        "80 s 40x real time in 1.8 GiB; 160 s would take about 2.6 GiB of 2.0 allowed)"
    )
    # It grows faster than foreseen: tried, and not taken.
    trials = tried(faster, memory=lambda size: {20: 1.1, 40: 1.3}.get(size, 9.0), allowed=2.0)
    assert trials.taken.batch_seconds == 40 and len(trials.tried) == 3
    assert trials.describe().endswith("80 s 40x real time in 9.0 GiB; 2.0 GiB are allowed)")
    # Even the smallest takes too much: there is none that takes less.
    trials = tried(faster, allowed=1.1)
    assert trials.taken.batch_seconds == 20 and len(trials.tried) == 1
    # The memory was not there at all.
    trials = tried({**faster, 40: 0.0})
    assert trials.taken.batch_seconds == 20 and "40 s out of memory" in trials.describe()


@given(
    speeds=st.lists(st.floats(1, 100), min_size=4, max_size=4),
    slope=st.floats(0.001, 0.2),
    allowed=st.floats(1.5, 20.0),
)
def test_what_is_tried_stays_within_the_memory(speeds: list[float], slope: float, allowed: float) -> None:
    trials = tried(dict(zip(SIZES, speeds, strict=True)), lambda size: 1 + slope * size, allowed)
    assert all(trial.memory <= allowed * GIB * (1 + 1e-9) for trial in trials.tried[1:])
    fitting = [trial for trial in trials.tried if trial.memory <= allowed * GIB] or trials.tried[:1]
    best = max(trial.speed for trial in fitting)
    close = [trial.batch_seconds for trial in fitting if trial.speed >= 0.95 * best]
    assert trials.taken.batch_seconds == min(close)


def test_options_and_recipes(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text('[training]\nbatch_seconds = "auto"\n')
    recipe = load_recipe(path)
    assert recipe.training.batch_seconds == "auto"
    again = tmp_path / "again.toml"
    again.write_text(recipe_to_toml(recipe))
    assert load_recipe(again) == recipe
    assert load_recipe(path, ["training.batch_seconds=40"]).training.batch_seconds == 40.0
    assert isinstance(load_recipe(path, ["training.batch_seconds=40"]).training.batch_seconds, float)
    for bad, message in (("fast", "neither a number of seconds nor"), ("0", "above 0"), ("true", "a number")):
        with pytest.raises(EarwrightError, match=message):
            load_recipe(path, [f"training.batch_seconds={bad}"])
    assert TrainingOptions(batch_seconds=40).batch_seconds == 40


# -- in a run ----------------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for kill -9."""


def with_batches(recipe: Recipe, batch_seconds: float | str) -> Recipe:
    training = dataclasses.replace(recipe.training, batch_seconds=batch_seconds, save_every=0.0, steps=8)
    return dataclasses.replace(recipe, training=training)


def run_of(recipe: Recipe, out: Path, at: str = "never") -> list[str]:
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        if line.startswith(at):
            raise Killed

    train(recipe, out, Reporter(say, interval=0.0))
    return lines


def losses(out: Path) -> list[float]:
    return [line["loss"] for line in read_log(out / "log.jsonl") if line["kind"] == "step"]


@pytest.fixture
def no_export(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earwright.training.run._export", lambda run, with_weights: run.out)


@pytest.mark.usefixtures("no_export")
def test_a_resumed_run_keeps_its_batches(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds = {3.0: 50.0, 6.0: 70.0, 9.0: 60.0}
    monkeypatch.setattr(plan, "SIZES", tuple(speeds))
    monkeypatch.setattr(plan, "FEWEST_BATCHES", 1)
    monkeypatch.setattr(plan, "try_batch_size", lambda run, size: Trial(size, speeds[size], 1.0, 0.01))
    with pytest.raises(Killed):
        run_of(with_batches(recipe, "auto"), tmp_path / "auto", at="step 3/8  ")
    assert load_checkpoint(tmp_path / "auto" / "checkpoint.safetensors").progress.batch_seconds == 6.0

    def never(run: Any, size: float) -> Trial:
        raise AssertionError("measured again")

    monkeypatch.setattr(plan, "try_batch_size", never)
    run_of(with_batches(recipe, "auto"), tmp_path / "auto")
    run_of(with_batches(recipe, 6.0), tmp_path / "six")
    assert losses(tmp_path / "auto") == losses(tmp_path / "six")
    assert 'batch_seconds = "auto"' in (tmp_path / "auto" / "recipe.toml").read_text()


@pytest.mark.usefixtures("no_export")
def test_real_batches_are_tried_and_nothing_is_learnt_from_them(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "SIZES", (4.0, 8.0, 16.0, 1000.0))
    seen: list[tuple[float, int, float]] = []
    real = plan._rehearse

    def step(run: Any, batch: Any, precision: str) -> None:
        seen.append((run.parts.batch_seconds, len(batch.lengths), batch.seconds / 16000))
        real(run, batch, precision)

    monkeypatch.setattr(plan, "_rehearse", step)
    monkeypatch.setattr(plan, "FEWEST_BATCHES", 2)
    lines = run_of(with_batches(recipe, "auto"), tmp_path / "auto")
    said = next(line for line in lines if line.startswith("batches of "))
    assert "4 s " in said and "x real time in" in said and "1000 s" not in said
    for size in {size for size, _, _ in seen}:
        assert all(seconds <= size or count == 1 for at, count, seconds in seen if at == size)
    longest = max(seconds / count for _, count, seconds in seen)
    chosen = load_checkpoint(tmp_path / "auto" / "checkpoint.safetensors").progress.batch_seconds
    assert {longest} <= {seconds / count for size, count, seconds in seen if size == chosen}
    run_of(with_batches(recipe, chosen), tmp_path / "fixed")
    assert losses(tmp_path / "auto") == losses(tmp_path / "fixed")


@pytest.mark.usefixtures("no_export")
def test_slow_steps_are_measured_once(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one step takes as long as half a dozen others, a run does not spend minutes on measuring it."""
    rehearsed: list[str] = []
    real = plan._rehearse

    def step(run: Any, batch: Any, precision: str) -> None:
        rehearsed.append(precision)
        real(run, batch, precision)

    monkeypatch.setattr(plan, "_rehearse", step)
    fixed = with_batches(recipe, 6.0)
    run_of(fixed, tmp_path / "quick")
    quick = len(rehearsed)
    monkeypatch.setattr(plan, "SLOW", 0.0)
    rehearsed.clear()
    run_of(fixed, tmp_path / "slow")
    assert len(rehearsed) == 2 < quick and set(rehearsed) == {fixed.training.precision}
    assert losses(tmp_path / "quick") == losses(tmp_path / "slow")


@pytest.mark.usefixtures("no_export")
def test_memory_that_is_not_there_is_survived(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "SIZES", (4.0, 8.0))
    monkeypatch.setattr(plan, "FEWEST_BATCHES", 1)
    real = plan._time_steps

    def scarce(run: Any, batches: Any, precision: str, warm: bool = True) -> float:
        if run.parts.batch_seconds == 8.0:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        return real(run, batches, precision, warm)

    monkeypatch.setattr(plan, "_time_steps", scarce)
    lines = run_of(with_batches(recipe, "auto"), tmp_path)
    assert any("8 s out of memory" in line for line in lines)
    assert load_checkpoint(tmp_path / "checkpoint.safetensors").progress.batch_seconds == 4.0

    def broken(run: Any, batches: Any, precision: str, warm: bool = True) -> float:
        raise RuntimeError("something else")

    monkeypatch.setattr(plan, "_time_steps", broken)
    with pytest.raises(RuntimeError, match="something else"):
        train(with_batches(recipe, "auto"), tmp_path, Reporter(lambda line: None), restart=True)
