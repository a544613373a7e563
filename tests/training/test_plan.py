"""A budget of time: how many steps, and how many looks at dev, fit into it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.training.plan import SHARE_FOR_LOOKS, spend
from earwright.training.schedule import LOOKS

seconds = st.floats(0.001, 1000.0)


@given(budget=st.floats(1.0, 1e6), per_update=seconds, look=st.floats(0.0, 1000.0), every=st.integers(0, 500))
def test_a_plan_fits_into_its_budget(budget: float, per_update: float, look: float, every: int) -> None:
    steps, between = spend(budget, per_update, look, every)
    assert steps >= 1
    assert between >= 1
    if every:
        assert between == every
        planned = steps * (per_update + look / every)
    else:
        looks = -(-steps // between)
        assert looks <= LOOKS
        planned = steps * per_update + looks * look
        assert looks == 1 or looks * look <= SHARE_FOR_LOOKS * budget
    # One step and one look are made even if there is no time for them.
    assert planned <= budget * (1 + 1e-9) or steps == 1


@pytest.mark.parametrize(
    ("budget", "per_update", "look", "plan"),
    [
        (3600.0, 0.25, 6.0, (13_680, 456)),  # 180 s for thirty looks
        (75.0, 0.16, 1.2, (401, 45)),  # nine looks
        (900.0, 20.0, 45.0, (38, 13)),  # three looks
        (60.0, 1.0, 0.0, (60, 2)),  # nothing to look at
        (60.0, 1.0, 50.0, (10, 10)),  # the last step is looked at, whatever it takes
        (1.0, 2.0, 5.0, (1, 1)),
    ],
)
def test_long_looks_are_few(budget: float, per_update: float, look: float, plan: tuple[int, int]) -> None:
    assert spend(budget, per_update, look) == plan
