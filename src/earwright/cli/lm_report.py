"""`earwright lm report`: what a text has that model and lexicon lack, and where the model is surprised."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from earwright.lexicon import Answer, G2pModel, Lexicon
    from earwright.lm.report import TextReport


def add(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the action and its arguments."""
    action = actions.add_parser(
        "report",
        help="what texts have that a model and a lexicon lack, and the worst sentences",
        description="Say which words of texts a model and a lexicon lack, how those are pronounced, how well "
        "the model foretells each text, and which sentences surprise it most.",
    )
    action.add_argument(
        "texts", metavar="TEXT", nargs="+", help="books or sentences, also .gz; - reads standard input"
    )
    action.add_argument("--model", required=True, help="a language model of any kind")
    words = action.add_argument_group("pronunciations")
    words.add_argument("--language", default="en", metavar="CODE", help="of the shipped lexicon (default en)")
    words.add_argument("--lexicon", metavar="FILE", help="a lexicon of your own instead of the shipped one")
    words.add_argument("--additions", metavar="FILE", help="words of your own beside the lexicon's")
    words.add_argument(
        "--g2p", metavar="MODEL", help="says what the lexicon lacks; for the shipped one a model is trained "
        "when first needed, and kept",
    )  # fmt: skip
    words.add_argument("--no-lexicon", action="store_true", help="look at the model alone")
    action.add_argument("--top", type=int, default=20, metavar="N", help="words to list (default 20)")
    action.add_argument("--worst", type=int, default=10, metavar="N", help="sentences to list (default 10)")
    action.add_argument(
        "--layout",
        choices=("auto", "lines", "paragraphs", "wrapped"),
        default="auto",
        help="what a line is: a sentence, a paragraph, or where the paper ended (default: found out)",
    )
    action.add_argument("--encoding", help="of the texts (default: UTF-8, or UTF-16 with a mark)")
    action.add_argument("--json", action="store_true", help="print JSON, with all lacking words")
    action.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read the texts, and print what is to be said of them."""
    from earwright.cli.terminal import progress
    from earwright.lm.documents import ReadingNotes, file_sizes
    from earwright.lm.report import report_on
    from earwright.lm.scored_text import load_model

    if args.no_lexicon and (args.lexicon or args.additions or args.g2p):
        raise EarwrightError(
            "--no-lexicon says that there is none; leave it, or --lexicon and the like, out."
        )
    if args.top < 0 or args.worst < 0:
        raise EarwrightError("--top and --worst must be 0 or more.")
    model, lexicon = load_model(args.model), _lexicon(args)
    notes = ReadingNotes()
    with progress("reading", total=file_sizes(args.texts)) as bar:
        report = report_on(
            model, args.texts, worst=args.worst, layout=args.layout, encoding=args.encoding, notes=notes,
            on_read=bar.advance,
        )  # fmt: skip
    lacking: dict[str, int] | None = None
    if lexicon is not None:
        lacking = report.lacking(lexicon.__contains__)
    said = _pronunciations(args, [*(lacking or {})][: args.top])
    if args.json:
        _print_json(args, report, lacking, said, notes.counts)
    else:
        _print(args, report, lacking, said)
    return 0


def _lexicon(args: argparse.Namespace) -> Lexicon | None:
    from earwright.lexicon import default_lexicon, read_additions, read_lexicon

    if args.no_lexicon:
        return None
    lexicon = read_lexicon(args.lexicon) if args.lexicon else default_lexicon(args.language)
    return read_additions(args.additions, lexicon) if args.additions else lexicon


def _pronunciations(args: argparse.Namespace, words: list[str]) -> dict[str, Answer]:
    from earwright.cli.lexicon import default_g2p_with_progress
    from earwright.lexicon import pronounce_words, read_g2p

    load: Callable[[], G2pModel] | None = None
    if args.g2p:
        load = lambda: read_g2p(args.g2p)  # noqa: E731
    elif not args.lexicon:
        load = lambda: default_g2p_with_progress(args.language)  # noqa: E731
    return {answer.word: answer for answer in pronounce_words(words, None, load)} if load else {}


def _phones(answer: Answer | None) -> str:
    if answer is None:
        return ""
    return " ".join(answer.guesses[0].phones) if answer.guesses else answer.problem


def _print(
    args: argparse.Namespace,
    report: TextReport,
    lacking: Mapping[str, int] | None,
    said: Mapping[str, Answer],
) -> None:
    from rich.console import Console

    from earwright.cli.lm_query import print_perplexities
    from earwright.cli.terminal import plain_table
    from earwright.lm.scoring import total

    console = Console(highlight=False)
    print_perplexities([*report.texts, total(report.texts)] if len(report.texts) > 1 else report.texts)
    for what, words, answers in (("model", report.unknown, {}), ("lexicon", lacking, said)):
        if words is None:
            continue
        print(f"\n{_coverage(what, words, report.words)}")
        rows = [
            [word, f"{count:,}", _phones(answers.get(word))] for word, count in [*words.items()][: args.top]
        ]
        if rows:
            headings = ["word", " times", "pronounced" if answers else ""]
            console.print(plain_table(headings, rows, wide=headings[2]))
    if report.worst:
        print(f"\nThe sentences that surprise {args.model} most (perplexity a word):")
        for one in report.worst:
            unknown = f", {one.unknown} unknown" if one.unknown else ""
            print(f"{one.perplexity:10,.0f}  {one.name}{unknown}\n{'':12}{one.sentence}")


def _coverage(what: str, lacking: Mapping[str, int], words: Mapping[str, int]) -> str:
    from earwright.lm.report import share

    if not lacking:
        return f"The {what} has every word."
    found = share(dict(lacking), dict(words))
    return (
        f"The {what} lacks {found['different']:,} of {len(words):,} different words: {found['words']:,} of "
        f"all that is said, {100 * found['share']:.2f} %."
    )


def _print_json(
    args: argparse.Namespace,
    report: TextReport,
    lacking: Mapping[str, int] | None,
    said: Mapping[str, Answer],
    notes: Mapping[str, int],
) -> None:
    from dataclasses import asdict

    from earwright.lm.report import share
    from earwright.lm.scoring import total

    table: dict[str, Any] = {
        "model": args.model,
        "texts": [text.to_dict() for text in report.texts],
        "all": total(report.texts).to_dict(),
        "different_words": len(report.words),
        "lacking_in_model": {**share(report.unknown, report.words), "counts": report.unknown},
        "worst": [asdict(one) for one in report.worst],
        "notes": dict(notes),
    }
    if lacking is not None:
        words = dict(lacking)
        table["lacking_in_lexicon"] = {**share(words, report.words), "counts": words}
        table["pronunciations"] = {
            word: " ".join(answer.guesses[0].phones) for word, answer in said.items() if answer.guesses
        }
    print(json.dumps(table, ensure_ascii=False, indent=1))
