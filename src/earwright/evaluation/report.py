"""The report in the terminal: the rates, then where the errors are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from earwright.evaluation.align import Operation, Pair
from earwright.evaluation.bootstrap import DRAWS, LEVEL
from earwright.evaluation.score import DurationGroup, Evaluation, Utterance
from earwright.pages.numbers import percent

if TYPE_CHECKING:
    from rich.console import Console

STYLES: dict[Operation, str] = {
    "correct": "",
    "substitution": "yellow",
    "deletion": "red",
    "insertion": "green",
}
LETTERS: dict[Operation, str] = {"correct": " ", "substitution": "S", "deletion": "D", "insertion": "I"}

MARGINS = ("said        ", "recognized  ", "            ")
BAR_WIDTH = 20


def report(
    evaluation: Evaluation,
    width: int,
    *,
    title: str = "",
    notes: Sequence[str] = (),
    worst: int = 5,
    words: int = 8,
) -> RenderableType:
    """The evaluation for a terminal.

    Args:
        evaluation: what to show.
        width: columns of the terminal.
        title: what was scored.
        notes: lines to put under the rates, such as the speed.
        worst: how many utterances to show with their errors.
        words: how many confused words.
    """
    parts: list[RenderableType] = []
    if title:
        parts.append(Text(title, style="bold"))
    parts += [_rates(evaluation), _interval_note(evaluation), *(Text(note) for note in notes)]
    if evaluation.words.errors:
        parts += [
            Text(),
            Text("Most frequent errors of words", style="bold"),
            _confusions(evaluation, words, width),
        ]
    if groups := evaluation.by_duration():
        parts += [Text(), Text("By duration", style="bold"), _durations(groups)]
    if utterances := evaluation.worst(worst):
        parts += [Text(), Text("Utterances that stand out (errors times rate)", style="bold")]
        parts += [_aligned(utterance, width) for utterance in utterances]
    return Group(*parts)


def print_report(
    console: Console, evaluation: Evaluation, *, title: str = "", notes: Sequence[str] = ()
) -> None:
    """Print `report` to a console."""
    console.print(report(evaluation, console.width, title=title, notes=notes))


def plain_table(*columns: str) -> Table:
    """Headings in dim letters, numbers to the right, no lines."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column.strip(), justify="right" if column.startswith(" ") else "left", no_wrap=True)
    return table


def _rates(evaluation: Evaluation) -> Table:
    table = plain_table("", " rate", f"{LEVEL:.0%} interval", " S", " D", " I", " N", "")
    rows = (
        ("WER", evaluation.words, evaluation.wer_interval, "words"),
        ("CER", evaluation.characters, evaluation.cer_interval, "characters"),
    )
    for name, counts, (low, high), unit in rows:
        figures = (counts.substitutions, counts.deletions, counts.insertions, counts.reference)
        table.add_row(
            name,
            Text(percent(counts.rate), style="bold"),
            f"{100 * low:.2f} to {100 * high:.2f}",
            *(f"{figure:,}" for figure in figures),
            unit,
        )
    return table


def _interval_note(evaluation: Evaluation) -> Text:
    number, wrong = evaluation.utterances, evaluation.wrong_utterances
    text = f"{number:,} utterance{'s' if number > 1 else ''}"
    if evaluation.speakers > 1:
        text += f" of {evaluation.speakers:,} speakers"
    text += f", {wrong:,} with errors; normalizer {evaluation.normalizer}"
    if evaluation.weights == "sclite":
        text += ", aligned with sclite's weights"
    if number > 1:
        text += f"; interval by {DRAWS:,} bootstrap draws of {evaluation.interval_unit}s"
    return Text(text, style="dim")


def _confusions(evaluation: Evaluation, limit: int, width: int) -> RenderableType:
    substituted = plain_table("said", "recognized", " times")
    for said, recognized, number in evaluation.confused(limit):
        substituted.add_row(shorten(said), shorten(recognized), f"{number:,}")
    tables = [substituted]
    for heading, counted in (("left out", evaluation.deleted(limit)), ("put in", evaluation.inserted(limit))):
        table = plain_table(heading, " times")
        for word, number in counted:
            table.add_row(shorten(word), f"{number:,}")
        tables.append(table)
    shown = [table for table in tables if table.row_count]
    return Columns(shown, padding=(0, 6 if width >= 100 else 3))


def shorten(word: str, cells: int = 20) -> str:
    """A word that fits a column; the writing system may have no spaces, and then a word is a sentence."""
    if cell_len(word) <= cells:
        return word
    while cell_len(word) >= cells:
        word = word[:-1]
    return word + "…"


def _durations(groups: Sequence[DurationGroup]) -> Table:
    table = plain_table(" seconds", " utterances", " words", " WER", " S", " D", " I", "")
    highest = max(group.words.rate for group in groups)
    for group in groups:
        counts = group.words
        figures = (counts.substitutions, counts.deletions, counts.insertions)
        share = counts.rate / highest if highest else 0.0
        table.add_row(
            f"{group.low:g} to {group.high:g}" if group.high else f"over {group.low:g}",
            f"{group.utterances:,}",
            f"{counts.reference:,}",
            percent(counts.rate),
            *(f"{figure:,}" for figure in figures),
            Text("█" * round(BAR_WIDTH * share), style="dim"),
        )
    return table


def _aligned(utterance: Utterance, width: int) -> RenderableType:
    """The words of both sides below each other, as many as fit a line, with S, D, I under what is wrong."""
    counts = utterance.words
    heading = (
        f"{utterance.id}: {counts.errors} error{'s' if counts.errors > 1 else ''} in {counts.reference} words"
    )
    if utterance.duration is not None:
        heading += f", {utterance.duration:.1f} s"
    lines: list[Text] = [Text(heading, style="cyan")]
    room = max(width - len(MARGINS[0]) - 2, 20)
    for pairs in _lines(utterance.pairs, room):
        rows = [Text(margin, style="dim") for margin in MARGINS]
        for pair in pairs:
            cells = _cells(pair, room)
            across = max(map(cell_len, cells))
            for row, cell in zip(rows, cells, strict=True):
                row.append(cell + " " * (across - cell_len(cell) + 1), style=STYLES[pair.operation])
        lines += rows if any(pair.operation != "correct" for pair in pairs) else rows[:2]
    return Padding(Group(*lines), (0, 0, 1, 2), expand=False)


def _cells(pair: Pair, room: int) -> tuple[str, str, str]:
    """What stands in one column: the word said, the word recognized, and the letter of the error."""
    said, recognized = (shorten(word, room) for word in (pair.reference, pair.hypothesis))
    if pair.operation == "deletion":
        recognized = "*" * cell_len(said)
    elif pair.operation == "insertion":
        said = "*" * cell_len(recognized)
    return said, recognized, LETTERS[pair.operation]


def _lines(pairs: Sequence[Pair], room: int) -> Iterator[list[Pair]]:
    line: list[Pair] = []
    used = 0
    for pair in pairs:
        across = max(map(cell_len, _cells(pair, room))) + 1
        if line and used + across > room:
            yield line
            line, used = [], 0
        line.append(pair)
        used += across
    if line:
        yield line
