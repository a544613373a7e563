"""Many files over many processes: results in order, and a file that kills its process loses only itself."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

TASKS_AT_ONCE = 16  # the most in one message to a process: one by one, the messages would cost as much


def run_all(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    jobs: int,
    crashed: Callable[[Task], Result],
    on_done: Callable[[int], None] | None = None,
) -> list[Result]:
    """Apply a function to each task.

    Args:
        function: importable by name, so that other processes find it.
        tasks: what to work on.
        jobs: how many processes; 1 works in this one.
        crashed: the result for a task whose process died (a fault in a decoder, memory).
        on_done: told how many tasks more are done.

    Returns:
        The results in the order of the tasks, whichever process was quicker.
    """
    told = on_done or (lambda count: None)
    if jobs <= 1 or len(tasks) <= 1:
        results = []
        for task in tasks:
            results.append(function(task))
            told(1)
        return results
    # A few long recordings must not all land in one process.
    size = max(min(TASKS_AT_ONCE, len(tasks) // (4 * jobs)), 1)
    pieces = [tasks[start : start + size] for start in range(0, len(tasks), size)]
    done = _run_pieces(function, pieces, min(jobs, len(pieces)), told)
    for number, piece in enumerate(pieces):
        if number not in done:  # its process died, or one beside it: find out which task did it
            done[number] = [_run_alone(function, task, crashed, told) for task in piece]
    return [result for number in range(len(pieces)) for result in done[number]]


def _run_pieces(
    function: Callable[[Task], Result],
    pieces: Sequence[Sequence[Task]],
    jobs: int,
    told: Callable[[int], None],
) -> dict[int, list[Result]]:
    """The results by number of piece; those are left out that were on their way when a process died."""
    done: dict[int, list[Result]] = {}
    with ProcessPoolExecutor(jobs, initializer=_begin_worker) as pool:
        waiting: list[Future[list[Result]]] = []
        try:
            waiting = [pool.submit(_apply, function, piece) for piece in pieces]
            for number, future in enumerate(waiting):
                done[number] = future.result()
                told(len(pieces[number]))
        except BrokenProcessPool:
            for number, future in enumerate(waiting):
                if number not in done and future.done() and future.exception() is None:
                    done[number] = future.result()
                    told(len(pieces[number]))
        except BaseException:  # Ctrl-C above all: what has not begun never begins
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return done


def _run_alone(
    function: Callable[[Task], Result],
    task: Task,
    crashed: Callable[[Task], Result],
    told: Callable[[int], None],
) -> Result:
    with ProcessPoolExecutor(1, initializer=_begin_worker) as pool:
        try:
            result = pool.submit(function, task).result()
        except BrokenProcessPool:
            result = crashed(task)
    told(1)
    return result


def _apply(function: Callable[[Task], Result], piece: Iterable[Task]) -> list[Result]:
    return [function(task) for task in piece]


def _begin_worker() -> None:
    # Ctrl-C reaches every process of the terminal; the first one speaks for all, without a traceback each.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # The MP3 decoder writes its opinion of every odd frame to stderr, past any Python.
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 2)
    os.close(quiet)
