"""`earwright evaluate --by`: error rates of the cuts that share a value, such as a language or an age."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from rich.console import Console

    from earwright.cli.evaluate_run import Scored
    from earwright.evaluation.groups import Grouping
    from earwright.evaluation.score import Evaluation

KEPT = ("utterances", "speakers", "wer", "wer_interval", "cer", "cer_interval", "wrong_utterances")
Groups = dict[str, dict[str, "Evaluation"]]  # column -> group -> what it was found to be


def add_group_argument(group: argparse._ArgumentGroup) -> None:
    """Declare it."""
    group.add_argument(
        "--by",
        action="append",
        default=[],
        metavar="COLUMN",
        help="also the rates of each gender, language, speaker, age, or any column of the corpus; "
        "age:8,12,16 says where groups of numbers begin; may be given many times",
    )


def plan_groups(args: argparse.Namespace, marked: bool) -> list[Grouping]:
    """What was asked for, looked up in the cuts before anything is transcribed.

    Raises:
        EarwrightError: a grouping that cannot be read, that these cuts do not have, or that comes twice.
    """
    from earwright.cuts import read_cuts
    from earwright.evaluation.groups import parse_grouping

    if args.by and marked:
        raise EarwrightError("--by groups prepared cuts by their columns; trn files have none.")
    asked = [parse_grouping(text) for text in args.by]
    columns = [grouping.column for grouping in asked]
    if twice := next((column for column in columns if columns.count(column) > 1), None):
        raise EarwrightError(f"--by {twice} is given twice; one grouping of a column is told and kept.")
    if asked:
        cuts = list(read_cuts(args.cuts))[: args.limit]
        for grouping in asked:
            grouping.names(cuts)
    return asked


def measure_groups(asked: list[Grouping], scored: Scored) -> Groups:
    """Their evaluations."""
    from earwright.evaluation.groups import evaluate_groups

    if not asked or scored.run is None:
        return {}
    cuts = scored.run.cuts
    return {grouping.column: evaluate_groups(scored.evaluation, cuts, grouping) for grouping in asked}


def groups_record(groups: Groups) -> dict[str, Any]:
    """For a kept result: under "by", for each column and group the rates and their intervals."""

    def kept(evaluation: Evaluation) -> dict[str, Any]:
        summary = evaluation.summary()
        return {key: summary[key] for key in KEPT}

    by = {column: {name: kept(one) for name, one in found.items()} for column, found in groups.items()}
    return {"by": by} if by else {}


def print_groups(console: Console, groups: Groups) -> None:
    """A table a column."""
    from rich.text import Text

    from earwright.evaluation.report import plain_table, shorten
    from earwright.pages.numbers import percent

    for column, found in groups.items():
        console.print()
        console.print(Text(f"By {column}", style="bold"))
        table = plain_table(column, " utterances", " WER", " interval", " CER", " interval")
        for name, one in found.items():
            ends = [
                f"{100 * low:.1f} to {100 * high:.1f}" for low, high in (one.wer_interval, one.cer_interval)
            ]
            figures = (f"{one.utterances:,}", percent(one.wer), ends[0], percent(one.cer), ends[1])
            table.add_row(Text(shorten(name)), *figures)
        console.print(table)
