"""How many seconds of audio make a batch: the fastest of a few sizes, tried once before the first step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from earwright.training.memory import GIB

SIZES = (20.0, 40.0, 80.0, 160.0)  # seconds of audio
# Within so much of the fastest, the smaller is taken: it updates the weights more often in the same time.
CLOSE_ENOUGH = 0.05
SHARE_OF_MEMORY = 0.5
# A larger batch is not tried where an epoch would be fewer than this: every batch would be much of the data.
FEWEST_BATCHES = 10


@dataclass(frozen=True)
class Trial:
    """What trying a size showed.

    Attributes:
        batch_seconds: the size.
        speed: seconds of audio that are learnt from in a second; 0 if the memory did not suffice.
        memory: most bytes held meanwhile.
        seconds_per_batch: how long a step on one batch takes.
    """

    batch_seconds: float
    speed: float
    memory: float
    seconds_per_batch: float = 0.0


@dataclass(frozen=True)
class Trials:
    """All that were tried, which is taken, and why there was no further one."""

    tried: list[Trial]
    taken: Trial
    why_no_more: str = ""

    def describe(self) -> str:
        """One line: what is taken, and what was measured."""
        measured = [
            f"{trial.batch_seconds:g} s {trial.speed:.0f}x real time in {trial.memory / GIB:.1f} GiB"
            if trial.speed
            else f"{trial.batch_seconds:g} s out of memory"
            for trial in self.tried
        ]
        more = f"; {self.why_no_more}" if self.why_no_more else ""
        return f"batches of {self.taken.batch_seconds:g} s ({', '.join(measured)}{more})"


def choose_batch_size(
    try_size: Callable[[float], Trial], allowed: float, in_use: float, sizes: Sequence[float] = SIZES
) -> Trials:
    """Try sizes from the smallest on, and take the fastest per second of audio.

    Args:
        try_size: runs some steps on batches of a size.
        allowed: bytes that a size may take.
        in_use: bytes that are taken before.
        sizes: seconds of audio, rising; the first is taken even if it takes more than is allowed.

    Returns:
        The trials. They end with the first size that is slower than the one before it or takes more than is
        allowed, or before one that would, by how memory grew so far.
    """
    tried: list[Trial] = []
    why = ""
    for size in sizes:
        if tried and (expected := _expected_memory(tried, in_use, size)) > allowed:
            why = f"{size:g} s would take about {expected / GIB:.1f} GiB of {allowed / GIB:.1f} allowed"
            break
        tried.append(try_size(size))
        if tried[-1].memory > allowed or not tried[-1].speed:
            why = f"{allowed / GIB:.1f} GiB are allowed"
            break
        if len(tried) > 1 and tried[-1].speed < tried[-2].speed:
            break
    fitting = [trial for trial in tried if trial.memory <= allowed and trial.speed] or tried[:1]
    fastest = max(trial.speed for trial in fitting)
    taken = next(trial for trial in fitting if trial.speed >= (1 - CLOSE_ENOUGH) * fastest)
    return Trials(tried, taken, why)


def _expected_memory(tried: Sequence[Trial], in_use: float, size: float) -> float:
    """On the line through the last two sizes, or through the first and what was taken without any."""
    last = tried[-1]
    before = tried[-2] if len(tried) > 1 else Trial(0.0, 0.0, in_use)
    slope = (last.memory - before.memory) / (last.batch_seconds - before.batch_seconds)
    return last.memory + max(slope, 0.0) * (size - last.batch_seconds)
