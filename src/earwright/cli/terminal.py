"""What the verbs share in the terminal: a console on stderr and a progress bar that is quiet in a pipe."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID
    from rich.table import Table


def err_console() -> Console:
    """A rich console on stderr: results go to stdout, everything else goes here."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def tell_page(path: str) -> None:
    """Say on stderr where a page was written, and how large it is."""
    size = os.path.getsize(path)
    err_console().print(f"The page: {path} ({size / 1e6:.1f} MB)", markup=False, soft_wrap=True)


def plain_table(headings: Sequence[str], rows: Iterable[Sequence[str]], wide: str = "") -> Table:
    """A table without lines, each row on one line: what does not fit ends in an ellipsis.

    Args:
        headings: of the columns; one that begins with a space heads numbers, which go to the right.
        rows: as they are to be shown, whatever brackets are in them.
        wide: the heading of the column that gives way where there is not room for all.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in headings:
        side: Literal["left", "right"] = "right" if heading.startswith(" ") else "left"
        table.add_column(heading.strip(), justify=side, no_wrap=not wide or heading != wide)
    for row in rows:
        table.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in row))
    return table


class Bar:
    """One progress bar; `progress` makes it."""

    def __init__(self, bars: Progress, task: TaskID):
        self._bars = bars
        self._task = task

    def advance(self, amount: float = 1) -> None:
        """Move on by `amount`, in the unit of the bar's total."""
        self._bars.advance(self._task, amount)

    def update(
        self,
        *,
        completed: float | None = None,
        total: float | None = None,
        description: str | None = None,
    ) -> None:
        """Set where the bar stands, how far it goes, or what it says."""
        self._bars.update(self._task, completed=completed, total=total, description=description)

    def print(self, line: str) -> None:
        """Print a line above the bar (on stderr), in a pipe too."""
        self._bars.console.print(line, markup=False)


@contextlib.contextmanager
def progress(description: str, total: float | None = None) -> Iterator[Bar]:
    """Show a progress bar on stderr while the block runs; nothing is shown where stderr is no terminal.

    Args:
        description: what is being done, in a word or three.
        total: where the bar ends, in any unit; None shows only that something moves.

    Example:
        with progress("transcribing", total=len(paths)) as bar:
            for path in paths:
                ...
                bar.advance()
    """
    from rich.progress import (
        BarColumn,
        Progress,
        SpinnerColumn,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = err_console()
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        yield Bar(bars, bars.add_task(description, total=total))
