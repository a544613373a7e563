"""What is known of runs from their folders, in every state that a folder can be in."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from earwright.bundle import BundleMeta, write_bundle
from earwright.errors import EarwrightError
from earwright.training.comparison.compare import Value, differences, reservations, standings
from earwright.training.comparison.runs import Point, RunFacts, find_runs, interpolate, read_run
from earwright.training.recipe import Recipe, recipe_to_dict

PROGRESS = {
    "step": 30,
    "steps": 60,
    "precision": "bf16",
    "batch_seconds": 40.0,
    "audio_seconds": 1200.0,
    "wall_seconds": 120.0,
    "cpu_seconds": 180.0,
}


def dev(step: int, cer: float, **more: Any) -> dict[str, Any]:
    values = {"wer": 2 * cer, "cer": cer, "minutes": step / 15, "cpu_minutes": step / 10}
    return {"kind": "dev", "step": step, **values, **more}


def write_log(folder: Path, *lines: dict[str, Any], cut: str = "", old: bool = True) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + cut)
    if old:
        long_ago(path)


def long_ago(path: Path) -> None:
    os.utime(path, (time.time() - 3600,) * 2)


def write_checkpoint(folder: Path, progress: dict[str, Any], version: Any = 2, **recipe: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    state = {"format": version, "progress": progress, "recipe": recipe}
    tensors = {
        "model.a": np.zeros((3, 4), np.float32),
        "average.a": np.zeros((3, 4), np.float32),
        "model.b": np.zeros(5, np.float32),
        "optimizer.0.step": np.zeros(1, np.float32),
    }
    path = folder / "checkpoint.safetensors"
    save_file(tensors, path, {"earwright": json.dumps(state)})
    long_ago(path)


def write_trained(folder: Path, steps: int, **facts: Any) -> None:
    training = {"steps": steps, "minutes": 9.5, "hours_of_speech": 5.25, **facts}
    meta = BundleMeta("clinic", 16000, 0.04, ("en",), "char", "basic", parameters=1234, training=training)
    write_bundle(folder / "clinic.ear", meta, {"tokens.txt": b"<blank>\n"})


STEPS = [{"kind": "step", "step": step, "loss": 60.0 / step} for step in range(1, 31)]


def test_a_run_that_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "clinic-1"
    write_log(folder, *STEPS[:20], dev(20, 0.4), *STEPS[20:], dev(30, 0.35), cut='{"kind": "st')
    write_checkpoint(folder, PROGRESS, name="from the checkpoint")
    data = {"train": [str(tmp_path / "data")]}
    (folder / "recipe.toml").write_text(tomli_w.dumps({"name": "clinic", "data": data}))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "summary.json").write_text('{"hours": 5.5}')
    run = read_run(folder, "clinic-1")
    assert (run.label, run.name, run.state, run.note) == ("clinic-1", "clinic", "stopped", "")
    assert (run.step, run.steps, run.minutes, run.cpu_minutes) == (30, 60, 2.0, 3.0)
    assert run.speed == 10.0 and run.parameters == 17
    assert run.data == (str(tmp_path / "data"),) and run.hours == 5.5
    assert run.settled == {"steps": 60, "precision": "bf16", "batch_seconds": 40.0}
    best = run.best("cer")
    assert best == Point(30, 2.0, 3.0, 0.35, 0.7) and run.losses == []


def test_states(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write_log(tmp_path / "growing", *STEPS[:3], old=False)
    write_log(tmp_path / "ended", *STEPS[:9], {"kind": "end", "step": 9, "state": "stopped"}, old=False)
    reason = "the gradients have not been finite for 50 steps; lower it."
    write_log(
        tmp_path / "failed", *STEPS[:9], {"kind": "end", "step": 9, "state": "failed", "reason": reason}
    )
    write_log(tmp_path / "began")
    (tmp_path / "asked").mkdir()
    (tmp_path / "asked" / "recipe.toml").write_text('name = "asked"\n')
    write_trained(tmp_path / "done", 30)
    write_checkpoint(tmp_path / "done", PROGRESS)
    write_trained(tmp_path / "bundle and log", 30, weights="mean", weights_steps=[20, 30], dev_cer=0.3)
    write_log(tmp_path / "bundle and log", *STEPS)
    write_trained(tmp_path / "begun again", 60)
    write_checkpoint(tmp_path / "begun again", PROGRESS)
    runs = {label: read_run(folder, label) for folder, label in find_runs([tmp_path]).items()}
    assert {label: run.state for label, run in runs.items()} == {
        "asked": "not begun",
        "began": "not begun",
        "begun again": "stopped",
        "bundle and log": "finished",
        "done": "finished",
        "empty": "empty",
        "ended": "stopped",
        "failed": "failed",
        "growing": "running?",
    }
    assert list(runs) == sorted(runs)
    assert runs["failed"].note == reason and runs["failed"].step == 9
    assert runs["done"].hours == 5.25 and runs["done"].parameters == 1234
    assert runs["bundle and log"].export == {"weights": "mean", "weights_steps": [20, 30], "dev_cer": 0.3}


def test_what_is_damaged_or_of_another_version_is_told(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "newer", {"step": 5, "steps": "many", "stars": 7}, version=99)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "checkpoint.safetensors").write_bytes(b"\x01\x02")
    (tmp_path / "damaged" / "recipe.toml").write_text("name = ")
    (tmp_path / "damaged" / "log.jsonl").write_bytes(b"\xff\xfe\n")
    (tmp_path / "damaged" / "x.ear").mkdir()
    (tmp_path / "damaged" / "x.ear" / "bundle.toml").write_text("format_version = 77\n")
    odd = [{"kind": "dev", "step": 4}, {"step": "x"}, [1], 3, {"kind": "dev", "step": 6, "cer": "low"}]
    write_log(tmp_path / "odd", *odd)  # type: ignore[arg-type]
    runs = {label: read_run(folder, label) for folder, label in find_runs([tmp_path]).items()}
    newer, damaged, odd_one = runs["newer"], runs["damaged"], runs["odd"]
    assert newer.note == "checkpoint.safetensors is of another version (format 99)."
    assert newer.step == 5 and newer.steps is None and newer.parameters == 17
    for said in ("checkpoint.safetensors cannot be read", "recipe.toml cannot be read", "format 77"):
        assert said in damaged.note
    assert damaged.name == "damaged"
    assert odd_one.step == 4 and odd_one.best("cer") is None and odd_one.points("cer", "step") == []


def test_where_runs_are_found(tmp_path: Path) -> None:
    write_log(tmp_path / "a" / "b" / "run", *STEPS)
    write_log(tmp_path / "c", *STEPS)
    write_log(tmp_path / ".hidden", *STEPS)
    (tmp_path / "c" / "kept").mkdir()
    write_trained(tmp_path, 3)  # a bundle beside runs is none
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "x.txt").write_text("")
    assert find_runs([tmp_path]) == {tmp_path / "a" / "b" / "run": "a/b/run", tmp_path / "c": "c"}
    assert find_runs([tmp_path / "c"]) == {tmp_path / "c": str(tmp_path / "c")}
    write_log(tmp_path / "more" / "c", *STEPS)
    labels = find_runs([tmp_path / "more", tmp_path]).values()
    assert len(set(labels)) == len(labels) == 3
    with pytest.raises(EarwrightError, match="there is no such folder; earwright train makes one"):
        find_runs([tmp_path / "nowhere"])


def test_losses_against_any_axis(tmp_path: Path) -> None:
    steps = [{"kind": "step", "step": step, "loss": 3.0} for step in range(1, 1001)]
    steps[500]["loss"] = math.nan
    write_log(tmp_path, *steps[:400], dev(400, 0.5), *steps[400:], dev(1000, 0.4))
    run = read_run(tmp_path, losses=True)
    assert 100 < len(run.losses) <= 150 and {loss for _, loss in run.losses} == {3.0}
    assert run.losses[-1][0] == 1000
    assert run.points("loss", "minutes")[-1] == (1000 / 15, 3.0)
    assert run.points("loss", "cpu")[-1] == (100.0, 3.0)
    assert read_run(tmp_path).losses == []


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1)), min_size=1, max_size=12), st.floats(0, 50))
def test_interpolation_is_numpy_s(points: list[tuple[int, float]], x: float) -> None:
    line = sorted({float(place): value for place, value in points}.items())
    inside = line[0][0] <= x <= line[-1][0]
    expected = np.interp(x, [place for place, _ in line], [value for _, value in line])
    value = interpolate(line, x)
    assert value == pytest.approx(expected) if inside else math.isnan(value)


def test_without_torch(tmp_path: Path) -> None:
    write_log(tmp_path / "a", *STEPS)
    write_checkpoint(tmp_path / "a", PROGRESS)
    code = (
        "import sys; from earwright.cli.main import main; "
        f"assert main(['runs', {str(tmp_path)!r}]) == 0; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


# -- two runs ------------------------------------------------------------------------------------------


def test_differences_name_each_key_once_with_its_defaults() -> None:
    a = recipe_to_dict(Recipe())
    b = recipe_to_dict(Recipe())
    a["model"]["dim"] = 144
    b["data"]["train"] = ["data/train"]
    del b["training"]["keep"]  # an older version had none, and was as the default is
    b["training"]["magic"] = 7  # a newer one has what is not known here
    found = {one.key: tuple(map(str, one.values)) for one in differences(a, b)}
    assert found == {
        "data.train": ("[] (default)", "[data/train]"),
        "model.dim": ("144", "256 (default)"),
        "training.magic": ("(not there)", "7"),
    }
    assert differences(a, a) == []
    shown = [str(Value(value)) for value in (0.0015, 40.0, True, "", "bf16", [1, 6])]
    assert shown == ["0.0015", "40", "true", '""', "bf16", "[1, 6]"]


def with_curve(*points: tuple[int, float], steps: int = 100, pace: float = 1.0) -> RunFacts:
    looks = [Point(step, step * pace, 2 * step * pace, cer, cer) for step, cer in points]
    return RunFacts(Path("x"), steps=steps, curve=looks, recipe={"data": {"dev": ["d"]}})


def test_standings_at_equal_cost() -> None:
    a = with_curve((10, 1.0), (20, 0.8), (40, 0.4))
    b = with_curve((10, 0.9), (30, 0.5), (80, 0.3), pace=0.5)
    found = [(at.place, at.errors) for at in standings(a, b, "cer", "step")]
    assert found == [
        (10, (1.0, 0.9)),
        (20, (0.8, pytest.approx(0.7))),
        (30, (pytest.approx(0.6), 0.5)),
        (40, (0.4, pytest.approx(0.46))),
    ]
    minutes = standings(a, b, "cer", "minutes")
    assert [at.place for at in minutes] == [10, 20, 30, 40]
    assert minutes[-1].errors == (0.4, pytest.approx(0.3))
    # b reached 20 minutes at its step 40: a fifth of the way from 30 to 80.
    assert minutes[1].errors == (0.8, pytest.approx(0.46))
    assert standings(a, with_curve(), "cer", "step") == []


def test_reservations() -> None:
    a, b = with_curve((1, 1.0)), with_curve((1, 1.0))
    assert reservations(a, b) == []
    b.steps, b.recipe = 300, {"data": {"dev": ["e"]}}
    dev_sets, schedules = reservations(a, b)
    assert "different dev sets" in dev_sets and "follow 100 and 300 steps" in schedules
