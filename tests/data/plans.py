"""The batches of an epoch, as tests look at them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from earwright.data.order import Batching, Item, UpdateStream
from earwright.data.packed import Example


def plan_epoch(examples: Sequence[Example], epoch: int, **options: Any) -> list[list[Item]]:
    """All of them, of a stream with these options."""
    return list(stream_of(examples, **options).epoch_plan(epoch))


def stream_of(examples: Sequence[Example], **options: Any) -> UpdateStream:
    """A stream, of what decides the batches and what decides this process's share, all by name."""
    names = {field.name for field in dataclasses.fields(Batching)}
    batching = Batching(**{name: value for name, value in options.items() if name in names})
    return UpdateStream(
        examples, batching, **{name: value for name, value in options.items() if name not in names}
    )
