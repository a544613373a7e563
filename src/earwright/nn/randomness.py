"""Where random numbers come from while a model is trained: a generator that belongs to the thread at work.

Several threads may work on one update at the same time; each draws from its own generator, so that what is
drawn follows from the seed alone and not from which thread was quicker.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

_here = threading.local()


@contextmanager
def drawing_from(generator: torch.Generator) -> Iterator[None]:
    """Let `uniform` in this thread draw from a generator (of the CPU) until the block ends."""
    before = getattr(_here, "generator", None)
    _here.generator = generator
    try:
        yield
    finally:
        _here.generator = before


def uniform(*shape: int) -> Tensor:
    """Random numbers in [0, 1), drawn on the CPU so that they are the same on every device."""
    return torch.rand(shape, generator=getattr(_here, "generator", None))
