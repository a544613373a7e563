"""What would waste an hour is said before the first step, in one sentence."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from earwright.cuts import read_cuts, write_cuts
from earwright.errors import EarwrightError
from earwright.files import atomic_write
from earwright.training import Recipe, Reporter, load_recipe, memory, train
from earwright.training.lock import run_lock


def changed(recipe: Recipe, table: str, **values: Any) -> Recipe:
    return dataclasses.replace(recipe, **{table: dataclasses.replace(getattr(recipe, table), **values)})


def refused(recipe: Recipe, out: Path) -> str:
    """The sentence that a run ends with before it has written a step."""
    with pytest.raises(EarwrightError) as caught:
        train(recipe, out, Reporter(lambda line: None))
    assert "\n" not in str(caught.value)
    assert not (out / "log.jsonl").exists() and not (out / "checkpoint.safetensors").exists()
    return str(caught.value)


def with_texts(tones: Path, folder: Path, *texts: str) -> Path:
    """The tones with other texts."""
    cuts = [
        dataclasses.replace(cut, text=text) for cut, text in zip(read_cuts(tones), texts * 24, strict=False)
    ]
    with atomic_write(folder / "cuts.jsonl.gz", "wb") as file:
        write_cuts(cuts, file)
    return folder


def test_a_dev_set_without_text(recipe: Recipe, tones: Path, tmp_path: Path) -> None:
    mute = with_texts(tones, tmp_path / "mute", "", " - ")
    said = refused(changed(recipe, "data", dev=(str(mute),)), tmp_path / "run")
    assert said.startswith("data.dev: none of its 24 utterances has a text")


def test_utterances_of_dev_without_text_are_not_watched(recipe: Recipe, tones: Path, tmp_path: Path) -> None:
    from earwright.training.setup import _dev_set

    some = read_cuts(with_texts(tones, tmp_path / "some", "", "a b", ""))
    assert _dev_set(changed(recipe, "data", dev_utterances=100), some, "data.dev").texts == ["a b"] * 8


def test_nothing_usable_after_the_checks(recipe: Recipe, tones: Path, tmp_path: Path) -> None:
    mute, long = with_texts(tones, tmp_path / "mute", ""), with_texts(tones, tmp_path / "long", "abc" * 40)
    for data, message in (
        ({"train": (str(mute),)}, "the training texts hold no characters"),
        ({"train": (str(long),)}, "no utterance is left to train on: 24 with more text than CTC can fit"),
    ):
        assert message in refused(changed(recipe, "data", **data), tmp_path / "run")


def test_more_to_learn_by_heart_than_there_is(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match=r"--overfit 25: data\.train has 24 utterances; give 1 to 24"):
        train(recipe, tmp_path, Reporter(lambda line: None), overfit=25)


def test_a_model_that_does_not_fit(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    huge = changed(recipe, "model", dim=65536)
    assert "a training step needs about" in refused(huge, tmp_path / "run")
    monkeypatch.setattr(memory, "free_memory", lambda device: 1000)
    said = refused(recipe, tmp_path / "run")
    assert "use a smaller training.batch_seconds" in said


@pytest.mark.usefixtures("recipe")
def test_a_folder_in_use(recipe: Recipe, tmp_path: Path) -> None:
    """By a process of its own, which is then killed."""
    out = tmp_path / "run"
    code = (
        "import sys, time, pathlib; from earwright.training.lock import run_lock\n"
        "with run_lock(pathlib.Path(sys.argv[1])): print(flush=True); time.sleep(60)"
    )
    out.mkdir()
    with subprocess.Popen([sys.executable, "-c", code, str(out)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            assert f"is in use by another process ({process.pid})" in refused(recipe, out)
        finally:
            process.kill()
    with run_lock(out):
        pass


def test_a_checkpoint_of_another_recipe(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("earwright.training.run._export", lambda run, with_weights: run.out)
    train(changed(recipe, "training", steps=1), tmp_path, Reporter(lambda line: None))
    for table, values, key in (
        ("training", {"steps": 2}, "training.steps"),
        ("features", {"n_mels": 20}, "features.n_mels"),
        ("text", {"normalizer": "raw"}, "text.normalizer"),
    ):
        other = changed(changed(recipe, "training", steps=1), table, **values)
        with pytest.raises(
            EarwrightError, match=rf"another recipe \(it differs in {key}\); train into another"
        ):
            train(other, tmp_path, Reporter(lambda line: None))


def test_without_a_recipe_or_a_bundle(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from earwright.cli.main import main

    assert main(["train"]) == 1
    assert "there is nothing to train: give a recipe" in capsys.readouterr().err
    assert main(["train", "--init", str(tmp_path / 'n"one.ear')]) == 1
    assert "no such bundle" in capsys.readouterr().err
    with pytest.raises(EarwrightError, match="no such recipe"):
        load_recipe(tmp_path / "none.toml")
