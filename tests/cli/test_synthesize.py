"""The verb `synthesize`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from earwright.cli.main import main
from earwright.cuts import read_cuts

pytest.importorskip("espeakng_loader", reason="needs earwright[synthesize]")


def test_lines_become_utterances(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("\ufeffopen  the door\n\n  \nclose the door\n", encoding="utf-8")
    out = tmp_path / "out"
    assert main(["synthesize", str(texts), str(out), "--voices", "2", "--jobs", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kept"] == 2
    assert [cut.text for cut in read_cuts(out)] == ["open the door", "close the door"]

    other = tmp_path / "other"
    assert main(["synthesize", str(texts), str(other), "--unlike", str(out), "--jobs", "1", "--clean"]) == 0
    assert "kept        2" in capsys.readouterr().out
    variants = [{cut.custom["variant"] for cut in read_cuts(folder)} for folder in (out, other)]
    assert not variants[0] & variants[1]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (None, [], "no such file"),
        (b"", [], "no text in it"),
        (b"\xff\xfe\x00", [], "not UTF-8"),
        (b"one\n", ["--voices", "0"], "--voices must be at least 1"),
        (b"one\n", ["--seed", "-1"], "--seed must not be negative"),
        (b"one\n", ["--language", "klingon"], "no language 'klingon'"),
        (b"one\n", ["--unlike", "nowhere"], "nowhere"),
    ],
)
def test_bad_input(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    options: list[str],
    message: str,
) -> None:
    texts = tmp_path / "texts.txt"
    if content is not None:
        texts.write_bytes(content)
    assert main(["synthesize", str(texts), str(tmp_path / "out"), *options]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()
