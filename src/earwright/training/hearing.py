"""A recording as each kind of augmentation would have it, and as a training run would hear it a few times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from earwright.audio.read import Samples
from earwright.data.augment import KINDS, SEEDS, Augmenter, build_augmenter, probability_of
from earwright.data.augmentation.lengths import draw_tempos, join_audio
from earwright.data.augmentation.noise import Voices
from earwright.data.augmentation.options import AugmentOptions
from earwright.data.augmentation.voice import change_voice
from earwright.data.examples import spread
from earwright.data.speech import read_all_cuts
from earwright.data.stores import CutAudio
from earwright.errors import EarwrightError, first_line
from earwright.training.recipe import Recipe

# What a recipe may ask for, in the order of the recording's way.
ALL_KINDS = ("concatenation", "speed", "tempo", *KINDS, "nothing")
BABBLING = 50  # utterances of the training set that are at hand
DRAWS_BEGIN = 1000  # of the seeds of whole draws, beyond those of the kinds


@dataclass(frozen=True)
class Version:
    """A recording under a name, (N,) float32."""

    name: str
    samples: Samples


def kinds_in_use(options: AugmentOptions) -> list[str]:
    """Those that a recipe turns on."""
    varied = any(speed != 1.0 for speed in options.speeds)
    return [kind for kind in ALL_KINDS if (varied if kind == "speed" else probability_of(options, kind) > 0)]


def hear(
    samples: Samples,
    recipe: Recipe,
    *,
    seed: int,
    kinds: Sequence[str],
    draws: int,
    say: Callable[[str], None],
) -> list[Version]:
    """The recording, then each kind for certain, then whole draws as in training.

    Args:
        samples: (N,) float32, at the rate of the recipe.
        recipe: says how much of each kind.
        seed: of everything that is drawn.
        kinds: of `ALL_KINDS`, to be heard alone.
        draws: how many whole ones, with the recipe's own probabilities.
        say: told what there is, and what is missing.

    Raises:
        EarwrightError: the recipe does not name what a kind needs.
    """
    options, rate = recipe.augment, recipe.features.sample_rate
    if "room" in kinds and not (options.room.folders or options.room.simulated):
        raise EarwrightError(
            "the recipe has no rooms: set augment.room.folders, or augment.room.simulated to a number."
        )
    used = [
        kind
        for kind in (*KINDS, "nothing")
        if kind in kinds or (draws and kind != "nothing" and probability_of(options, kind) > 0)
    ]
    babbles = "noise" in used and "babble" in options.noise.generated
    voices = _voices(recipe, say) if babbles or "concatenation" in kinds else None
    longest = len(samples) / rate
    augmenter = build_augmenter(
        options, rate, seed=seed, longest=longest, voices=voices, say=say, kinds=used
    ) or Augmenter(options, rate, voices=voices)
    versions = [Version("original", samples)]
    for kind in kinds:
        versions += _alone(kind, samples, augmenter, seed)
    for number in range(1, draws + 1):
        generator = np.random.default_rng((seed, DRAWS_BEGIN + number))
        speed = float(generator.choice(options.speeds))
        tempo = float(draw_tempos(1, options.tempo, generator)[0])
        heard = augmenter(samples, int(generator.integers(1 << 63)), speed=speed, tempo=tempo)
        versions.append(Version(f"draw-{number}", heard))
    return versions


def _alone(kind: str, samples: Samples, augmenter: Augmenter, seed: int) -> list[Version]:
    options, rate = augmenter.options, augmenter.sample_rate
    generator = np.random.default_rng((seed, SEEDS.get(kind, len(SEEDS))))
    if kind == "speed":
        return [
            Version(f"speed-{speed:g}", change_voice(samples, rate, speed=speed))
            for speed in options.speeds
            if speed != 1.0
        ]
    if kind == "tempo":
        tempo = float(draw_tempos(1, replace(options.tempo, probability=1.0), generator)[0])
        return [Version(f"tempo-{tempo:.2f}", change_voice(samples, rate, tempo=tempo))]
    if kind == "concatenation":
        other, voices = samples, augmenter.voices
        if voices:
            other = voices.clips.read(int(generator.integers(voices.count)))
        pause = float(generator.uniform(*options.concatenation.pause))
        return [Version(kind, join_audio([samples, other], pause, rate))]
    if kind == "nothing":
        return [Version(kind, augmenter.nothing(len(samples), seed))]
    generator.random()  # that decides in training whether there is any
    return [Version(kind, augmenter.apply(kind, samples, generator))]


def _voices(recipe: Recipe, say: Callable[[str], None]) -> Voices | None:
    """Some of the training set; a recipe may be tried before there is any."""
    try:
        cuts = spread(read_all_cuts(recipe.data.train, "data.train"), BABBLING)
    except EarwrightError as error:
        say(f"no babble and no other utterances: {first_line(error)}")
        return None
    return Voices(CutAudio(cuts, recipe.features.sample_rate), len(cuts))
