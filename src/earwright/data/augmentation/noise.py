"""What is behind the speech: recordings, white and pink noise, made music, babble of other utterances."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from earwright.audio.backgrounds import Background, find_backgrounds, read_backgrounds
from earwright.audio.mix import SILENT, excerpt, mix_at_snr, speech_power
from earwright.audio.music import music
from earwright.audio.noises import pink_noise, white_noise
from earwright.audio.read import Samples, audio_info
from earwright.data.augmentation.options import NoiseOptions, NothingOptions
from earwright.errors import EarwrightError

MOST_HOURS = 2.0  # of noise in memory: 460 MB at 16 kHz
# Of what is heard where nobody speaks: with recordings, and without.
SHARES = {"recorded": 0.6, "music": 0.15, "white": 0.08, "pink": 0.12, "silence": 0.05}
SHARES_ALONE = {"recorded": 0.0, "music": 0.3, "white": 0.25, "pink": 0.35, "silence": 0.1}
TOLD = 3  # of the files that were skipped, by name


class Clips(Protocol):
    """Where utterances come from by number; see `data.stores.AudioStore`."""

    def read(self, index: int) -> Samples:
        """Mono float32."""
        ...


@dataclass(frozen=True)
class Voices:
    """The utterances that babble is made of: the first `count` of a store."""

    clips: Clips
    count: int

    def barred(self, own: Sequence[int]) -> list[int]:
        """Which of them are among these numbers, in order."""
        return sorted({number for number in own if number < self.count})


class NoiseBank:
    """Recordings of noise, by class, decoded once and kept in memory.

    Args:
        recordings: with their classes; not empty.
    """

    def __init__(self, recordings: Sequence[tuple[Background, Samples]]) -> None:
        self.classes: dict[str, list[Samples]] = {}
        for background, samples in recordings:
            self.classes.setdefault(background.kind, []).append(samples)

    def draw(self, length: int, generator: np.random.Generator, often: Sequence[str] = ()) -> Samples:
        """(length,) of a recording; one class is drawn as often as another, `often` half of the time."""
        kinds = list(often if often and generator.random() < 0.5 else self.classes)
        recordings = self.classes[kinds[int(generator.integers(len(kinds)))]]
        recording = recordings[int(generator.integers(len(recordings)))]
        return excerpt(recording, length, float(generator.random()))


class Skipped:
    """Counts what is left out of a folder, to be told once."""

    def __init__(self) -> None:
        self.reasons: dict[Path, str] = {}

    def __call__(self, path: Path, reason: str) -> None:
        """Note a file and why it is of no use."""
        self.reasons[path] = reason

    def describe(self, whole: int) -> str:
        """ "; 2 of 9 recordings are left out: a.wav (it is silent), ...", or nothing."""
        if not self.reasons:
            return ""
        named = [f"{path.name} ({reason})" for path, reason in list(self.reasons.items())[:TOLD]]
        more = ", ..." if len(self.reasons) > TOLD else ""
        return f"; {len(self.reasons)} of {whole} recordings are left out: {', '.join(named)}{more}"


def open_noise(
    options: NoiseOptions, sample_rate: int, seed: int, say: Callable[[str], None]
) -> NoiseBank | None:
    """Decode the training part of the folders that the options name; None where they name none.

    Args:
        options: of noise.
        sample_rate: Hz to resample to.
        seed: decides what is taken of more noise than memory should hold.
        say: told what there is, and what is left out of it.

    Raises:
        EarwrightError: a folder is missing or empty, or nothing in them can be used.
    """
    if not options.folders:
        return None
    try:
        found = _but_for(find_backgrounds(options.folders), options.without)
        trained_with = set(find_backgrounds(options.folders, "train"))
        found = [background for background in found if background in trained_with]
        some = _that_fit(found, seed)
        skipped = Skipped()
        read = read_backgrounds(some, sample_rate, skipped)
    except EarwrightError as error:
        raise EarwrightError(f"augment.noise.folders: {error}") from error
    bank = NoiseBank(read)
    minutes = sum(len(samples) for _, samples in read) / sample_rate / 60
    size = f"{len(read)} recordings in {len(bank.classes)} classes, {minutes:.0f} min"
    kept = f", as many of {len(found)} as {MOST_HOURS:g} h hold" if len(some) < len(found) else ""
    say(f"noise: {size}{kept}{skipped.describe(len(some))}")
    return bank


def check_often(bank: NoiseBank | None, options: NothingOptions) -> None:
    """
    Raises:
        EarwrightError: there are no recordings of a class that is to be drawn often.
    """
    there = bank.classes if bank else {}
    if missing := [kind for kind in options.often if kind not in there]:
        classes = f"there are {', '.join(there)}" if there else "augment.noise.folders names no folder"
        raise EarwrightError(f'augment.nothing.often: no class is "{missing[0]}"; {classes}.')


def _but_for(found: Sequence[Background], without: Sequence[str]) -> list[Background]:
    """Those of other classes than these.

    Raises:
        EarwrightError: there is no such class, or nothing else.
    """
    kinds = sorted({background.kind for background in found})
    if strange := [kind for kind in without if kind not in kinds]:
        raise EarwrightError(
            f'no class is "{strange[0]}", as augment.noise.without says; there are {", ".join(kinds)}.'
        )
    kept = [background for background in found if background.kind not in without]
    if not kept:
        raise EarwrightError("augment.noise.without leaves no class.")
    return kept


def _that_fit(found: Sequence[Background], seed: int) -> list[Background]:
    """As many recordings, in a drawn order, as go into memory; what has no header is found out later."""
    chosen: list[int] = []
    seconds = 0.0
    for number in np.random.default_rng(seed).permutation(len(found)).tolist():
        with contextlib.suppress(EarwrightError):
            seconds += audio_info(found[number].path).duration
        if chosen and seconds > MOST_HOURS * 3600:
            break
        chosen.append(number)
    return [found[number] for number in sorted(chosen)]


def add_noise(
    speech: Samples,
    sample_rate: int,
    options: NoiseOptions,
    generator: np.random.Generator,
    bank: NoiseBank | None = None,
    voices: Voices | None = None,
    own: Sequence[int] = (),
) -> Samples:
    """Speech with a drawn noise behind it, at a drawn ratio.

    Args:
        speech: (N,) float32.
        sample_rate: Hz.
        options: which noise.
        generator: decides the noise, the place in it and the ratio.
        bank: recordings.
        voices: of babble; without them there is none.
        own: the numbers among the voices of what is being said here, which is not put behind itself.

    Returns:
        (N,) float32.
    """
    snr = float(generator.uniform(*options.snr))
    kinds = [kind for kind in options.generated if kind != "babble" or _can_babble(voices, own)]
    if bank and (not kinds or generator.random() < options.files_share):
        noise = bank.draw(len(speech), generator)
    elif not kinds:
        return speech
    else:
        kind = kinds[int(generator.integers(len(kinds)))]
        if kind == "babble":
            assert voices is not None
            count = int(generator.integers(options.voices[0], options.voices[1] + 1))
            noise = babble(len(speech), sample_rate, voices, count, generator, own)
        else:
            noise = made(kind, len(speech), sample_rate, generator)
    return mix_at_snr(speech, noise, snr, sample_rate)


def nothing(
    length: int,
    sample_rate: int,
    options: NothingOptions,
    generator: np.random.Generator,
    bank: NoiseBank | None = None,
) -> Samples:
    """(length,) float32 in which nobody speaks: recorded or made noise, made music, or digital silence.

    Args:
        length: samples to make.
        sample_rate: Hz.
        options: how loud.
        generator: decides the rest.
        bank: recordings; with them, most of it is recorded.
    """
    decibels = float(generator.uniform(*options.decibels))
    shares = SHARES if bank else SHARES_ALONE
    kind = str(generator.choice(list(shares), p=list(shares.values())))
    if kind == "silence":
        return np.zeros(length, np.float32)
    if kind == "recorded" and bank:
        noise = bank.draw(length, generator, options.often)
    else:
        noise = made(kind, length, sample_rate, generator)
    power = float(np.square(noise, dtype=np.float64).mean()) if length else 0.0
    return noise * np.float32(math.sqrt(10 ** (decibels / 10) / power)) if power > SILENT else noise


def made(kind: str, length: int, sample_rate: int, generator: np.random.Generator) -> Samples:
    """(length,) float32 of "white" or "pink" noise or of "music"."""
    match kind:
        case "white":
            return white_noise(length, generator)
        case "pink":
            return pink_noise(length, sample_rate, generator)
        case "music":
            return music(length, sample_rate, generator)
    raise AssertionError(kind)


def _can_babble(voices: Voices | None, own: Sequence[int]) -> bool:
    return voices is not None and voices.count > len(voices.barred(own))


def babble(
    length: int,
    sample_rate: int,
    voices: Voices,
    count: int,
    generator: np.random.Generator,
    own: Sequence[int] = (),
) -> Samples:
    """Several utterances at once, all equally loud, each begun anywhere and anew at its end.

    Args:
        length: samples to make.
        sample_rate: Hz.
        voices: the utterances.
        count: how many of them.
        generator: chooses them.
        own: numbers of those that are not to be among them; there must be others.

    Returns:
        (length,) float32.
    """
    total = np.zeros(length, np.float32)
    barred = voices.barred(own)
    for place in generator.integers(voices.count - len(barred), size=count).tolist():
        for number in barred:  # counts past those that are not to be among them
            place += number <= place
        start = float(generator.random())
        clip = voices.clips.read(place)
        power = speech_power(clip, sample_rate)
        if power > SILENT:
            total += excerpt(clip, length, start) / np.float32(math.sqrt(power))
    return total
