"""What changes the length or the text of utterances, drawn before batches are made of them: tempo,
concatenation, and noise without speech."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from earwright.audio.read import Samples
from earwright.data.augmentation.options import ConcatenationOptions, TempoOptions
from earwright.text import Tokenizer
from earwright.text.tokenizers import WORD_START


@dataclass(frozen=True)
class Lengths:
    """How lengths and texts are varied.

    Attributes:
        nothing: probability of an utterance that is not put together with others to be noise alone.
        space: the tokens between the texts of two utterances that become one; see `space_between`.
    """

    tempo: TempoOptions = field(default_factory=TempoOptions)
    concatenation: ConcatenationOptions = field(default_factory=ConcatenationOptions)
    space: tuple[int, ...] = ()
    nothing: float = 0.0


def space_between(tokenizer: Tokenizer) -> tuple[int, ...]:
    """What a tokenizer writes between two texts: a space of its own, or nothing where words begin with it."""
    if tokenizer.kind == "char" and WORD_START in tokenizer.tokens:
        return (tokenizer.tokens.index(WORD_START),)
    return ()


def join_tokens(texts: Sequence[Sequence[int]], space: Sequence[int]) -> tuple[int, ...]:
    """The tokens of several texts as one.

    Those of two texts fit into the audio of both if each fits into its own: `frames_in` leaves out a frame
    of each, and what joins them (a space, or a blank between equal neighbours) needs one.
    """
    joined = list(texts[0])
    for text in texts[1:]:
        joined += [*space, *text]
    return tuple(joined)


def join_audio(clips: Sequence[Samples], pause: float, sample_rate: int) -> Samples:
    """Several recordings as one, with so many seconds of silence between."""
    silence = np.zeros(round(pause * sample_rate), np.float32)
    parts = [part for clip in clips for part in (silence, clip)]
    return np.concatenate(parts[1:])


def draw_tempos(count: int, options: TempoOptions, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """(count,) factors; 1 where the tempo stays."""
    changed = generator.random(count) < options.probability
    return np.where(changed, generator.uniform(*options.factors, count), 1.0)


@dataclass(frozen=True)
class Row:
    """Utterances that become one, by their numbers, and the seconds between two of them."""

    members: tuple[int, ...]
    pause: float


def draw_rows(
    seconds: npt.NDArray[np.float64],
    groups: Sequence[tuple[int, int]],
    options: ConcatenationOptions,
    generator: np.random.Generator,
) -> dict[int, Row]:
    """Put utterances one behind the other.

    Args:
        seconds: (N,) of each as it was recorded.
        groups: [first, last) of those that may come together.
        options: how often, how many, how long.
        generator: decides the rest.

    Returns:
        By its first utterance, each row of two or more; none is longer than the options allow, and no
        utterance is in two.
    """
    rows: dict[int, Row] = {}
    if not options.probability:
        return rows
    for first, last in groups:
        waiting = (first + generator.permutation(last - first)).tolist()
        while waiting:
            members = [waiting.pop()]
            if generator.random() >= options.probability:
                continue
            wanted = int(generator.integers(2, options.most + 1))
            pause = float(generator.uniform(*options.pause))
            total = float(seconds[members[0]])
            while waiting and len(members) < wanted:
                total += pause + float(seconds[waiting[-1]])
                if total > options.max_seconds:
                    break
                members.append(waiting.pop())
            if len(members) > 1:
                rows[members[0]] = Row(tuple(members), pause)
    return rows
