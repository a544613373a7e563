"""Training data out of thin air: texts said by synthetic voices, as a folder that training reads.

All voices of one synthesizer have much in common, so a recognizer trained on nothing else knows that
synthesizer, not people. It is good for a first look, for tests, for sentences that nobody has recorded yet,
and beside recordings of people.
"""

from __future__ import annotations

import functools
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from earwright.cuts import CUTS_NAME, Cut, read_cuts
from earwright.data.preparation.prepared import write_prepared
from earwright.data.preparation.summary import Summary, summarize
from earwright.data.synthesis.options import SynthesisOptions
from earwright.data.synthesis.recorded import as_recorded, prepare_augmentation
from earwright.data.synthesis.voices import Speaker, choose_speakers, choose_voices, styled
from earwright.data.workers import run_all, run_stream
from earwright.errors import EarwrightError
from earwright.files import atomic_directory

__all__ = ["SynthesisOptions", "check_replaceable", "choose_voices", "synthesize", "variants_in"]

_DEFAULT = SynthesisOptions()
TRIED = 4  # utterances of a command or function that must not all go wrong before the rest is begun


@dataclass(frozen=True)
class _Item:
    """One utterance to make.

    Attributes:
        speaker: the name of who speaks.
        voice: the same in the style of this utterance.
        seed: of what the synthesizer draws.
    """

    index: int
    text: str
    voice: Speaker
    path: str
    seed: int
    speaker: str
    style: str = ""


@dataclass(frozen=True)
class _Result:
    """One utterance made (`samples` of audio), or the reason why not and its details."""

    samples: int = 0
    reason: str = ""
    detail: str = ""


def variants_in(folder: str | os.PathLike[str]) -> set[str]:
    """The variants that speak in a folder that `synthesize` wrote."""
    found = {str(cut.custom["variant"]) for cut in read_cuts(folder) if "variant" in cut.custom}
    if not found:
        raise EarwrightError(f"{folder}: no synthetic voice in it; name a folder that synthesize wrote.")
    return found


def synthesize(
    texts: Sequence[str],
    out: str | os.PathLike[str],
    options: SynthesisOptions = _DEFAULT,
    *,
    without: Collection[str] = (),
    jobs: int | None = None,
    advance: Callable[[int], None] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Summary:
    """Let synthetic voices say texts, and write audio and manifest as `earwright prepare` does.

    The audio depends on the texts, the options and the synthesizer only, not on `jobs`.

    Args:
        texts: one utterance each.
        out: the folder to write: audio/*.flac, cuts.jsonl.gz, rejected.jsonl, summary.json.
        options: voices, styles, language, noise, seed.
        without: names of variants that must not speak.
        jobs: worker processes; None takes one a core; 1 works in this one, and dies if espeak-ng does.
        advance: called with the number of utterances just made.
        say: told which noise and rooms there are.

    Raises:
        EarwrightError: the synthesizer is not there, lacks what is asked, or nothing could be said.
    """
    check_replaceable(out)
    speakers = choose_speakers(options, without)
    prepare_augmentation(options, say)
    jobs = jobs or _cores()
    target = Path(os.path.abspath(out))
    with atomic_directory(target) as folder:
        (folder / "audio").mkdir()
        items = _items(texts, speakers, options, without, folder / "audio")
        speak_one = functools.partial(_speak_item, options=options)
        tried = [] if options.espeak else _tried(speak_one, items[:TRIED], jobs)
        if advance:
            advance(len(tried))
        results = tried + run_all(speak_one, items[len(tried) :], jobs, _crashed, advance)
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


def _items(
    texts: Sequence[str],
    speakers: Sequence[Speaker],
    options: SynthesisOptions,
    without: Collection[str],
    folder: Path,
) -> list[_Item]:
    """Who says what, and how."""
    import numpy as np

    items = []
    said = [(text, speaker) for text in texts for speaker in _speakers(text, speakers, options)]
    for index, (text, speaker) in enumerate(said):
        voice, style = speaker, ""
        if options.styles:
            rng = np.random.default_rng((options.seed, 4, index))
            style = options.styles[int(rng.integers(len(options.styles)))]
            voice = styled(speaker, style, rng, without)
        seed = (
            index if options.espeak else int(np.random.default_rng((options.seed, 5, index)).integers(2**31))
        )
        path = str(folder / f"{index:06d}.flac")
        items.append(_Item(index, text, voice, path, seed, speaker.name, style))
    return items


def _speakers(text: str, speakers: Sequence[Speaker], options: SynthesisOptions) -> list[Speaker]:
    """Which voices say a text; drawn by the text itself, so that adding a text changes no other."""
    import numpy as np

    rng = np.random.default_rng((options.seed, 2, *text.encode()))
    count = min(options.per_text, len(speakers))
    return [speakers[int(number)] for number in rng.choice(len(speakers), size=count, replace=False)]


def _tried(speak_one: Callable[[_Item], _Result], items: Sequence[_Item], jobs: int) -> list[_Result]:
    """The first utterances; where none of them could be made, none of the others will be."""
    results = list(run_stream(speak_one, items, jobs, _crashed, 1))
    if items and not any(result.samples for result in results):
        several = f"{len(items)} texts" if len(items) > 1 else "text"
        detail = results[0].detail.rstrip(".")
        raise EarwrightError(f"the first {several} could not be said; {items[0].text[:60]!r}: {detail}.")
    return results


def _speak_item(item: _Item, options: SynthesisOptions) -> _Result:
    import numpy as np
    import soundfile
    import soxr

    try:
        spoken, rate = item.voice.say(item.text, item.seed)
    except EarwrightError as error:
        return _Result(reason="unspeakable", detail=str(error))
    if not spoken.any():
        return _Result(reason="unspeakable", detail="nothing in this text can be said")
    samples = soxr.resample(spoken, rate, options.sample_rate)
    samples = as_recorded(samples, options, item.index)
    soundfile.write(item.path, np.clip(samples, -1, 1), options.sample_rate, subtype="PCM_16")
    return _Result(samples=len(samples))


def _crashed(item: _Item) -> _Result:
    return _Result(reason="unspeakable", detail="the synthesizer crashed on this text")


def _write_manifests(
    folder: Path, target: Path, items: Sequence[_Item], results: Sequence[_Result], options: SynthesisOptions
) -> Summary:
    """Write the cuts of `items` into `folder`, with the paths that they will have in `target`."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", target.name).strip("-") or "synthetic"
    cuts, rejected = [], []
    for item, result in zip(items, results, strict=True):
        drawn = {"style": item.style, **item.voice.settings} if item.style else {}
        cut = Cut(
            id=f"{name}-{item.index:06d}",
            path=str(target / "audio" / Path(item.path).name),
            start=0.0,
            duration=result.samples / options.sample_rate,
            sample_rate=options.sample_rate,
            text=item.text,
            speaker=item.speaker,
            language=item.voice.language.partition("-")[0],
            custom={**item.voice.columns, **drawn},
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
    source = str(items[0].voice.columns["synthesizer"])
    summary = summarize("synthesize", source, len(items), cuts, reasons_seen)
    write_prepared(folder, cuts, rejected, summary)
    return summary


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
