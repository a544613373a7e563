"""`earwright prepare`: recordings and their texts become checked training data."""

from __future__ import annotations

import argparse

from earwright.data.corpora.formats import FORMATS, find_format
from earwright.errors import EarwrightError

LHOTSE = "lhotse:NAME"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "formats:\n"
        + "\n".join(f"  {name:12} {kind.meaning}" for name, kind in FORMATS.items())
        + f"\n  {LHOTSE:12} a corpus that lhotse has a reader of: lhotse:switchboard, lhotse:timit, ..."
        + "\n\nOUT gets cuts.jsonl.gz (what train and evaluate read, and lhotse too; the audio stays where it"
        "\nis), rejected.jsonl (each row that cannot be used, with the reason) and summary.json."
    )
    parser.add_argument("format", metavar="FORMAT", type=_format_name, help=", ".join([*FORMATS, LHOTSE]))
    parser.add_argument("source", metavar="SOURCE", help="the folder or table to read")
    parser.add_argument("out", metavar="OUT", help="the folder to write to")
    parser.add_argument(
        "--language", metavar="CODE", help="language of rows that do not name theirs, e.g. en"
    )
    parser.add_argument(
        "--min-duration",
        type=float,
        default=0.1,
        metavar="S",
        help="reject shorter utterances (default 0.1 s)",
    )
    parser.add_argument(
        "--max-duration",
        type=float,
        default=60.0,
        metavar="S",
        help="reject longer utterances (default 60 s)",
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="processes that decode audio (default: all cores)"
    )
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(args: argparse.Namespace) -> int:
    """Prepare, and print the summary."""
    import json

    from earwright.cli.terminal import err_console, progress
    from earwright.data.checks import Limits
    from earwright.data.prepare import REJECTED_NAME, prepare

    with progress("decoding and checking") as bar:
        summary = prepare(
            args.format,
            args.source,
            args.out,
            language=args.language,
            limits=Limits(min_duration=args.min_duration, max_duration=args.max_duration),
            jobs=args.jobs,
            on_progress=lambda done, total: bar.update(completed=done, total=total),
        )
    if args.json:
        print(json.dumps(summary.to_dict(), ensure_ascii=False, indent=1))
        return 0
    print(summary.describe())
    if summary.rejected:
        err_console().print(f"Why each row was rejected: {args.out}/{REJECTED_NAME}", markup=False)
    return 0


def _format_name(name: str) -> str:
    """The name of a format. Raises ArgumentTypeError if there is none such."""
    try:
        find_format(name)
    except EarwrightError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return name
