"""From prepared cuts to what a model learns from: audio within reach, texts as tokens, the unfit left out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earwright.cuts import Cut, read_cut_audio, read_cuts
from earwright.data.augmentation.lengths import space_between
from earwright.data.batches import AudioStore, Example
from earwright.data.frames import frames_in, frames_needed
from earwright.data.mixture import Source
from earwright.data.options import DataOptions, TextOptions
from earwright.data.pcm import PcmCache, open_pcm_cache
from earwright.errors import EarwrightError
from earwright.text import Tokenizer, build_char_tokenizer, normalize, train_bpe_tokenizer

# Up to here "auto" decodes everything beforehand: 50 hours are 5.8 GB on disk.
CACHED_HOURS = 50.0
# Why a cut is left out, in words that follow a number.
TOO_LITTLE_AUDIO = "with more text than CTC can fit into the audio"


@dataclass
class TrainingSet:
    """Examples with their audio, and what was left out: reason -> ids; `unfit` has too little audio.

    `sources` are its parts, where a batch is to have a share of each; without any, all of it is an epoch.
    `space` is what stands between two texts; see `space_between`.
    """

    examples: list[Example]
    audio: AudioStore
    left_out: dict[str, list[str]] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    unfit: list[Example] = field(default_factory=list)
    space: tuple[int, ...] = ()

    @property
    def hours(self) -> float:
        """Hours of speech in it."""
        return sum(example.seconds for example in self.examples) / 3600

    def describe_left_out(self) -> str:
        """One line: how many were left out, and why."""
        return ", ".join(f"{len(ids)} {reason}" for reason, ids in self.left_out.items())


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
    """Two stores as one: the clips of the second come behind the `count` of the first."""

    def __init__(self, first: AudioStore, count: int, second: AudioStore) -> None:
        self.first, self.count, self.second = first, count, second

    def read(self, index: int) -> npt.NDArray[np.float32]:
        """Clip `index` of both."""
        return self.first.read(index) if index < self.count else self.second.read(index - self.count)


def mix(main: TrainingSet, other: TrainingSet, share: float) -> TrainingSet:
    """One training set of two: an epoch is all of `main`, and of `other` so much that it is `share` of the
    audio, of the whole and of each batch. What was left out of `other` is not told again.
    """
    count = len(main.examples)
    end = count + len(other.examples)
    return TrainingSet(
        [*main.examples, *other.examples],
        Joined(main.audio, count, other.audio),
        main.left_out,
        (Source(0, count, 1.0 - share), Source(count, end, share)),
        space=main.space,
    )


def read_all_cuts(paths: Sequence[str], key: str) -> list[Cut]:
    """The cuts of several prepared folders; `key` is the recipe's key, for messages.

    Raises:
        EarwrightError: none is given, one is missing, or all are empty.
    """
    if not paths:
        raise EarwrightError(
            f"the recipe names no data: set {key} to a folder that `earwright prepare` wrote."
        )
    cuts = [cut for path in paths for cut in read_cuts(Path(path).expanduser())]
    if not cuts:
        raise EarwrightError(f"{key}: no cuts in {', '.join(paths)}.")
    return cuts


def cache_folder() -> Path:
    """Where decoded audio is kept: under XDG_CACHE_HOME, or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "earwright" / "pcm"


def build_tokenizer(texts: Sequence[str], options: TextOptions, seed: int) -> Tokenizer:
    """The tokenizer that the recipe asks for, from the training texts alone."""
    if options.tokenizer == "bpe":
        return train_bpe_tokenizer(texts, options.vocab_size, seed)
    return build_char_tokenizer(texts, options.min_count)


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
    kept: list[int] = []
    tokens: dict[int, tuple[int, ...]] = {}
    left_out: dict[str, list[str]] = {}
    unfit: list[Example] = []

    def leave_out(cut: Cut, reason: str) -> None:
        left_out.setdefault(reason, []).append(cut.id)

    for index, cut in enumerate(cuts):
        text = normalize(cut.text, normalizer)
        if not text:
            leave_out(cut, "without text after normalization")
        elif cut.duration > options.max_seconds:
            leave_out(cut, f"longer than {options.max_seconds:g} s")
        elif tokenizer.unknown_characters(text):
            leave_out(cut, "with characters outside the vocabulary")
        else:
            tokens[index] = tuple(tokenizer.encode(text))
            if frames_needed(tokens[index]) > frames_in(cut.duration / top_speed, frame_shift):
                leave_out(cut, TOO_LITTLE_AUDIO)
                unfit.append(Example(cut.id, cut.duration, tokens[index]))
            else:
                kept.append(index)
    chosen = [cuts[index] for index in kept]
    audio: AudioStore = CutAudio(chosen, sample_rate)
    hours = sum(cut.duration for cut in chosen) / 3600
    if options.cache == "pcm" or (options.cache == "auto" and hours <= CACHED_HOURS):
        cache, problems = open_pcm_cache(chosen, sample_rate, cache_folder(), report)
        audio, kept = _readable(cache, chosen, kept, problems, left_out)
    examples = [Example(cuts[index].id, cuts[index].duration, tokens[index]) for index in kept]
    if not examples:
        reasons = ", ".join(f"{len(ids)} {reason}" for reason, ids in left_out.items())
        raise EarwrightError(f"no utterance is left to train on: {reasons or 'the set is empty'}.")
    return TrainingSet(examples, audio, left_out, unfit=unfit, space=space_between(tokenizer))


def _readable(
    cache: PcmCache,
    cuts: Sequence[Cut],
    kept: list[int],
    problems: dict[str, str],
    left_out: dict[str, list[str]],
) -> tuple[AudioStore, list[int]]:
    fine = [place for place, cut in enumerate(cuts) if cut.id not in problems and cache.samples(place) > 0]
    if len(fine) < len(cuts):
        left_out["unreadable"] = [cut.id for cut in cuts if cut.id in problems]
    return Chosen(cache, fine), [kept[place] for place in fine]


def spread(cuts: Sequence[Cut], count: int) -> list[Cut]:
    """`count` cuts spread evenly over all of them, so that every speaker has a say."""
    if len(cuts) <= count:
        return list(cuts)
    return [cuts[int(place)] for place in np.linspace(0, len(cuts) - 1, count)]
