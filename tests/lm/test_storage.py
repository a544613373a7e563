"""Room for arrays: the same in memory and in files, and a full disk in one sentence."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from earwright.errors import EarwrightError
from earwright.lm.estimate import estimate
from earwright.lm.storage import Spool, Workspace, available_memory, parse_memory


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workspace:
    monkeypatch.setattr("earwright.lm.storage._LEAST", 1)
    return Workspace(100, tmp_path)


def test_a_spool_spills(small: Workspace, tmp_path: Path) -> None:
    with small:
        spool = Spool(small, np.int32)
        for begin in range(0, 100, 10):
            spool.append(np.arange(begin, begin + 10))
        assert len(spool) == 100
        assert small.spilled == 400
        values = spool.array()
        assert isinstance(values, np.memmap)
        assert values.tolist() == list(range(100))
        zeros = small.allocate(50, np.float64)
        assert isinstance(zeros, np.memmap)
        assert not zeros.any()
        spool.release()
        assert small.free == 100
        empty = Spool(small, np.int64).array()
        assert len(empty) == 0
    assert list(tmp_path.iterdir()) == []


def test_amounts_of_memory() -> None:
    assert parse_memory("2G") == 2 << 30
    assert parse_memory("1.5 MB") == 3 << 19
    assert parse_memory("100") == 100
    assert 0 < parse_memory("50%") < available_memory()
    for text in ("much", "0", "-1G", "2X", ""):
        with pytest.raises(EarwrightError, match="is no amount of memory"):
            parse_memory(text)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("where", ["write", "reserve"])
def test_a_full_disk(number: int, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("earwright.lm.storage._LEAST", 1)
    if where == "reserve":
        monkeypatch.setattr("earwright.lm.storage._reserve", full)
    else:
        monkeypatch.setattr(Path, "open", _opening(full))
    vocabulary = ["<unk>", "<s>", "</s>", *"abcdefgh"]
    text = np.random.default_rng(1).integers(3, 11, (200, 10))
    with (
        pytest.raises(EarwrightError, match=r"the disk is full.*--temporary") as caught,
        Workspace(60_000 if where == "reserve" else 2000, tmp_path) as workspace,
    ):
        estimate(text, 4, vocabulary, workspace=workspace)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def _opening(full: Any) -> Any:
    real = Path.open

    def opened(self: Path, *arguments: Any, **options: Any) -> Any:
        file = real(self, *arguments, **options)
        return type("Full", (), {"write": staticmethod(full), "close": file.close, "fileno": file.fileno})()

    return opened


def test_a_folder_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earwright.lm.storage._LEAST", 1)
    with (
        pytest.raises(EarwrightError, match="cannot keep temporary files here"),
        Workspace(1, tmp_path / "nowhere") as workspace,
    ):
        workspace.allocate(100, np.int64)
