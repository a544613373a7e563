"""Another library's code run without a network, without a shell and without a word on the terminal."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import socket
import subprocess
import sys
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from earwright.errors import EarwrightError


class Refused(EarwrightError):
    """What the library wanted: "to download https://... to data.tar.gz"."""


@contextlib.contextmanager
def shut(package: str, downloads: tuple[str, ...]) -> Iterator[None]:
    """Let nothing out while the block runs: what wants to reach the network or a shell raises `Refused`.

    Connections through sockets of the file system, and programs that are started without a shell, are let be:
    libraries need them to run several processes. Everything is put back at the end. The patches hold for the
    whole process, so this is for a program's main thread.

    Args:
        package: the library, whose modules may hold the functions under names of their own.
        downloads: names of its functions that download (address, file), so that none leaves an empty file.

    Raises:
        Refused: by what is called within.
    """
    with contextlib.ExitStack() as stack:

        def put(place: Any, name: str, value: Any) -> None:
            stack.enter_context(_replaced(place, name, value))

        for name in ("connect", "connect_ex", "sendto", "sendmsg"):
            put(socket.socket, name, _local_only(getattr(socket.socket, name)))
        for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
            put(socket, name, _refuse_host)
        put(subprocess.Popen, "__init__", _without_shell(subprocess.Popen.__init__))
        put(os, "system", _refuse_command)
        for name in ("urlopen", "urlretrieve"):
            put(urllib.request, name, _refuse_download)
        for module_name, module in list(sys.modules.items()):
            if module_name.partition(".")[0] == package:
                for name in ("urlopen", "urlretrieve", *downloads):
                    if name in vars(module):
                        put(module, name, _refuse_download)
        yield


@contextlib.contextmanager
def quiet() -> Iterator[list[str]]:
    """Keep off the terminal what is printed, drawn and logged; gives the list of the warnings logged."""
    logged: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            with contextlib.suppress(Exception):  # arguments that do not fit their message are not our fault
                logged.append(" ".join(record.getMessage().split()))

    handler = Collect(logging.WARNING)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield logged
    finally:
        root.removeHandler(handler)


@contextlib.contextmanager
def _replaced(place: Any, name: str, value: Any) -> Iterator[None]:
    """Another value for an attribute, which may be inherited: then it is taken away again."""
    own = name in vars(place)
    before = getattr(place, name)
    setattr(place, name, value)
    try:
        yield
    finally:
        if own:
            setattr(place, name, before)
        else:
            delattr(place, name)


def _local_only(method: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, *args: Any, **kwargs: Any) -> Any:
        if self.family != getattr(socket, "AF_UNIX", None):
            raise Refused(f"to reach {args[-1] if args else 'the network'}")
        return method(self, *args, **kwargs)

    return guarded


def _without_shell(method: Callable[..., None]) -> Callable[..., None]:
    def guarded(self: Any, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("shell"):
            _refuse_command(args[0] if args else kwargs.get("args"))
        method(self, *args, **kwargs)

    return guarded


def _refuse_host(host: object, *args: Any, **kwargs: Any) -> NoReturn:
    raise Refused(f"to reach {host!s}")


def _refuse_command(command: object) -> NoReturn:
    raise Refused(f"to run the command {command!s}")


def _refuse_download(url: Any, filename: object = None, *args: Any, **kwargs: Any) -> NoReturn:
    place = f" to {filename}" if isinstance(filename, str | os.PathLike) else ""
    raise Refused(f"to download {getattr(url, 'full_url', url)}{place}")
