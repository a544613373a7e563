"""Loops compiled by numba: for a processor once, if there is a place to keep the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., object])


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
        return cast(Kernel, compiler(function))
    except RuntimeError:  # "no locator available"
        compiler = numba.njit(**options)  # type: ignore[call-overload]
        return cast(Kernel, compiler(function))
