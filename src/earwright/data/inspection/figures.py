"""The figures of prepared data: what is measured, how its values are distributed, and what stands out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from earwright.data.inspection.odd_characters import Character
from earwright.data.preparation.summary import PERCENTILES

BINS = 24  # about so many bars
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # widths of bars that can be read off an axis, times a power of ten
FAR = 4.0  # times the distance of the quartiles: what lies farther out than this is counted, not drawn

CLIPPED = 0.1  # % of the samples: from here on it is heard
OFFSET = 1.0  # % of full scale
NOISY = 10.0  # dB
NARROW = 0.8  # of the median: a recording with less is of another kind than the others
ONE_VOICE = 0.5  # of the hours: more than this of one speaker makes a recognizer of that speaker


@dataclass(frozen=True)
class Quantity:
    """Something that every cut has a number for.

    Attributes:
        title, unit: for headings and axes.
        digits: after the point.
        meaning: one sentence.
        lowest, highest: what to call the cuts at the ends; "" where nobody needs to look at them.
        whole: whether the histogram begins at 0 and leaves nothing out.
        limits: where nearly all cuts have 0, how many exceed these is told instead of a histogram.
    """

    title: str
    unit: str
    digits: int
    meaning: str
    lowest: str = ""
    highest: str = ""
    whole: bool = False
    limits: tuple[float, ...] = ()

    def show(self, value: float) -> str:
        """A value with its unit."""
        return f"{value:,.{self.digits}f} {self.unit}"


TEXT_QUANTITIES = {
    "duration": Quantity("Duration", "s", 2, "How long the cuts are.", "shortest", "longest"),
    "words_per_second": Quantity(
        "Words a second",
        "words/s",
        2,
        "As parted by spaces: says nothing where words are not.",
        "fewest words",
        "most words",
    ),
    "characters_per_second": Quantity(
        "Characters a second",
        "char/s",
        1,
        "Too many or too few, and the text is of another recording.",
        "fewest characters",
        "most characters",
    ),
}
AUDIO_QUANTITIES = {
    "level": Quantity(
        "Speech level",
        "dBFS",
        1,
        "RMS over active speech (ITU-T P.56); a sine of full scale has -3 dBFS.",
        "quietest",
        "loudest",
    ),
    "peak": Quantity("Peak", "dBFS", 1, "The largest sample."),
    "clipped": Quantity(
        "Clipped samples",
        "%",
        3,
        "Samples at full scale or in flat tops; Opus and MP3 round tops off, and hide them.",
        highest="most clipped",
        limits=(0.01, CLIPPED, 1.0),
    ),
    "dc_offset": Quantity(
        "DC offset",
        "%",
        2,
        "The mean of the samples, of full scale, up or down.",
        highest="largest offset",
        limits=(0.1, OFFSET, 5.0),
    ),
    "bandwidth": Quantity(
        "Bandwidth",
        "Hz",
        0,
        "Up to where there is energy, no more than 60 dB below the strongest frequency.",
        "narrowest band",
        whole=True,
    ),
    "snr": Quantity(
        "Speech over noise",
        "dB",
        1,
        "Estimated: active speech over the quietest twentieth of the frames. A cut without pauses comes out "
        "noisier than it is.",
        "noisiest",
    ),
}
QUANTITIES = {**TEXT_QUANTITIES, **AUDIO_QUANTITIES}


@dataclass(frozen=True)
class Distribution:
    """How values are distributed.

    Attributes:
        count: how many there are.
        mean: of them.
        percentiles: rank in percent -> value (nearest rank); "0" is the smallest, "100" the largest.
        edges: of the bars, ascending, one more than counts.
        counts: values from each edge up to the next; the last bar takes its upper edge in.
        below, above: values outside of all bars.
    """

    count: int
    mean: float
    percentiles: dict[str, float]
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    below: int = 0
    above: int = 0


@dataclass(frozen=True)
class Share:
    """A part of the corpus: how many cuts, and how long they are in all."""

    name: str
    cuts: int
    hours: float


@dataclass(frozen=True)
class Listed:
    """A cut at the end of a distribution."""

    id: str
    value: float
    speaker: str
    text: str


@dataclass(frozen=True)
class Recording:
    """A file, the bandwidth in Hz of the widest of its measured cuts, and how many those are."""

    path: str
    bandwidth: float
    cuts: int


@dataclass(frozen=True)
class Figures:
    """What prepared data holds.

    Attributes:
        place: the manifest; `format` and `source` say what it was made from, "" if nobody kept it.
        recordings: files that the cuts lie in.
        speakers: how many are named; `without_speaker` counts cuts that name none.
        largest_speakers: by hours; `other_speakers` sums up the rest, None if there is none.
        columns: language, gender and so on -> its values, largest first.
        long_columns: columns with too many values to show.
        measured: cuts of the sample that could be decoded; of `unreadable` ones the first are told.
        distributions: key of QUANTITIES -> its values; those of audio are of the sample.
        over: key of a quantity with limits -> limit -> measured cuts beyond it.
        ends: key -> "lowest" and "highest" -> the cuts at the ends.
        narrow_recordings: the narrowest of the `narrow_count` ones that fall far below the median.
        silent: measured cuts in which nothing is heard.
        noisy: measured cuts with speech less than NOISY dB over the noise.
        rejected, warned: reason -> rows.
    """

    place: str
    format: str
    source: str
    cuts: int
    hours: float
    recordings: int
    words: int
    without_text: int
    speakers: int
    without_speaker: int
    largest_speakers: list[Share]
    other_speakers: Share | None
    columns: dict[str, list[Share]]
    long_columns: list[str]
    characters: list[Character]
    sample: int
    measured: int
    unreadable: list[dict[str, str]]
    distributions: dict[str, Distribution]
    over: dict[str, dict[str, int]]
    ends: dict[str, dict[str, list[Listed]]]
    narrow_recordings: list[Recording]
    narrow_count: int
    silent: int
    noisy: int
    rejected: dict[str, int] = field(default_factory=dict)
    warned: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries, ready for JSON."""
        rows = [
            {**asdict(entry), "code_point": entry.code_point, "name": entry.name} for entry in self.characters
        ]
        return {**asdict(self), "characters": rows, "notes": list(self.notes())}

    def notes(self) -> Iterator[str]:
        """What is worth a look, a sentence each."""
        if self.without_text:
            yield f"{_cuts(self.without_text)} without a text."
        if self.largest_speakers and self.hours and self.speakers > 1:
            first = self.largest_speakers[0]
            if first.hours > ONE_VOICE * self.hours:
                yield f"One speaker says {first.hours / self.hours:.0%} of it all."
        if 0 < self.without_speaker < self.cuts:
            yield f"{_cuts(self.without_speaker)} without a speaker, while others have one."
        odd = [entry for entry in self.characters if entry.oddity]
        if odd:
            yield f"{len(odd):,} odd character{'s' if len(odd) > 1 else ''}, listed below."
        failed = self.sample - self.measured
        if failed:
            yield f"{failed:,} of {self.sample:,} cuts in the sample cannot be decoded."
        yield from self._audio_notes()
        if self.rejected:
            yield f"{sum(self.rejected.values()):,} rows were rejected when the data was prepared."

    def _audio_notes(self) -> Iterator[str]:
        for number, what in (
            (self.over.get("clipped", {}).get(f"{CLIPPED:g}", 0), f"more than {CLIPPED:g} % clipped samples"),
            (self.over.get("dc_offset", {}).get(f"{OFFSET:g}", 0), f"a DC offset of more than {OFFSET:g} %"),
            (self.noisy, f"speech less than {NOISY:g} dB over the noise, or no pauses"),
            (self.silent, "nothing to be heard"),
        ):
            if number:
                verb = "have" if number > 1 else "has"
                yield f"{number:,} of {self.measured:,} measured cuts {verb} {what}."
        if self.narrow_count:
            several = "s have" if self.narrow_count > 1 else " has"
            yield f"{self.narrow_count:,} measured recording{several} a narrower band than most."


def distribution(values: npt.ArrayLike, *, whole: bool = False) -> Distribution | None:
    """Count values.

    Args:
        values: any numbers; those that are not finite are left out.
        whole: whether the bars go from 0 to the largest value, however far most lie from it.

    Returns:
        None if there are none.
    """
    array = np.asarray(values, dtype=np.float64)
    array = np.sort(array[np.isfinite(array)])
    if not len(array):
        return None
    low, high = (min(0.0, float(array[0])), float(array[-1])) if whole else _range(array)
    edges = _edges(low, high)
    counts, _ = np.histogram(array, edges)
    return Distribution(
        count=len(array),
        mean=float(array.mean()),
        percentiles={str(rank): _percentile(array, rank) for rank in PERCENTILES},
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        below=int(np.searchsorted(array, edges[0], "left")),
        above=len(array) - int(np.searchsorted(array, edges[-1], "right")),
    )


def _range(ordered: npt.NDArray[np.float64]) -> tuple[float, float]:
    """From where to where bars are worth drawing."""
    low, high = float(ordered[0]), float(ordered[-1])
    first, third = _percentile(ordered, 25), _percentile(ordered, 75)
    reach = FAR * (third - first)
    return (max(low, first - reach), min(high, third + reach)) if reach else (low, high)


def _edges(low: float, high: float) -> npt.NDArray[np.float64]:
    """Edges at round numbers."""
    if high - low <= 1e-9 * max(abs(low), abs(high)):  # one value: one bar around it
        width = 10.0 ** math.floor(math.log10(abs(low) / 10)) if low else 1.0
    else:
        rough = (high - low) / BINS
        power = 10.0 ** math.floor(math.log10(rough))
        width = next(step * power for step in STEPS if step * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / width + 1e-9), math.ceil(high / width - 1e-9)
    # Rounded, since 3 * 0.1 is not 0.3.
    digits = max(2 - math.floor(math.log10(width)), 0)
    edges: npt.NDArray[np.float64] = np.round(np.arange(first, max(last, first + 1) + 1) * width, digits)
    return edges


def _percentile(ordered: npt.NDArray[np.float64], rank: int) -> float:
    return float(ordered[max(-(-rank * len(ordered) // 100) - 1, 0)])


def _cuts(number: int) -> str:
    return f"{number:,} cut{'s' if number != 1 else ''}"
