from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from earwright.errors import EarwrightError
from earwright.training import lock
from earwright.training.lock import run_lock

# Takes the lock, starts a child that goes on living, and says so.
HOLDER = """
import os, sys, time
from pathlib import Path
from earwright.training.lock import run_lock
with run_lock(Path(sys.argv[1])):
    child = os.fork()
    if child == 0:
        os.close(1)
        time.sleep(60)
        os._exit(0)
    print(child, flush=True)
    time.sleep(60)
"""


def test_another_process_is_named_and_a_killed_one_stops_nobody(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    child = int(process.stdout.readline())
    try:
        for _ in range(2):  # asking does not take it away
            with pytest.raises(EarwrightError) as caught, run_lock(tmp_path):
                pass
            assert str(caught.value).startswith(f"{tmp_path} is in use by another process ({process.pid}); ")
        process.kill()  # as kill -9: nothing is tidied up, and the child lives on
        process.wait()
        os.kill(child, 0)
        with run_lock(tmp_path):
            pass
    finally:
        process.kill()
        os.kill(child, signal.SIGKILL)


def test_a_lock_is_let_go_of_whatever_happens(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), run_lock(tmp_path):
        raise KeyboardInterrupt
    with run_lock(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]  # no journal is left


def test_one_process_cannot_hold_it_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with run_lock(tmp_path):
        with (
            pytest.raises(EarwrightError, match=f"in use by another process \\({os.getpid()}\\)"),
            run_lock(tmp_path),
        ):
            pass
        monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
        with pytest.raises(EarwrightError, match=rf"\({os.getpid()}, on .+\)"), run_lock(tmp_path):
            pass


def test_a_child_that_ends_does_not_let_go(tmp_path: Path) -> None:
    with run_lock(tmp_path):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        done = subprocess.run([sys.executable, "-c", HOLDER, str(tmp_path)], capture_output=True, text=True)
        assert done.returncode == 1 and "in use by another process" in done.stderr


def test_a_file_system_without_locks_is_gone_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(db: Any) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_LOCK
        raise error

    monkeypatch.setattr(lock, "_take", refuse)
    ran = False
    with run_lock(tmp_path):
        ran = True
    assert ran


def test_a_folder_that_is_not_there_or_a_file_that_is_no_lock(tmp_path: Path) -> None:
    with (
        pytest.raises(EarwrightError, match=r"none.lock: the run cannot be locked"),
        run_lock(tmp_path / "none"),
    ):
        pass
    (tmp_path / "lock").write_bytes(b"something else entirely " * 100)
    with (
        pytest.raises(EarwrightError, match=r"file is not a database\); remove this file"),
        run_lock(tmp_path),
    ):
        pass
