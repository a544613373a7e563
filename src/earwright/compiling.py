"""Loops compiled by numba: for a processor once, if there is a place to keep the result."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

Kernel = TypeVar("Kernel", bound=Callable[..., object])

# Files whose functions, constants and tuples of arrays are compiled into kernels of other files.
_SHARED = ("lm/kernels.py", "lm/tables.py", "lm/layout.py", "lm/ngrams.py", "decoding/beam_*.py")


# Called once, before the first kernel is compiled that was not kept.
_tell: Callable[[], None] | None = None


def tell_before_compiling(tell: Callable[[], None] | None) -> None:
    """Have a function called before kernels are compiled, which takes up to half a minute; once."""
    global _tell
    _tell = tell


def kernel(function: Kernel) -> Kernel:
    """Compile a function when it is first called."""
    return compile_kernel(function)


def compile_kernel(function: Kernel, **options: bool) -> Kernel:
    """The same with options of `numba.njit`.

    The result is kept beside the source, or in the user's cache folder (NUMBA_CACHE_DIR names another). Where
    neither can be written to, as in a container of which all is read-only, each process compiles anew.
    """
    numba = _numba()
    try:
        compiler = numba.njit(cache=True, **options)
        compiled = compiler(function)
    except RuntimeError:  # "no locator available"
        compiler = numba.njit(**options)
        return cast(Kernel, compiler(function))
    # numba asks whether the function's own file has changed, and not whether another one has whose functions
    # are compiled into it. A kernel that does not know what its callers have become reads where it must not.
    kept = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if kept is not None:
        kept._source_stamp = (kept._source_stamp, _sources())
    return cast(Kernel, compiled)


@cache
def _numba() -> Any:
    """Numba, listened to; it is imported with the first kernel."""
    import numba
    from numba.core import event

    class Listener(event.Listener):
        """Hears of what is compiled, not of what is read from the cache."""

        def on_start(self, event: object) -> None:
            tell = _tell
            tell_before_compiling(None)
            if tell is not None:
                tell()

        def on_end(self, event: object) -> None:
            pass

    event.register("numba:compile", Listener())  # type: ignore[no-untyped-call]
    return numba


@cache
def _sources() -> str:
    """What the files look like that kernels of others are made of."""
    home = Path(__file__).parent
    stamp = hashlib.sha256()
    for path in (path for pattern in _SHARED for path in sorted(home.glob(pattern))):
        found = path.stat()
        stamp.update(f"{path.name} {found.st_mtime_ns} {found.st_size}\n".encode())
    return stamp.hexdigest()
