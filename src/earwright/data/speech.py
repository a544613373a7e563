"""What a recipe names to learn from: prepared folders, whose cuts are held, and shards, whose cuts go by."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from earwright.cuts import Cut, read_cuts
from earwright.data.examples import TrainingSet, build_shard_set, build_training_set, join, mix
from earwright.data.options import DataOptions
from earwright.data.shards.copies import GB, Copies, copies_folder
from earwright.data.shards.places import is_sharded, plain
from earwright.data.shards.reading import ShardSet
from earwright.errors import EarwrightError
from earwright.text import Tokenizer, normalize


@dataclass
class Part:
    """What has one weight: the cuts of prepared folders, and shards."""

    cuts: list[Cut] = field(default_factory=list)
    shards: list[ShardSet] = field(default_factory=list)

    def __iter__(self) -> Iterator[Cut]:
        yield from self.cuts
        for one in self.shards:
            yield from one.cuts()


class Texts:
    """The normalized texts of speech, anew each time they are asked for; empty ones are left out."""

    def __init__(self, cuts: Iterable[Cut], normalizer: str) -> None:
        self.cuts, self.normalizer = cuts, normalizer

    def __iter__(self) -> Iterator[str]:
        return filter(None, (normalize(cut.text, self.normalizer) for cut in self.cuts))


class Speech:
    """Several parts of speech, by weight or as one.

    Args:
        parts: as they come.
        weights: of the audio of each in every batch; () if an epoch is all of it.
    """

    def __init__(self, parts: Sequence[Part], weights: Sequence[float] = ()) -> None:
        self.parts, self.weights = parts, weights

    @classmethod
    def open(
        cls, paths: Sequence[str], key: str, options: DataOptions, weights: Sequence[float] = ()
    ) -> Speech:
        """What a key of a recipe names.

        Args:
            paths: prepared folders, and folders or addresses of shards.
            key: the recipe's key, for messages.
            options: of the data.
            weights: one for each path, or none.

        Raises:
            EarwrightError: none is given, one is missing, or all are empty.
        """
        copies = Copies(copies_folder(), options.shard_cache_gb)
        if not weights:
            shards = [_open_shards(path, copies, options) for path in paths if is_sharded(path)]
            folders = [path for path in paths if not is_sharded(path)]
            cuts = read_all_cuts(folders, key) if folders or not shards else []
            return cls([Part(cuts, shards)])
        parts = [
            Part(shards=[_open_shards(path, copies, options)])
            if is_sharded(path)
            else Part(read_all_cuts([path], key))
            for path in paths
        ]
        return cls(parts, weights)

    def __iter__(self) -> Iterator[Cut]:
        return itertools.chain.from_iterable(self.parts)

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return sum(len(one.shards) for part in self.parts for one in part.shards)

    def first(self, count: int) -> list[Cut]:
        """The first cuts.

        Raises:
            EarwrightError: there are fewer, or they lie in shards.
        """
        if self.shards:
            raise EarwrightError(
                "--overfit learns and watches utterances of prepared folders; data.train names shards."
            )
        cuts = list(self)
        if not 0 < count <= len(cuts):
            raise EarwrightError(
                f"--overfit {count}: data.train has {len(cuts)} utterances; give 1 to {len(cuts)}."
            )
        return cuts[:count]

    def build(
        self,
        tokenizer: Tokenizer,
        options: DataOptions,
        normalizer: str,
        *,
        sample_rate: int,
        frame_shift: float,
        top_speed: float,
        report: Callable[[int, int], None] = lambda of, done: None,
    ) -> TrainingSet:
        """The training set of it; see `build_training_set`; `report` is told how many there are, and done."""
        sets = []
        for part in self.parts:
            found = []
            if part.cuts:
                found.append(
                    build_training_set(
                        part.cuts,
                        tokenizer,
                        options,
                        normalizer,
                        sample_rate=sample_rate,
                        frame_shift=frame_shift,
                        top_speed=top_speed,
                        report=functools.partial(report, len(part.cuts)),
                    )
                )
            for shards in part.shards:
                found.append(
                    build_shard_set(
                        shards,
                        tokenizer,
                        options,
                        normalizer,
                        sample_rate=sample_rate,
                        frame_shift=frame_shift,
                        top_speed=top_speed,
                    )
                )
            sets.append(join(found))
        return mix(sets, self.weights) if len(self.weights) > 1 else join(sets)


def read_all_cuts(paths: Sequence[str], key: str) -> list[Cut]:
    """The cuts of several prepared folders; `key` is the recipe's key, for messages.

    Raises:
        EarwrightError: none is given, one is missing or holds shards, or all are empty.
    """
    if not paths:
        raise EarwrightError(
            f"the recipe names no data: set {key} to a folder that `earwright prepare` wrote."
        )
    for path in paths:
        if is_sharded(path):
            raise EarwrightError(
                f"{key}: {path} holds shards, which are for training only; name a folder that "
                "`earwright prepare` wrote."
            )
    cuts = [cut for path in paths for cut in read_cuts(plain(path))]
    if not cuts:
        raise EarwrightError(f"{key}: no cuts in {', '.join(paths)}.")
    return cuts


def _open_shards(place: str, copies: Copies, options: DataOptions) -> ShardSet:
    found = ShardSet(place, copies)
    far = [file.size or 0 for shard in found.shards for file in (shard.recording,) if not file.is_here]
    if max(far, default=0) * (options.open_shards + 1) > options.shard_cache_gb * GB:
        raise EarwrightError(
            f"{place}: {options.open_shards} of its shards have up to {max(far) / GB:.1f} GB each, and "
            f"data.shard_cache_gb = {options.shard_cache_gb:g} has no room for them; raise it, or lower "
            "data.open_shards."
        )
    return found
