"""Speech that was coded at a low rate and decoded again, with the delay of the codec taken out."""

from __future__ import annotations

import functools
import io

import numpy as np
import soundfile

from earwright.audio.filters import band_limit
from earwright.audio.read import Samples, read_audio, resample
from earwright.data.augmentation.options import CodecOptions
from earwright.errors import EarwrightError, first_line

MU = 255.0  # of ITU-T G.711
TELEPHONE_RATE = 8000
CODED_AT = (8000, 12000, 16000, 24000)  # Hz that both Opus and MP3 take; else 16 kHz
LONGEST_DELAY = 3000  # samples that are looked through; LAME and a decoder of MP3 have 576 + 529
PROBE_SECONDS = 1.0


def mu_law(samples: Samples) -> Samples:
    """Sample by sample to 8 bits and back, (N,) in [-1, 1]. Source: the continuous form of ITU-T G.711."""
    small = np.sign(samples) * np.log1p(MU * np.minimum(np.abs(samples), 1.0)) / np.log1p(MU)
    steps = np.rint((small + 1) * 127.5) / 127.5 - 1  # 256 of them
    decoded: Samples = (np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(MU)) / MU).astype(np.float32)
    return decoded


def telephone(samples: Samples, sample_rate: int) -> Samples:
    """At 8 kHz, in mu-law, and at its own rate again: (N,) in [-1, 1] -> (N,)."""
    low = mu_law(resample(samples, sample_rate, TELEPHONE_RATE))
    return _fit(resample(low, TELEPHONE_RATE, sample_rate), len(samples))


def opus(samples: Samples, sample_rate: int, kilobits: int) -> Samples:
    """Through Opus: (N,) in [-1, 1] -> (N,). About so many kbit/s: its rate varies with what it hears."""
    # libsndfile reads a level of compression from 0 to 1 as 256 to 6 kbit/s.
    return _through(samples, sample_rate, "opus", 1 - (kilobits - 6) / 250)


def mp3(samples: Samples, sample_rate: int, kilobits: int) -> Samples:
    """Through MP3 of a constant rate: (N,) in [-1, 1] -> (N,)."""
    # libsndfile reads a level of compression as 160 to 8 kbit/s, or 64 to 8 below 16 kHz.
    most = 160 if _coding_rate(sample_rate) >= 16000 else 64
    return _through(samples, sample_rate, "mp3", (most - kilobits) / (most - 8))


def code(
    samples: Samples, sample_rate: int, options: CodecOptions, generator: np.random.Generator
) -> Samples:
    """Through one of the codecs that the options name, at one of their rates: (N,) -> (N,)."""
    kind = options.kinds[int(generator.integers(len(options.kinds)))]
    # What is louder than a file can hold is coded at a lower level, not clipped.
    scale = np.float32(max(1.0, float(np.abs(samples).max(initial=0.0))))
    quiet = samples / scale
    if kind == "mu_law":
        return telephone(quiet, sample_rate) * scale
    rates = options.opus if kind == "opus" else options.mp3
    kilobits = rates[int(generator.integers(len(rates)))]
    return (opus if kind == "opus" else mp3)(quiet, sample_rate, kilobits) * scale


def check_codecs(options: CodecOptions, sample_rate: int) -> None:
    """Use every codec once, so that its delay is known, and what is missing is told before the first step.

    Raises:
        EarwrightError: this libsndfile does not write one of them.
    """
    probe = np.zeros(sample_rate // 10, np.float32)
    for kind in options.kinds:
        try:
            for kilobits in {"opus": options.opus, "mp3": options.mp3}.get(kind, ()):
                (opus if kind == "opus" else mp3)(probe, sample_rate, kilobits)
        except soundfile.LibsndfileError as error:
            raise EarwrightError(
                f'augment.codec: this libsndfile does not write {kind} ({first_line(error)}); leave "{kind}" '
                "out of augment.codec.kinds."
            ) from error


def _coding_rate(sample_rate: int) -> int:
    return sample_rate if sample_rate in CODED_AT else 16000


def _through(samples: Samples, sample_rate: int, codec: str, compression: float) -> Samples:
    rate = _coding_rate(sample_rate)
    told = resample(samples, sample_rate, rate)
    if not len(told):  # a sample or two of a higher rate are none
        return samples
    level = round(min(max(compression, 0.0), 1.0), 4)
    delay = _delay(codec, rate, level)
    decoded = _coded(told, rate, codec, level, delay)
    return _fit(resample(decoded[delay:], rate, sample_rate), len(samples))


def _coded(samples: Samples, rate: int, codec: str, level: float, delay: int = 0) -> Samples:
    """Encode and decode, with silence behind that pushes out what a delay holds back."""
    file = io.BytesIO()
    soundfile.write(
        file,
        np.pad(samples, (0, delay)),
        rate,
        format="OGG" if codec == "opus" else "MP3",
        subtype="OPUS" if codec == "opus" else "MPEG_LAYER_III",
        compression_level=level,
        bitrate_mode=None if codec == "opus" else "CONSTANT",
    )
    return read_audio(file.getvalue(), rate)


@functools.cache
def _delay(codec: str, rate: int, level: float) -> int:
    """Samples by which a codec is late, found by listening: at low rates an MP3 has no room to say it.

    The probe is noise below 1.5 kHz, which every codec keeps at every rate.
    """
    length, most = round(PROBE_SECONDS * rate), LONGEST_DELAY
    noise = np.random.default_rng(1).standard_normal(length, np.float32)
    probe = 0.1 * band_limit(noise, rate, low=100.0, high=1500.0)
    heard = _fit(_coded(np.pad(probe, (0, most)), rate, codec, level), length + most)
    return int(np.argmax(np.correlate(heard, probe, "valid")))


def _fit(samples: Samples, length: int) -> Samples:
    """Cut, or filled with silence, to a length."""
    return samples[:length] if len(samples) >= length else np.pad(samples, (0, length - len(samples)))
