"""What a run left behind, however it ended: whole, half written, empty, damaged, of kinds unknown."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from earwright.errors import EarwrightError
from earwright.training.checkpoint import Progress, write_tensors
from earwright.training.page.past_run import PastRun, read_run
from earwright.training.page.run_log import read_run_log

DEV = {"audio_seconds_per_second": 50.0, "share_of_peak": 0.5, "waiting": 0.01}


def lines(steps: int, every: int = 10) -> list[dict[str, Any]]:
    """A log: each step, and a look at dev after every so many."""
    made: list[dict[str, Any]] = [
        {"kind": "start", "step": 0, "facts": {"planned_steps": steps, "threads": 2}}
    ]
    for step in range(1, steps + 1):
        made.append(
            {"kind": "step", "step": step, "loss": 1 / step, "gradient_norm": 2.0, "learning_rate": 0.1}
        )
        if step % every == 0:
            rates = {"wer": 10 / step, "cer": 5 / step, "minutes": step / 10, "cpu_minutes": step / 5}
            made.append({"kind": "dev", "step": step, **rates, **DEV, "transcripts": [["a b", "a"]]})
    return made


def write_log(folder: Path, made: list[Any], tail: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in made)
    (folder / "log.jsonl").write_text(text + tail)
    return folder


def write_checkpoint(folder: Path, **values: Any) -> None:
    state = {"format": 1, "progress": vars(Progress(**values)), "recipe": {}}
    path = folder / "checkpoint.safetensors"
    write_tensors(path, {"model.x": torch.zeros(3)}, {"earwright": json.dumps(state)})


def test_a_log_as_it_should_be(tmp_path: Path) -> None:
    folder = write_log(tmp_path / "run", lines(40))
    (folder / "recipe.toml").write_text('name = "mine"\n[data]\ndev = ["d1", "d2"]\n')
    write_checkpoint(folder, step=40, steps=80, wall_seconds=240.0, cpu_seconds=480.0)
    run = read_run(folder)
    assert (run.name, run.step, run.planned, run.dev_sets) == ("mine", 40, 80, ["d1", "d2"])
    assert run.log.steps.tolist() == list(range(1, 41))
    np.testing.assert_allclose(run.log.values["loss"], 1 / np.arange(1, 41))
    assert [look.step for look in run.log.looks] == [10, 20, 30, 40]
    look = run.log.looks[1]
    assert (look.wer, look.cer, look.minutes, look.cpu_minutes, look.speed) == (0.5, 0.25, 2.0, 4.0, 50.0)
    assert look.transcripts == (("a b", "a"),)
    assert run.best is not None and run.best.step == 40
    assert run.facts["threads"] == 2 and run.problems == () and run.bundle is None
    np.testing.assert_allclose(run.spent(), np.arange(1, 41) / 10)
    np.testing.assert_allclose(run.spent(cpu=True), np.arange(1, 41) / 5)


def test_facts_are_those_of_data_and_of_the_last_start(tmp_path: Path) -> None:
    made: list[dict[str, Any]] = [
        {"kind": "facts", "step": 0, "token_entropy": 2.5, "texts": [1, 2], "threads": 1},
        {"kind": "start", "step": 0, "facts": {"threads": 2}},
        {"kind": "start", "step": 9, "facts": {"threads": 4}},
    ]
    log = read_run(write_log(tmp_path, made))
    assert log.facts == {"token_entropy": 2.5, "threads": 4} and log.log.unknown == 0


def test_no_look_yet_means_the_checkpoint_tells_the_time(tmp_path: Path) -> None:
    folder = write_log(tmp_path, lines(8))
    assert np.isnan(read_run(folder).spent()).all()
    write_checkpoint(folder, step=4, steps=80, wall_seconds=120.0)
    np.testing.assert_allclose(read_run(folder).spent(), np.arange(1, 9) / 2)
    assert read_run(folder).best is None


def test_faults_of_a_log_are_counted(tmp_path: Path) -> None:
    odd: list[Any] = [
        {"kind": "weather", "step": 1},
        {"step": 1},
        {"kind": "dev", "step": 5, "wer": "none", "cer": 1},
        {"kind": "start", "step": 0, "facts": [1]},
        "{broken",
        "[1, 2]",
        "3",
        "",
        {"kind": "step", "step": "two", "loss": None, "gradient_norm": "x"},
        {"kind": "step", "step": 41, "loss": float("nan"), "gradient_norm": float("inf"), "learning_rate": 1},
        {"kind": "step", "step": 42, "loss": 10**400, "gradient_norm": float("nan"), "learning_rate": True},
        {
            "kind": "dev",
            "step": 42,
            "wer": float("nan"),
            "cer": float("nan"),
            "transcripts": [["a"], 3, ["b", None]],
        },
        {
            "kind": "finding",
            "step": 9,
            "name": ["x"],
            "sentence": None,
            "figures": {"a": 1.23456789, "b": [2]},
        },
        {"kind": "vitals", "step": 9, "norm": 1.5, "name": "x", "flag": True},
    ]
    log = read_run_log(write_log(tmp_path, lines(40) + odd, '{"kind": "step", "st') / "log.jsonl")
    assert (log.unknown, log.damaged) == (4, 4)
    assert log.skipped == [41, 42] and len(log.steps) == 43
    assert np.isnan(log.values["loss"][-3:-1]).all() and np.isinf(log.values["loss"][-1])
    assert [look.step for look in log.looks] == [10, 20, 30, 40, 42]
    assert log.looks[-1].transcripts == (("b", "None"),)
    (note,) = log.notes
    assert (note.step, note.name, note.figures) == (9, "['x']", "a 1.23457, b [2]")
    assert {name: (at.tolist(), column.tolist()) for name, (at, column) in log.vitals.items()} == {
        "norm": ([9.0], [1.5])
    }


@given(
    st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_any_bytes_are_a_log(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    path.write_bytes(data)
    log = read_run_log(path)
    assert (
        log.damaged + log.unknown + len(log.steps) + len(log.looks)
        <= data.count(b"\n") + data.count(b"\r") + 1
    )


@given(
    st.lists(
        st.fixed_dictionaries(
            {"kind": st.sampled_from(["step", "dev", "finding", "vitals", "start", "x"])},
            optional={
                name: st.recursive(
                    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
                    lambda inner: (
                        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
                    ),
                    max_leaves=5,
                )
                for name in (
                    "step",
                    "loss",
                    "wer",
                    "cer",
                    "minutes",
                    "transcripts",
                    "facts",
                    "figures",
                    "gradient_norm",
                )
            },
        ),
        max_size=8,
    )
)
@settings(max_examples=20)
def test_any_values_make_a_report(
    tmp_path_factory: pytest.TempPathFactory, made: list[dict[str, Any]]
) -> None:
    from earwright.training.page.sections import build_report, sentences, summary
    from page_checks import check_page

    run = read_run(write_log(tmp_path_factory.mktemp("run"), made))
    check_page(build_report(run))
    assert list(sentences(run))
    json.dumps(summary(run), allow_nan=False)


def test_a_run_that_has_hardly_begun(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text('name = "new"\n')
    run = read_run(tmp_path)
    assert (run.name, run.step, run.written) == ("new", 0, None)
    (tmp_path / "log.jsonl").touch()
    assert read_run(tmp_path).written is not None and len(read_run(tmp_path).spent()) == 0


@pytest.mark.parametrize(
    "data", [b"", b"\xff" * 100, b"\x10" + b"\0" * 7 + b'{"a": 1}        ', b"\0" * 8 + b"{}"]
)
def test_a_checkpoint_that_cannot_be_read(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "checkpoint.safetensors").write_bytes(data)
    run = read_run(tmp_path)
    (problem,) = run.problems
    assert "checkpoint.safetensors: the checkpoint cannot be read (" in problem and run.progress == {}


def test_a_recipe_that_is_no_toml(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_bytes(b'name = "x\n\xff')
    run = read_run(tmp_path)
    assert "recipe.toml: not valid TOML" in run.problems[0]
    assert run.name == tmp_path.name and run.recipe_text.startswith('name = "x')
    for recipe in ("data = 3", "[data]\ndev = 'one'", "[data]\ndev = [1]", "name = 3"):
        (tmp_path / "recipe.toml").write_text(recipe)
        assert read_run(tmp_path).dev_sets in ([], ["one"], ["1"])


def test_the_bundle_of_a_run(tmp_path: Path, runtime_bundle: Path) -> None:
    folder = write_log(tmp_path / "run", lines(20))
    (folder / "recipe.toml").write_text('name = "tones"\n')
    shutil.copytree(runtime_bundle, folder / "tones.ear")
    shutil.copytree(runtime_bundle, folder / "older.ear")
    found = read_run(folder).bundle
    assert found is not None and found.path == folder / "tones.ear"
    # The bundle alone, which has no recipe in it: it is not known to be of this run.
    alone = read_run(folder / "tones.ear")
    assert alone.bundle is not None and len(alone.log.steps) == 0 and alone.name == "tones"
    (folder / "tones.ear" / "tokens.txt").write_text("altered")
    damaged = read_run(folder)
    assert damaged.bundle is None and "tokens.txt" in damaged.problems[0]


def test_a_folder_with_a_bundle_alone(tmp_path: Path, runtime_bundle: Path) -> None:
    shutil.copytree(runtime_bundle, tmp_path / "tones.ear")
    found = read_run(tmp_path)
    assert found.place == tmp_path / "tones.ear" and found.bundle is not None


def test_a_bundle_finds_its_run(tmp_path: Path) -> None:
    from earwright.bundle import write_bundle
    from runtime_bundle import META, bundle_files

    folder = write_log(tmp_path / "run", lines(20))
    recipe = b'name = "tones"\n'
    (folder / "recipe.toml").write_bytes(recipe)
    for name in ("tones.ear", "tones.zip"):
        path = write_bundle(folder / name, META, {**bundle_files(), "recipe.toml": recipe})
        found = read_run(path)
        assert found.place == folder and len(found.log.steps) == 20
        assert found.bundle is not None and found.bundle.path == path
    (folder / "recipe.toml").write_text('name = "another"\n')  # another run's folder
    assert len(read_run(folder / "tones.ear").log.steps) == 0


@pytest.mark.parametrize(
    ("place", "message"),
    [("none", "there is no such place"), ("empty", "neither a run's folder"), ("file", "not a zip")],
)
def test_neither_a_run_nor_a_bundle(tmp_path: Path, place: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(EarwrightError, match=message):
        read_run(tmp_path / place)


def test_a_long_log_is_read_in_little_memory(tmp_path: Path) -> None:
    import tracemalloc

    write_log(tmp_path, lines(10_000, 1000))
    tracemalloc.start()
    run: PastRun = read_run(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(run.log.steps) == 10_000 and peak < 8_000_000
