"""`earwright runs`: the table, the curves and the comparison at several widths, and as JSON."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
import tomli_w
from rich.cells import cell_len

from earwright.cli.main import main


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three runs that were stopped, and a folder with nothing in it."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("first", "second", "a-name-that-is-longer-than-others-are"), 1):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        lines = []
        for step in range(1, 301):
            lines.append({"kind": "step", "step": step, "loss": 3.0 / number + 1 / step})
            if step % 10 == 0:
                error = 0.2 * number + 10 / (step + 10)
                lines.append(
                    {
                        "kind": "dev",
                        "step": step,
                        "cer": error,
                        "wer": 1.5 * error,
                        "minutes": number * step / 60,
                        "cpu_minutes": number * step / 40,
                        "audio_seconds_per_second": 70.0 * number,
                    }
                )
        path = folder / "log.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        os.utime(path, (time.time() - 9999,) * 2)
        recipe = {"name": name, "data": {"train": ["data/train"], "dev": ["data/dev"]}, "seed": number}
        (folder / "recipe.toml").write_text(tomli_w.dumps(recipe))
    (tmp_path / "runs" / "nothing").mkdir()
    return tmp_path


@pytest.mark.parametrize("width", [60, 80, 160])
@pytest.mark.parametrize("words", [[], ["--metric", "wer", "--by", "minutes"], ["--metric", "loss"]])
def test_it_fits_the_window(
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    width: int,
    words: list[str],
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["runs", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(cell_len, lines)) <= width
    text = "\n".join(lines)
    assert "nothing" in text and "empty" in text and "⣀" in text
    beside = max(sum(name in line for name in ("first:", "second:", "are:")) for line in lines)
    assert beside == {60: 1, 80: 2, 160: 3}[width]


def test_the_table(place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["runs"]) == 0
    out = capsys.readouterr().out
    rows = {line.split()[0]: line.split() for line in out.splitlines()[:5]}
    first = ["first", "stopped", "300", "5.0", "23.2", "300", "34.8", "70x", "data/train"]
    assert rows["first"] == first
    assert rows["nothing"] == ["nothing", "empty"]
    assert "…-longer-than-others-are " in out and "a-name" not in out  # the end tells more
    assert "dev CER against steps" in out and "first: 23.2 % at step 300" in out
    assert main(["runs", "--by", "cpu", "--metric", "loss"]) == 0
    out = capsys.readouterr().out
    assert "training loss against minutes of processor time" in out and "first: 3.003 at the end" in out


def test_two_are_compared(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["runs", "runs/first", "runs/second"]) == 0
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines()]
    assert ["name", "first", "second"] in lines
    assert ["seed", "1", "(default)", "2"] in lines
    assert not any(line[:1] == ["data.train"] for line in lines)
    assert ["300", "23.2", "43.2", "+20.0"] in lines
    # In 5 minutes the second came to step 150: 0.4 + 10 / 160.
    assert ["5.0", "23.2", "46.2", "+23.0"] in lines
    assert max(map(cell_len, out.splitlines())) <= 80


def test_json(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "runs/first", "runs/second", "--json", "--metric", "wer"]) == 0
    told = json.loads(capsys.readouterr().out)
    first, _ = told["runs"]
    assert first["name"] == "first" and first["state"] == "stopped" and first["parameters"] is None
    assert first["best"]["wer"]["step"] == 300 and len(first["curve"]) == 30
    assert [one["key"] for one in told["differences"]] == ["name", "seed"]
    assert told["differences"][1] == {"key": "seed", "values": [1, 2], "defaults": [True, False]}
    assert told["at_equal"]["step"][-1]["errors"] == pytest.approx([1.5 * (0.2 + 10 / 310), 0.6 + 15 / 310])
    assert main(["runs", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["runs"]) == 4 and "differences" not in told
    assert [one["state"] for one in told["runs"]].count("empty") == 1


def test_faults(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "bare").mkdir()
    for words, message in (
        (["nowhere"], "nowhere: there is no such folder"),
        (["bare"], "there are no runs in bare"),
        (["runs/first/log.jsonl"], "there is no such folder"),
    ):
        assert main(["runs", *words]) == 1
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1
    assert main(["runs", "--metric", "bleu"]) == 2


def test_a_run_without_a_recipe_is_compared_all_the_same(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "runs" / "second" / "recipe.toml").unlink()
    assert main(["runs", "runs/first", "runs/second"]) == 0
    assert "runs/second: it has no recipe to compare." in capsys.readouterr().out
