"""Training data out of thin air: texts said by many synthetic voices, as a folder that training reads.

Every voice comes from one synthesizer, so a recognizer trained on nothing else knows that synthesizer, not
people. It is good for a first look, for tests, and for sentences that nobody has recorded yet.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from earwright.cuts import CUTS_NAME, Cut, read_cuts, write_cuts
from earwright.data.espeak import Voice, accents, speak, variants
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

_CHUNK = 32  # utterances a worker takes at a time


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
class SynthesisSummary:
    """What `synthesize` wrote."""

    utterances: int
    seconds: float
    voices: int
    rejected: int


@dataclass(frozen=True)
class _Item:
    """One utterance to make."""

    index: int
    text: str
    voice: Voice
    path: str


@dataclass(frozen=True)
class _Result:
    """One utterance made (`samples` of audio), or the reason why not."""

    index: int
    samples: int
    reason: str = ""


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
) -> SynthesisSummary:
    """Let synthetic voices say texts, and write audio and manifest as `earwright prepare` does.

    The audio depends on the texts, the options and espeak-ng's version only, not on `jobs`.

    Args:
        texts: one utterance each.
        out: the folder to write: audio/*.flac, cuts.jsonl.gz, rejected.jsonl, summary.json.
        options: voices, language, noise, seed.
        without: names of variants that must not speak.
        jobs: worker processes; None takes one a core.
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
        results: dict[int, _Result] = {}
        chunks = [items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK)]
        for done in _speak_chunks(chunks, options, jobs or _cores()):
            results.update((result.index, result) for result in done)
            if advance is not None:
                advance(len(done))
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


def _speak_chunks(
    chunks: Sequence[Sequence[_Item]], options: SynthesisOptions, jobs: int
) -> Iterator[list[_Result]]:
    """Make chunks of utterances in worker processes; a text that crashes espeak-ng costs only itself."""
    crashed = []
    # spawn: a forked copy of a process that runs threads (torch's, say) can hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, max(1, len(chunks))), context, initializer=_start_worker)
    try:
        futures = {pool.submit(_speak_chunk, chunk, options): chunk for chunk in chunks}
        for future in as_completed(futures):
            try:
                yield future.result()
            except BrokenProcessPool:
                crashed.append(futures[future])
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    # The pool cannot say which of its chunks crashed, so each gets a pool of its own, and then each item.
    for chunk in crashed:
        if len(chunks) > 1:
            yield from _speak_chunks([chunk], options, 1)
        elif len(chunk) > 1:
            for item in chunk:
                yield from _speak_chunks([[item]], options, 1)
        else:
            yield [_Result(chunk[0].index, 0, "the synthesizer crashed on this text")]


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process hears Ctrl-C and stops the workers
    # The library prints what it dislikes; the reason is in what it returns.
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)


def _speak_chunk(chunk: Sequence[_Item], options: SynthesisOptions) -> list[_Result]:
    return [_speak_item(item, options) for item in chunk]


def _speak_item(item: _Item, options: SynthesisOptions) -> _Result:
    import numpy as np
    import soundfile
    import soxr

    try:
        spoken, rate = speak(item.text, item.voice, seed=item.index)
    except EarwrightError as error:
        return _Result(item.index, 0, str(error))
    if not spoken.any():
        return _Result(item.index, 0, "nothing in this text can be said")
    samples = soxr.resample(spoken.astype(np.float32) / 32768, rate, options.sample_rate)
    if not options.clean:
        rng = np.random.default_rng((options.seed, 3, item.index))
        samples = _as_recorded(samples, options.sample_rate, rng)
    soundfile.write(item.path, np.clip(samples, -1, 1), options.sample_rate, subtype="PCM_16")
    return _Result(item.index, len(samples))


def _as_recorded(
    samples: NDArray[np.float32], sample_rate: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Pauses around the speech, noise between white and red at 10 to 40 dB, and some level."""
    import numpy as np

    before, after = (int(sample_rate * seconds) for seconds in rng.uniform(0.05, 0.4, size=2))
    speech = np.pad(samples, (before, after))
    spectrum = np.fft.rfft(rng.standard_normal(len(speech)))
    slope = rng.uniform(0, 1)  # amplitude falls as 1/f^slope: 0 is white, 1 is red
    spectrum *= np.maximum(np.arange(len(spectrum)), 10.0) ** -slope
    noise = np.fft.irfft(spectrum, n=len(speech))
    decibels = rng.uniform(10, 40)
    noise *= np.sqrt(np.mean(samples**2) / np.mean(noise**2)) * 10 ** (-decibels / 20)
    mixed = (speech + noise).astype(np.float32)
    peak = 10 ** (rng.uniform(-20, -1) / 20)
    return mixed * np.float32(peak / np.abs(mixed).max())


def _write_manifests(
    folder: Path, target: Path, items: Sequence[_Item], results: dict[int, _Result], options: SynthesisOptions
) -> SynthesisSummary:
    """Write the cuts of `items` into `folder`, with the paths that they will have in `target`."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", target.name).strip("-") or "synthetic"
    cuts, rejected = [], []
    for item in items:
        result = results[item.index]
        if result.reason:
            rejected.append({"text": item.text, "voice": item.voice.name, "reason": result.reason})
            continue
        cuts.append(
            Cut(
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
        )
    if not cuts:
        reason = rejected[0]["reason"] if rejected else "there are no texts"
        raise EarwrightError(f"{target}: nothing was synthesized ({reason}).")
    with open(folder / CUTS_NAME, "wb") as file:
        write_cuts(cuts, file)
    with open(folder / "rejected.jsonl", "w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rejected)
    seconds = round(sum(cut.duration for cut in cuts), 3)
    summary = SynthesisSummary(len(cuts), seconds, len({cut.speaker for cut in cuts}), len(rejected))
    with open(folder / "summary.json", "w", encoding="utf-8") as file_:
        json.dump({**vars(summary), "synthesizer": "espeak-ng", "options": vars(options)}, file_, indent=2)
    return summary


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
