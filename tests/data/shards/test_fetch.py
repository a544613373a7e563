"""Shards that lie far away: in memory, in a zip file, on a web server that hangs up."""

from __future__ import annotations

import _socket
import json
import os
import socket
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.shards.utterances import everything
from earwright.data.options import DataOptions
from earwright.data.shards import copies as copies_module
from earwright.data.shards.copies import Copies
from earwright.data.shards.fetch import fetch_file
from earwright.data.shards.places import INDEX_NAME, FileFacts, find_shards
from earwright.data.speech import Speech
from earwright.errors import EarwrightError


class Door(SimpleHTTPRequestHandler):
    """Serves a folder, knows ranges, and hangs up halfway as often as it is told."""

    hang_ups: dict[str, int]
    refusals: dict[str, int]
    asked: list[str]
    knows_ranges = True

    def do_GET(self) -> None:
        """One request."""
        name = os.path.basename(self.path)
        self.asked.append(name)
        path = Path(self.translate_path(self.path))
        if self.refusals.get(name):
            self.refusals[name] -= 1
            self.send_error(503)
            return
        if not path.is_file():
            self.send_error(404)
            return
        whole = path.read_bytes()
        asked = self.headers.get("Range") if self.knows_ranges else None
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(whole) - start))
        self.end_headers()
        end = len(whole)
        if self.hang_ups.get(name):
            self.hang_ups[name] -= 1
            end = start + (len(whole) - start) // 2
        self.wfile.write(whole[start:end])
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Silence."""


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own server may be reached, and nothing else."""

    def connect(self: socket.socket, address: Any) -> None:
        assert address[0] == "127.0.0.1"
        _socket.socket.connect(self, address)

    def look_up(host: Any, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        assert host == "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def server(shards: Path, loopback: None) -> Iterator[tuple[str, type[Door]]]:
    """The address of the shards on a web server, and how it behaves."""
    door = type("Door", (Door,), {"hang_ups": {}, "refusals": {}, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *arguments: door(*arguments, directory=str(shards)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", door
    server.shutdown()
    server.server_close()
    thread.join()


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        np.array_equal(one[key][1], other[key][1]) and one[key][0].text == other[key][0].text for key in one
    )


@pytest.mark.parametrize("listed", [True, False])
def test_memory_and_zip(shards: Path, tmp_path: Path, listed: bool) -> None:
    import fsspec

    here = everything(shards, tmp_path)
    if not listed:  # as lhotse leaves them
        (shards / INDEX_NAME).unlink()
    memory = fsspec.filesystem("memory")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as packed:
        for path in shards.iterdir():
            memory.pipe(f"/far/{path.name}", path.read_bytes())
            packed.write(path, f"in/side/{path.name}")
    try:
        assert same(everything("memory://far", tmp_path), here)
        assert same(everything(f"zip://in/side::{tmp_path}/all.zip", tmp_path), here)
        memory.rm("/far/recording.000002.tar")
        with pytest.raises(EarwrightError, match=r"memory://far/.*000002.*(no such file|not beside it)"):
            everything("memory://far", tmp_path / "elsewhere")
    finally:
        memory.rm("/far", recursive=True)
    with pytest.raises(EarwrightError, match=r"memory://nowhere.*no such file or folder"):
        find_shards("memory://nowhere")
    with pytest.raises(EarwrightError, match=r"what://is/this.*cannot be read"):
        find_shards("what://is/this")


@pytest.mark.parametrize("ranges", [True, False])
def test_a_server_that_hangs_up(
    server: tuple[str, type[Door]], shards: Path, tmp_path: Path, ranges: bool
) -> None:
    address, door = server
    door.knows_ranges = ranges
    door.hang_ups = {"recording.000001.tar": 3, "cuts.000000.jsonl.gz": 1}
    door.refusals = {"recording.000002.tar": 2}
    assert same(everything(address, tmp_path), everything(shards, tmp_path))
    assert door.asked.count("recording.000001.tar") == 4
    assert door.asked.count("recording.000000.tar") == 1
    everything(address, tmp_path)  # all of it is here by now
    assert door.asked.count("recording.000001.tar") == 4 and door.asked.count(INDEX_NAME) == 2


def test_a_server_that_hangs_up_for_good(server: tuple[str, type[Door]], tmp_path: Path) -> None:
    address, door = server
    door.knows_ranges = False
    door.hang_ups = {"recording.000001.tar": 99}
    with pytest.raises(EarwrightError) as error:
        everything(address, tmp_path)
    text = str(error.value)
    assert text.startswith(f"{address}/recording.000001.tar: only ") and "in 4 attempts" in text
    assert "\n" not in text
    assert not [path for path in (tmp_path / "copies").iterdir() if path.suffix == ".partial"]


def test_a_server_without_the_files(server: tuple[str, type[Door]], shards: Path, tmp_path: Path) -> None:
    address, door = server
    path = shards / "recording.000003.tar"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EarwrightError, match=r"recording\.000003\.tar: it has \d+ bytes and should have"):
        everything(address, tmp_path)
    path.write_bytes(whole[:5000] + b"x" + whole[5001:])
    with pytest.raises(EarwrightError, match="its checksum differs"):
        everything(address, tmp_path)
    path.unlink()
    with pytest.raises(EarwrightError, match=r"recording\.000003\.tar: there is no such file \(404"):
        everything(address, tmp_path)
    (shards / INDEX_NAME).unlink()
    with pytest.raises(EarwrightError, match=r"there is no cuts\.index\.json"):
        find_shards(address)
    assert door.asked.count("recording.000003.tar") == 3  # none of this gets better by asking again


def test_nobody_answers(loopback: None, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(EarwrightError, match=r"only 0 bytes arrived in 4 attempts \(.*refused"):
        find_shards(f"http://127.0.0.1:{port}")


def test_a_full_disk_is_no_broken_connection(
    server: tuple[str, type[Door]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, door = server
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    target = tmp_path / "x.tar"
    (tmp_path / f"x.tar.{os.getpid()}.partial").symlink_to("/dev/full")
    with pytest.raises((EarwrightError, OSError), match=r"disk is full|No space"):
        fetch_file(f"{address}/recording.000000.tar", target)
    assert door.asked == ["recording.000000.tar"] and not target.exists()


def test_a_file_is_fetched_once_by_many(server: tuple[str, type[Door]], tmp_path: Path) -> None:
    address, door = server
    shard = find_shards(address)[0]
    copies = Copies(tmp_path / "copies", 1.0)
    threads = [threading.Thread(target=copies.path, args=(shard.recording,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert door.asked.count("recording.000000.tar") == 1


def test_what_nobody_uses_makes_room(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    for number in range(5):
        memory.pipe(f"/room/{number}.tar", bytes(1000))
    monkeypatch.setattr(copies_module, "GB", 1000)
    copies = Copies(tmp_path / "copies", 3.5)
    files = [FileFacts(f"memory://room/{number}.tar") for number in range(5)]
    for number in (0, 1, 2):
        place = copies.path(files[number])
        os.utime(place, (number, number))
    with open(copies.path(files[0]), "rb") as in_use:  # the latest used now
        copies.path(files[3])
        copies.path(files[4])
        left = {path.name for path in (tmp_path / "copies").glob("*.tar")}
        assert left == {copies_module._name(files[number]) for number in (0, 3, 4)}
        assert len(in_use.read()) == 1000
    memory.rm("/room", recursive=True)


def test_a_cache_that_is_too_small_is_told_of(
    server: tuple[str, type[Door]], shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, _ = server
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    index = json.loads((shards / INDEX_NAME).read_text())
    index["shards"][0]["recording"]["size"] = 5 * 10**9
    (shards / INDEX_NAME).write_text(json.dumps(index))
    with pytest.raises(EarwrightError, match="shard_cache_gb = 20 has no room"):
        Speech.open([address], "data.train", DataOptions())
