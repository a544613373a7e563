"""What a recipe names to learn from, wherever it lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from earwright.cuts import Cut, write_cuts
from earwright.data.speech import read_all_cuts
from earwright.errors import EarwrightError


def test_a_prepared_folder_may_be_named_by_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "two words"
    folder.mkdir()
    with open(folder / "cuts.jsonl.gz", "wb") as file:
        write_cuts([Cut("a", "a.wav", 0.0, 1.0, 16000, text="one")], file)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (str(folder), folder.as_uri(), "~/two words"):
        assert [cut.id for cut in read_all_cuts([name], "data.train")] == ["a"]
    with pytest.raises(EarwrightError, match=f"^{tmp_path / 'none'}: there is no such file"):
        read_all_cuts([(tmp_path / "none").as_uri()], "data.train")
