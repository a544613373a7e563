"""What all tests share: no network, few threads, and the place where optional reference data may lie."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Before numpy, torch and onnxruntime start their thread pools: the tests run on all cores side by side.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Libraries that would ask a hub on the network must not try, not even in a process that a test starts.
os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
from hypothesis import settings

# The tests share two cores with each other: no per-example deadline, and the same examples in every run.
settings.register_profile("earwright", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("earwright")

# Fixtures that several folders use: a bundle whose answers are known.
pytest_plugins = ["runtime_bundle"]
pytest.register_assert_rewrite("page_checks")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Offline is a promise: any connection but to a local AF_UNIX socket fails the test that tries it."""

    def refuse(self: socket.socket, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"a test tried to reach the network: {args}")

    def refuse_lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"a test tried to look up the host {host!r}")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto", "sendmsg"):
            patch.setattr(socket.socket, name, _unless_unix(getattr(socket.socket, name), refuse))
        for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
            patch.setattr(socket, name, refuse_lookup)
        yield


def _unless_unix(real: Any, refuse: Any) -> Any:
    def guarded(self: socket.socket, *args: Any, **kwargs: Any) -> Any:
        method = real if self.family == socket.AF_UNIX else refuse
        return method(self, *args, **kwargs)

    return guarded


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the checkout (or at $EARWRIGHT_SHARED); without it, a skip."""
    place = Path(os.environ.get("EARWRIGHT_SHARED", ROOT.parent / "shared"))
    if not place.is_dir():
        pytest.skip(f"needs reference data that is not part of the project (no folder {place.name!r})")
    return place
