"""The demo, in small: a few sentences, a few steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from earwright.cli import demo
from earwright.cli.main import main
from earwright.cuts import read_cuts
from earwright.recognizer import Recognizer

pytest.importorskip("espeakng_loader", reason="needs earwright[synthesize]")
pytest.importorskip("torch", reason="needs earwright[train]")


def test_the_whole_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "SETS", (("test", 4, 2), ("dev", 3, 2), ("train", 0, 4)))
    out = tmp_path / "demo"
    assert main(["demo", "--out", str(out), "--sentences", "12", "--max-time", "2s", "--debug"]) == 0
    shown = capsys.readouterr()
    bundle = Path(shown.out.strip())
    assert Recognizer.load(bundle).meta.name == "demo"
    assert "WER" in shown.err and "4 utterances, 2 voices" in shown.err
    assert "synthetic speech" in shown.err and "my-recordings.csv" in shown.err
    variants = [{cut.custom["variant"] for cut in read_cuts(out / name)} for name in ("train", "dev", "test")]
    assert not variants[0] & variants[1] and not variants[0] & variants[2] and not variants[1] & variants[2]


def test_bad_arguments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--out", str(tmp_path), "--sentences", "1"]) == 1
    assert "--sentences must be at least 10" in capsys.readouterr().err
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "precious").write_text("x")
    assert main(["demo", "--out", str(tmp_path)]) == 1
    assert "holds other things" in capsys.readouterr().err
