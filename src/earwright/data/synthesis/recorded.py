"""What lies between a synthesizer and a recording: pauses, noise, rooms, lines, and a level."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from earwright.audio.read import Samples
from earwright.data.augment import Augmenter, build_augmenter
from earwright.data.augmentation.lengths import draw_tempos
from earwright.data.augmentation.options import AugmentOptions
from earwright.data.synthesis.options import SynthesisOptions


def as_recorded(samples: Samples, options: SynthesisOptions, index: int) -> Samples:
    """An utterance as it goes to disk.

    Args:
        samples: (N,) as it was synthesized, at the options' rate.
        options: what is done to it.
        index: of the utterance: with the options' seed it decides everything.

    Returns:
        (M,) float32; it may go a little beyond [-1, 1].
    """
    rng = np.random.default_rng((options.seed, 3, index))
    speech = samples if options.clean else _with_pauses(samples, options.sample_rate, rng)
    if options.augment:
        speech = _augmented(speech, options, np.random.default_rng((options.seed, 6, index)))
        if options.clean:  # as loud as it was, but where it would not fit into a file
            return speech / np.float32(max(1.0, float(np.abs(speech).max())))
    if options.clean:
        return speech
    peak, loudest = 10 ** (rng.uniform(-12, -1) / 20), np.abs(speech).max()
    return speech * np.float32(peak / loudest) if loudest else speech


def _with_pauses(samples: Samples, sample_rate: int, rng: np.random.Generator) -> Samples:
    """Pauses around the speech, and noise between white and red at 15 to 40 dB."""
    before, after = (int(sample_rate * seconds) for seconds in rng.uniform(0.05, 0.4, size=2))
    speech = np.pad(samples, (before, after))
    size = 1 << len(speech).bit_length()  # an FFT of just any length can be slow
    spectrum = np.fft.rfft(rng.standard_normal(size))
    slope = rng.uniform(0, 1)  # amplitude falls as 1/f^slope: 0 is white, 1 is red
    spectrum *= np.maximum(np.arange(len(spectrum)), 10.0) ** -slope
    noise = np.fft.irfft(spectrum)[: len(speech)]
    decibels = rng.uniform(15, 40)
    noise *= np.sqrt(np.mean(samples**2) / np.mean(noise**2)) * 10 ** (-decibels / 20)
    mixed: Samples = (speech + noise).astype(np.float32)
    return mixed


def _augmented(speech: Samples, options: SynthesisOptions, rng: np.random.Generator) -> Samples:
    """As a training run would hear it."""
    assert options.augment
    speed = float(rng.choice(options.augment.speeds))
    tempo = float(draw_tempos(1, options.augment.tempo, rng)[0])
    augmenter, _ = _augmenter(options.augment, options.sample_rate, options.seed)
    return augmenter(speech, int(rng.integers(1 << 63)), speed=speed, tempo=tempo)


def prepare_augmentation(options: SynthesisOptions, say: Callable[[str], None]) -> None:
    """Decode noise and rooms before the work, so that processes that are forked from this one share them.

    Args:
        options: of which only the augmentation matters.
        say: told what there is, and what is left out.

    Raises:
        EarwrightError: a folder is missing or empty, or nothing in it can be used.
    """
    if options.augment:
        for line in _augmenter(options.augment, options.sample_rate, options.seed)[1]:
            say(line)


@cache
def _augmenter(options: AugmentOptions, sample_rate: int, seed: int) -> tuple[Augmenter, tuple[str, ...]]:
    """Made once in a process; and what was said of it."""
    lines: list[str] = []
    if options.noise.babbles:
        lines.append("noise: no babble, for which there are no other utterances yet")
    augmenter = build_augmenter(options, sample_rate, seed=seed, longest=float("inf"), say=lines.append)
    return augmenter or Augmenter(options, sample_rate), tuple(lines)
