"""`earwright prepare`: recordings and their texts become checked training data."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from earwright.data.corpora.formats import AUTO, FORMATS, find_format, recognize
from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from earwright.data.preparation.ledger import Shard
    from earwright.data.preparation.options import PrepareOptions
    from earwright.data.preparation.summary import Summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "formats:\n"
        + "\n".join(f"  {name:12} {kind.meaning}" for name, kind in FORMATS.items())
        + f"\n  {'lhotse:NAME':12} any corpus that lhotse has a reader for, such as lhotse:switchboard"
        + f"\n  {AUTO:12} finds out which of these it is, and says how it knew"
        + "\n\nOUT gets cuts.jsonl.gz (what train and evaluate read, and lhotse too; the audio stays where it"
        "\nis), rejected.jsonl (each row that cannot be used, with the reason), warnings.jsonl (what is odd"
        "\nabout those that can) and summary.json. A second run listens only to what is new."
    )
    parser.add_argument(
        "format", metavar="FORMAT", type=_format_name, help=f"{AUTO}, or one of the formats below"
    )
    parser.add_argument("source", metavar="SOURCE", help="the folder or file to read")
    parser.add_argument("out", metavar="OUT", help="the folder to write to")
    _add_reading(parser.add_argument_group("what is read"))
    _add_checks(parser.add_argument_group("what is kept"))
    work = parser.add_argument_group("how")
    work.add_argument(
        "--copy",
        choices=("flac", "opus"),
        help="copy the audio that is kept into OUT/audio; with --shards: what they hold (default flac)",
    )
    work.add_argument(
        "--shards",
        metavar="SIZE",
        help="copy it into shards in OUT/shards, lhotse's Shar format: 1000 (utterances each) or 1h (of it)",
    )
    work.add_argument(
        "--sample-rate", type=int, default=16000, metavar="HZ", help="of the copies (default 16000)"
    )
    work.add_argument(
        "--jobs", type=int, metavar="N", help="processes that decode audio (default: all cores)"
    )
    work.add_argument(
        "--shard", metavar="I/N", help="only listen to the I-th of N parts of the files, counted from 1"
    )
    work.add_argument("--merge", action="store_true", help="put together what N shards have listened to")
    work.add_argument("--json", action="store_true", help="print the summary as JSON")


def _add_reading(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--language", metavar="CODE", help="language of rows that do not name theirs, e.g. en")
    group.add_argument(
        "--columns",
        metavar="NAME=THEIRS,...",
        default="",
        help="names of columns in a table, or of a tier: text=sentence,path=file",
    )
    group.add_argument(
        "--argument",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="of lhotse's own reader, for lhotse:NAME; may be given again",
    )
    group.add_argument(
        "--channels",
        default="mix",
        metavar="mix|split|N",
        help="of stereo files: mix them, make each a speaker, or take channel N from 0 on (default mix)",
    )
    group.add_argument(
        "--spell-numbers", action="store_true", help="put English and German numbers into words"
    )
    group.add_argument(
        "--pause",
        type=float,
        metavar="S",
        help="where only words are timed: the silence that parts utterances (default 0.5 s; long: 0.2 s)",
    )
    group.add_argument(
        "--longest",
        type=float,
        default=20.0,
        metavar="S",
        help="where only words are timed: the longest utterance to make of them (default 20 s)",
    )
    group.add_argument(
        "--model", metavar="BUNDLE", help="for long recordings: the recognizer that finds their words"
    )
    group.add_argument(
        "--least-confidence",
        type=float,
        default=0.3,
        metavar="X",
        help="for long recordings: leave out what it is less sure of, from 0 to 1 (default 0.3)",
    )


def _add_checks(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--min-duration", type=float, default=0.1, metavar="S", help="reject what is shorter (default 0.1 s)"
    )
    group.add_argument(
        "--max-duration", type=float, default=60.0, metavar="S", help="reject what is longer (default 60 s)"
    )
    group.add_argument(
        "--reject",
        default="",
        metavar="WARNING,...",
        help="reject rows with these warnings too, such as clipped,duplicate-audio",
    )
    group.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="OTHER",
        help="find speakers, audio and sentences shared with another prepared folder; may be given again",
    )


def run(args: argparse.Namespace) -> int:
    """Prepare, and print the summary."""
    from earwright.cli.terminal import err_console, progress
    from earwright.data.preparation.prepare import prepare

    console = err_console()
    options = _options(args)
    name = args.format
    if name == AUTO:
        name, reason = recognize(args.source)
        console.print(f"format {name}: {reason}", markup=False, highlight=False, soft_wrap=True)
    with progress("listening") as bar:
        summary = prepare(
            name,
            args.source,
            args.out,
            options,
            on_progress=lambda done, total: bar.update(completed=done, total=total),
        )
    if summary is None:
        console.print(
            f"Shard {args.shard} has been listened to. When all are done: "
            f"earwright prepare {args.format} {args.source} {args.out} --merge",
            markup=False,
            soft_wrap=True,
        )
        return 0
    _tell(summary, args)
    if args.shards:
        console.print(
            f'The shards: {args.out}/shards; train on them with data.train = ["{args.out}/shards"]',
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    return 0


def _options(args: argparse.Namespace) -> PrepareOptions:
    from earwright.data.corpora.row import ReaderOptions
    from earwright.data.preparation.checks import Limits
    from earwright.data.preparation.copies import CopyOptions
    from earwright.data.preparation.options import PrepareOptions
    from earwright.data.shards.write import ShardOptions, parse_size

    return PrepareOptions(
        language=args.language,
        limits=Limits(min_duration=args.min_duration, max_duration=args.max_duration),
        channels=args.channels,
        reader=ReaderOptions(
            columns=_pairs("--columns", args.columns.split(",")),
            pause=args.pause,
            longest=args.longest,
            arguments=_pairs("--argument", args.argument),
            model=args.model,
            least_confidence=args.least_confidence,
        ),
        spell_numbers=args.spell_numbers,
        reject=tuple(name.strip() for name in args.reject.split(",") if name.strip()),
        against=tuple(args.against),
        copy=CopyOptions(args.copy, args.sample_rate) if args.copy and not args.shards else None,
        shards=ShardOptions(*parse_size(args.shards), CopyOptions(args.copy or "flac", args.sample_rate))
        if args.shards
        else None,
        shard=_shard(args.shard) if args.shard else None,
        merge=args.merge,
        jobs=args.jobs,
    )


def _format_name(name: str) -> str:
    """The name of a format. Raises ArgumentTypeError if there is none such."""
    try:
        if name != AUTO:
            find_format(name)
    except EarwrightError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return name


def _pairs(option: str, texts: Iterable[str]) -> dict[str, str]:
    pairs = {}
    for text in filter(None, map(str.strip, texts)):
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            example = "text=sentence" if option == "--columns" else "split=train"
            raise EarwrightError(f"{option} {text}: write NAME=VALUE, for instance {option} {example}.")
        pairs[name.strip()] = value.strip()
    return pairs


def _shard(text: str) -> Shard:
    from earwright.data.preparation.ledger import Shard

    number, slash, count = text.partition("/")
    if not slash or not number.isdecimal() or not count.isdecimal():
        raise EarwrightError(f"--shard {text}: write I/N, for instance 3/64 for the third of 64 parts.")
    return Shard(int(number), int(count))


def _tell(summary: Summary, args: argparse.Namespace) -> None:
    from earwright.cli.terminal import err_console
    from earwright.data.preparation.prepared import REJECTED_NAME, WARNINGS_NAME

    if args.json:
        print(json.dumps(summary.to_dict(), ensure_ascii=False, indent=1))
        return
    print(summary.describe())
    for there, name, what in (
        (summary.rejected, REJECTED_NAME, "Why each row was rejected"),
        (summary.warned, WARNINGS_NAME, "What is odd about others"),
    ):
        if there:
            err_console().print(f"{what}: {args.out}/{name}", markup=False, soft_wrap=True)
