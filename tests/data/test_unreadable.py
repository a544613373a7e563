"""Cuts whose audio cannot be read are left out, all of them are counted, and no others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwright.cuts import Cut
from earwright.data.examples import build_training_set
from earwright.data.options import DataOptions
from earwright.text import build_char_tokenizer

RATE = 16000


def test_ids_of_another_folder_are_not_mistaken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
    soundfile.write(tmp_path / "one/a.wav", np.full(RATE, 0.1), RATE)
    (tmp_path / "other/a.wav").write_bytes(b"no audio")
    paths = [str(tmp_path / folder / "a.wav") for folder in ("one", "other")]
    # Once under the same name, and once more under others, when the cache is there already.
    for ids in (("a", "a"), ("first", "second")):
        cuts = [
            Cut(name, path, 0.0, 1.0, RATE, text="hello", recording_samples=RATE)
            for name, path in zip(ids, paths, strict=True)
        ]
        found = build_training_set(
            cuts,
            build_char_tokenizer(["hello"], 1),
            DataOptions(cache="pcm"),
            "basic",
            sample_rate=RATE,
            frame_shift=0.04,
            top_speed=1.0,
        )
        assert [example.id for example in found.examples] == [ids[0]]
        assert found.audio.read(0) == pytest.approx(np.full(RATE, 0.1), abs=1e-4)
        assert found.left_out == {"unreadable": [ids[1]]}
