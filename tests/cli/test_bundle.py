"""`earwright bundle`: info, verify, seal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from earwright.bundle import write_bundle
from earwright.cli.main import main
from runtime_bundle import META, bundle_files


@pytest.fixture(params=["tones.ear", "tones.zip"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_bundle(tmp_path / request.param, META, bundle_files())


def test_info(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bundle", "info", str(path)]) == 0
    out = capsys.readouterr().out
    assert "tones" in out and "16,000" in out and "files.encoder.onnx" in out
    assert main(["bundle", "info", str(path), "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert (table["sample_rate"], table["languages"]) == (16000, ["en"])
    assert set(table["files"]) == set(bundle_files())


def test_verify(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bundle", "verify", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: all 3 files are as they were written.\n"
    assert main(["bundle", "verify", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["problems"] == []


def test_verify_tells_all_that_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_bundle(tmp_path / "tones.ear", META, bundle_files())
    (path / "tokens.txt").write_text("<blank>\n")
    (path / "encoder.onnx").unlink()
    assert main(["bundle", "verify", str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 2
    assert main(["bundle", "verify", str(path), "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["problems"]) == 2


def test_seal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_bundle(tmp_path / "tones.ear", META, {**bundle_files(), "card.md": b"short"})
    (path / "card.md").write_text("longer")
    assert main(["bundle", "info", str(path)]) == 1
    assert main(["bundle", "seal", str(path)]) == 0
    assert main(["bundle", "verify", str(path)]) == 0


@pytest.mark.parametrize("action", ["info", "verify", "seal"])
def test_what_is_no_bundle_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], action: str
) -> None:
    (tmp_path / "file.zip").write_bytes(b"no zip")
    for name in ("missing", "file.zip", "."):
        assert main(["bundle", action, str(tmp_path / name)]) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("earwright: ") and captured.err.count("\n") == 1


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bundle"]) == 2
    assert main(["bundle", "explode", "x"]) == 2
