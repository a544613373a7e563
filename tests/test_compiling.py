"""Kernels compile wherever they may be kept, and where they may not."""

from __future__ import annotations

import pytest

from earwright.compiling import compile_kernel, kernel, tell_before_compiling


def twice(number: int) -> int:
    return 2 * number


def test_a_kernel_is_compiled() -> None:
    compiled = kernel(twice)
    assert compiled(21) == 42 and compiled.signatures  # type: ignore[attr-defined]


def test_it_is_told_once_and_only_of_what_was_not_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from numba.core import config

    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path_factory.mktemp("kernels")))
    told: list[str] = []
    tell_before_compiling(lambda: told.append("first"))
    kernel(twice)(21)
    assert told == ["first"]
    kernel(twice)(2.5)  # compiled, too
    assert told == ["first"]
    tell_before_compiling(lambda: told.append("second"))
    kernel(twice)(21)  # kept
    assert told == ["first"]
    tell_before_compiling(None)


def test_without_a_place_to_keep_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core import caching

    # Neither beside the source nor in the user's cache folder.
    monkeypatch.setattr(caching.CompileResultCacheImpl, "_locator_classes", [])
    compiled = compile_kernel(twice, nogil=True)
    assert compiled(21) == 42 and compiled.signatures  # type: ignore[attr-defined]


def test_a_change_in_any_file_makes_kernels_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from numba.core import config

    from earwright import compiling

    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path_factory.mktemp("kernels")))
    hits = []
    for sources in ("one", "one", "other", "other"):
        monkeypatch.setattr(compiling, "_sources", lambda sources=sources: sources)
        compiled = compile_kernel(twice)
        compiled(21)
        hits.append(len(compiled.stats.cache_hits))  # type: ignore[attr-defined]
    assert hits == [0, 1, 0, 1]
