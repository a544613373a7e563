"""Many files over many processes: results in order, and a file that kills its process loses only itself."""

from __future__ import annotations

import itertools
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

PIECES_AHEAD = 4  # for each process: enough that none waits, few enough that memory stays flat
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
    # A few long recordings must not all land in one process.
    size = max(min(TASKS_AT_ONCE, len(tasks) // (4 * max(jobs, 1))), 1)
    results = []
    for result in run_stream(function, tasks, min(jobs, len(tasks)), crashed, size):
        results.append(result)
        if on_done:
            on_done(1)
    return results


def run_stream(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    jobs: int,
    crashed: Callable[[Task], Result],
    tasks_at_once: int = TASKS_AT_ONCE,
) -> Iterator[Result]:
    """Apply a function to tasks without end: as `run_all`, but only a few of them are held at a time.

    Args:
        function, tasks, jobs, crashed: see `run_all`; the tasks are taken as they are needed.
        tasks_at_once: how many go to a process in one message.

    Yields:
        The results in the order of the tasks.
    """
    if jobs <= 1:
        yield from (function(task) for task in tasks)
        return
    source = iter(tasks)
    while True:
        on_the_way: deque[list[Task]] = deque()
        try:
            yield from _run_pieces(function, source, jobs, tasks_at_once, on_the_way)
            return
        except BrokenProcessPool:
            # A process died, and took with it what was on its way to others too: find out which task did it.
            for task in itertools.chain.from_iterable(on_the_way):
                yield _run_alone(function, task, crashed)


def _run_pieces(
    function: Callable[[Task], Result],
    source: Iterator[Task],
    jobs: int,
    tasks_at_once: int,
    on_the_way: deque[list[Task]],
) -> Iterator[Result]:
    """The results of all tasks; `on_the_way` holds the pieces that have been taken and not been yielded."""
    with ProcessPoolExecutor(jobs, initializer=_begin_worker) as pool:
        waiting: deque[Future[list[Result]]] = deque()
        try:
            while True:
                piece = list(itertools.islice(source, tasks_at_once))
                if piece:
                    on_the_way.append(piece)
                    waiting.append(pool.submit(_apply, function, piece))
                while waiting and (not piece or len(waiting) >= PIECES_AHEAD * jobs):
                    results = waiting.popleft().result()
                    on_the_way.popleft()
                    yield from results
                if not piece:
                    return
        except BrokenProcessPool:
            raise
        except BaseException:  # Ctrl-C above all: what has not begun never begins
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _run_alone(function: Callable[[Task], Result], task: Task, crashed: Callable[[Task], Result]) -> Result:
    with ProcessPoolExecutor(1, initializer=_begin_worker) as pool:
        try:
            return pool.submit(function, task).result()
        except BrokenProcessPool:
            return crashed(task)


def _apply(function: Callable[[Task], Result], piece: Iterable[Task]) -> list[Result]:
    return [function(task) for task in piece]


def _begin_worker() -> None:
    # Ctrl-C reaches every process of the terminal; the first one speaks for all, without a traceback each.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # The MP3 decoder writes its opinion of every odd frame to stderr, past any Python.
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 2)
    os.close(quiet)
