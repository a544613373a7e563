"""Loops compiled by numba: for a processor once, if there is a place to keep the result."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., object])

# Files whose functions, constants and tuples of arrays are compiled into kernels of other files.
_SHARED = ("lm/kernels.py", "lm/tables.py", "lm/layout.py", "lm/ngrams.py", "decoding/beam_*.py")


def kernel(function: Kernel) -> Kernel:
    """Compile a function when it is first called."""
    return compile_kernel(function)


def compile_kernel(function: Kernel, **options: bool) -> Kernel:
    """The same with options of `numba.njit`.

    The result is kept beside the source, or in the user's cache folder (NUMBA_CACHE_DIR names another). Where
    neither can be written to, as in a container of which all is read-only, each process compiles anew.
    """
    try:
        compiler = numba.njit(cache=True, **options)  # type: ignore[call-overload]
        compiled = compiler(function)
    except RuntimeError:  # "no locator available"
        compiler = numba.njit(**options)  # type: ignore[call-overload]
        return cast(Kernel, compiler(function))
    # numba asks whether the function's own file has changed, and not whether another one has whose functions
    # are compiled into it. A kernel that does not know what its callers have become reads where it must not.
    kept = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if kept is not None:
        kept._source_stamp = (kept._source_stamp, _sources())
    return cast(Kernel, compiled)


@cache
def _sources() -> str:
    """What the files look like that kernels of others are made of."""
    home = Path(__file__).parent
    stamp = hashlib.sha256()
    for path in (path for pattern in _SHARED for path in sorted(home.glob(pattern))):
        found = path.stat()
        stamp.update(f"{path.name} {found.st_mtime_ns} {found.st_size}\n".encode())
    return stamp.hexdigest()
