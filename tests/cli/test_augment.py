"""earwright augment: versions to hear and to see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwright.cli.augment import KINDS
from earwright.cli.main import main
from earwright.training.hearing import ALL_KINDS

RATE = 16000


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    time = np.arange(RATE) / RATE
    loud = np.clip(np.sin(2 * np.pi * 4 * time), 0, 1)
    noise = np.random.default_rng(0).normal(0, 0.03, RATE)
    path = tmp_path / "said.wav"
    soundfile.write(path, loud * (0.2 * np.sin(2 * np.pi * 300 * time) + noise), RATE)
    return path


def test_the_kinds_are_those_that_there_are() -> None:
    assert KINDS == ALL_KINDS


def test_each_kind_is_heard_and_seen(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pyroomacoustics")
    out, plot = tmp_path / "versions", tmp_path / "versions.png"
    arguments = ["augment", str(recording), "--set", "augment.room.simulated=2", "--draws", "2"]
    assert main([*arguments, "--out", str(out), "--plot", str(plot)]) == 0
    told = capsys.readouterr()
    names = [line.split()[0] for line in told.out.splitlines()]
    assert names[0] == "original" and names[-2:] == ["draw-1", "draw-2"]
    assert [name.partition("-")[0] for name in names[1:-2]] == ["concatenation", "speed", *KINDS[1:]]
    assert "no babble" in told.err
    files = sorted(out.iterdir())
    assert [path.stem[3:] for path in files] == names
    heard = {path.stem[3:]: soundfile.read(path)[0] for path in files}
    assert all(len(heard[kind]) == RATE for kind in KINDS[3:] if kind != "trim")
    assert RATE / 2 <= len(heard["trim"]) <= RATE
    assert (
        len({samples.tobytes() for samples in heard.values()}) >= len(heard) - 2
    )  # a draw may leave it alone
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_a_kind_alone_is_the_same_for_the_same_seed(recording: Path, tmp_path: Path) -> None:
    def heard(name: str, seed: int) -> bytes:
        arguments = ["augment", str(recording), "--kind", "cutout", "--seed", str(seed)]
        assert main([*arguments, "--out", str(tmp_path / name)]) == 0
        files = sorted((tmp_path / name).iterdir())
        assert [path.name for path in files] == ["00-original.wav", "01-cutout.wav"]
        return files[1].read_bytes()

    assert heard("a", 1) == heard("b", 1) != heard("c", 2)


def test_a_recipe_names_its_kinds(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("[augment]\nspeeds = [1.0]\n[augment.gain]\nprobability = 0.5\n")
    assert main(["augment", str(recording), "--recipe", str(recipe), "--draws", "1"]) == 0
    told = capsys.readouterr()
    assert [line.split()[0] for line in told.out.splitlines()] == ["original", "gain", "draw-1"]
    assert "babble" not in told.err  # nothing is said of what no kind needs


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "augment.noise.probability=2"], "probability must lie between 0 and 1, not be 2"),
        (["--set", "augment.noise.snr=[0, inf]"], "snr must be two finite numbers"),
        (["--set", "augment.noise.folders=no/such"], "augment.noise.folders: no/such is not a folder"),
        (["--set", "augment.room.folders=no/such"], "augment.room.folders: no/such is not a folder"),
        (["--kind", "room", "--recipe", "RECIPE"], "the recipe has no rooms"),
        (["--plot", "x.doc"], "name a picture that ends in"),
        (["--draws", "-1"], "--draws and --seed must be 0 or more"),
        (["--recipe", "missing.toml"], "there is no such recipe"),
    ],
)
def test_bad_input_gets_one_sentence(
    arguments: list[str], message: str, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plain.toml").write_text("")
    arguments = [str(tmp_path / "plain.toml") if a == "RECIPE" else a for a in arguments]
    assert main(["augment", str(recording), *arguments]) == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("earwright: ") and message in last


def test_a_response_that_is_silent_or_longer_than_the_speech(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "rooms"
    folder.mkdir()
    soundfile.write(folder / "a.wav", np.zeros(RATE), RATE)
    arguments = ["augment", str(recording), "--kind", "room", "--set", f"augment.room.folders={folder}"]
    assert main(arguments) == 1
    assert "each is unreadable or silent" in capsys.readouterr().err
    soundfile.write(folder / "a.wav", np.random.default_rng(0).normal(0, 0.1, 3 * RATE), RATE)
    assert main(arguments) == 1
    assert "every impulse response lasts longer than the speech" in capsys.readouterr().err
