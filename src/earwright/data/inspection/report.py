"""The figures of prepared data in the terminal: tables, and histograms of block characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from earwright.data.inspection.figures import (
    AUDIO_QUANTITIES,
    BINS,
    QUANTITIES,
    TEXT_QUANTITIES,
    Distribution,
    Figures,
    Quantity,
    Share,
)
from earwright.data.preparation.checks import REASONS
from earwright.pages.numbers import hours
from earwright.text.visible import visible

BLOCKS = " ▁▂▃▄▅▆▇█"
BAR_ROWS = 4  # lines of a histogram
HISTOGRAM_WIDTH = BINS + 12
WIDEST_BAR = 16
SHOWN = 12  # rows of speakers and of values of a column
ENDS_SHOWN = 2  # cuts at each end
ODD_SHOWN = 15
GAP = 2  # between columns
LONGEST = 200  # characters of a cell
SHORTEST = 10  # cells of a last column, however narrow the window


def report(figures: Figures, width: int) -> RenderableType:
    """The figures for a terminal.

    Args:
        figures: of prepared data.
        width: columns of the terminal; it decides what stands side by side.
    """
    parts: list[RenderableType] = [
        Text(visible(figures.place, LONGEST), style="bold"),
        _totals(figures, width),
    ]
    parts += [Text(f"• {note}", style="yellow") for note in figures.notes()]
    for title, section in (
        ("Durations and pace", _histograms(figures, TEXT_QUANTITIES, width)),
        ("Speakers", _speakers(figures)),
        ("Languages and other columns", _columns(figures, width)),
        ("Characters", _characters(figures, width)),
        ("Audio", _audio(figures, width)),
        ("The cuts at the ends", _ends(figures, width)),
        ("Warnings", _reasons(figures.warned, width)),
        ("Rejected", _reasons(figures.rejected, width)),
    ):
        if section:
            parts += [Text(), Text(title, style="bold"), *section]
    return Group(*parts)


def print_figures(console: Console, figures: Figures) -> None:
    """Print `report` to a console."""
    console.print(report(figures, console.width))


def _totals(figures: Figures, width: int) -> Table:
    rows = (
        ("made as", f"{figures.format} from {figures.source}" if figures.source else ""),
        ("time", hours(figures.hours)),
        ("cuts", f"{figures.cuts:,}"),
        ("speakers", f"{figures.speakers:,}" if figures.speakers else "not named"),
        ("recordings", f"{figures.recordings:,}"),
        ("words", f"{figures.words:,}"),
    )
    return _table(("", ""), [row for row in rows if row[1]], width)


def _histograms(figures: Figures, quantities: Mapping[str, Quantity], width: int) -> list[RenderableType]:
    """As many side by side as the window holds."""
    drawn = [
        _histogram(figures.distributions[key], quantity)
        for key, quantity in quantities.items()
        if key in figures.distributions and not quantity.limits
    ]
    if width < 2 * (HISTOGRAM_WIDTH + GAP):
        return [part for histogram in drawn for part in (Text(), histogram)]
    return [Columns(drawn, width=HISTOGRAM_WIDTH, padding=(1, GAP, 0, 0))] if drawn else []


def _histogram(values: Distribution, quantity: Quantity) -> Text:
    """A few lines: the bars, where they begin and end, and the percentiles."""
    most = max(values.counts)
    # A single cut among a million is seen.
    eighths = [max(round(count / most * BAR_ROWS * 8), bool(count)) for count in values.counts]
    lines = [
        "".join(BLOCKS[min(max(height - 8 * row, 0), 8)] for height in eighths)
        for row in reversed(range(BAR_ROWS))
    ]
    low, high = f"{values.edges[0]:,g}", f"{values.edges[-1]:,g}"
    rank = {name: f"{value:,.{quantity.digits}f}" for name, value in values.percentiles.items()}
    outside = ((values.below, "under"), (values.above, "over"))
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{quantity.title} ({quantity.unit})\n")
    text.append(f"{lines[0]} {most:,}\n" + "".join(f"{line}\n" for line in lines[1:]), style="cyan")
    text.append(f"{low}{high.rjust(max(len(eighths) - len(low), len(high) + 1))}\n", style="dim")
    text.append(f"5 % {rank['5']}  half {rank['50']}  95 % {rank['95']}\n", style="dim")
    text.append(f"{rank['0']} to {rank['100']}", style="dim")
    text.append("".join(f"; {count:,} {where}" for count, where in outside if count), style="dim")
    return text


def _speakers(figures: Figures) -> list[RenderableType]:
    if not figures.speakers:
        return []
    shares = _first(figures.largest_speakers, figures.speakers, figures.other_speakers)
    return [_shares("speaker", shares, figures.hours)]


def _columns(figures: Figures, width: int) -> list[RenderableType]:
    """Tables side by side; columns with one value for all cuts take one line together."""
    same = {name: shares[0].name for name, shares in figures.columns.items() if len(shares) == 1}
    tables = [
        _shares(name, _first(shares, len(shares)), figures.hours)
        for name, shares in figures.columns.items()
        if name not in same
    ]
    parts: list[RenderableType] = []
    if same:
        parts.append(Text(visible("; ".join(f"{name}: {value}" for name, value in same.items()), 1000)))
    if tables:
        parts.append(Columns(tables, padding=(1, 6 if width >= 100 else 3, 0, 0)))
    if figures.long_columns:
        names = visible(", ".join(figures.long_columns), 1000)
        parts.append(Text(f"with too many values to show: {names}", style="dim"))
    return parts


def _first(shares: Sequence[Share], number: int, others: Share | None = None) -> list[Share]:
    """The first of `number` shares, and all others as one."""
    rest = [*shares[SHOWN:], *([others] if others else [])]
    if not rest:
        return list(shares)
    name = f"{number - SHOWN:,} more"
    return [*shares[:SHOWN], Share(name, sum(part.cuts for part in rest), sum(part.hours for part in rest))]


def _shares(heading: str, shares: Sequence[Share], total: float) -> Table:
    rows = []
    for share in shares:
        part = share.hours / total if total else 0.0
        bar = "█" * round(WIDEST_BAR * part)
        rows.append((visible(share.name, 24), hours(share.hours), f"{share.cuts:,}", f"{part:.1%}", bar))
    return _table((heading, " time", " cuts", " share", ""), rows)


def _characters(figures: Figures, width: int) -> list[RenderableType]:
    if not figures.characters:
        return []
    plain = [entry.character for entry in figures.characters if not entry.oddity]
    odd = [entry for entry in figures.characters if entry.oddity]
    letters = "".join(sorted(character for character in plain[:500] if not character.isspace()))
    number = len(figures.characters)
    parts: list[RenderableType] = [Text(f"{number:,} different: {visible(letters, 500)}", overflow="fold")]
    rows = [
        (
            entry.code_point,
            "" if entry.character.isspace() else entry.character,
            visible(entry.name.lower(), 30),
            entry.oddity,
            f"{entry.count:,}",
            _end(entry.first, width // 4),
        )
        for entry in odd[:ODD_SHOWN]
    ]
    if odd:
        parts += [Text(), _table(("odd", "", "name", "why", " count", "first in cut"), rows, width)]
    if len(odd) > ODD_SHOWN:
        parts.append(Text(f"and {len(odd) - ODD_SHOWN:,} more", style="dim"))
    return parts


def _audio(figures: Figures, width: int) -> list[RenderableType]:
    if not figures.sample:
        return []
    told = f"measured: {figures.measured:,} of {figures.cuts:,} cuts, spread over all"
    parts: list[RenderableType] = [Text(told), *_histograms(figures, AUDIO_QUANTITIES, width)]
    if figures.measured:
        parts += [Text(), *_limits(figures)]
    show = QUANTITIES["bandwidth"].show
    narrow = [
        (show(entry.bandwidth), f"{entry.cuts:,}", _end(entry.path, width - 25))
        for entry in figures.narrow_recordings
    ]
    if narrow:
        headings = (" bandwidth", " cuts", "recordings with a narrower band than most")
        parts += [Text(), _table(headings, narrow, width)]
    unreadable = [(_end(entry["id"], width // 3), entry["problem"]) for entry in figures.unreadable]
    if unreadable:
        parts += [Text(), _table(("cannot be decoded", "what is wrong"), unreadable, width)]
    return parts


def _limits(figures: Figures) -> list[RenderableType]:
    """How many cuts are beyond each limit."""
    lines: list[RenderableType] = []
    for key, over in figures.over.items():
        counts = [f"{count:,} over {limit} %" for limit, count in over.items() if count]
        none = f"no measured cut over {QUANTITIES[key].limits[0]:g} %"
        lines.append(Text(f"{QUANTITIES[key].title}: {', '.join(counts) or none}"))
    return lines


def _ends(figures: Figures, width: int) -> list[RenderableType]:
    rows = [
        (name, quantity.show(entry.value), _end(entry.id, width // 4), entry.text)
        for key, quantity in QUANTITIES.items()
        for end, name in (("lowest", quantity.lowest), ("highest", quantity.highest))
        for entry in figures.ends[key][end][:ENDS_SHOWN]
    ]
    return [_table(("", " value", "cut", "text"), rows, width)] if rows else []


def _reasons(counts: Mapping[str, int], width: int) -> list[RenderableType]:
    rows = [(visible(reason, 30), f"{count:,}", REASONS.get(reason, "")) for reason, count in counts.items()]
    return [_table(("reason", " rows", "meaning"), rows, width)] if rows else []


def _end(text: str, longest: int) -> str:
    """The end of an id or a path, where they differ."""
    text = visible(text)
    return text if len(text) <= longest else "…" + text[1 - longest :]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> Table:
    """Headings in dim letters, columns whose heading begins with a space to the right, no lines.

    Args:
        columns: headings.
        rows: whatever they hold is made visible, and shown as it is.
        width: of the terminal, to which the last column is cut; rich would cut all of them.
    """
    cells = [[visible(cell, LONGEST) for cell in row] for row in (columns, *rows)]
    if width is not None:
        taken = sum(max(map(cell_len, column)) + GAP for column in list(zip(*cells, strict=True))[:-1])
        for row in cells:
            last = Text(row[-1])
            last.truncate(max(width - taken, SHORTEST), overflow="ellipsis")
            row[-1] = last.plain
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, GAP, 0, 0))
    for column in cells[0]:
        table.add_column(
            Text(column.strip()), justify="right" if column.startswith(" ") else "left", no_wrap=True
        )
    for row in cells[1:]:
        table.add_row(*map(Text, row))
    return table
