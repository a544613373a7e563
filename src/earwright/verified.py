"""Which bundles were checked already, remembered in the user's cache folder so that loading stays fast."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path

from earwright.errors import EarwrightError
from earwright.files import atomic_write

_MOST = 256  # entries kept; the oldest go first


def cache_folder() -> Path:
    """Where earwright may keep what it can do without: `$XDG_CACHE_HOME/earwright` or the system's like."""
    place = os.environ.get("XDG_CACHE_HOME") or (
        os.environ.get("LOCALAPPDATA") if sys.platform == "win32" else None
    )
    return (Path(place) if place else Path.home() / ".cache") / "earwright"


class Verified:
    """The file `verified.json`: path of a bundle -> the fingerprint it had when its sums were right.

    Losing or not being able to write it costs one more check of the sums, and nothing else.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._marks: dict[str, str] = {}
        with contextlib.suppress(
            OSError, ValueError, RuntimeError, RecursionError
        ):  # RuntimeError: no home folder
            self._path = path or cache_folder() / "verified.json"
            marks = json.loads(self._path.read_text(encoding="utf-8"))
            if isinstance(marks, dict):
                self._marks = {str(key): str(mark) for key, mark in marks.items()}

    def knows(self, bundle: Path, mark: str) -> bool:
        """Whether this bundle was seen in exactly this state."""
        return self._marks.get(_key(bundle)) == mark

    def remember(self, bundle: Path, mark: str) -> None:
        """Note that the sums were right in this state."""
        if self._path is None:
            return
        self._marks.pop(_key(bundle), None)
        self._marks[_key(bundle)] = mark
        newest = dict(list(self._marks.items())[-_MOST:])
        with contextlib.suppress(EarwrightError), atomic_write(self._path) as file:
            json.dump(newest, file, indent=0)


def _key(bundle: Path) -> str:
    return os.path.realpath(bundle)
