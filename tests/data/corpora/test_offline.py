"""Another library's code without a network, a shell or a word on the terminal."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import types
import urllib.request
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from earwright.data.corpora.offline import Refused, quiet, shut


def connect() -> None:
    with socket.socket(socket.AF_INET) as place:
        place.connect(("192.0.2.1", 80))


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (connect, r"to reach \('192\.0\.2\.1', 80\)"),
        (lambda: socket.getaddrinfo("example.org", 80), "to reach example.org"),
        (lambda: socket.create_connection(("example.org", 80)), "to reach example.org"),
        (lambda: urllib.request.urlopen("https://example.org/x"), "to download https://example.org/x$"),
        (
            lambda: urllib.request.urlopen(urllib.request.Request("https://example.org/y")),
            "to download https://example.org/y$",
        ),
        (
            lambda: urllib.request.urlretrieve("https://example.org/x", "x.gz"),
            "to download https://example.org/x to x.gz$",
        ),
        (lambda: os.system("true"), "to run the command true"),
        (lambda: subprocess.run("true", shell=True), "to run the command true"),
        (lambda: subprocess.check_output(args="true", shell=True), "to run the command true"),
    ],
)
def test_what_is_refused(attempt: Callable[[], Any], message: str) -> None:
    with shut("nothing", ()), pytest.raises(Refused, match=message):
        attempt()


def test_a_librarys_own_names_of_what_downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(url: str, filename: Path) -> None:
        filename.write_text("")

    module = types.ModuleType("library.recipes")
    module.fetch, module.urlopen, module.other = fetch, urllib.request.urlopen, fetch  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "library.recipes", module)
    with shut("library", ("fetch",)):
        with pytest.raises(Refused, match=f"to download https://x to {tmp_path}/a"):
            module.fetch("https://x", filename=tmp_path / "a")
        with pytest.raises(Refused, match="to download https://x"):
            module.urlopen("https://x")
        module.other("https://x", tmp_path / "b")
    assert module.fetch is fetch and not (tmp_path / "a").exists()


def test_processes_and_local_sockets_go_on() -> None:
    with shut("nothing", ()):
        done = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, text=True)
        first, second = socket.socketpair()
        first.sendall(b"x")
        assert second.recv(1) == b"x"
    first.close(), second.close()
    assert done.stdout == "1\n"


def test_everything_is_put_back() -> None:
    places = [socket.socket, socket, subprocess.Popen, os, urllib.request]
    before = [dict(vars(place)) for place in places]
    with pytest.raises(ZeroDivisionError), shut("lhotse", ("resumable_download",)):
        raise ZeroDivisionError
    assert [dict(vars(place)) for place in places] == before


def test_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    handlers = list(logging.getLogger().handlers)
    with quiet() as logged:
        print("a")
        print("b", file=sys.stderr)
        warnings.warn("c", stacklevel=1)
        logging.info("d")
        logging.warning("no such\nfile: %s", "e.wav")
        logging.getLogger("some.library").error("f")
    assert logged == ["no such file: e.wav", "f"]
    assert capfd.readouterr() == ("", "") and logging.getLogger().handlers == handlers
