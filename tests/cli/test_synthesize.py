"""The verb `synthesize`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

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


def test_drawn_sentences_in_styles_with_noise_in_rooms(tmp_path: Path) -> None:
    books = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for book in books:
        book.write_text(
            "\n".join(f"In {book.stem} they said {n} words" for n in ("two", "six", "ten")) + "\n"
        )
    generator = np.random.default_rng(0)
    for folder, length in (("noise", 16000), ("rooms", 800)):
        (tmp_path / folder).mkdir()
        decay = np.exp(-np.arange(length) / (1e9 if folder == "noise" else 100))
        samples = 0.1 * generator.standard_normal(length) * decay
        soundfile.write(tmp_path / folder / "x.wav", samples, 16000)
    made = []
    for name, jobs in (("one", "1"), ("two", "2")):
        out = tmp_path / name
        options = ["--sentences", "5", "--styles", "fast,slow", "--jobs", jobs, "--seed", "3"]
        sound = ["--noise", str(tmp_path / "noise"), "--snr", "-5", "5", "--rooms", str(tmp_path / "rooms")]
        assert main(["synthesize", *map(str, books), str(out), *options, *sound]) == 0
        cuts = read_cuts(out)
        assert len({cut.text for cut in cuts}) == 5
        assert {cut.custom["style"] for cut in cuts} == {"fast", "slow"}
        made.append([(cut.text, Path(cut.path).read_bytes()) for cut in cuts])
    assert made[0] == made[1]


def test_a_recipe_says_what_else_happens(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs earwright[train]")
    (tmp_path / "texts.txt").write_text("open the door\n")
    (tmp_path / "half.toml").write_text("[augment]\nspeeds = [0.5]\n")
    lengths = []
    for name, more in (("a", []), ("b", ["--recipe", str(tmp_path / "half.toml")])):
        arguments = [str(tmp_path / "texts.txt"), str(tmp_path / name), "--clean", "--jobs", "1"]
        assert main(["synthesize", *arguments, *more]) == 0
        lengths.append(read_cuts(tmp_path / name)[0].recording_samples)
    assert lengths[1] == pytest.approx(2 * lengths[0], abs=2)


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
        (b"one\n", ["--styles", "angry"], 'no style "angry"'),
        (b"one\n", ["--styles", "fast,,slow"], "names with commas between them"),
        (b"one\n", ["--command", ""], "--command is empty"),
        (b"one\n", ["--command", "sh {out} > x"], "no shell runs it"),
        (b"one\n", ["--command", "sh {out}", "--function", "a:b"], "give one of the two"),
        (b"one\n", ["--command", "sh {out}", "--timeout", "nan"], "timeout of nan s"),
        (b"one\n", ["--function", "speak"], "write package.module:function"),
        (b"one\n", ["--snr", "0", "10"], "--snr goes with --noise"),
        (b"one\n", ["--noise", "nowhere"], "earwright: --noise: nowhere is not a folder"),
        (b"one\n", ["--noise", ".", "--snr", "10", "0"], "[least, most]"),
        (b"one\n", ["--noise", ".", "--snr", "0", "inf"], "two finite numbers"),
        (b"one\n", ["--rooms", "nowhere"], "earwright: --rooms: nowhere is not a folder"),
        (b"one\n", ["--rooms", ".", "--recipe", "x.toml"], "leave out --noise and --rooms"),
        (b"one\n", ["--recipe", "nowhere.toml"], "no such recipe"),
        (b"one\n", ["--sentences", "0"], "--sentences must be at least 1"),
        (b"one\n", ["--sentences", "3"], "only 0 sentences"),
        (b"one\n", ["--apart-from", "nowhere"], "--apart-from goes with --sentences"),
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
