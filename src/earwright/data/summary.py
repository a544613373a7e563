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
            f"speakers    {self.speakers:,}" if self.speakers else "speakers    not named",
            f"languages   {_counts(self.languages) or 'not named'}",
            f"audio       {_counts(self.sample_rates, unit=' Hz')}; channels: {_counts(self.channels)}",
            f"duration    {length['0']:.2f} to {length['100']:.2f} s, half under {length['50']:.2f} s, "
            f"95 % under {length['95']:.2f} s",
            f"text        {self.words:,} words, {sum(self.characters.values()):,} characters, "
            f"{len(self.characters):,} different",
            f"characters  {self._characters()}",
        ]
        return "\n".join(lines)

    def _characters(self) -> str:
        shown = [character for character in self.characters if not character.isspace()]
        if len(shown) <= 2 * RARE:
            return "".join(sorted(shown))
        return f"rarest: {' '.join(shown[-RARE:])}"


def summarize(
    format_name: str, source: str, rows: int, cuts: Iterable[Cut], rejected: Counter[str]
) -> Summary:
    """The figures of the cuts that were kept, and of those that were not.

    Args:
        format_name: what they were read as.
        source: what they were read from.
        rows: how many there were.
        cuts: at least one; they are gone through once.
        rejected: reason -> rows.
    """
    durations = array("d")
    speakers: set[str] = set()
    languages, rates, channels, characters = (Counter[str]() for _ in range(4))
    words = 0
    for cut in cuts:
        durations.append(cut.duration)
        rates[str(cut.sample_rate)] += 1
        channels[str(len(cut.channels))] += 1
        words += len(cut.text.split())
        characters.update(cut.text)
        if cut.speaker:
            speakers.add(cut.speaker)
        if cut.language:
            languages[cut.language] += 1
    ordered = sorted(durations)
    return Summary(
        format=format_name,
        source=source,
        rows=rows,
        kept=len(ordered),
        rejected=_ordered(rejected),
        hours=round(sum(ordered) / 3600, 4),
        speakers=len(speakers),
        languages=_ordered(languages),
        sample_rates=_ordered(rates),
        channels=_ordered(channels),
        durations={str(rank): round(_percentile(ordered, rank), 3) for rank in PERCENTILES},
        words=words,
        characters=_ordered(characters),
    )


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
