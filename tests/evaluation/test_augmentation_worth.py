"""Arms of one experiment: compared on the same utterances, drawn by speaker, shown beside the first."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from benchmark_scripts import load_script
from earwright.training import load_recipe


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script("augmentation_worth")


def scores(errors: list[int]) -> dict[str, list[Any]]:
    """Of utterances of ten characters and two words, by two speakers in turn."""
    count = len(errors)
    return {
        "ids": [f"u{n}" for n in range(count)],
        "speakers": [f"s{n % 2}" for n in range(count)],
        "character_errors": errors,
        "characters": [10] * count,
        "word_errors": [min(2, one) for one in errors],
        "words": [2] * count,
    }


def test_the_difference_is_that_of_the_same_utterances(script: ModuleType) -> None:
    # Speakers differ by far more than the arms do: only a paired interval sees that the second is better.
    before, after = scores([1, 9] * 10), scores([0, 8] * 10)
    found = script.compared(after, before, "character")
    assert found["rate"] == pytest.approx(0.4)
    assert found["difference"] == pytest.approx(-0.1) and found["relative"] == pytest.approx(-0.2)
    assert found["difference_interval"] == pytest.approx((-0.1, -0.1))
    assert found["interval"] == pytest.approx((0.0, 0.8))
    assert script.compared(before, before, "word")["difference_interval"] == (0.0, 0.0)


def test_other_utterances_are_not_compared(script: ModuleType) -> None:
    with pytest.raises(SystemExit, match="could not read the same utterances"):
        script.compared(scores([1, 2]), scores([1, 2, 3]), "word")


def test_the_table_has_each_arm_under_each_condition(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {"none": {"clean": scores([4, 4])}, "all": {"clean": scores([3, 3])}}
    arms = [
        {
            "arm": arm,
            "conditions": {
                name: {what: script.compared(one, made["none"][name], what) for what in ("character", "word")}
                for name, one in found.items()
            },
        }
        for arm, found in made.items()
    ]
    console = Console(width=120, record=True)
    monkeypatch.setattr(script, "Console", lambda: console)
    script.print_table(arms, "greedy search")
    text = console.export_text()
    assert "greedy search" in text
    first, second = (line for line in text.splitlines() if "│" in line)
    assert "clean" in first and "40.0" in first and "%" not in first
    assert "clean" not in second and "30.0" in second and "-25 %" in second
    assert second.split("│")[-2].strip() == "+0 %"  # both words of each utterance are wrong before and after


def test_arms_differ_in_augmentation_alone(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **given: commands.append(command))
    args = SimpleNamespace(
        train=tmp_path / "train", dev=tmp_path / "dev", noise="noise", music="music", rooms="rir",
        arms=list(script.ARMS), steps=[10], side_by_side=True, set=[],
    )  # fmt: skip
    recipes = {}
    for arm in script.ARMS:
        bundle = script.train(args, tmp_path, arm)
        assert bundle == tmp_path / arm / f"{arm}.ear"
        command = commands.pop()
        changes = [command[at + 1] for at, word in enumerate(command) if word == "--set"]
        recipes[arm] = load_recipe(Path(command[command.index("train") + 1]), changes)
    none, masks, everything = recipes.values()
    for one in (none, masks):
        assert (one.data, one.text, one.model, one.training) == (
            everything.data, everything.text, everything.model, everything.training,
        )  # fmt: skip
    assert none.augment.speeds == (1.0,) and not none.augment.frequency_masks
    assert not none.augment.time_masks_per_second and not none.augment.warp_seconds
    kinds = (
        "noise",
        "room",
        "pitch",
        "tempo",
        "gain",
        "clipping",
        "band",
        "codec",
        "cutout",
        "concatenation",
    )
    for kind in (*kinds, "nothing"):
        assert not getattr(none.augment, kind).probability and not getattr(masks.augment, kind).probability
        assert getattr(everything.augment, kind).probability
    assert everything.augment.noise.folders == ("noise", "music") and everything.augment.room.folders == (
        "rir",
    )


def test_each_arm_may_have_its_own_number_of_steps(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        subprocess,
        "run",
        lambda command, **given: asked.extend(word for word in command if "steps=" in word),
    )
    needed = [word for name in ("train", "dev", "test", "noise", "rooms") for word in (f"--{name}", name)]
    typed = ["augmentation_worth.py", *needed, "--arms", "none", "all"]
    monkeypatch.setattr("sys.argv", [*typed, "--steps", "9", "8"])
    args = script.arguments()
    for arm in args.arms:
        script.train(args, tmp_path, arm)
    assert asked == ["training.steps=9", "training.steps=8"]
    monkeypatch.setattr("sys.argv", [*typed, "--steps", "9", "8", "7"])
    with pytest.raises(SystemExit):
        script.arguments()


def test_what_was_scored_is_not_scored_again(script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text(json.dumps({"clean": scores([1])}))
    assert script.kept_scores(SimpleNamespace(limit=None), tmp_path, tmp_path / "no.ear") == {
        "clean": scores([1])
    }


def test_a_language_model_is_tuned_on_dev_and_scored_apart(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **given: commands.append(command))
    tmp_path = tmp_path / "all"
    tmp_path.mkdir()
    args = SimpleNamespace(dev=tmp_path / "dev", lm="novels.bin", limit=None)
    tuned = script.with_lm(args, tmp_path, tmp_path / "all.ear")
    assert tuned == tmp_path.parent / f"{tmp_path.name}-with-novels.ear"  # of another model it is another one
    told = commands.pop()
    bundle, dev = str(tmp_path / "all.ear"), str(tmp_path / "dev")
    assert told[told.index("tune") + 1 :] == [bundle, dev, "--lm", "novels.bin", "-o", str(tuned)]
    tuned.mkdir()
    assert script.with_lm(args, tmp_path, tmp_path / "all.ear") == tuned and not commands
    (tmp_path / "scores.json").write_text(json.dumps({"clean": scores([1])}))
    (tmp_path / "novels-scores.json").write_text(json.dumps({"clean": scores([0])}))
    assert script.kept_scores(args, tmp_path, tuned, "novels-scores.json") == {"clean": scores([0])}
