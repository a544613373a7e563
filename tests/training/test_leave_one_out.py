"""Leaving one speaker out: nobody is in both parts, all folds count, and what is done is not done again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark_scripts import load_script
from earwright.cuts import Cut, read_cuts, write_cuts
from earwright.errors import EarwrightError
from training.conftest import TINY


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script("leave_one_out")


def corpus(folder: Path, speakers: list[str | None], custom: list[dict[str, Any]] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    cuts = [
        Cut(
            f"c{n}",
            f"{n}.wav",
            0.0,
            1.0 + n % 3,
            8000,
            text="one",
            speaker=who,
            custom=(custom or [{}] * 99)[n],
        )
        for n, who in enumerate(speakers)
    ]
    with (folder / "cuts.jsonl.gz").open("wb") as file:
        write_cuts(cuts, file)
    return folder


@given(st.lists(st.sampled_from(["Ann", "ben", "c/d", "e e", None]), min_size=2, max_size=30))
@settings(max_examples=25, deadline=None)
def test_who_is_left_out_is_not_heard_in_training(
    script: ModuleType, tmp_path_factory: pytest.TempPathFactory, speakers: list[str | None]
) -> None:
    folder = tmp_path_factory.mktemp("corpus")
    prepared = corpus(folder / "all", speakers)
    named = sorted({who for who in speakers if who is not None})
    if len(named) < 2:
        with pytest.raises(EarwrightError, match="to leave one out takes two or more"):
            script.values_of(prepared, "speaker")
        return
    values = script.values_of(prepared, "speaker")
    assert values == named
    assert len({script.folder_name(values, value) for value in values}) == len(values)
    tested: list[str] = []
    for value in values:
        parts = script.part(prepared, folder / script.folder_name(values, value), "speaker", value, values)
        train, test = (list(read_cuts(parts / name)) for name in ("train", "test"))
        assert {cut.speaker for cut in test} == {value}
        assert {cut.speaker for cut in train} == set(named) - {value}
        assert len(train) + len(test) == sum(who is not None for who in speakers)
        tested += [cut.id for cut in test]
    assert sorted(tested) == sorted(f"c{n}" for n, who in enumerate(speakers) if who is not None)


def test_a_column_that_parts_nobody_is_refused(script: ModuleType, tmp_path: Path) -> None:
    sessions: list[dict[str, Any]] = [{"session": str(n // 2)} for n in range(6)]
    prepared = corpus(tmp_path / "all", ["a", "b", "b", "c", "d", "e"], sessions)
    values = script.values_of(prepared, "session")
    with pytest.raises(EarwrightError, match="1 of its speakers are heard in training all the same"):
        script.part(prepared, tmp_path / "out", "session", "0", values)
    script.part(prepared, tmp_path / "out", "session", "2", values)
    with pytest.raises(EarwrightError, match="no cut names a room"):
        script.values_of(prepared, "room")


def test_folds_are_trained_scored_and_kept(
    script: ModuleType, tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(TINY.replace("steps = 12", "steps = 2") + '\ndev = ["who/is/left/out"]\n')
    command = [
        *("leave_one_out.py", str(tones), str(recipe), "--work", str(tmp_path / "work")),
        *("--save", str(tmp_path / "kept.json")),
    ]
    speakers = sorted({str(cut.speaker) for cut in read_cuts(tones)})
    trained, made = script.train, []

    def train(args: Any, parts: list[Path], out: Path) -> Path:
        """One training is enough to see that it works: the second fold takes what the first has made."""
        assert {str(cut.speaker) for cut in read_cuts(parts[0])} == set(speakers) - {speakers[len(made)]}
        assert len(parts) == 1
        made.append(made[0] if made else trained(args, parts, out))
        return Path(made[0])

    monkeypatch.setattr(script, "train", train)
    monkeypatch.setattr(sys, "argv", [*command, "--only", speakers[0], "--only", speakers[1]])
    assert script.main() == 0
    assert len(made) == 2
    kept = json.loads((tmp_path / "kept.json").read_text("utf-8"))
    assert [one["value"] for one in kept["left_out"]] == speakers[:2]
    counts = [sum(cut.speaker == who for cut in read_cuts(tones)) for who in speakers[:2]]
    assert [one["utterances"] for one in kept["left_out"]] == counts
    assert kept["utterances"] == sum(counts) and kept["speakers"] == 2
    shares = [one["wrong_utterances"] / one["utterances"] for one in kept["left_out"]]
    assert kept["wrong_share"] == pytest.approx(sum(shares) / 2)
    log = (next((tmp_path / "work").glob("01-*")) / "run" / "recipe.toml").read_text("utf-8")
    assert "who/is/left/out" not in log
    # Again: nothing is trained, and the result is the same.
    monkeypatch.setattr(script, "train", lambda *given: pytest.fail("it was trained again"))
    assert script.main() == 0
    assert json.loads((tmp_path / "kept.json").read_text("utf-8"))["left_out"] == kept["left_out"]


def test_further_sources_are_heard_in_every_fold_without_who_is_left_out(
    script: ModuleType, tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = corpus(tmp_path / "beside", ["x", "y"])
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(TINY)
    sources = f'data.train=["stands/for/the/others", "{beside}"]'
    monkeypatch.setattr(sys, "argv", ["leave_one_out.py", str(tones), str(recipe), "--set", sources])
    args = script.arguments()
    assert script.heard_beside(args, "nobody") == [beside]
    with pytest.raises(EarwrightError, match="beside: speaker y is in it, and is to be left out"):
        script.heard_beside(args, "y")
    # What is heard beside is part of what a fold was made with; where the rest lies is not.
    assert script.plain_recipe(args)["data"]["train"] == [str(beside)]


def test_folds_of_another_recipe_are_not_taken(
    script: ModuleType, tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(TINY)
    command = ["leave_one_out.py", str(tones), str(recipe), "--work", str(tmp_path / "work")]
    monkeypatch.setattr(sys, "argv", command)
    speakers = script.values_of(tones, "speaker")
    folder = tmp_path / "work" / script.folder_name(speakers, speakers[0])
    folder.mkdir(parents=True)
    made_with = script.plain_recipe(script.arguments())
    (folder / "fold.json").write_text(json.dumps({"recipe": made_with | {"seed": 2}}))
    assert script.main() == 1
    assert "made with another seed" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", [*command, "--only", "nobody"])
    assert script.main() == 1
    assert "no speaker is nobody" in capsys.readouterr().err
