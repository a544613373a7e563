"""From prepared cuts to what a model learns from: audio within reach, texts as tokens, the unfit left out."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from earwright.cuts import Cut
from earwright.data.augmentation.lengths import space_between
from earwright.data.frames import frames_in, frames_needed
from earwright.data.mixture import Numbers, Source
from earwright.data.options import DataOptions, TextOptions
from earwright.data.packed import LOOSE, Example, Examples, Packer
from earwright.data.pcm import PcmCache, open_pcm_cache
from earwright.data.shards.reading import ShardAudio, ShardSet
from earwright.data.stores import AudioStore, Chosen, CutAudio, Joined
from earwright.errors import EarwrightError
from earwright.text import Tokenizer, build_char_tokenizer, normalize, train_bpe_tokenizer

# Up to here "auto" decodes everything beforehand: 50 hours are 5.8 GB on disk.
CACHED_HOURS = 50.0
# A BPE tokenizer is trained on so many texts to twice as many: more would only take memory.
BPE_TEXTS = 1_000_000
# Why a cut is left out, in words that follow a number.
TOO_LITTLE_AUDIO = "with more text than CTC can fit into the audio"


@dataclass
class TrainingSet:
    """Examples with their audio, and what was left out: reason -> ids; `unfit` has too little audio.

    `sources` are its parts, where a batch is to have a share of each; without any, all of it is an epoch.
    The last `replayed` examples are old speech. `speakers` are the names of the new, left out or not.
    `space` is what stands between two texts; see `space_between`.
    """

    examples: Examples
    audio: AudioStore
    left_out: dict[str, list[str]] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    unfit: list[Example] = field(default_factory=list)
    replayed: int = 0
    speakers: set[str] = field(default_factory=set)
    space: tuple[int, ...] = ()

    @property
    def hours(self) -> float:
        """Hours of speech in it."""
        return float(self.examples.seconds.sum()) / 3600

    @property
    def new(self) -> Examples:
        """The examples that are not replayed."""
        return self.examples[: len(self.examples) - self.replayed]

    def within_reach(self, shards: int = 8) -> Numbers:
        """Numbers of examples from all over the set: all, or those in a few of its shards."""
        numbers = self.examples.shards
        found = np.unique(numbers[numbers != LOOSE])
        some = found[np.linspace(0, len(found) - 1, min(shards, len(found))).astype(int)]
        return np.flatnonzero((numbers == LOOSE) | np.isin(numbers, some))

    def describe_left_out(self) -> str:
        """One line: how many were left out, and why."""
        return ", ".join(f"{len(ids)} {reason}" for reason, ids in self.left_out.items())


def join(sets: Sequence[TrainingSet]) -> TrainingSet:
    """One training set of several, all of which is an epoch."""
    if len(sets) == 1:
        return sets[0]
    left_out: dict[str, list[str]] = {}
    for one in sets:
        for reason, ids in one.left_out.items():
            left_out.setdefault(reason, []).extend(ids)
    return TrainingSet(
        Examples.joined([one.examples for one in sets]),
        Joined([one.audio for one in sets], [len(one.examples) for one in sets]),
        left_out,
        unfit=[example for one in sets for example in one.unfit],
        speakers=set().union(*(one.speakers for one in sets)),
        space=sets[0].space,
    )


def mix(sets: Sequence[TrainingSet], weights: Sequence[float]) -> TrainingSet:
    """One training set of several: an epoch is all of the first, and of each other so much that the seconds
    of all stand to each other as their weights do, in the whole and in each batch.

    Args:
        sets: each may have sources of its own, which share its weight.
        weights: above 0.
    """
    sources: list[Source] = []
    end = 0
    for one, weight in zip(sets, weights, strict=True):
        parts = one.sources or (Source(0, len(one.examples), 1.0),)
        whole = sum(part.weight for part in parts)
        sources += [Source(end + p.first, end + p.last, weight * p.weight / whole) for p in parts]
        end += len(one.examples)
    mixed = join(sets)
    mixed.sources = tuple(sources)
    return mixed


def with_replay(main: TrainingSet, old: TrainingSet, share: float) -> TrainingSet:
    """Old speech mixed in: `share` of the audio of the whole and of each batch. What was left out of it is
    not told again.
    """
    mixed = mix([main, old], [1.0 - share, share])
    mixed.left_out, mixed.unfit, mixed.speakers = main.left_out, main.unfit, main.speakers
    mixed.replayed = len(old.examples)
    return mixed


def cache_folder() -> Path:
    """Where decoded audio is kept: under XDG_CACHE_HOME, or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "earwright" / "pcm"


def build_tokenizer(texts: Iterable[str], options: TextOptions, seed: int) -> Tokenizer:
    """The tokenizer that the recipe asks for, from the training texts alone."""
    if options.tokenizer == "bpe":
        return train_bpe_tokenizer(thin(texts, BPE_TEXTS), options.vocab_size, seed)
    return build_char_tokenizer(texts, options.min_count)


def thin(texts: Iterable[str], most: int) -> list[str]:
    """All texts, or from twice `most` on every second, fourth, eighth ... of them."""
    kept: list[str] = []
    step = 1
    for number, text in enumerate(texts):
        if number % step == 0:
            kept.append(text)
            if len(kept) == 2 * most:
                kept, step = kept[::2], 2 * step
    return kept


def build_training_set(
    cuts: Sequence[Cut],
    tokenizer: Tokenizer,
    options: DataOptions,
    normalizer: str,
    *,
    sample_rate: int,
    frame_shift: float,
    top_speed: float,
    report: Callable[[int], None] = lambda done: None,
) -> TrainingSet:
    """Tokens and audio of every cut that can be learnt from.

    Args:
        cuts: all of them.
        tokenizer, normalizer: make the tokens.
        options: cache and longest utterance.
        sample_rate: Hz of the recognizer.
        frame_shift: seconds a frame of log-probs, for the CTC length check.
        top_speed: fastest playing speed: it shortens the audio that the text must fit.
        report: called with the number of cuts decoded so far.

    Raises:
        EarwrightError: nothing is left.
    """
    fitting = Fitting(tokenizer, options, normalizer, frame_shift, top_speed)
    tokens = [fitting.tokens(cut) for cut in cuts]
    kept = [index for index, found in enumerate(tokens) if found is not None]
    left_out = fitting.left_out
    chosen = [cuts[index] for index in kept]
    audio: AudioStore = CutAudio(chosen, sample_rate)
    hours = sum(cut.duration for cut in chosen) / 3600
    if options.cache == "pcm" or (options.cache == "auto" and hours <= CACHED_HOURS):
        cache, _ = open_pcm_cache(chosen, sample_rate, cache_folder(), report)
        audio, kept = _readable(cache, chosen, kept, left_out)
    packer = Packer(tokenizer.vocab_size)
    for index in kept:
        packer.add(Example(cuts[index].id, cuts[index].duration, tokens[index] or ()))
    return fitting.made_of(packer.packed(), audio)


def build_shard_set(
    shards: ShardSet,
    tokenizer: Tokenizer,
    options: DataOptions,
    normalizer: str,
    *,
    sample_rate: int,
    frame_shift: float,
    top_speed: float,
) -> TrainingSet:
    """Tokens of every utterance in shards that can be learnt from; the audio stays where it is.

    Args:
        shards: of one place; their cuts go by one after the other.
        tokenizer, options, normalizer, sample_rate, frame_shift, top_speed: see `build_training_set`;
            options.cache does not count here.

    Raises:
        EarwrightError: nothing is left.
    """
    fitting = Fitting(tokenizer, options, normalizer, frame_shift, top_speed)
    packer = Packer(tokenizer.vocab_size)
    places = array("i")
    counts = [0] * len(shards.shards)
    for place, cut in shards.placed_cuts():
        counts[place.shard] += 1
        tokens = fitting.tokens(cut)
        if tokens is not None:
            packer.add(Example(cut.id, cut.duration, tokens), place.shard)
            places.extend(place)
    examples = packer.packed()
    # A group may need one shard more than it has room for, and the next group begins before it ends.
    most_open = 2 * options.open_shards + 2
    where = np.frombuffer(places, np.int32).reshape(-1, 2)
    audio = ShardAudio(shards, where, examples, counts, sample_rate, most_open)
    return fitting.made_of(examples, audio)


class Fitting:
    """Tells which cuts can be learnt from.

    Args:
        tokenizer, options, normalizer, frame_shift, top_speed: see `build_training_set`.

    Attributes:
        left_out: reason -> ids of the cuts so far that cannot.
        unfit: those of them that have too little audio for their text.
        speakers: of all cuts so far.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        options: DataOptions,
        normalizer: str,
        frame_shift: float,
        top_speed: float,
    ) -> None:
        self.tokenizer, self.options, self.normalizer = tokenizer, options, normalizer
        self.frame_shift, self.top_speed = frame_shift, top_speed
        self.left_out: dict[str, list[str]] = {}
        self.unfit: list[Example] = []
        self.speakers: set[str] = set()

    def tokens(self, cut: Cut) -> tuple[int, ...] | None:
        """Of the cut's text; None if it is left out."""
        if cut.speaker:
            self.speakers.add(cut.speaker)
        text = normalize(cut.text, self.normalizer)
        if not cut.path:
            reason = "without audio"
        elif not text:
            reason = "without text after normalization"
        elif cut.duration > self.options.max_seconds:
            reason = f"longer than {self.options.max_seconds:g} s"
        elif self.tokenizer.unknown_characters(text):
            reason = "with characters outside the vocabulary"
        else:
            tokens = tuple(self.tokenizer.encode(text))
            if frames_needed(tokens) <= frames_in(cut.duration / self.top_speed, self.frame_shift):
                return tokens
            reason = TOO_LITTLE_AUDIO
            self.unfit.append(Example(cut.id, cut.duration, tokens))
        self.left_out.setdefault(reason, []).append(cut.id)
        return None

    def made_of(self, examples: Examples, audio: AudioStore) -> TrainingSet:
        """The set of those that can be learnt from.

        Raises:
            EarwrightError: there is none.
        """
        found = TrainingSet(
            examples,
            audio,
            self.left_out,
            unfit=self.unfit,
            speakers=self.speakers,
            space=space_between(self.tokenizer),
        )
        if not len(examples):
            raise EarwrightError(
                f"no utterance is left to train on: {found.describe_left_out() or 'the set is empty'}."
            )
        return found


def _readable(
    cache: PcmCache, cuts: Sequence[Cut], kept: list[int], left_out: dict[str, list[str]]
) -> tuple[AudioStore, list[int]]:
    """What has samples; told by place, since cuts of another folder may have the same ids."""
    fine = [place for place in range(len(cuts)) if cache.samples(place) > 0]
    if len(fine) < len(cuts):
        left_out["unreadable"] = [cut.id for place, cut in enumerate(cuts) if not cache.samples(place)]
    return Chosen(cache, fine), [kept[place] for place in fine]


def spread(cuts: Sequence[Cut], count: int) -> list[Cut]:
    """`count` cuts spread evenly over all of them, so that every speaker has a say."""
    if len(cuts) <= count:
        return list(cuts)
    return [cuts[int(place)] for place in np.linspace(0, len(cuts) - 1, count)]
