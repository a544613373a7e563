"""What a run tells: a JSONL file for programs, TensorBoard for browsers, lines for the terminal."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earwright.errors import EarwrightError, first_line
from earwright.files import atomic_write, describe_os_error

if TYPE_CHECKING:
    from earwright.training.checkpoint import Progress

# Seconds after which what was logged is on disk, for those who look at a run from outside.
FLUSH_EVERY = 10.0


class RunLog:
    """Writes `log.jsonl` and TensorBoard's files.

    Args:
        folder: of the run.
        step: where the run stands; whatever an earlier, killed process logged beyond it is cut off,
            so that the log reads as if there had been no interruption.
    """

    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.path = folder / "log.jsonl"
        kept = [line for line in read_log(self.path) if _goes_on(line, step)] if step else []
        with atomic_write(self.path) as file:
            file.writelines(json.dumps(line) + "\n" for line in kept)
        self._file = self.path.open("a", encoding="utf-8")
        self._flushed = time.monotonic()
        # A new writer hides what older ones wrote from purge_step on.
        self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=step or None)

    def write(self, kind: str, step: int, **values: Any) -> None:
        """One line {"kind", "step", ...}; numbers also go to TensorBoard."""
        try:
            self._file.write(json.dumps({"kind": kind, "step": step, **values}) + "\n")
            if time.monotonic() - self._flushed > FLUSH_EVERY:
                self._file.flush()
                self._flushed = time.monotonic()
        except OSError as error:
            raise EarwrightError(describe_os_error(error, self.path)) from error
        for name, value in values.items():
            if isinstance(value, int | float):
                self.board.add_scalar(f"{kind}/{name}", value, step)
            elif isinstance(value, list) and all(isinstance(one, int | float) for one in value):
                for number, one in enumerate(value, 1):  # such as the perplexity of each codebook
                    self.board.add_scalar(f"{kind}/{name}/{number}", one, step)

    def end(self, step: int, error: BaseException) -> None:
        """A last line that says why there are no more; a disk that is full may refuse it."""
        stopped = isinstance(error, KeyboardInterrupt)
        end = {"state": "stopped"} if stopped else {"state": "failed", "reason": first_line(error)}
        with contextlib.suppress(EarwrightError):
            self.write("end", step, **end)

    def text(self, name: str, step: int, text: str) -> None:
        """A text for TensorBoard alone."""
        self.board.add_text(name, text, step)

    def flush(self) -> None:
        """Before a checkpoint, so that the log is never behind it."""
        try:
            self._file.flush()
        except OSError as error:
            raise EarwrightError(describe_os_error(error, self.path)) from error
        self.board.flush()

    def close(self) -> None:
        """Write what is left."""
        self.flush()
        self._file.close()
        self.board.close()


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; a last line that a killed process left half written is dropped."""
    return list(iterate_log(path))


def iterate_log(path: Path, without: str = "") -> Iterator[dict[str, Any]]:
    """The lines of a log one by one, as `read_log` gives them.

    Args:
        path: of the log; no such file has no lines.
        without: lines of this kind are left out but for the last of them, quicker than by reading them.
    """
    opening = json.dumps({"kind": without})[:-1] + ","
    skipped = None
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for text in file:
            if without and text.startswith(opening) and text.endswith("\n"):
                skipped = text
                continue
            line = _parsed(text)
            if line is None:
                break
            yield line
    if skipped and (line := _parsed(skipped)) is not None:
        yield line


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except json.JSONDecodeError:
        return None
    return line if isinstance(line, dict) else None


def _goes_on(line: dict[str, Any], step: int) -> bool:
    """Whether a line belongs to a run that stands at `step` and did not end."""
    return bool(line.get("step", 0) <= step and line.get("kind") != "end")


class Reporter:
    """Where a run's lines go: print by default; the demo and tests give their own.

    Args:
        say: prints one line.
        interval: seconds between progress lines.
    """

    def __init__(self, say: Callable[[str], None], interval: float = 15.0) -> None:
        self.say = say
        self.interval = interval
        self._last = 0.0

    def due(self) -> bool:
        """Whether it is time for another progress line."""
        if time.monotonic() - self._last < self.interval:
            return False
        self._last = time.monotonic()
        return True

    def evaluated(
        self, step: int, steps: int, wer: float, cer: float, samples: Sequence[tuple[str, str]]
    ) -> None:
        """Dev error rates (fractions) and (truth, transcript) pairs."""
        self.say(f"step {step}/{steps}: dev WER {100 * wer:.1f} %, CER {100 * cer:.1f} %")
        for truth, heard in samples:
            self.say(f"    said   {truth}")
            self.say(f"    heard  {heard or '(nothing)'}")


def duration(seconds: float) -> str:
    """ "1 h 05 min", "12 min", "40 s"."""
    if seconds >= 3600:
        return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"
    return f"{round(seconds / 60)} min" if seconds >= 90 else f"{round(seconds)} s"


def progress_line(progress: Progress, loss: float, speed: Mapping[str, float]) -> str:
    """Where a run stands, for the terminal.

    Args:
        progress: of the run.
        loss: of the last update.
        speed: as `Run.speed` says it.
    """
    left = (progress.steps - progress.step) * progress.wall_seconds / max(1, progress.step)
    skipped = ""
    if progress.skipped_steps or progress.skipped_utterances:
        skipped = (
            f", left out for want of a finite loss: {progress.skipped_utterances} utterances, "
            f"{progress.skipped_steps} steps"
        )
    return (
        f"step {progress.step}/{progress.steps}  loss {loss:.3f}  "
        f"{speed['audio_seconds_per_second']:.0f}x real time, "
        f"{100 * speed['share_of_peak']:.0f} % of the {progress.precision} peak, "
        f"{100 * speed['waiting']:.1f} % waiting for data  "
        f"{duration(left)} left{skipped}"
    )
