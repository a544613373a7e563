"""Work over processes: in order, and a task that kills its process loses only itself."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from earwright.data.workers import run_all, run_stream


def square(number: int) -> int:
    return number * number


def square_or_die(number: int) -> int:
    if number % 40 == 13:
        os._exit(1)  # as a fault in a decoder would
    return number * number


def refuse(number: int) -> int:
    raise ValueError(f"no {number}")


@pytest.mark.parametrize("jobs", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_results_come_in_order(jobs: int, count: int) -> None:
    told: list[int] = []
    results = run_all(square, range(count), jobs, lambda task: -1, told.append)
    assert results == [number * number for number in range(count)]
    assert sum(told) == count


def test_a_dead_process_loses_only_its_task() -> None:
    told: list[int] = []
    results = run_all(square_or_die, range(100), 2, lambda task: -task, told.append)
    assert results == [-number if number % 40 == 13 else number * number for number in range(100)]
    assert sum(told) == 100


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_fault_in_the_function_is_raised(jobs: int) -> None:
    with pytest.raises(ValueError, match="no 0"):
        run_all(refuse, range(50), jobs, lambda task: 0)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_stream_takes_its_tasks_as_it_needs_them(jobs: int) -> None:
    taken = 0

    def endless() -> Iterator[int]:
        nonlocal taken
        while True:
            yield taken
            taken += 1

    stream = run_stream(square, endless(), jobs, lambda task: -1, tasks_at_once=2)
    assert [next(stream) for _ in range(50)] == [number * number for number in range(50)]
    assert taken < 100
    stream.close()  # type: ignore[attr-defined]  # a generator


def test_a_stream_survives_deaths() -> None:
    results = list(run_stream(square_or_die, iter(range(200)), 2, lambda task: -task, tasks_at_once=3))
    assert results == [-number if number % 40 == 13 else number * number for number in range(200)]
