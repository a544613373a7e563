"""What is in shards."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from earwright.cuts import Cut
from earwright.data.options import DataOptions
from earwright.data.packed import Example, Examples
from earwright.data.shards.copies import Copies
from earwright.data.shards.reading import ShardAudio, ShardSet

RATE = 16000


def everything(place: Path | str, folder: Path) -> dict[str, tuple[Cut, np.ndarray]]:
    """All utterances of shards, as training would read them."""
    found = ShardSet(str(place), Copies(folder / "copies", 1.0))
    placed = list(found.placed_cuts())
    examples = Examples.of([Example(cut.id, cut.duration, (1,)) for _, cut in placed])
    counts = np.bincount([spot.shard for spot, _ in placed], minlength=len(found.shards)).tolist()
    places = np.array([spot for spot, _ in placed], np.int32)
    audio = ShardAudio(found, places, examples, counts, RATE, DataOptions().open_shards)
    order = np.random.default_rng(0).permutation(len(placed)).tolist()
    return {placed[index][1].id: (placed[index][1], audio.read(index)) for index in order}
