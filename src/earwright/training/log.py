"""What a run tells: a JSONL file for programs, TensorBoard for browsers, lines for the terminal."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from earwright.errors import EarwrightError
from earwright.files import atomic_write, describe_os_error


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
        kept = [line for line in read_log(self.path) if line.get("step", 0) <= step] if step else []
        with atomic_write(self.path) as file:
            file.writelines(json.dumps(line) + "\n" for line in kept)
        self._file = self.path.open("a", encoding="utf-8")
        # A new writer hides what older ones wrote from purge_step on.
        self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=step or None)

    def write(self, kind: str, step: int, **values: Any) -> None:
        """One line {"kind", "step", ...}; numbers also go to TensorBoard."""
        try:
            self._file.write(json.dumps({"kind": kind, "step": step, **values}) + "\n")
        except OSError as error:
            raise EarwrightError(describe_os_error(error, self.path)) from error
        for name, value in values.items():
            if isinstance(value, int | float):
                self.board.add_scalar(f"{kind}/{name}", value, step)

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
    if not path.exists():
        return []
    lines = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return lines


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
