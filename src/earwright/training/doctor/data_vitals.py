"""What a training set and its dev set look like side by side, before the first step, on a sample of each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from earwright.data.examples import TOO_LITTLE_AUDIO
from earwright.data.preparation.checks import FAINTEST
from earwright.data.preparation.measure import measure
from earwright.data.preparation.texts import main_script
from earwright.errors import EarwrightError
from earwright.pace import letters
from earwright.text import Tokenizer, normalize

if TYPE_CHECKING:
    from earwright.data.packed import Example
    from earwright.training.setup import Parts
    from earwright.training.watch import DevSet

CLIPS = 40  # are listened to on each side: medians of so many are known well enough
TEXTS = 4000  # of the training set are read
LONG_TEXT = 20  # letters; shorter sentences are the same by nature
# A clip and a copy of it that went through a lossy codec; clips of one speaker saying the same twice reach
# 0.3.
SAME_AUDIO = 0.9
SAME_LENGTH = 0.03  # seconds; codecs pad

Samples = npt.NDArray[np.float32]


def describe_data(parts: Parts, sample_rate: int) -> dict[str, Any]:
    """Figures of the training set, of the dev set, and of the two beside each other.

    Args:
        parts: of the run.
        sample_rate: Hz that the recognizer works at.

    Returns:
        What the rules of `data_symptoms` read; it is kept in the run's log.
    """
    training, tokenizer = parts.training_set, parts.tokenizer
    some = [training.examples[place] for place in spread_places(len(training.examples), TEXTS)]
    texts = [tokenizer.decode(example.tokens) for example in some]
    counts = Counter(token for example in some for token in example.tokens)
    figures: dict[str, Any] = {
        "utterances": len(training.examples),
        "left_out": {reason: len(ids) for reason, ids in training.left_out.items()},
        "too_little_audio": len(training.left_out.get(TOO_LITTLE_AUDIO, ())),
        "token_entropy": entropy(counts.values()),
        "frames_per_second": round(1 / parts.model.frame_shift, 3),
        "train": describe_texts(texts, [example.seconds for example in some])
        | describe_clips(_training_clips(parts), sample_rate),
        "fit": describe_fit(_with_unfit(training.examples, training.unfit)),
    }
    if parts.dev is not None:
        figures |= _beside(parts, parts.dev, texts, sample_rate)
    return figures


def _with_unfit(examples: Sequence[Example], unfit: Sequence[Example]) -> list[Example]:
    """Some of both, in proportion: without those whose texts are too long, any texts would seem to fit."""
    size = len(examples) + len(unfit)
    places = spread_places(size, TEXTS)
    return [examples[place] if place < len(examples) else unfit[place - len(examples)] for place in places]


def _beside(parts: Parts, dev: DevSet, texts: Sequence[str], sample_rate: int) -> dict[str, Any]:
    clips = dev.clips()
    dev_texts = [normalize(text, dev.normalizer) for text in dev.texts]
    some = [clips[place] for place in spread_places(len(clips), CLIPS)]
    seconds = [len(clip) / sample_rate for clip in clips]
    return {
        "dev": describe_texts(dev_texts, seconds) | describe_clips(some, sample_rate),
        "dev_unknown": unknown_characters(dev_texts, parts.tokenizer),
        "surprise": surprise(texts, dev_texts),
        "shared": find_shared(parts, dev_texts, clips, sample_rate),
    }


def _training_clips(parts: Parts) -> list[Samples]:
    clips = []
    near = parts.training_set.within_reach()
    for place in spread_places(len(near), CLIPS):
        try:
            clips.append(parts.training_set.audio.read(int(near[place])))
        except EarwrightError:  # training will meet it too, and say so
            continue
    return clips


def spread_places(size: int, count: int) -> list[int]:
    """`count` places spread evenly over `size`, or all of them."""
    return list(range(size)) if size <= count else np.linspace(0, size - 1, count).astype(int).tolist()


def describe_texts(texts: Sequence[str], seconds: Sequence[float]) -> dict[str, Any]:
    """Script, letters, pace (median), and the lengths between which nine of ten utterances lie."""
    paces = [letters(text) / length for text, length in zip(texts, seconds, strict=True) if length > 0]
    short, usual, long = np.quantile(seconds, (0.05, 0.5, 0.95)).tolist() if len(seconds) else (0.0,) * 3
    return {
        "script": main_script(" ".join(texts[:500])),
        "pace": median(paces) if paces else 0.0,
        "letters": sum(map(letters, texts)),
        "seconds": [short, usual, long],
    }


def describe_clips(clips: Sequence[Samples], sample_rate: int) -> dict[str, Any]:
    """How many clips of a sample hold no speech, and the medians of level and bandwidth over the others."""
    measured = [measure(clip, sample_rate) for clip in clips if len(clip)]
    heard = [one for one in measured if one.level is not None and one.level >= FAINTEST]
    bands = [one.bandwidth for one in heard if one.bandwidth is not None]
    return {
        "clips": len(clips),
        "silent": len(clips) - len(heard),
        "level": median(one.level for one in heard if one.level is not None) if heard else None,
        "bandwidth": median(bands) if bands else None,
    }


def describe_fit(examples: Sequence[Example]) -> dict[str, float]:
    """Whether long texts belong to long recordings.

    Returns:
        "correlation" of the ranks of tokens and seconds (Spearman 1904), over "utterances"; "tokens", their
        median; and how far lengths are spread at all: deviation over mean, of texts and of audio.
    """
    tokens = np.array([len(example.tokens) for example in examples], float)
    seconds = np.array([example.seconds for example in examples], float)
    spreads = [float(values.std() / values.mean()) for values in (tokens, seconds)]
    known = len(examples) > 1 and min(spreads) > 0
    correlation = float(np.corrcoef(ranks(tokens), ranks(seconds))[0, 1]) if known else 0.0
    return {
        "utterances": len(examples),
        "tokens": float(np.median(tokens)),
        "text_spread": spreads[0],
        "audio_spread": spreads[1],
        "correlation": correlation,
    }


def ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The rank of each value, equal ones sharing the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared: npt.NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return shared


def entropy(counts: Iterable[int]) -> float:
    """Of a distribution in nats: what guessing by frequency alone costs for each token."""
    sizes = [count for count in counts if count]
    total = sum(sizes)
    return -sum(count / total * math.log(count / total) for count in sizes)


def unknown_characters(texts: Sequence[str], tokenizer: Tokenizer) -> dict[str, Any]:
    """The share of characters without a token, the most frequent of them, and the share of texts with one."""
    counts: Counter[str] = Counter()
    touched = 0
    for text in texts:
        unknown = tokenizer.unknown_characters(text)
        touched += bool(unknown)
        counts.update(character for character in text if character in unknown)
    total = sum(letters(text) for text in texts)
    return {
        "share": counts.total() / max(total, 1),
        "characters": "".join(character for character, _ in counts.most_common(10)),
        "texts": touched / max(len(texts), 1),
    }


def surprise(texts: Sequence[str], others: Sequence[str]) -> dict[str, float]:
    """How well pairs of letters in the training texts foretell those of other texts, in nats a letter.

    Half of the training texts foretell the other half ("train") and the other set ("dev"). English read to an
    English model differs by less than 0.2, German by 0.5 to 0.7.
    """
    pairs: Counter[tuple[str, str]] = Counter()
    singles: Counter[str] = Counter()
    for text in texts[::2]:
        padded = f" {text} "
        pairs.update(pairwise(padded))
        singles.update(padded[:-1])
    alphabet = len(singles) + 1  # and one for what was never seen

    def cost(of: Sequence[str]) -> float:
        total, count = 0.0, 0
        for text in of:
            padded = f" {text} "
            for first, second in pairwise(padded):
                # Half a count for what was never seen (Krichevsky and Trofimov 1981).
                total -= math.log((pairs[first, second] + 0.5) / (singles[first] + 0.5 * alphabet))
                count += 1
        return total / max(count, 1)

    return {"train": cost(texts[1::2]), "dev": cost(others), "texts": len(texts)}


def find_shared(
    parts: Parts, texts: Sequence[str], clips: Sequence[Samples], sample_rate: int
) -> dict[str, int]:
    """How many dev utterances have a text, or the very audio, that is in the training set too."""
    tokenizer, examples = parts.tokenizer, parts.training_set.examples
    tokens = [() if tokenizer.unknown_characters(text) else tuple(tokenizer.encode(text)) for text in texts]
    wanted: dict[tuple[int, ...], list[int]] = {item: [] for item in tokens if item}
    for place, example in enumerate(examples):
        if example.tokens in wanted:
            wanted[example.tokens].append(place)
    near_by = set(parts.training_set.within_reach().tolist()) if examples.sharded else None
    long = [bool(item) and len(text) >= LONG_TEXT for item, text in zip(tokens, texts, strict=True)]
    same_text = sum(bool(wanted[item]) for item, counted in zip(tokens, long, strict=True) if counted)
    same_audio = 0
    for item, clip in zip(tokens, clips, strict=True):
        near = [
            place
            for place in wanted.get(item, ())
            if abs(examples[place].seconds - len(clip) / sample_rate) <= SAME_LENGTH
            and (near_by is None or place in near_by)
        ]
        same_audio += any(_is_same(parts, place, clip) for place in near[:3])
    return {"of": len(texts), "audio": same_audio, "long_texts": sum(long), "text": same_text}


def _is_same(parts: Parts, place: int, clip: Samples) -> bool:
    try:
        other = parts.training_set.audio.read(place)
    except EarwrightError:
        return False
    size = min(len(other), len(clip))
    product = float(np.linalg.norm(other[:size])) * float(np.linalg.norm(clip[:size]))
    return product > 0 and float(np.dot(other[:size], clip[:size])) / product >= SAME_AUDIO
