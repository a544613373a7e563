"""`earwright doctor`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from earwright.cli.main import main

pytest.importorskip("torch", reason="needs earwright[train]")


def log(folder: Path, *, bad: int = 0) -> Path:
    """A run of 60 steps of which so many had no finite gradient, with one look at dev."""
    lines = [
        {"kind": "step", "step": step, "loss": 2.0, "gradient_norm": float("nan") if step <= bad else 1.0,
         "learning_rate": 1e-3}
        for step in range(1, 61)
    ]  # fmt: skip
    vitals = {"kind": "vitals", "step": 10, "gradients": {"output": 1.0}, "updates": {"output": 0.01},
              "written": 0.5, "blank": 0.5}  # fmt: skip
    lines.insert(10, vitals)
    lines.append({"kind": "dev", "step": 60, "wer": 0.5, "cer": 0.25})
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_a_run_with_nothing_to_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", str(log(tmp_path))]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == (
        f"{tmp_path}: step 60, training loss 2.00 nats a token, dev WER 50.0 %, CER 25.0 % (best: 25.0 % at "
        "step 60)"
    )
    assert second == "Nothing to complain about."


def test_findings_in_words_and_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", str(log(tmp_path, bad=5))]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith("step 10, warning: The gradients of 5 of the last 10 steps were not finite")
    assert line.endswith("(no longer so at the end)")
    assert main(["doctor", str(tmp_path), "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert (table["step"], table["steps"], table["dev"]["best"]["cer"]) == (60, None, 0.25)
    (finding,) = table["findings"]
    assert (finding["name"], finding["step"], finding["holds"]) == ("gradients-not-finite", 10, False)
    assert finding["figures"] == {"steps": 5}


def test_no_run_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", str(tmp_path / "none")]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and "there is no such file; name the folder of a run" in captured.err
