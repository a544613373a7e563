"""Music that is made: notes of drawn instruments over a beat.

No tune to remember, but what a recognizer takes for speech: a pitch, harmonics, and loudness that comes and
goes. A dozen recordings do not hold enough kinds of it; here each draw has other instruments, another key and
another pace.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwright.audio.read import Samples

TABLE = 2048  # samples of one period of an instrument
HIGHEST = 48  # harmonics of one
REGISTERS = (55.0, 440.0)  # Hz: where the lowest note of an instrument may lie
SCALES = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 1, 4, 5, 7, 8, 10),
    (0, 2, 4, 7, 9),
    (0, 3, 5, 7, 10),
)  # semitones above the key
CHORD = 2  # steps of the scale between its notes: thirds, where there are seven


@dataclass(frozen=True)
class Instrument:
    """How one sounds, and how it is played.

    Attributes:
        period: (TABLE,) of its waveform.
        lowest: Hz of the lowest note.
        attack, decay: seconds in which a note comes, and in which it falls to a third.
        sustain: share of its height that it is held at.
        vibrato: how far its pitch sways, as a share, and how often a second.
        length: of a note, in beats; it may ring into the next.
        chord: notes at once.
    """

    period: Samples
    lowest: float
    attack: float
    decay: float
    sustain: float
    vibrato: tuple[float, float]
    length: float
    chord: int


def music(length: int, sample_rate: int, generator: np.random.Generator) -> Samples:
    """(length,) float32 of one to four instruments and perhaps drums, mean square 1.

    Args:
        length: samples to make.
        sample_rate: Hz.
        generator: decides everything: key, scale, pace, instruments, notes.
    """
    beat = 60 / float(generator.uniform(60, 170))
    scale = SCALES[int(generator.integers(len(SCALES)))]
    key = float(generator.uniform(0, 12))
    total = np.zeros(length, np.float32)
    for _ in range(int(generator.integers(1, 5))):
        played = np.zeros(length, np.float32)
        _play(played, draw_instrument(sample_rate, generator), scale, key, beat, sample_rate, generator)
        total += played * _level(generator, -12, 0)
    if generator.random() < 0.5:
        total += _drums(length, beat, sample_rate, generator) * _level(generator, -20, -3)
    power = float(np.square(total, dtype=np.float64).mean()) if length else 0.0
    return total / np.float32(math.sqrt(power)) if power else total


def _level(generator: np.random.Generator, least: float, most: float) -> np.float32:
    """A factor, drawn in decibels."""
    return np.float32(10 ** (generator.uniform(least, most) / 20))


def draw_instrument(sample_rate: int, generator: np.random.Generator) -> Instrument:
    """One of any kind: few harmonics or many, plucked or bowed, with a body that sounds along or without."""
    lowest = REGISTERS[0] * (REGISTERS[1] / REGISTERS[0]) ** float(generator.random())
    # At its highest notes, nearly two octaves up, no harmonic lies beyond half of the sample rate.
    count = max(1, min(HIGHEST, int(sample_rate / 2 / (4 * lowest))))
    number = np.arange(1, count + 1)
    heights = number ** -generator.uniform(0.5, 3.0) * generator.uniform(0.3, 1.0, count)
    if generator.random() < 0.3:  # a clarinet's
        heights[1::2] *= generator.uniform(0, 0.3)
    for _ in range(int(generator.integers(0, 3))):  # resonances, as a mouth has them
        middle, width = generator.uniform(200, 3500), generator.uniform(0.1, 0.5)
        heights *= 1 + 8 * np.exp(-0.5 * np.square(np.log(number * 1.5 * lowest / middle) / width))
    spectrum = np.zeros(TABLE // 2 + 1, np.complex128)
    spectrum[1 : count + 1] = heights * np.exp(2j * np.pi * generator.random(count))
    period = np.fft.irfft(spectrum)
    plucked = generator.random() < 0.5
    return Instrument(
        period=(period / np.sqrt(np.square(period).mean())).astype(np.float32),
        lowest=lowest,
        attack=float(generator.uniform(0.002, 0.02) if plucked else generator.uniform(0.02, 0.2)),
        decay=float(generator.uniform(0.1, 1.5)),
        sustain=0.0 if plucked else float(generator.uniform(0.4, 1.0)),
        vibrato=(float(generator.uniform(0, 0.012)), float(generator.uniform(3, 7))),
        length=float(2 ** generator.uniform(-1, 2)),
        chord=int(generator.choice([1, 1, 1, 2, 3, 4])),
    )


def _play(
    total: Samples,
    instrument: Instrument,
    scale: tuple[int, ...],
    key: float,
    beat: float,
    sample_rate: int,
    generator: np.random.Generator,
) -> None:
    """Add a walk over the scale, note after note, with rests."""
    step = int(generator.integers(0, 2 * len(scale)))
    at = -float(generator.random()) * beat
    while at * sample_rate < len(total):
        held = beat * instrument.length * float(generator.choice([0.5, 1.0, 1.0, 1.0, 2.0]))
        if generator.random() < 0.85:
            height = np.float32(generator.uniform(0.4, 1.0))
            for voice in range(instrument.chord):
                octave, degree = divmod(step + CHORD * voice, len(scale))
                pitch = instrument.lowest * 2 ** (((key + scale[degree]) % 12) / 12 + octave % 2)
                note = _note(instrument, pitch, 1.3 * held, sample_rate)
                _add(total, note * height, round(at * sample_rate))
        step = int(np.clip(step + generator.integers(-3, 4), 0, 2 * len(scale) - 1))
        at += held


def _note(instrument: Instrument, pitch: float, seconds: float, sample_rate: int) -> Samples:
    """One note: read from the table at its pitch, under its envelope."""
    time = np.arange(max(1, round(seconds * sample_rate)), dtype=np.float32) / np.float32(sample_rate)
    depth, rate = instrument.vibrato
    sway = np.float32(pitch * depth / (2 * np.pi * rate)) * np.sin(np.float32(2 * np.pi * rate) * time)
    # Whole periods are taken away before they are too many for float32 to tell samples apart.
    phase = (pitch * time.astype(np.float64) + sway) % 1.0
    wave = instrument.period[(phase * TABLE).astype(np.intp) % TABLE]
    envelope = instrument.sustain + (1 - instrument.sustain) * np.exp(-time / np.float32(instrument.decay))
    envelope *= np.minimum(1.0, time / np.float32(instrument.attack))
    envelope *= np.minimum(1.0, (time[-1] - time) / np.float32(0.03))
    note: Samples = (wave * envelope).astype(np.float32, copy=False)
    return note


def _drums(length: int, beat: float, sample_rate: int, generator: np.random.Generator) -> Samples:
    """Bursts of noise and thumps, on beats and between them."""
    total = np.zeros(length, np.float32)
    for _ in range(int(generator.integers(1, 4))):
        decay = float(generator.uniform(0.02, 0.2))
        time = np.arange(round(5 * decay * sample_rate), dtype=np.float32) / np.float32(sample_rate)
        if generator.random() < 0.5:
            hit = generator.standard_normal(len(time), np.float32)
            hit[1:] -= np.float32(generator.uniform(-0.9, 0.9)) * hit[:-1]  # dull or bright
        else:
            hit = 2 * np.sin(2 * np.pi * np.float32(generator.uniform(40, 200)) * time)
        hit = hit * np.exp(-time / np.float32(decay))
        every, at = beat * float(generator.choice([0.25, 0.5, 1.0, 2.0])), float(generator.random()) * beat
        while at * sample_rate < length:
            if generator.random() < 0.8:
                _add(total, hit * np.float32(generator.uniform(0.5, 1.0)), round(at * sample_rate))
            at += every
    return total


def _add(total: Samples, part: npt.NDArray[np.float32], start: int) -> None:
    """Add what of a part lies within."""
    first, last = max(start, 0), min(start + len(part), len(total))
    if first < last:
        total[first:last] += part[first - start : last - start]
