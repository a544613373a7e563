"""`earwright new`: what it prints, at several widths and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.cells import cell_len

from earwright.cli.main import main
from earwright.training import load_recipe
from earwright.training.machine import Machine
from earwright.training.proposal import propose as proposal
from earwright.training.proposal.speed import Speed


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two hours of cuts, and a machine that need not be measured."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(proposal, "measure_machine", lambda device: Machine("a processor", 2, 50.0, 1.0))
    monkeypatch.setattr(proposal, "measure_speed", lambda *args: Speed(150.0, "bf16", 3_000_000))
    (tmp_path / "data").mkdir()
    lines = []
    for number in range(720):
        recording = {
            "id": f"r{number}",
            "sources": [{"type": "file", "channels": [0], "source": "a.wav"}],
            "sampling_rate": 16000,
            "num_samples": 160000,
            "duration": 10.0,
        }
        supervision = {
            "id": f"s{number}", "recording_id": f"r{number}", "start": 0, "duration": 10.0, "channel": 0,
            "text": "Turn the light on, please", "language": "en", "speaker": f"speaker {number % 9}",
        }  # fmt: skip
        cut = {"id": f"c{number}", "start": 0, "duration": 10.0, "channel": 0, "type": "MonoCut"}
        lines.append(json.dumps(cut | {"recording": recording, "supervisions": [supervision]}))
    (tmp_path / "data" / "cuts.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.mark.parametrize("width", [60, 160])
def test_it_says_what_to_expect_and_where_that_is_from(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["new", "mine", "data", "--time", "1h"]) == 0
    out = capsys.readouterr().out
    assert max(map(cell_len, out.splitlines())) <= width
    text = " ".join(out.split())
    assert "150 seconds of audio a second in bf16" in text and "so 1 h 00 min are about 14,811 steps" in text
    assert "kept result (librispeech-5h-test in docs/results of earwright's repository" in text
    assert "Here are 2.0 h, less than it had: expect more errors than that." in text
    assert "There is no dev set" in text
    assert out.endswith("mine/recipe.toml is the recipe; train it with\nearwright train mine/recipe.toml\n")
    recipe = load_recipe("mine/recipe.toml")
    assert recipe.name == "mine" and recipe.text.languages == ("en",) and recipe.data.train == ("data",)


def test_json(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "mine", "data", "--language", "de,en", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["recipe"] == "mine/recipe.toml" and told["model"] == "conformer-3m"
    assert told["data"]["speakers"] == 9 and told["seconds"] == 7200.0
    assert told["expected"]["from"]["name"] == "librispeech-5h" and 0 < told["expected"]["cer"] < 1
    assert told["values"]["text"]["languages"] == ["de", "en"]


def test_faults(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, message in (
        (["mine", "nowhere"], "nowhere: there is no such file"),
        (["mine", "data", "--time", "soon"], '"soon" is no length of time'),
        (["mine", "data", "--dev", "data"], "data: dev is what it learns from"),
    ):
        assert main(["new", *words]) == 1
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1
    assert main(["new", "mine"]) == 2
