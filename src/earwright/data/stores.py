"""Where the audio of a training set comes from, clip by clip."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from earwright.cuts import Cut, read_cut_audio


class AudioStore(Protocol):
    """Where the samples of example `index` come from."""

    def read(self, index: int) -> npt.NDArray[np.float32]:
        """Mono float32 at the recognizer's rate."""
        ...


@runtime_checkable
class FarStore(AudioStore, Protocol):
    """One that had better be told beforehand what will be read."""

    def expect(self, index: int) -> None:
        """Example `index` will be read before long, and others near it."""
        ...


class CutAudio:
    """Decodes at every use: for sets too large to cache."""

    def __init__(self, cuts: Sequence[Cut], sample_rate: int) -> None:
        self.cuts, self.sample_rate = cuts, sample_rate

    def read(self, index: int) -> npt.NDArray[np.float32]:
        """Cut `index`, decoded now."""
        return read_cut_audio(self.cuts[index], self.sample_rate)


class Chosen:
    """Some of a store's clips, under new numbers."""

    def __init__(self, store: AudioStore, indexes: Sequence[int]) -> None:
        self.store, self.indexes = store, indexes

    def read(self, index: int) -> npt.NDArray[np.float32]:
        """Clip `index` of the chosen ones."""
        return self.store.read(self.indexes[index])


class Joined:
    """Several stores as one: the clips of each come behind those of the one before.

    Args:
        stores: one after the other.
        counts: clips of each.
    """

    def __init__(self, stores: Sequence[AudioStore], counts: Sequence[int]) -> None:
        self.stores = stores
        self.ends = list(itertools.accumulate(counts))

    def read(self, index: int) -> npt.NDArray[np.float32]:
        """Clip `index` of all."""
        store, own = self._place(index)
        return store.read(own)

    def expect(self, index: int) -> None:
        """Clip `index` will be read before long."""
        store, own = self._place(index)
        if isinstance(store, FarStore):
            store.expect(own)

    def _place(self, index: int) -> tuple[AudioStore, int]:
        number = bisect.bisect_right(self.ends, index)
        return self.stores[number], index - (self.ends[number - 1] if number else 0)


class Held:
    """Clips that are in memory."""

    def __init__(self, clips: Sequence[npt.NDArray[np.float32]]) -> None:
        self.clips = clips

    def read(self, index: int) -> npt.NDArray[np.float32]:
        """Clip `index`."""
        return self.clips[index]
