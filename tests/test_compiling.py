"""Kernels compile wherever they may be kept, and where they may not."""

from __future__ import annotations

import pytest

from earwright.compiling import compile_kernel, kernel


def twice(number: int) -> int:
    return 2 * number


def test_a_kernel_is_compiled() -> None:
    compiled = kernel(twice)
    assert compiled(21) == 42 and compiled.signatures  # type: ignore[attr-defined]


def test_without_a_place_to_keep_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core import caching

    # Neither beside the source nor in the user's cache folder.
    monkeypatch.setattr(caching.CompileResultCacheImpl, "_locator_classes", [])
    compiled = compile_kernel(twice, nogil=True)
    assert compiled(21) == 42 and compiled.signatures  # type: ignore[attr-defined]
