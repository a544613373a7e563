"""The batches of an epoch, as tests look at them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from earwright.data.order import Item, UpdateStream
from earwright.data.packed import Example


def plan_epoch(examples: Sequence[Example], epoch: int, **options: Any) -> list[list[Item]]:
    """All of them, of a stream with these options."""
    return list(UpdateStream(examples, **options).epoch_plan(epoch))
