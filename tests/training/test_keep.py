"""Weights kept beside the checkpoint: which, for how long, and what the bundle gets of them."""

from __future__ import annotations

import copy
import dataclasses
import errno
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file
from torch import Tensor

from earwright.errors import EarwrightError
from earwright.training import Recipe, Reporter, train
from earwright.training.checkpoint import Look, Progress, load_checkpoint, write_tensors
from earwright.training.keep import choose_weights, keep_weights, kept_path, mean_weights, sweep
from earwright.training.log import read_log
from earwright.training.machine import Machine
from earwright.training.options import TrainingOptions


class Killed(BaseException):
    """Stands for kill -9."""


def ended(recipe: Recipe, **values: Any) -> Recipe:
    return dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, **values))


def said(at: Callable[[str], None] = lambda line: None) -> tuple[Reporter, list[str]]:
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        at(line)

    return Reporter(say, interval=0.0), lines


def kept_files(out: Path) -> list[str]:
    return sorted(path.name for path in (out / "kept").glob("*"))


def some_weights(seed: float) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(round(seed * 1e4))
    return {"a": torch.randn(3, 4, generator=generator), "b": torch.randn(5, generator=generator)}


def test_the_mean_is_numpy_s(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.safetensors" for number in range(5)]
    for number, path in enumerate(paths):
        write_tensors(path, {name: 10.0**number * w for name, w in some_weights(number).items()}, {})
    mean = mean_weights(paths)
    for name in ("a", "b"):
        expected = np.mean([load_file(path)[name].astype(np.float64) for path in paths], axis=0)
        np.testing.assert_array_equal(mean[name].numpy(), expected.astype(np.float32))
    assert torch.equal(mean_weights(paths[:1])["a"], some_weights(0)["a"])


@settings(max_examples=25)
@given(
    errors=st.lists(st.sampled_from([0.1, 0.2, 0.2001, 0.3, 1.5]), min_size=1, max_size=8),
    events=st.lists(st.sampled_from(["look", "save", "kill", "kill before the sweep"]), max_size=20),
    count=st.integers(1, 4),
)
def test_whenever_it_is_killed_the_best_are_kept(
    tmp_path_factory: pytest.TempPathFactory, errors: list[float], events: list[str], count: int
) -> None:
    out = tmp_path_factory.mktemp("run")
    progress = saved = Progress()
    for event in [*events, *["look"] * len(errors), "save"]:
        if event == "look" and progress.step < len(errors):
            progress.step += 1
            error = errors[progress.step - 1]
            look = Look(progress.step, error, 0.0)
            keep_weights(progress, out, look, some_weights(progress.step), count)
        elif event == "save":
            saved = copy.deepcopy(progress)
            sweep(progress, out)
        elif event == "kill before the sweep":
            saved = progress = copy.deepcopy(progress)
        elif event == "kill":
            progress = copy.deepcopy(saved)
            sweep(progress, out)
        for look in saved.kept:  # what a killed run would go on with is always there
            torch.testing.assert_close(
                dict(load_checkpointed(kept_path(out, look))), some_weights(look.step), rtol=0, atol=0
            )
    best = sorted(range(1, len(errors) + 1), key=lambda step: (errors[step - 1], -step))[:count]
    assert [look.step for look in progress.kept] == sorted(best)
    assert kept_files(out) == sorted(kept_path(out, look).name for look in progress.kept)


def load_checkpointed(path: Path) -> Mapping[str, Tensor]:
    return {name: torch.from_numpy(value) for name, value in load_file(path).items()}


def test_names_tell_step_and_error_and_nothing_else_is_swept(tmp_path: Path) -> None:
    progress = Progress(step=2900)
    keep_weights(progress, tmp_path, Look(2900, 0.30401, 0.75), some_weights(1), 1)
    (tmp_path / "kept" / "notes.txt").write_text("mine")
    (tmp_path / "kept" / ".step-003000-cer-29.00.safetensors.17.new").write_bytes(b"half")
    sweep(progress, tmp_path)
    assert kept_files(tmp_path) == ["notes.txt", "step-002900-cer-30.40.safetensors"]


def fake_run(
    tmp_path: Path,
    kept: list[float],
    *,
    mean: float,
    ema: float,
    last: float = 0.9,
    export: str = "auto",
    average: str = "ema",
) -> Any:
    """A run that has looked at dev: the errors of what it kept, their mean, its average and its weights."""
    progress = Progress(step=len(kept) + 1, last_look=Look(len(kept) + 1, ema, 1.0))
    for step, error in enumerate(kept, 1):
        keep_weights(progress, tmp_path, Look(step, error, 1.0), some_weights(step), 9)
    reporter, lines = said()
    scored: list[Mapping[str, Tensor]] = []

    def look(weights: Mapping[str, Tensor]) -> Any:
        scored.append(weights)
        raw = torch.equal(weights["a"], some_weights(99)["a"])
        return SimpleNamespace(cer=last if raw else mean, wer=1.0)

    return SimpleNamespace(
        progress=progress,
        out=tmp_path,
        reporter=reporter,
        average=some_weights(0),
        parts=SimpleNamespace(model=SimpleNamespace(state_dict=lambda: some_weights(99))),
        look=look,
        recipe=Recipe(training=TrainingOptions(steps=9, export=export, average=average)),
        lines=lines,
        scored=scored,
    )


@pytest.mark.parametrize(
    ("export", "kept", "mean", "ema", "last", "kind", "steps", "sentence"),
    [
        (
            "auto",
            [0.35, 0.304, 0.31],
            0.301,
            0.306,
            0.32,
            "mean",
            (1, 2, 3),
            "the bundle holds the mean of steps 1, 2, 3: dev CER 30.1 %; "
            "step 2, the best single one, 30.4 %; step 4, the last average, 30.6 %; step 4, the last, 32.0 %",
        ),
        (
            "auto",
            [0.4, 0.3],
            0.35,
            0.5,
            0.5,
            "best",
            (2,),
            "step 2, the best single one: dev CER 30.0 %; the",
        ),
        ("auto", [0.4, 0.3], 0.3, 0.3, 0.3, "mean", (1, 2), "the mean of steps 1, 2: dev CER 30.0 %"),
        ("auto", [0.4, 0.5], 0.6, 0.2, 0.3, "ema", (3,), "step 3, the last average: dev CER 20.0 %"),
        ("auto", [0.4, 0.5], 0.6, 0.2, 0.1, "last", (3,), "step 3, the last: dev CER 10.0 %; the mean of"),
        (
            "auto",
            [0.4],
            0.1,
            0.5,
            0.6,
            "best",
            (1,),
            "step 1, the best single one: dev CER 40.0 %; step 2, t",
        ),
        ("mean", [0.4, 0.3], 0.6, 0.2, 0.1, "mean", (1, 2), "the mean of steps 1, 2: dev CER 60.0 %; step 2"),
        (
            "mean",
            [0.3],
            0.1,
            0.5,
            0.2,
            "best",
            (1,),
            "step 1, the best single one: dev CER 30.0 %; step 2, t",
        ),
        (
            "best",
            [0.4, 0.3],
            0.1,
            0.2,
            0.1,
            "best",
            (2,),
            "step 2, the best single one: dev CER 30.0 %; step",
        ),
        (
            "ema",
            [0.4, 0.3],
            0.1,
            0.5,
            0.1,
            "ema",
            (3,),
            "step 3, the last average: dev CER 50.0 %; step 2, t",
        ),
        ("ema", [], 0.1, 0.5, 0.1, "ema", (1,), "step 1, the last average: dev CER 50.0 %"),
        ("last", [0.4, 0.3], 0.1, 0.5, 0.7, "last", (3,), "step 3, the last: dev CER 70.0 %; step 2, the b"),
    ],
)
def test_the_choice(
    tmp_path: Path,
    export: str,
    kept: list[float],
    mean: float,
    ema: float,
    last: float,
    kind: str,
    steps: tuple[int, ...],
    sentence: str,
) -> None:
    run = fake_run(tmp_path, kept, mean=mean, ema=ema, last=last, export=export)
    choice = choose_weights(run)
    assert (choice.kind, choice.steps) == (kind, steps)
    assert sentence in run.lines[-1] and len(run.lines) == 1
    expected = {
        "ema": lambda: some_weights(0),
        "last": lambda: some_weights(99),
        "best": lambda: some_weights(steps[0]),
        "mean": lambda: run.scored[0],
    }[kind]()
    assert all(torch.equal(choice.weights[name], expected[name]) for name in expected)
    assert choice.look is not None
    if export == "auto":
        assert choice.look.cer <= min([*kept, ema, last])
    if export in ("best", "ema"):
        assert not run.scored


def test_the_best_single_one_is_the_last(tmp_path: Path) -> None:
    run = fake_run(tmp_path, [0.5, 0.3], mean=0.4, ema=0.3, export="auto")
    run.progress.step, run.progress.last_look = 2, run.progress.kept[-1]
    assert choose_weights(run).steps == (2,)
    assert run.lines == [
        "the bundle holds step 2, the best single one and the last average: dev CER 30.0 %; "
        "the mean of steps 1, 2, 40.0 %; step 2, the last, 90.0 %"
    ]


def test_a_lost_or_damaged_file_is_done_without(tmp_path: Path) -> None:
    run = fake_run(tmp_path, [0.5, 0.2, 0.3, 0.4], mean=0.25, ema=0.6)
    kept_path(tmp_path, run.progress.kept[1]).unlink()
    kept_path(tmp_path, run.progress.kept[2]).write_bytes(b"damaged")
    choice = choose_weights(run)
    assert (choice.kind, choice.steps) == ("mean", (1, 4))
    assert [line.endswith("The bundle does without it.") for line in run.lines] == [True, True, False]


@pytest.mark.parametrize(
    ("export", "average", "kind", "seed"),
    [("auto", "ema", "ema", 0), ("mean", "none", "last", 0), ("last", "ema", "last", 99)],
)
def test_without_dev_the_end_is_taken(
    tmp_path: Path, export: str, average: str, kind: str, seed: int
) -> None:
    run = fake_run(tmp_path, [], mean=0.5, ema=0.5, export=export, average=average)
    run.progress.last_look = None
    choice = choose_weights(run)
    assert choice.kind == kind and choice.look is None and not run.lines and not run.scored
    assert torch.equal(choice.weights["a"], some_weights(seed)["a"])


def test_without_an_average_the_last_is_what_was_looked_at(tmp_path: Path) -> None:
    run = fake_run(tmp_path, [0.4], mean=0.1, ema=0.3, export="last", average="none")
    choice = choose_weights(run)
    assert choice.kind == "last" and choice.look == run.progress.last_look and not run.scored
    assert run.lines[0].startswith("the bundle holds step 2, the last: dev CER 30.0 %; step 1, the best")


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What would have been written: exporting and measuring the machine take longer than these runs."""
    machine = Machine("a processor", 1, 50.0, 1.0)
    monkeypatch.setattr("earwright.training.plan.measure_machine", lambda device: machine)
    calls: list[Any] = []

    def keep(path: Path, recipe: Any, features: Any, normalization: Any, model: Any, *more: Any) -> None:
        weights = {name: value.clone() for name, value in model.state_dict().items()}
        calls.append((weights, *more))

    monkeypatch.setattr("earwright.training.run.export_bundle", keep)
    return calls


def test_a_run_exports_what_it_says(recipe: Recipe, tmp_path: Path, exported: list[Any]) -> None:
    recipe = ended(recipe, steps=60, evaluate_every=10, keep=3, export="mean")
    reporter, lines = said()
    train(recipe, tmp_path, reporter)
    looks = [line for line in read_log(tmp_path / "log.jsonl") if line["kind"] == "dev"]
    best = sorted(looks, key=lambda line: (line["cer"], -line["step"]))[:3]
    files = sorted((tmp_path / "kept").iterdir())
    assert [path.name for path in files] == sorted(
        f"step-{line['step']:06d}-cer-{100 * line['cer']:.2f}.safetensors" for line in best
    )
    weights, _, facts, card, *_ = exported[0]
    assert facts["weights"] == "mean"
    assert facts["weights_steps"] == sorted(line["step"] for line in best)
    loaded = [load_file(path) for path in files]
    expected = {n: np.mean([one[n].astype(np.float64) for one in loaded], 0) for n in loaded[0]}
    for name, value in weights.items():
        np.testing.assert_array_equal(value.numpy(), expected[name].astype(np.float32))
    assert any(line.startswith("the bundle holds ") for line in lines)
    assert f"dev utterances, which chose the weights: {100 * facts['dev_cer']:.1f} % characters" in card


def test_a_killed_run_keeps_the_same(recipe: Recipe, tmp_path: Path, exported: list[Any]) -> None:
    recipe = ended(recipe, evaluate_every=1, keep=2, save_every=0.0, steps=8)
    train(recipe, tmp_path / "whole", said()[0])
    for at in ("step 3/8: dev", "step 5/8  ", "step 7/8: dev"):

        def kill(line: str, at: str = at) -> None:
            if line.startswith(at):
                raise Killed

        with pytest.raises(Killed):
            train(recipe, tmp_path / "killed", said(kill)[0])
        left = tmp_path / "killed" / "kept" / ".step-000099-cer-1.00.safetensors.1.new"
        left.write_bytes(b"half")
    train(recipe, tmp_path / "killed", said()[0])
    whole, killed = (tmp_path / name / "kept" for name in ("whole", "killed"))
    assert kept_files(whole.parent) == kept_files(killed.parent)
    assert all(path.read_bytes() == (killed / path.name).read_bytes() for path in whole.iterdir())
    assert all(torch.equal(exported[0][0][name], exported[1][0][name]) for name in exported[0][0])


def test_a_full_disk_loses_nothing(
    recipe: Recipe, tmp_path: Path, exported: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from earwright.training import keep

    recipe = ended(recipe, evaluate_every=1, keep=2, save_every=0.0, steps=6)
    train(recipe, tmp_path / "whole", said()[0])
    real, calls = keep.write_tensors, [0]

    def full(path: Path, tensors: Any, metadata: Any) -> None:
        calls[0] += 1
        if calls[0] == 3:
            raise EarwrightError(f"{path}: the disk is full") from OSError(errno.ENOSPC, "")
        real(path, tensors, metadata)

    monkeypatch.setattr(keep, "write_tensors", full)
    with pytest.raises(EarwrightError, match="disk is full"):
        train(recipe, tmp_path / "run", said()[0])
    train(recipe, tmp_path / "run", said()[0])
    assert kept_files(tmp_path / "run") == kept_files(tmp_path / "whole")


def test_a_new_start_forgets_what_was_kept(recipe: Recipe, tmp_path: Path, exported: list[Any]) -> None:
    train(ended(recipe, steps=2, evaluate_every=1), tmp_path, said()[0])
    train(ended(recipe, steps=1, evaluate_every=1), tmp_path, said()[0], restart=True)
    assert [name[:11] for name in kept_files(tmp_path)] == ["step-000001"]


def test_a_checkpoint_of_the_first_version_goes_on(
    recipe: Recipe, tmp_path: Path, exported: list[Any]
) -> None:
    recipe = ended(recipe, evaluate_every=2, save_every=0.0)

    def kill(line: str) -> None:
        if line.startswith("step 6/12  "):
            raise Killed

    with pytest.raises(Killed):
        train(recipe, tmp_path, said(kill)[0])
    path = tmp_path / "checkpoint.safetensors"
    tensors = load_checkpoint(path).tensors
    write_tensors(path, tensors, {"earwright": as_version_1(path)})
    train(recipe, tmp_path, said()[0])
    checkpoint = load_checkpoint(path)
    assert checkpoint.progress.step == 12
    assert {look.step for look in checkpoint.progress.kept} <= {6, 8, 10, 12}
    write_tensors(path, tensors, {"earwright": json.dumps({"format": 99})})
    with pytest.raises(EarwrightError, match=r"not a checkpoint of this version of earwright \(format 99\)"):
        load_checkpoint(path)


def as_version_1(path: Path) -> str:
    """What the first version wrote of a run: it knew nothing of kept weights and settled batches."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        state: dict[str, Any] = json.loads(file.metadata()["earwright"])
    state["format"] = 1
    for key in ("kept", "last_look", "batch_seconds"):
        del state["progress"][key]
    for key in ("keep", "export"):
        del state["recipe"]["training"][key]
    return json.dumps(state)


def test_bad_options() -> None:
    with pytest.raises(EarwrightError, match='export "first" is none of auto, mean, best, ema, last'):
        TrainingOptions(export="first")
    with pytest.raises(EarwrightError, match='export "ema" needs average = "ema"'):
        TrainingOptions(export="ema", average="none")
    with pytest.raises(EarwrightError, match="keep must be 0 or more, and above 0 with export"):
        TrainingOptions(keep=0, export="mean")
    assert TrainingOptions(keep=0, export="last").keep == 0
