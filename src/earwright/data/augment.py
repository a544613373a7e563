"""Augmentation: what a recipe's [augment] does to an utterance, from the voice to the line that it went over.

    read -> speed, tempo, pitch -> trim -> room -> noise -> gain -> clipping -> band -> codec -> cutout

That is the order in which it happens to speech in the world: somebody speaks, in a room, beside a noise,
into a microphone that may be too loud, over a line. Every kind is a small function in `data/augmentation/`.
Whether an utterance gets it, and how much, follows from the utterance's seed and the kind alone: not from
workers, not from what other kinds draw. Nothing but speed, tempo and a trimmed beginning moves a word in
time. What happens to features instead of samples is SpecAugment, `nn/specaugment.py`; how utterances are put
together is in `data/augmentation/lengths.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from earwright.audio.read import Samples
from earwright.audio.rooms import reverberate
from earwright.data.augmentation import channel
from earwright.data.augmentation.codecs import check_codecs, code
from earwright.data.augmentation.edges import trim
from earwright.data.augmentation.noise import NoiseBank, Voices, add_noise, check_often, nothing, open_noise
from earwright.data.augmentation.options import AugmentOptions
from earwright.data.augmentation.rooms import RoomBank, open_rooms
from earwright.data.augmentation.voice import change_voice

# In the order in which they happen, each with its part of the seed: one that is new takes nobody's.
SEEDS = {
    **{"pitch": 0, "trim": 8, "room": 1, "noise": 2, "gain": 3},
    **{"clipping": 4, "band": 5, "codec": 6, "cutout": 7},
}
KINDS = tuple(SEEDS)


def probability_of(options: AugmentOptions, kind: str) -> float:
    """Of a kind, for each utterance."""
    probability: float = getattr(options, kind).probability
    return probability


@dataclass(frozen=True)
class Augmenter:
    """Does to utterances what the options say.

    Attributes:
        options: the recipe's.
        sample_rate: Hz.
        noise: recordings of noise, if any.
        rooms: impulse responses, if any.
        voices: what babble is made of, if any.
    """

    options: AugmentOptions
    sample_rate: int
    noise: NoiseBank | None = None
    rooms: RoomBank | None = None
    voices: Voices | None = None

    def __call__(
        self,
        samples: Samples,
        seed: int,
        *,
        speed: float = 1.0,
        tempo: float = 1.0,
        own: Sequence[int] = (),
        least: int = 0,
    ) -> Samples:
        """One utterance as it is heard this time.

        Args:
            samples: (N,) float32.
            seed: of everything that is drawn here.
            speed, tempo: how it is played; they are drawn with the batches, since they change the length.
            own: its numbers among the voices of babble.
            least: samples that its text needs, which are not trimmed away.

        Returns:
            (N / (speed * tempo),) float32, or fewer if it is trimmed; it may go beyond [-1, 1].
        """
        generators = {kind: np.random.default_rng((seed, SEEDS[kind])) for kind in KINDS}
        drawn = [kind for kind in KINDS if generators[kind].random() < probability_of(self.options, kind)]
        pitch = self.draw_pitch(generators["pitch"]) if "pitch" in drawn else 1.0
        heard = change_voice(samples, self.sample_rate, speed=speed, tempo=tempo, pitch=pitch)
        for kind in drawn:
            if kind != "pitch":
                heard = self.apply(kind, heard, generators[kind], own, least)
        return heard

    def nothing(self, length: int, seed: int) -> Samples:
        """(length,) float32 in which nobody speaks, heard in the rooms and over the lines of the speech."""
        generators = {kind: np.random.default_rng((seed, SEEDS[kind])) for kind in KINDS}
        heard = nothing(length, self.sample_rate, self.options.nothing, generators["noise"], self.noise)
        for kind in KINDS:
            if kind not in ("pitch", "trim", "noise") and generators[kind].random() < probability_of(
                self.options, kind
            ):
                heard = self.apply(kind, heard, generators[kind])
        return heard

    def draw_pitch(self, generator: np.random.Generator) -> float:
        """A factor for all frequencies."""
        return float(2 ** (generator.uniform(*self.options.pitch.semitones) / 12))

    def apply(
        self,
        kind: str,
        samples: Samples,
        generator: np.random.Generator,
        own: Sequence[int] = (),
        least: int = 0,
    ) -> Samples:
        """One kind, for certain: (N,) -> (N,), or less where it is trimmed."""
        options, rate = self.options, self.sample_rate
        match kind:
            case "pitch":
                return change_voice(samples, rate, pitch=self.draw_pitch(generator))
            case "trim":
                decibels = float(generator.uniform(*options.trim.decibels))
                return trim(
                    samples, rate, decibels, max(least, math.ceil((1 - options.trim.most) * len(samples)))
                )
            case "room":
                return reverberate(samples, self.rooms.draw(generator)) if self.rooms else samples
            case "noise":
                return add_noise(samples, rate, options.noise, generator, self.noise, self.voices, own)
            case "gain":
                return channel.amplify(samples, float(generator.uniform(*options.gain.decibels)))
            case "clipping":
                return channel.clip(samples, float(generator.uniform(*options.clipping.share)))
            case "band":
                return channel.limit_band(samples, rate, options.band, generator)
            case "codec":
                return code(samples, rate, options.codec, generator)
            case "cutout":
                return channel.cut_out(samples, rate, options.cutout, generator)
        raise AssertionError(kind)


def build_augmenter(
    options: AugmentOptions,
    sample_rate: int,
    *,
    seed: int,
    longest: float,
    voices: Voices | None = None,
    say: Callable[[str], None] = lambda line: None,
    kinds: Sequence[str] | None = None,
) -> Augmenter | None:
    """Get ready what the kinds need that are in use: noise and rooms in memory, codecs tried.

    Args:
        options: the recipe's.
        sample_rate: Hz.
        seed: of the rooms that are simulated.
        longest: seconds of the longest utterance.
        voices: what babble is made of.
        say: told once what there is, and which files are of no use.
        kinds: what is to be ready; by default, what has a probability above 0.

    Returns:
        The augmenter; None where nothing is to be done.

    Raises:
        EarwrightError: a folder is missing or empty, nothing in it can be used, or a codec is missing.
        ModuleNotFoundError: rooms are to be simulated, and pyroomacoustics is not installed.
    """
    ready = kinds if kinds is not None else [k for k in (*KINDS, "nothing") if probability_of(options, k)]
    if not ready:
        return None
    if "codec" in ready:
        check_codecs(options.codec, sample_rate)
    noise = open_noise(options.noise, sample_rate, seed, say) if {"noise", "nothing"} & set(ready) else None
    if "nothing" in ready:
        check_often(noise, options.nothing)
    return Augmenter(
        options,
        sample_rate,
        noise,
        open_rooms(options.room, sample_rate, seed, longest, say) if "room" in ready else None,
        voices,
    )
