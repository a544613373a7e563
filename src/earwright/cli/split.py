"""`earwright split CUTS OUT`: train, dev and test out of one prepared folder."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from earwright.data.splitting.options import SplitOptions
    from earwright.data.splitting.report import Shared, SplitReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "OUT gets the folders train, dev and test, each as `earwright prepare` writes it, and split.json with"
        "\nthe figures. A COLUMN is speaker, gender, language, recording, or any other that the corpus has."
        "\nThe same cuts and the same seed make the same split. A few more speakers move few others; with"
        "\n--keep they move none."
    )
    parser.add_argument("cuts", metavar="CUTS", help="what `earwright prepare` wrote, or a manifest of cuts")
    parser.add_argument("out", metavar="OUT", help="the folder to write train, dev and test to")
    size = parser.add_argument_group("how much")
    size.add_argument(
        "--dev", metavar="SHARE", help="share of the hours (0.1, the default) or time (30m, 2h)"
    )
    size.add_argument("--test", metavar="SHARE", help="the same for test; 0 makes none")
    how = parser.add_argument_group("who goes where")
    how.add_argument(
        "--by",
        metavar="COLUMN[,...]",
        help="what is in one part only: speaker, recording, utterance or any column (default: the first of "
        "these that the cuts tell apart)",
    )
    how.add_argument(
        "--balance", metavar="COLUMN[,...]", help="give each part the same shares of, e.g., gender,accent"
    )
    texts = how.add_mutually_exclusive_group()
    texts.add_argument(
        "--no-shared-texts", action="store_true", help="keep all who say a sentence in one part, too"
    )
    texts.add_argument(
        "--drop-shared-texts",
        action="store_true",
        help="leave out of train what dev or test say, and out of dev what test says",
    )
    how.add_argument("--keep", metavar="FOLDER", help="an earlier split: who is in it stays where they are")
    how.add_argument("--seed", type=int, default=1, metavar="N", help="another one splits anew (default 1)")
    own = parser.add_argument_group("a split that the corpus has already")
    own.add_argument("--column", metavar="COLUMN", help="it says which part a cut is in")
    own.add_argument(
        "--parts",
        metavar="PART=VALUE[,...]",
        help="what it calls them, e.g. dev=validation,none=other (default: train, dev, test)",
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def run(args: argparse.Namespace) -> int:
    """Split, and print what came of it."""
    import json

    from rich.console import Console

    from earwright.cli.terminal import err_console, progress
    from earwright.data.splitting.split import split

    options = _options(args)
    with progress("reading") as bar:
        report = split(
            args.cuts,
            args.out,
            options,
            lambda doing, done, total: bar.update(description=doing, completed=done, total=total),
        )
    if args.json:
        print(json.dumps(report.to_dict(), ensure_ascii=False, indent=1))
    else:
        _print(Console(highlight=False), report)
    for note in report.notes:
        err_console().print(f"earwright: {note}", markup=False, soft_wrap=True)
    return 0


def _options(args: argparse.Namespace) -> SplitOptions:
    from earwright.data.splitting.options import SplitOptions, parse_amount, parse_parts

    balance = _names(args.balance)
    if args.column:
        idle = ("dev", "test", "by", "keep", "no_shared_texts", "drop_shared_texts")
        for option in idle:
            if getattr(args, option):
                name = option.replace("_", "-")
                raise EarwrightError(f"--column says who goes where, and --{name} too; give one of them.")
        parts_of = parse_parts(args.parts or "train=train")
        return SplitOptions(column=args.column, parts_of=parts_of, balance=balance, seed=args.seed)
    if args.parts:
        raise EarwrightError("--parts goes with --column: it says what the column calls the parts.")
    return SplitOptions(
        by=_names(args.by),
        dev=parse_amount(args.dev or "0.1", "--dev"),
        test=parse_amount(args.test or "0.1", "--test"),
        balance=balance,
        shared_texts="part" if args.no_shared_texts else "drop" if args.drop_shared_texts else "report",
        keep=args.keep,
        seed=args.seed,
    )


def _names(text: str | None) -> tuple[str, ...]:
    """The names in a list with commas, each once."""
    return tuple(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))


def _print(console: Console, report: SplitReport) -> None:
    from rich.text import Text

    because = f": {report.why}" if report.why else ""
    console.print(Text(f"split by {report.by}{because}", style="bold"))
    console.print(_parts_table(report))
    for column, values in report.balance.items():
        console.print()
        console.print(_shares_table(column, values, list(report.parts)))
    if report.shared or report.left_out:
        console.print()
    if report.shared:
        console.print(_shared_table(report.shared))
    for reason, count in report.left_out.items():
        console.print(Text(f"left out: {count:,} {reason}"))


def _parts_table(report: SplitReport) -> Table:
    from earwright.cli.terminal import plain_table

    unit, factor = ("hours", 1) if sum(part.hours for part in report.parts.values()) >= 1 else ("minutes", 60)
    chosen = all(part.wanted_hours is not None for part in report.parts.values())
    grouped = chosen and report.by not in ("speaker", "recording", "utterance")
    headings = ["part", " utterances", f" {unit}", " share", *([" asked for"] if chosen else [])]
    headings += [" speakers", " recordings", *([" groups"] if grouped else [])]
    rows = [
        [
            name,
            f"{part.utterances:,}",
            f"{factor * part.hours:,.2f}",
            f"{100 * part.share:.1f} %",
            *([f"{factor * part.wanted_hours:,.2f}"] if chosen and part.wanted_hours is not None else []),
            f"{part.speakers:,}" if part.speakers else "not named",
            f"{part.recordings:,}",
            *([f"{part.groups:,}"] if grouped else []),
        ]
        for name, part in report.parts.items()
    ]
    return plain_table(headings, rows)


def _shares_table(column: str, values: dict[str, dict[str, float]], parts: list[str]) -> Table:
    from earwright.cli.terminal import plain_table

    rows = [
        [value, *(f"{100 * shares[name]:.1f} %" for name in ("all", *parts))]
        for value, shares in values.items()
    ]
    return plain_table([column, " all", *(f" {part}" for part in parts)], rows, wide=column)


def _shared_table(shared: list[Shared]) -> Table:
    from earwright.cli.terminal import plain_table

    rows = [
        [
            common.what,
            " and ".join(common.parts),
            f"{common.different:,}",
            f"{common.utterances:,} ({100 * common.share:.1f} %)",
        ]
        for common in shared
    ]
    return plain_table(["in two parts", "", " different", " utterances of the latter"], rows)
