"""Training data out of thin air: texts said by many synthetic voices, as a folder that training reads.

Every voice comes from one synthesizer, so a recognizer trained on nothing else knows that synthesizer, not
people. It is good for a first look, for tests, and for sentences that nobody has recorded yet.
"""

from __future__ import annotations

import functools
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from earwright.cuts import CUTS_NAME, Cut, read_cuts
from earwright.data.preparation.prepared import write_prepared
from earwright.data.preparation.summary import Summary, summarize
from earwright.data.synthesis.espeak import Voice, accents, speak, variants
from earwright.data.workers import run_all
from earwright.errors import EarwrightError
from earwright.files import atomic_directory

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# What the speakers' settings are drawn from: people speak 110 to 210 words a minute, and the extremes of
# espeak-ng's pitch sound like cartoons.
RATES = (120, 210)
PITCHES = (25, 75)
RANGES = (30, 70)


@dataclass(frozen=True)
class SynthesisOptions:
    """How texts are said.

    Attributes:
        language: a language ("en": all its accents) or an accent ("en-us") of espeak-ng.
        voices: how many speakers there are.
        per_text: how many of them say each text.
        sample_rate: of the audio written, in Hz.
        clean: leave out the noise and the changes of level.
        seed: of every draw.
    """

    language: str = "en"
    voices: int = 40
    per_text: int = 1
    sample_rate: int = 16000
    clean: bool = False
    seed: int = 0


@dataclass(frozen=True)
class _Item:
    """One utterance to make."""

    index: int
    text: str
    voice: Voice
    path: str


@dataclass(frozen=True)
class _Result:
    """One utterance made (`samples` of audio), or the reason why not and its details."""

    samples: int = 0
    reason: str = ""
    detail: str = ""


def choose_voices(language: str, count: int, seed: int = 0, without: Collection[str] = ()) -> list[Voice]:
    """Draw speakers: as different from each other as espeak-ng allows.

    Args:
        language: of espeak-ng, such as "en", "en-gb", "de".
        count: how many.
        seed: the same seed gives the same speakers, and fewer are the first of more.
        without: names of variants that must not speak: those of a training set, for a set to test on.

    Raises:
        EarwrightError: no such language, or no variant is left.
    """
    import numpy as np

    allowed = [variant for variant in variants() if variant not in without]
    if not allowed:
        raise EarwrightError("no voice is left; train with fewer voices, so that others remain to test with.")
    places = accents(language)
    order = np.random.default_rng((seed, 0)).permutation(len(allowed))
    voices = []
    for number in range(count):
        rng = np.random.default_rng((seed, 1, number))
        voices.append(
            Voice(
                accent=places[int(rng.integers(len(places)))],
                # No variant speaks twice before all have spoken once.
                variant=allowed[int(order[number % len(allowed)])],
                rate=int(rng.integers(RATES[0], RATES[1] + 1)),
                pitch=int(rng.integers(PITCHES[0], PITCHES[1] + 1)),
                range=int(rng.integers(RANGES[0], RANGES[1] + 1)),
            )
        )
    return voices


def variants_in(folder: str | os.PathLike[str]) -> set[str]:
    """The variants that speak in a folder that `synthesize` wrote."""
    found = {str(cut.custom["variant"]) for cut in read_cuts(folder) if "variant" in cut.custom}
    if not found:
        raise EarwrightError(f"{folder}: no synthetic voice in it; name a folder that synthesize wrote.")
    return found


def synthesize(
    texts: Sequence[str],
    out: str | os.PathLike[str],
    options: SynthesisOptions = SynthesisOptions(),
    *,
    without: Collection[str] = (),
    jobs: int | None = None,
    advance: Callable[[int], None] | None = None,
) -> Summary:
    """Let synthetic voices say texts, and write audio and manifest as `earwright prepare` does.

    The audio depends on the texts, the options and espeak-ng's version only, not on `jobs`.

    Args:
        texts: one utterance each.
        out: the folder to write: audio/*.flac, cuts.jsonl.gz, rejected.jsonl, summary.json.
        options: voices, language, noise, seed.
        without: names of variants that must not speak.
        jobs: worker processes; None takes one a core; 1 works in this one, and dies if espeak-ng does.
        advance: called with the number of utterances just made.

    Raises:
        EarwrightError: espeak-ng is not installed, or lacks the language, or nothing could be said.
    """
    check_replaceable(out)
    voices = choose_voices(options.language, options.voices, options.seed, without)
    spoken = [(text, voice) for text in texts for voice in _speakers(text, voices, options)]
    target = Path(os.path.abspath(out))
    with atomic_directory(target) as folder:
        (folder / "audio").mkdir()
        items = [
            _Item(index, text, voice, str(folder / "audio" / f"{index:06d}.flac"))
            for index, (text, voice) in enumerate(spoken)
        ]
        speak_one = functools.partial(_speak_item, options=options)
        results = run_all(speak_one, items, jobs or _cores(), _crashed, advance)
        return _write_manifests(folder, target, items, results, options)


def check_replaceable(out: str | os.PathLike[str]) -> None:
    """Refuse to put a prepared folder in the place of something else.

    Raises:
        EarwrightError: `out` is a file, or a folder with something in it that earwright did not write.
    """
    place = Path(out)
    if place.exists() and not place.is_dir():
        raise EarwrightError(f"{place}: this is a file; name a folder to write.")
    if place.is_dir() and any(place.iterdir()) and not (place / CUTS_NAME).exists():
        raise EarwrightError(f"{place}: this folder holds other things; name a new or an empty one.")


def _speakers(text: str, voices: Sequence[Voice], options: SynthesisOptions) -> list[Voice]:
    """Which voices say a text; drawn by the text itself, so that adding a text changes no other."""
    import numpy as np

    rng = np.random.default_rng((options.seed, 2, *text.encode()))
    count = min(options.per_text, len(voices))
    return [voices[int(number)] for number in rng.choice(len(voices), size=count, replace=False)]


def _speak_item(item: _Item, options: SynthesisOptions) -> _Result:
    import numpy as np
    import soundfile
    import soxr

    try:
        spoken, rate = speak(item.text, item.voice, seed=item.index)
    except EarwrightError as error:
        return _Result(reason="unspeakable", detail=str(error))
    if not spoken.any():
        return _Result(reason="unspeakable", detail="nothing in this text can be said")
    samples = soxr.resample(spoken.astype(np.float32) / 32768, rate, options.sample_rate)
    if not options.clean:
        rng = np.random.default_rng((options.seed, 3, item.index))
        samples = _as_recorded(samples, options.sample_rate, rng)
    soundfile.write(item.path, np.clip(samples, -1, 1), options.sample_rate, subtype="PCM_16")
    return _Result(samples=len(samples))


def _crashed(item: _Item) -> _Result:
    return _Result(reason="unspeakable", detail="the synthesizer crashed on this text")


def _as_recorded(
    samples: NDArray[np.float32], sample_rate: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Pauses around the speech, noise between white and red at 15 to 40 dB, and some level."""
    import numpy as np

    before, after = (int(sample_rate * seconds) for seconds in rng.uniform(0.05, 0.4, size=2))
    speech = np.pad(samples, (before, after))
    size = 1 << len(speech).bit_length()  # an FFT of just any length can be slow
    spectrum = np.fft.rfft(rng.standard_normal(size))
    slope = rng.uniform(0, 1)  # amplitude falls as 1/f^slope: 0 is white, 1 is red
    spectrum *= np.maximum(np.arange(len(spectrum)), 10.0) ** -slope
    noise = np.fft.irfft(spectrum)[: len(speech)]
    decibels = rng.uniform(15, 40)
    noise *= np.sqrt(np.mean(samples**2) / np.mean(noise**2)) * 10 ** (-decibels / 20)
    mixed = (speech + noise).astype(np.float32)
    peak = 10 ** (rng.uniform(-12, -1) / 20)
    return mixed * np.float32(peak / np.abs(mixed).max())


def _write_manifests(
    folder: Path, target: Path, items: Sequence[_Item], results: Sequence[_Result], options: SynthesisOptions
) -> Summary:
    """Write the cuts of `items` into `folder`, with the paths that they will have in `target`."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", target.name).strip("-") or "synthetic"
    cuts, rejected = [], []
    for item, result in zip(items, results, strict=True):
        cut = Cut(
            id=f"{name}-{item.index:06d}",
            path=str(target / "audio" / Path(item.path).name),
            start=0.0,
            duration=result.samples / options.sample_rate,
            sample_rate=options.sample_rate,
            text=item.text,
            speaker=item.voice.name,
            language=item.voice.accent.partition("-")[0],
            custom={"synthesizer": "espeak-ng", "variant": item.voice.variant},
            recording_samples=result.samples,
        )
        if result.samples:
            cuts.append(cut)
        else:
            reasons = {"reason": result.reason, "detail": result.detail}
            rejected.append({"id": cut.id, "path": "", **reasons, "text": cut.text, "speaker": cut.speaker})
    if not cuts:
        reason = rejected[0]["detail"] if rejected else "there are no texts"
        raise EarwrightError(f"{target}: nothing was synthesized ({reason}).")
    reasons_seen = Counter(str(row["reason"]) for row in rejected)
    summary = summarize("synthesize", "espeak-ng", len(items), cuts, reasons_seen)
    write_prepared(folder, cuts, rejected, summary)
    return summary


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
