"""What prepared data holds: every cut is counted, some are measured, a few are picked to listen to.

The manifest is read twice and not held in memory.
"""

from __future__ import annotations

import json
import math
import os
import random
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from earwright.cuts import CUTS_NAME, Cut, iterate_cuts
from earwright.data.inspection.figures import (
    AUDIO_QUANTITIES,
    NARROW,
    NOISY,
    QUANTITIES,
    Distribution,
    Figures,
    Recording,
    distribution,
)
from earwright.data.inspection.listening import Clip, clip_of_cut
from earwright.data.inspection.tally import Ends, Reasons, Tally, listed, spread
from earwright.data.preparation.measure import Measures, measure
from earwright.data.preparation.prepared import REJECTED_NAME, SUMMARY_NAME
from earwright.data.workers import run_all
from earwright.errors import EarwrightError
from earwright.pages.clips import MOST_CLIPS, read_excerpt

WARNINGS_NAME = "warnings.jsonl"

LONGEST_MEASURED = 60.0  # seconds: a cut may be a whole recording of hours
BATCH = 4096  # cuts of the sample in memory at once
SHOWN = 10  # recordings with a narrow band, and cuts that cannot be decoded

# What is being done, how much of it is done, and of how much (None: not known yet).
Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Inspection:
    """Figures, and what to listen to: cuts, cuts with a warning, rejected rows; those by their reasons."""

    figures: Figures
    clips: list[Clip]
    warned: dict[str, list[Clip]]
    rejected: dict[str, list[Clip]]


def inspect_cuts(
    path: str | os.PathLike[str],
    *,
    sample: int = 1000,
    clips: int = 24,
    seed: int = 0,
    jobs: int | None = None,
    on_progress: Progress | None = None,
) -> Inspection:
    """Look into prepared data.

    Args:
        path: the folder that `earwright prepare` wrote, or any manifest of cuts.
        sample: how many cuts to decode and measure, spread over the manifest; of each the first minute.
        clips: how many cuts to pick for listening: up to half of them at the ends of what is measured, the
            others of as many speakers as there are. Rejected rows and warnings come on top, a few a reason.
        seed: the same seed draws the same sample and the same clips.
        jobs: processes; None takes all cores.
        on_progress: told how far it is.

    Raises:
        EarwrightError: the manifest is missing, damaged or empty, or a number makes no sense.
    """
    _check_number("--sample", sample, 0, None)
    _check_number("--clips", clips, 0, MOST_CLIPS)
    _check_number("--jobs", jobs, 1, None)
    rng = random.Random(seed)
    tell = on_progress or (lambda what, done, total: None)
    tally = Tally(rng)
    for cut in iterate_cuts(path):
        tally.add(cut)
        if tally.cuts % 1000 == 0:
            tell("counting", tally.cuts, None)
    if not tally.cuts:
        raise EarwrightError(f"{path}: there is no cut in it.")
    rejected, warned = (_beside(Path(path), name, rng) for name in (REJECTED_NAME, WARNINGS_NAME))
    second = _SecondReading(
        chosen=spread(tally.cuts, min(sample, tally.cuts), rng),
        drawn=tally.draw(clips),
        named={str(row.get("id")) for rows in warned.rows.values() for row in rows},
        jobs=jobs or os.cpu_count() or 1,
        tell=tell,
    )
    second.read(iterate_cuts(path), tally.cuts)
    return Inspection(
        figures=_figures(Path(path), tally, second.measured, len(second.chosen), rejected, warned),
        clips=_choose(clips, {**tally.ends, **second.measured.ends}, second.drawn_cuts()),
        warned={
            reason: [
                clip_of_cut(second.named_cuts[name], detail=str(row.get("detail") or ""))
                for row in warned.rows[reason]
                if (name := str(row.get("id"))) in second.named_cuts
            ]
            for reason in warned.ordered()
        },
        rejected={
            reason: [_clip_of_row(row) for row in rejected.rows[reason]] for reason in rejected.ordered()
        },
    )


class _Measured:
    """What the sample showed."""

    def __init__(self) -> None:
        self.cuts = 0
        self.silent = 0
        self.unreadable: list[dict[str, str]] = []
        self.values = {key: array("d") for key in AUDIO_QUANTITIES}
        self.ends = {key: Ends() for key in AUDIO_QUANTITIES}
        self.recordings: dict[str, tuple[float, int]] = {}  # path -> widest band in Hz, cuts

    def add(self, cut: Cut, result: Measures | str) -> None:
        """Take in the measures of a cut, or why there are none."""
        if isinstance(result, str):
            if len(self.unreadable) < SHOWN:
                self.unreadable.append({"id": cut.id, "path": cut.path, "problem": result})
            return
        self.cuts += 1
        self.silent += result.level is None
        values = {
            "level": result.level,
            "peak": result.peak,
            "clipped": 100 * result.clipped,
            "dc_offset": 100 * abs(result.dc_offset),
            "bandwidth": result.bandwidth,
            "snr": result.snr,
        }
        for key, value in values.items():
            if value is not None:
                self.values[key].append(value)
                self.ends[key].offer(value, cut)
        if result.bandwidth is not None:
            widest, cuts = self.recordings.get(cut.path, (0.0, 0))
            self.recordings[cut.path] = (max(widest, result.bandwidth), cuts + 1)

    def narrow_recordings(self) -> list[Recording]:
        """Those that fall far below the median, the narrowest first."""
        if not self.recordings:
            return []
        least = NARROW * float(np.median([band for band, _ in self.recordings.values()]))
        narrow = [Recording(path, *found) for path, found in self.recordings.items() if found[0] < least]
        return sorted(narrow, key=lambda recording: (recording.bandwidth, recording.path))


class _SecondReading:
    """Measure the cuts that were chosen, and fetch those to listen to."""

    def __init__(
        self,
        chosen: Sequence[int],
        drawn: Sequence[int],
        named: set[str],
        jobs: int,
        tell: Progress,
    ) -> None:
        self.chosen = set(chosen)
        self._drawn: dict[int, Cut] = {}
        self._order = drawn
        self.named_cuts: dict[str, Cut] = {}
        self.measured = _Measured()
        self._named, self._jobs, self._tell = named, jobs, tell
        self._done = 0

    def read(self, cuts: Iterable[Cut], total: int) -> None:
        """Let the whole manifest go by."""
        wanted = set(self._order)
        batch: list[Cut] = []
        for place, cut in enumerate(cuts):
            if place % 1000 == 0:
                self._tell("choosing", place, total)
            if place in wanted:
                self._drawn[place] = cut
            if cut.id in self._named:
                self.named_cuts[cut.id] = cut
            if place in self.chosen:
                batch.append(cut)
            if len(batch) == BATCH:
                self._measure(batch)
                batch = []
        self._measure(batch)

    def drawn_cuts(self) -> list[Cut]:
        """Those that were drawn, in the order of the draw."""
        return [self._drawn[place] for place in self._order]

    def _measure(self, batch: list[Cut]) -> None:
        self._told(0)
        for cut, result in zip(
            batch, run_all(_measure_cut, batch, self._jobs, _crashed, self._told), strict=True
        ):
            self.measured.add(cut, result)

    def _told(self, count: int) -> None:
        self._done += count
        self._tell("measuring", self._done, len(self.chosen))


def _measure_cut(cut: Cut) -> Measures | str:
    try:
        return measure(*read_excerpt(cut.path, cut.start, cut.duration, cut.channels, LONGEST_MEASURED))
    except EarwrightError as error:
        return str(error).removeprefix(f"{cut.path}: ")


def _crashed(cut: Cut) -> Measures | str:
    return "the process that decoded it died"


def _figures(
    path: Path, tally: Tally, measured: _Measured, sample: int, rejected: Reasons, warned: Reasons
) -> Figures:
    summary = _summary(path)
    largest, others = tally.largest_speakers()
    narrow = measured.narrow_recordings()
    return Figures(
        place=str(path),
        format=str(summary.get("format", "")),
        source=str(summary.get("source", "")),
        cuts=tally.cuts,
        hours=tally.seconds / 3600,
        recordings=tally.recordings,
        words=tally.words,
        without_text=tally.without_text,
        speakers=tally.speakers,
        without_speaker=tally.without_speaker,
        largest_speakers=largest,
        other_speakers=others,
        columns=tally.columns(),
        long_columns=tally.long_columns,
        characters=tally.characters(),
        sample=sample,
        measured=measured.cuts,
        unreadable=measured.unreadable,
        distributions=_distributions({**tally.values, **measured.values}),
        over={
            key: {f"{limit:g}": sum(value > limit for value in measured.values[key]) for limit in limits}
            for key in AUDIO_QUANTITIES
            if (limits := QUANTITIES[key].limits)
        },
        ends={
            key: {end: listed(found) for end, (_, found) in _ends(key, ends).items()}
            for key, ends in {**tally.ends, **measured.ends}.items()
        },
        narrow_recordings=narrow[:SHOWN],
        narrow_count=len(narrow),
        silent=measured.silent,
        noisy=sum(value < NOISY for value in measured.values["snr"]),
        rejected=rejected.ordered(),
        warned=warned.ordered(),
    )


def _ends(key: str, ends: Ends) -> dict[str, tuple[str, list[tuple[float, Cut]]]]:
    """The cuts at both ends and what the quantity calls them; none where nobody needs to look."""
    quantity = QUANTITIES[key]
    found = {
        "lowest": (quantity.lowest, ends.lowest() if quantity.lowest else []),
        "highest": (quantity.highest, ends.highest() if quantity.highest else []),
    }
    if quantity.limits:  # nearly all cuts have next to nothing
        name, highest = found["highest"]
        found["highest"] = (name, [entry for entry in highest if entry[0] > quantity.limits[0]])
    return found


def _distributions(values: dict[str, array[float]]) -> dict[str, Distribution]:
    found = {key: distribution(values[key], whole=quantity.whole) for key, quantity in QUANTITIES.items()}
    return {key: counted for key, counted in found.items() if counted}


def _choose(number: int, ends: dict[str, Ends], drawn: Iterable[Cut]) -> list[Clip]:
    """Cuts to listen to, first those at the ends of what is measured, then those that were drawn."""
    candidates: list[tuple[str, Cut]] = []
    for key, quantity in QUANTITIES.items():
        for name, found in _ends(key, ends[key]).values():
            for value, cut in found[:1]:
                candidates.append((f"{name}: {quantity.show(value)}", cut))
    labels: dict[str, list[str]] = {}
    chosen: dict[str, Cut] = {}
    for label, cut in candidates:
        if cut.id in chosen or len(chosen) < number // 2:
            chosen[cut.id] = cut
            labels.setdefault(cut.id, []).append(label)
    for cut in drawn:
        if len(chosen) < number:
            chosen.setdefault(cut.id, cut)
    return [clip_of_cut(cut, labels.get(cut.id, ())) for cut in chosen.values()]


def _clip_of_row(row: dict[str, Any]) -> Clip:
    """A rejected row; start and duration are there only if they were written down."""
    start, duration = (_seconds(row.get(name)) for name in ("start", "duration"))
    name, path, text, speaker, detail = (
        str(row.get(key) or "") for key in ("id", "path", "text", "speaker", "detail")
    )
    return Clip(name, path, text, start or 0.0, duration or None, speaker=speaker, detail=detail)


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 <= value < math.inf else None


def _beside(path: Path, name: str, rng: random.Random) -> Reasons:
    """The rows in a file beside the cuts; none beside a manifest that `earwright prepare` did not write."""
    if path.is_dir():
        return Reasons(path / name, rng)
    return Reasons(path.parent / name if path.name == CUTS_NAME else None, rng)


def _summary(path: Path) -> dict[str, Any]:
    """What is in the summary beside the cuts, if there is one."""
    folder = path if path.is_dir() else path.parent
    try:
        summary = json.loads((folder / SUMMARY_NAME).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return summary if isinstance(summary, dict) else {}


def _check_number(name: str, number: int | None, least: int, most: int | None) -> None:
    if number is None or (number >= least and (most is None or number <= most)):
        return
    limits = f"at least {least}" if most is None else f"from {least} to {most}"
    raise EarwrightError(f"{name} {number} makes no sense; it is {limits}.")
