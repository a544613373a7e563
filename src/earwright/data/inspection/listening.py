"""Clips to listen to: an excerpt of each, drawn, encoded and measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from earwright.cuts import Cut
from earwright.data.preparation.measure import Measures, measure
from earwright.data.workers import run_all
from earwright.errors import EarwrightError
from earwright.pages.clips import BUDGET, Excerpt, make_excerpt, no_excerpt, read_excerpt

EXCERPT = 10.0  # seconds


@dataclass(frozen=True)
class Clip:
    """Something to listen to.

    Attributes:
        start: seconds into the file.
        duration: seconds; None where only the file is known.
        channels: that are mixed; None means all.
        labels: why it was picked, a few words each.
        detail: what is wrong with it, a sentence; "" if nothing is.
    """

    id: str
    path: str
    text: str
    start: float = 0.0
    duration: float | None = None
    channels: tuple[int, ...] | None = None
    speaker: str = ""
    language: str = ""
    labels: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True)
class Measured:
    """An excerpt of a clip, and what was measured of it; None where it could not be read."""

    excerpt: Excerpt
    measures: Measures | None = None


def clip_of_cut(cut: Cut, labels: Sequence[str] = (), detail: str = "") -> Clip:
    """A cut as something to listen to."""
    return Clip(
        id=cut.id,
        path=cut.path,
        text=cut.text,
        start=cut.start,
        duration=cut.duration,
        channels=cut.channels,
        speaker=str(cut.speaker or ""),
        language=str(cut.language or ""),
        labels=tuple(labels),
        detail=detail,
    )


def excerpts(
    clips: Sequence[Clip], jobs: int, on_done: Callable[[int], None] | None = None
) -> list[Measured]:
    """Cut out, draw and encode the beginning of each clip.

    Args:
        clips: what to listen to; they share the budget equally.
        jobs: processes.
        on_done: told how many more are done.

    Returns:
        One a clip; where a file cannot be decoded, an excerpt with a problem.
    """
    limit = BUDGET // max(len(clips), 1)
    return run_all(_excerpt, [(clip, limit) for clip in clips], jobs, _crashed, on_done)


def _excerpt(task: tuple[Clip, int]) -> Measured:
    clip, limit = task
    try:
        samples, rate = read_excerpt(clip.path, clip.start, clip.duration, clip.channels, EXCERPT)
    except EarwrightError as error:
        return Measured(no_excerpt(error, clip.path))
    return Measured(make_excerpt(samples, rate, limit), measure(samples, rate))


def _crashed(task: tuple[Clip, int]) -> Measured:
    return Measured(Excerpt(problem="the process that decoded it died"))
