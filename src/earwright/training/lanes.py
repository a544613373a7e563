"""The cores of a CPU at work on one update: each takes some of the batch through a copy of the model.

One thread a core, each with its own part of the batch, waits for the others once an update. Sharing out
every single operation, as PyTorch does by itself, waits thousands of times, and each time for the slowest
core: that is slower, and much slower where something else wants one of the cores as well.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import pairwise
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import nn

from earwright.data.batches import Batch

Result = TypeVar("Result")

# More parts than this leave too few utterances in each.
MOST_LANES = 4
# Lengths between a power of two and the next: oneDNN compiles a matrix product in bf16 for its very shape, a
# fifth of the step where each batch brings new ones. The price is 2 % more padding.
LENGTHS_PER_OCTAVE = 16


class Lanes:
    """Copies of a model that share its weights, and a thread for each.

    Args:
        model: on the CPU; it is the first lane's.
        count: how many lanes; 1 works in the caller's thread.
        threads: that each lane may use for a single operation.
    """

    def __init__(self, model: nn.Module, count: int, threads: int = 1) -> None:
        self.models = [model, *(_sharing_copy(model) for _ in range(count - 1))]
        self.threads = threads
        self._pool = (
            ThreadPoolExecutor(count, "lane", torch.set_num_threads, (threads,)) if count > 1 else None
        )

    def run(self, work: Callable[[nn.Module, Batch, int], Result], batch: Batch) -> list[Result]:
        """Do the work on each part of a batch, and add up the gradients in the first model.

        Args:
            work: gets a model, a part of the batch and the lane's number; leaves gradients in the model.
            batch: is shared out by its length in time.
        """
        parts = split(batch, len(self.models))
        if self._pool is None or len(parts) == 1:
            return [work(self.models[0], parts[0], 0)]
        futures = [
            self._pool.submit(work, model, part, number)
            for number, (model, part) in enumerate(zip(self.models, parts, strict=False))
        ]
        wait(futures)  # all of them, even if one has failed: none may work on behind the caller's back
        results = [future.result() for future in futures]
        self._gather()
        return results

    def _gather(self) -> None:
        """In the order of the lanes, whichever was quicker: sums of floats depend on their order."""
        own = list(self.models[0].parameters())
        for model in self.models[1:]:
            pairs = [(mine, theirs) for mine, theirs in zip(own, model.parameters(), strict=True)]
            both = [(m.grad, t.grad) for m, t in pairs if m.grad is not None and t.grad is not None]
            if both:
                torch._foreach_add_([mine for mine, _ in both], [theirs for _, theirs in both])
            for mine, theirs in pairs:
                if mine.grad is None:  # this lane's part left a block out, another's did not
                    mine.grad = theirs.grad
                theirs.grad = None

    @contextlib.contextmanager
    def on_all_cores(self) -> Iterator[None]:
        """For work between updates that is not shared out, such as a look at dev."""
        if self._pool is None:
            yield
            return
        torch.set_num_threads(len(self.models) * self.threads)
        try:
            yield
        finally:
            # From within a lane: what this sets is in part the process's and in part the thread's own.
            self._pool.submit(torch.set_num_threads, self.threads).result()

    def zero_grad(self) -> None:
        """Throw all gradients away, also those that an update which failed left in the copies."""
        for model in self.models:
            model.zero_grad()

    def train(self) -> None:
        """Put all copies into training mode, which the first one's own switch does not reach."""
        for model in self.models:
            model.train()


def lanes_for(device: torch.device, processes: int) -> tuple[int, int]:
    """How many lanes, and how many threads each may use: all cores, unless something else shares them out."""
    cores = torch.get_num_threads()
    if device.type != "cpu" or processes > 1 or cores == 1:
        return 1, cores
    lanes = min(cores, MOST_LANES)
    return lanes, max(1, cores // lanes)


def split(batch: Batch, count: int) -> list[Batch]:
    """At most `count` parts of a batch, of neighbouring utterances and about equal time, in few lengths.

    Args:
        batch: utterances in order of their length, as they are planned.
        count: at most so many parts; fewer where there are fewer utterances.
    """
    lengths = batch.lengths.tolist()
    borders = _borders(lengths, min(count, len(lengths)))
    return [_padded(batch.rows(first, last)) for first, last in pairwise(borders)]


def _borders(lengths: Sequence[int], count: int) -> list[int]:
    """Where the parts begin and end: each next one takes its share of the time that is left."""
    borders = [0]
    for left in range(count, 1, -1):
        first = borders[-1]
        rest = sum(lengths[first:])
        last, taken = first + 1, lengths[first]
        while last < len(lengths) - (left - 1) and taken + lengths[last] / 2 < rest / left:
            taken += lengths[last]
            last += 1
        borders.append(last)
    return [*borders, len(lengths)]


def _padded(part: Batch) -> Batch:
    longest = part.waveform.shape[1]
    return part._replace(waveform=F.pad(part.waveform, (0, round_up(longest) - longest)))


def round_up(length: int) -> int:
    """The next of the few lengths that parts of a batch are padded to."""
    step = max(1, (1 << (length.bit_length() - 1)) // LENGTHS_PER_OCTAVE)
    return -(-length // step) * step


def _sharing_copy(model: nn.Module) -> nn.Module:
    """Another module of the same kind whose parameters and buffers lie in the same memory."""
    other = copy.deepcopy(model)
    for part in ("parameters", "buffers"):
        for mine, theirs in zip(getattr(model, part)(), getattr(other, part)(), strict=True):
            theirs.data = mine.data
    return other
