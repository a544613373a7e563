"""Groups into parts: against every other way to part them, and what must not matter."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.data.splitting.partition import Groups, draw, partition


def make(seconds: list[float], traits: list[list[int]], names: list[str] | None = None) -> Groups:
    """Groups whose seconds all have the trait that each column of `traits` says."""
    count = len(seconds)
    first, columns = 0, []
    for column in traits:
        columns.append(np.array(column, dtype=np.int64) + first)
        first += max(column) + 1
    return Groups(
        names or [f"s{number:05d}" for number in range(count)],
        np.array(seconds, dtype=np.float64),
        np.tile(np.arange(count), len(traits)),
        np.concatenate(columns) if columns else np.array([], dtype=np.int64),
        np.tile(np.array(seconds, dtype=np.float64), len(traits)),
    )


def cost(seconds: list[float], traits: list[list[int]], wanted: list[float], parts: tuple[int, ...]) -> float:
    """What `partition` says that it makes small, written out."""
    total, result = sum(seconds), 0.0
    for part, amount in enumerate(wanted):
        inside = [number for number, chosen in enumerate(parts) if chosen == part]
        result += ((sum(seconds[number] for number in inside) - amount) / amount) ** 2
        for column in traits:
            for value in set(column):
                share = sum(s for s, v in zip(seconds, column, strict=True) if v == value) / total
                have = sum(seconds[number] for number in inside if column[number] == value)
                result += ((have - amount * share) / amount) ** 2 / share
    return result


def best(seconds: list[float], traits: list[list[int]], wanted: list[float]) -> float:
    """The lowest cost of all splits without an empty part."""
    return min(
        cost(seconds, traits, wanted, parts)
        for parts in itertools.product(range(len(wanted)), repeat=len(seconds))
        if len(set(parts)) == len(wanted)
    )


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[float], list[list[int]], list[float]]:
    count = draw(st.integers(3, 5))
    seconds = draw(st.lists(st.integers(1, 500).map(float), min_size=count, max_size=count))
    column = st.lists(st.integers(0, 2), min_size=count, max_size=count)
    share = draw(st.sampled_from([0.1, 0.2, 0.3]))
    total = sum(seconds)
    wanted = [total * (1 - 2 * share), total * share, total * share]
    return seconds, draw(st.lists(column, max_size=2)), wanted


@given(corpora())
def test_few_groups_are_parted_as_well_as_can_be(
    corpus: tuple[list[float], list[list[int]], list[float]],
) -> None:
    seconds, traits, wanted = corpus
    parts, left = partition(make(seconds, traits), wanted, seed=1)
    assert set(parts.tolist()) == {0, 1, 2}
    assert left == pytest.approx(cost(seconds, traits, wanted, tuple(parts.tolist())), abs=1e-6)
    # Near enough is enough; beyond that a local search may miss the best, and seldom does, as told below.
    assert left <= max(2 * best(seconds, traits, wanted), 3e-3) + 1e-6


def test_the_best_is_hardly_ever_missed() -> None:
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(60):
        count = int(rng.integers(4, 7))
        seconds = (rng.gamma(2, 50, count) + 1).tolist()
        traits = [rng.integers(3, size=count).tolist()]
        wanted = [share * sum(seconds) for share in (0.6, 0.2, 0.2)]
        _, left = partition(make(seconds, traits), wanted, seed=1)
        missed += left > max(best(seconds, traits, wanted), 3e-3) + 1e-6
    assert missed <= 2


@pytest.mark.parametrize("count", [100, 1000])
def test_many_groups_come_near_what_is_asked_for(count: int) -> None:
    rng = np.random.default_rng(count)
    seconds = (rng.gamma(2, 50, count) + 1).tolist()
    traits = [rng.integers(2, size=count).tolist(), rng.integers(5, size=count).tolist()]
    wanted = [share * sum(seconds) for share in (0.8, 0.1, 0.1)]
    for seed in range(3):
        parts, left = partition(make(seconds, traits), wanted, seed)
        assert left < 0.01
        for part, amount in enumerate(wanted):
            inside = parts == part
            assert np.array(seconds)[inside].sum() == pytest.approx(amount, rel=0.03)
            women = np.array(seconds)[inside & (np.array(traits[0]) == 1)].sum()
            share = np.array(seconds)[np.array(traits[0]) == 1].sum() / sum(seconds)
            assert women / np.array(seconds)[inside].sum() == pytest.approx(share, abs=0.03)
    assert (parts != partition(make(seconds, traits), wanted, seed + 1)[0]).mean() > 0.1


def test_a_new_speaker_moves_few_others() -> None:
    rng = np.random.default_rng(3)
    seconds = (rng.gamma(2, 50, 500) + 1).tolist()
    shares = (0.8, 0.1, 0.1)
    before, _ = partition(make(seconds, []), [share * sum(seconds) for share in shares], seed=1)
    seconds.append(100.0)
    after, _ = partition(make(seconds, []), [share * sum(seconds) for share in shares], seed=1)
    assert (before != after[:-1]).mean() < 0.03
    # A draw hangs on the name alone.
    assert draw("anna", 1) == draw("anna", 1) != draw("anna", 2)


def test_held_groups_stay() -> None:
    seconds = [10.0] * 20
    fixed = np.full(20, -1)
    fixed[:10] = 1
    wanted = [100.0, 50.0, 50.0]
    parts, _ = partition(make(seconds, []), wanted, seed=1, fixed=fixed)
    assert (parts[:10] == 1).all() and set(parts[10:].tolist()) == {0, 2}  # 1 has more than it should already
    everything = np.zeros(20, dtype=np.int64)
    parts, _ = partition(make(seconds, []), wanted, seed=1, fixed=everything)
    assert (parts == 0).all()


def test_one_giant_goes_where_it_does_least_harm() -> None:
    seconds = [900.0] + [5.0] * 40
    wanted = [share * sum(seconds) for share in (0.8, 0.1, 0.1)]
    for seed in range(5):
        parts, _ = partition(make(seconds, []), wanted, seed)
        assert parts[0] == 0
        assert [int((parts == part).sum()) for part in (1, 2)] == [20, 20]


def test_more_groups_than_may_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earwright.data.splitting.partition.MOVABLE", 50)
    monkeypatch.setattr("earwright.data.splitting.partition.SWAPPED", 5)
    rng = np.random.default_rng(1)
    seconds = (rng.gamma(2, 50, 3000) + 1).tolist()
    wanted = [share * sum(seconds) for share in (0.8, 0.1, 0.1)]
    parts, left = partition(make(seconds, [rng.integers(3, size=3000).tolist()]), wanted, seed=1)
    assert left < 0.01 and np.bincount(parts).min() > 200
