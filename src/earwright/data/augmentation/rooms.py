"""The rooms of a run: measured impulse responses, and rooms simulated once before the first step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from earwright.audio.read import Samples
from earwright.audio.rooms import align_to_direct_path, read_responses
from earwright.data.augmentation.noise import Skipped
from earwright.data.augmentation.options import Range, RoomOptions
from earwright.errors import EarwrightError

# What a living room, an office or a class room measures, in metres.
SMALLEST, LARGEST = (2.5, 2.5, 2.3), (9.0, 7.0, 3.5)
FROM_WALL = 0.4  # metres: no mouth and no microphone is closer to a wall
MOST_REFLECTIONS = 30  # of a sound on its way: later ones are many and weak
ATTEMPTS = 100  # at a room in which so short a reverberation is possible


@dataclass(frozen=True)
class RoomBank:
    """Impulse responses, aligned: of real rooms and of simulated ones."""

    measured: Sequence[Samples] = field(default=())
    simulated: Sequence[Samples] = field(default=())

    def draw(self, generator: np.random.Generator) -> Samples:
        """One of them; where there are both, either kind is as likely."""
        both = bool(self.measured and self.simulated)
        kind = self.measured if self.measured and not (both and generator.random() < 0.5) else self.simulated
        return kind[int(generator.integers(len(kind)))]


def open_rooms(
    options: RoomOptions, sample_rate: int, seed: int, longest: float, say: Callable[[str], None]
) -> RoomBank:
    """Read the training part of the folders that the options name, and simulate rooms.

    Args:
        options: of rooms; they name some.
        sample_rate: Hz.
        seed: of what is simulated.
        longest: seconds of the longest utterance.
        say: told what there is, and what is left out.

    Raises:
        EarwrightError: a folder is missing or empty, or nothing in them can be used.
        ModuleNotFoundError: rooms are to be simulated, and pyroomacoustics is not installed.
    """
    measured: list[Samples] = []
    if options.folders:
        skipped = Skipped()
        try:
            read = read_responses(options.folders, "train", sample_rate, skipped, longest)
        except EarwrightError as error:
            raise EarwrightError(f"augment.room.folders: {error}") from error
        measured = [response for _, response in read]
        left_out = skipped.describe(len(measured) + len(skipped.reasons))
        say(f"rooms: {len(measured)} measured impulse responses{left_out}")
    generator = np.random.default_rng((seed, 3))
    simulated = simulate_rooms(options.simulated, sample_rate, options.reverberation, generator)
    if simulated:
        say(f"rooms: {len(simulated)} simulated")
    return RoomBank(measured, simulated)


def simulate_rooms(
    count: int, sample_rate: int, reverberation: Range, generator: np.random.Generator
) -> list[Samples]:
    """Impulse responses of boxes of drawn size, with mouth and microphone anywhere in them.

    The image source method (Allen and Berkley 1979, doi:10.1121/1.382599) of pyroomacoustics, with walls that
    absorb as much as Sabine's formula says.

    Args:
        count: how many.
        sample_rate: Hz.
        reverberation: seconds, from and to, in which sound falls by 60 dB.
        generator: decides all of it.

    Raises:
        EarwrightError: no room of these sizes dies away so quickly.
        ModuleNotFoundError: pyroomacoustics is not installed.
    """
    return [_simulate(sample_rate, reverberation, generator) for _ in range(count)]


def _simulate(sample_rate: int, reverberation: Range, generator: np.random.Generator) -> Samples:
    import pyroomacoustics

    for _ in range(ATTEMPTS):
        size = generator.uniform(SMALLEST, LARGEST)
        seconds = float(generator.uniform(*reverberation))
        try:
            absorption, reflections = pyroomacoustics.inverse_sabine(seconds, size)
        except ValueError:  # more than the walls can absorb
            continue
        room = pyroomacoustics.ShoeBox(
            size,
            fs=sample_rate,
            materials=pyroomacoustics.Material(absorption),
            max_order=min(reflections, MOST_REFLECTIONS),
        )
        room.add_source(generator.uniform(FROM_WALL, size - FROM_WALL))
        room.add_microphone(generator.uniform(FROM_WALL, size - FROM_WALL))
        room.compute_rir()
        return align_to_direct_path(np.asarray(room.rir[0][0], np.float32))
    raise EarwrightError(
        f"augment.room.reverberation: no simulated room dies away within {reverberation[0]:g} to "
        f"{reverberation[1]:g} s; allow longer ones."
    )
