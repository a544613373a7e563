"""What a prepared corpus holds, in figures."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from earwright.cuts import Cut

PERCENTILES = (0, 5, 25, 50, 75, 95, 100)
RARE = 20  # this many of the rarest characters are shown: typing errors gather there


@dataclass(frozen=True)
class Summary:
    """Figures of a prepared corpus.

    Attributes:
        rows: rows found, kept or not.
        rejected: reason -> rows, most frequent first.
        warned: name of a warning -> rows that were kept with it, most frequent first.
        shared: other prepared folder -> what it has in common: speakers, audio, texts -> rows.
        hours: of the cuts kept.
        speakers: how many are named; 0 where the corpus names none.
        languages, sample_rates, channels: value -> cuts.
        durations: percentile -> seconds; "0" is the shortest, "100" the longest.
        characters: character -> how often, most frequent first, in the texts as they are.
        words: words in them, as parted by spaces.
    """

    format: str
    source: str
    rows: int
    kept: int
    rejected: dict[str, int]
    hours: float
    speakers: int
    languages: dict[str, int]
    sample_rates: dict[str, int]
    channels: dict[str, int]
    durations: dict[str, float]
    words: int
    characters: dict[str, int] = field(default_factory=dict)
    warned: dict[str, int] = field(default_factory=dict)
    shared: dict[str, dict[str, int]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries, ready for JSON."""
        return asdict(self)

    def describe(self) -> str:
        """A few lines for the terminal."""
        minutes = round(self.hours * 60)
        length = self.durations
        lines = [
            f"rows        {self.rows:,}",
            f"kept        {self.kept:,}  ({minutes // 60} h {minutes % 60:02d} min)",
            f"rejected    {self.rows - self.kept:,}" + _counts(self.rejected, "  (", ")"),
            f"warnings    {_counts(self.warned) or 'none'}",
            f"speakers    {self.speakers:,}" if self.speakers else "speakers    not named",
            f"languages   {_counts(self.languages) or 'not named'}",
            f"audio       {_counts(self.sample_rates, unit=' Hz')}; channels: {_counts(self.channels)}",
            f"duration    {length['0']:.2f} to {length['100']:.2f} s, half under {length['50']:.2f} s, "
            f"95 % under {length['95']:.2f} s",
            f"text        {self.words:,} words, {sum(self.characters.values()):,} characters, "
            f"{len(self.characters):,} different",
            f"characters  {self._characters()}",
        ]
        for other, counts in self.shared.items():
            found = {name: count for name, count in counts.items() if count}
            lines.append(f"shared with {other}: {_counts(found) or 'no speaker, audio or sentence'}")
        return "\n".join(lines)

    def _characters(self) -> str:
        shown = [character for character in self.characters if not character.isspace()]
        if len(shown) <= 2 * RARE:
            return "".join(sorted(shown))
        return f"rarest: {' '.join(shown[-RARE:])}"


class Tally:
    """Counts cuts as they stream by."""

    def __init__(self) -> None:
        self.durations = array("d")
        self.speakers: set[str] = set()
        self.languages: Counter[str] = Counter()
        self.sample_rates: Counter[str] = Counter()
        self.channels: Counter[str] = Counter()
        self.characters: Counter[str] = Counter()
        self.words = 0

    def add(self, cut: Cut) -> None:
        """Count one that is kept."""
        self.durations.append(cut.duration)
        if cut.speaker:
            self.speakers.add(cut.speaker)
        if cut.language:
            self.languages[cut.language] += 1
        self.sample_rates[str(cut.sample_rate)] += 1
        self.channels[str(len(cut.channels))] += 1
        self.characters.update(cut.text)
        self.words += len(cut.text.split())

    def summary(
        self, format_name: str, source: str, rows: int, rejected: Counter[str], **more: dict[str, Any]
    ) -> Summary:
        """The figures of the cuts that were kept (at least one), and of those that were not.

        Args:
            format_name: what they were read as.
            source: what they were read from.
            rows: how many there were.
            rejected: reason -> rows.
            more: `warned` and `shared` of the summary.
        """
        durations = sorted(self.durations)
        return Summary(
            format=format_name,
            source=source,
            rows=rows,
            kept=len(durations),
            rejected=_ordered(rejected),
            hours=round(sum(durations) / 3600, 4),
            speakers=len(self.speakers),
            languages=_ordered(self.languages),
            sample_rates=_ordered(self.sample_rates),
            channels=_ordered(self.channels),
            durations={str(rank): round(_percentile(durations, rank), 3) for rank in PERCENTILES},
            words=self.words,
            characters=_ordered(self.characters),
            **more,
        )


def summarize(
    format_name: str, source: str, rows: int, cuts: Iterable[Cut], rejected: Counter[str]
) -> Summary:
    """The figures of cuts; the arguments are those of `Tally.summary`."""
    tally = Tally()
    for cut in cuts:
        tally.add(cut)
    return tally.summary(format_name, source, rows, rejected)


def _percentile(ordered: Sequence[float], rank: int) -> float:
    """The value that `rank` percent of the values do not exceed (nearest rank)."""
    return ordered[max(-(-rank * len(ordered) // 100) - 1, 0)]


def _ordered(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _counts(counts: dict[str, int], before: str = "", after: str = "", unit: str = "") -> str:
    if not counts:
        return ""
    if len(counts) == 1 and unit:
        return f"{before}{next(iter(counts))}{unit}{after}"
    return before + ", ".join(f"{name}{unit} {count:,}" for name, count in counts.items()) + after
