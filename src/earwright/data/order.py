"""Which utterances make which batch of which epoch.

The order is a pure function of (seed, epoch); workers only fetch what it names. So a run that was
stopped goes on with the very batches it would have seen, whatever the number of workers or machines.

Where audio lies in shards, an epoch is a row of groups of a few shards each, and batches are made within
a group: each shard is read once, and a group is planned when its turn comes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from earwright.data.augmentation.lengths import Lengths, draw_rows, draw_tempos, join_tokens
from earwright.data.mixture import Numbers, Source, cut_into_groups, deal, draw_epoch
from earwright.data.packed import Example, Examples

# Beside seed and epoch, for what is drawn in a group of several.
_GROUP = 2
# Beside those, for what augmentation draws: it changes nothing in the order of the batches.
_STREAM = 3
# About so many shards are shuffled together.
OPEN_SHARDS = 8
NO_CHANGE = Lengths()


class Item(NamedTuple):
    """The number of an utterance in a batch, and how it is to be heard this time.

    Attributes:
        speed: it is played at, as a tape.
        tempo: it is said at, on top of that.
        seed: of everything else that is done to it.
        then: the numbers of the utterances that follow it as a part of it.
        pause: seconds of silence before each of those, as they were recorded.
        wordless: noise of its length is heard instead of it, and there is no text.
    """

    example: int
    speed: float
    tempo: float = 1.0
    seed: int = 0
    then: tuple[int, ...] = ()
    pause: float = 0.0
    wordless: bool = False

    @property
    def examples(self) -> tuple[int, ...]:
        """All that it consists of."""
        return (self.example, *self.then)

    def seconds(self, examples: Examples) -> float:
        """How long it is as it is heard."""
        recorded = float(examples.seconds[list(self.examples)].sum())
        return (recorded + self.pause * len(self.then)) / self.speed / self.tempo

    def tokens(self, examples: Sequence[Example], space: Sequence[int]) -> tuple[int, ...]:
        """Its text's, with `space` between those of several utterances."""
        if self.wordless:
            return ()
        return join_tokens([examples[number].tokens for number in self.examples], space)


def count_tokens(items: Sequence[Item], examples: Examples, space: Sequence[int]) -> int:
    """Of the texts of all items together; see `Item.tokens`. What noise replaces counts, too.

    The loss is divided by it: an update in which nobody speaks is to weigh no more than others.
    """
    numbers = [number for item in items for number in item.examples]
    return int(examples.token_counts(numbers).sum()) + len(space) * (len(numbers) - len(items))


class BatchPlan(NamedTuple):
    """What one process does in one part of an update.

    `update_tokens` counts the tokens of the whole update, over all its batches and processes; `epoch`
    and `position` say where the stream stands after this update. `soon` are examples whose shards
    will be needed before long. `spared`: the waveforms are not yet to be augmented, or replaced by noise.
    """

    items: list[Item]
    update_tokens: int
    epoch: int
    position: int
    soon: tuple[int, ...] = ()
    spared: bool = False


@dataclass(frozen=True)
class Batching:
    """What decides which utterances come together, and when.

    Attributes:
        seed: decides, with the epoch, every draw.
        batch_seconds: most seconds of a batch, padding included; a longer utterance goes alone.
        speeds: each utterance is played at one of these.
        sources: what the examples consist of, if of several parts; see `draw_epoch`.
        batch_clips: most utterances of a batch (of what is new in it, with sources); 0 for any number.
        open_shards: about so many shards are shuffled together.
        lengths: how tempo is changed, utterances are put together, and some are replaced by noise.
    """

    seed: int
    batch_seconds: float
    speeds: Sequence[float]
    sources: Sequence[Source] = ()
    batch_clips: int = 0
    open_shards: int = OPEN_SHARDS
    lengths: Lengths = NO_CHANGE


def plan_group(
    group: Sequence[Numbers],
    recorded: npt.NDArray[np.float64],
    key: tuple[int, ...],
    batching: Batching,
    share: float = 1.0,
) -> list[list[Item]]:
    """The batches of utterances that are shuffled together.

    Args:
        group: numbers of examples, source by source.
        recorded: (N,) seconds of every example.
        key: the seed of every draw.
        batching: its lengths, speeds, and sizes.
        share: of the first source in a batch.
    """
    speeds, lengths = batching.speeds, batching.lengths
    chosen = np.concatenate(group)
    generator = np.random.default_rng(key)
    drawn = np.array(speeds)[generator.integers(len(speeds), size=len(chosen))]
    own = np.random.default_rng((*key, _STREAM))
    seeds = own.integers(1 << 63, size=len(chosen))
    tempos = draw_tempos(len(chosen), lengths.tempo, own)
    wordless = own.random(len(chosen)) < lengths.nothing
    ends = np.cumsum([0, *map(len, group)]).tolist()
    seconds = recorded[chosen]
    # Speech of two sources is not put together, so that each batch keeps its share of both.
    rows = draw_rows(seconds, list(pairwise(ends)), lengths.concatenation, own)
    behind = [place for row in rows.values() for place in row.members[1:]]
    for first, row in rows.items():
        seconds[first] = seconds[list(row.members)].sum() + row.pause * (len(row.members) - 1)
    seconds = seconds / drawn / tempos
    # The jitter lets an utterance meet other neighbours in every epoch.
    order = np.argsort(seconds * generator.uniform(0.95, 1.05, len(chosen)), kind="stable")
    order = order[~np.isin(order, behind)]
    first = order[order < ends[1]].tolist()
    batches = _filled(first, seconds, share * batching.batch_seconds, batching.batch_clips)
    for start, end in pairwise(ends[1:]):
        batches = deal(batches, order[(order >= start) & (order < end)].tolist(), seconds)

    def item(place: int) -> Item:
        one = Item(int(chosen[place]), float(drawn[place]), float(tempos[place]), int(seeds[place]))
        if place not in rows:
            return one._replace(wordless=bool(wordless[place]))
        row = rows[place]
        return one._replace(then=tuple(chosen[list(row.members[1:])].tolist()), pause=row.pause)

    items = [[item(place) for place in batch] for batch in batches]
    return [items[i] for i in generator.permutation(len(items)).tolist()]


def _filled(
    order: Sequence[int], seconds: npt.NDArray[np.float64], batch_seconds: float, batch_clips: int
) -> list[list[int]]:
    """Utterances in their order, as many in a batch as fit into it with their padding."""
    batches: list[list[int]] = []
    current: list[int] = []
    longest = 0.0
    for place in order:
        longest = max(longest, float(seconds[place]))
        full = batch_clips > 0 and len(current) == batch_clips
        if current and (full or longest * (len(current) + 1) > batch_seconds):
            batches.append(current)
            current, longest = [], float(seconds[place])
        current.append(place)
    if current:
        batches.append(current)
    return batches


class UpdateStream:
    """The endless order of batches, from any point on: what the sampler of a DataLoader is.

    Args:
        examples: all utterances.
        batching: how they come together.
        accumulate: batches of each process in an update.
        rank, world: this process, and how many there are.
        epoch, position: where to start, as a `BatchPlan` said it.
        spared: in so many updates the waveforms are not yet to be augmented, or replaced by noise.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        batching: Batching,
        *,
        accumulate: int = 1,
        rank: int = 0,
        world: int = 1,
        epoch: int = 0,
        position: int = 0,
        spared: int = 0,
    ) -> None:
        self.examples = Examples.of(examples)
        self.batching = batching
        self.accumulate, self.rank, self.world = accumulate, rank, world
        self.epoch, self.position = epoch, position
        self.spared = spared

    def epoch_plan(self, epoch: int) -> Iterator[list[Item]]:
        """All batches of one epoch, each of utterances of similar length, in random order.

        Every utterance comes once, alone or as a part of another; with sources those that `draw_epoch` names,
        each batch with its share of all.
        """
        groups = self.groups(epoch)
        for number in range(len(groups)):
            yield from self._group_plan(epoch, groups, number)

    def groups(self, epoch: int) -> list[list[Numbers]]:
        """What is shuffled together in an epoch, source by source: all of it, or a few shards at a time."""
        seconds, shards = self.examples.seconds, self.examples.shards
        seed, sources = self.batching.seed, self.batching.sources
        if not self.examples.sharded:
            drawn = draw_epoch(seconds, sources, seed=seed, epoch=epoch) if sources else None
            return [drawn or [np.arange(len(seconds))]]
        sources = sources or [Source(0, len(seconds), 1.0)]
        chosen = draw_epoch(seconds, sources, seed=seed, epoch=epoch, shards=shards)
        return cut_into_groups(chosen, seconds, shards, self.batching.open_shards)

    def _group_plan(self, epoch: int, groups: Sequence[list[Numbers]], number: int) -> list[list[Item]]:
        seed = self.batching.seed
        key = (seed, epoch) if len(groups) == 1 else (seed, epoch, _GROUP, number)
        weights = [source.weight for source in self.batching.sources] or [1.0]
        share = weights[0] / sum(weights)
        return plan_group(groups[number], self.examples.seconds, key, self.batching, share)

    def _batches(self) -> Iterator[tuple[list[Item], int, int, list[int]]]:
        """Batches from the start on, each with the place behind it, and what should be fetched meanwhile."""
        epoch, position = self.epoch, self.position
        while True:
            groups, before = self.groups(epoch), 0
            for number in range(len(groups)):
                plan = self._group_plan(epoch, groups, number)
                ahead = self._of_new_shards(groups, number)
                for place in range(max(0, position - before), len(plan)):
                    # Over the first half of a group, so that all are there when it ends.
                    soon = ahead[place :: max(1, len(plan) // 2)] if 2 * place < len(plan) else []
                    yield plan[place], epoch, before + place + 1, soon
                before += len(plan)
            epoch, position = epoch + 1, 0

    def _of_new_shards(self, groups: Sequence[list[Numbers]], number: int) -> list[int]:
        """One example of each shard that the next group needs and this one does not."""
        shards = self.examples.shards
        if not self.examples.sharded or number + 1 == len(groups):
            return []
        now = shards[np.concatenate(groups[number])]
        then = np.concatenate(groups[number + 1])
        kinds, places = np.unique(shards[then], return_index=True)
        new = (kinds >= 0) & ~np.isin(kinds, now)
        ahead: list[int] = then[np.sort(places[new])].tolist()
        return ahead

    def __iter__(self) -> Iterator[BatchPlan]:
        batches = self._batches()
        size = self.accumulate * self.world
        for number in itertools.count():
            update = [next(batches) for _ in range(size)]
            _, epoch, position, _ = update[-1]
            items = [item for batch, *_ in update for item in batch]
            tokens = count_tokens(items, self.examples, self.batching.lengths.space)
            soon = tuple(example for *_, ahead in update for example in ahead)
            spared = number < self.spared
            for batch, *_ in update[self.rank :: self.world]:
                heard = [item._replace(wordless=False) for item in batch] if spared else batch
                yield BatchPlan(heard, tokens, epoch, position, soon, spared)
                soon = ()
