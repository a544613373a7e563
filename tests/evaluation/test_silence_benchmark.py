"""The benchmark of silence listens to nothing that a recognizer may have been trained with."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

from benchmark_scripts import load_script
from earwright.audio.backgrounds import find_backgrounds
from earwright.errors import EarwrightError

RATE = 8000


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script("silence")


def arguments(**given: object) -> argparse.Namespace:
    return argparse.Namespace(**{"music": None, "noise": [], "room": None, "minutes": 1, "seed": 0} | given)


def test_music_that_was_trained_with_is_not_heard(script: ModuleType, tmp_path: Path) -> None:
    for kind in ("music", "tap"):
        (tmp_path / kind).mkdir()
        for number in range(10):  # each has its own level
            soundfile.write(tmp_path / kind / f"{number}.wav", np.full(RATE, 0.05 * (number + 1)), RATE)
    folder = str(tmp_path / "music")
    kinds, seconds = script.classes(arguments(music=folder, noise=[str(tmp_path / "tap")]))
    assert [kind.name for kind in kinds] == ["silence", "room", "music", "tap"]
    heard = np.concatenate([samples for _, samples in kinds[2].sources(RATE)])
    tested = {int(background.path.stem) for background in find_backgrounds([folder], "test")}
    assert {round(float(level) / 0.05) - 1 for level in np.unique(heard.round(3))} == tested
    assert seconds == {"music": 3.0, "tap": 10.0}


def test_a_folder_of_no_use(script: ModuleType, tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"{number}.wav").write_bytes(b"no audio")
    with pytest.raises(EarwrightError, match="none of its recordings can be read"):
        script.classes(arguments(room=str(tmp_path)))
