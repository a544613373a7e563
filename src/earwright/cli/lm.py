"""`earwright lm`: language models, from any text to a file that a search reads."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from earwright.lm.mix import Tuned
    from earwright.lm.ngrams import NgramModel
    from earwright.lm.train import TrainOptions, TrainReport
    from earwright.text import Tokenizer

_MODEL = "an n-gram model: .arpa, .arpa.gz or .bin"
_OUT = (
    "the file to write: NAME.arpa, NAME.arpa.gz (text, for every other program) or NAME.bin (opens at once)"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their arguments."""
    from earwright.cli import lm_query, lm_report

    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, title="actions")
    _add_train(actions)
    _add_prune(actions)
    _add_mix(actions)
    lm_query.add(actions)
    lm_report.add(actions)


def _add_train(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from earwright.cli import lm_neural, lm_tokens

    action = actions.add_parser(
        "train",
        help="estimate a model from texts",
        description="Estimate an n-gram model from texts, smoothed by interpolated modified Kneser-Ney, or "
        "train a Transformer on them.",
    )
    action.add_argument(
        "texts", metavar="TEXT", nargs="+", help="books or sentences, also .gz; - reads standard input"
    )
    action.add_argument(
        "-o", "--out", metavar="MODEL", required=True, help=f"{_OUT}; of a transformer NAME.onnx"
    )
    action.add_argument(
        "--kind", choices=("ngram", "transformer"), default="ngram", help="of the model (default ngram)"
    )
    action.add_argument("--order", type=int, default=3, metavar="N", help="words of an n-gram (default 3)")
    _add_reading(action)
    action.add_argument(
        "--normalizer",
        help="what texts go through, here and when the model is used: raw, basic (default) or english",
    )
    words = action.add_argument_group("vocabulary (default: every word; of a transformer 60,000)")
    words.add_argument("--vocab", metavar="FILE", help="its words, one a line; all others are <unk>")
    words.add_argument("--max-words", type=int, metavar="N", help="the N most frequent words")
    lm_tokens.add_argument(words, "foretell the tokens, not words,")
    words.add_argument("--min-count", type=int, metavar="N", help="words that are said N times or more")
    size = action.add_argument_group("size")
    size.add_argument(
        "--prune",
        type=int,
        nargs="+",
        default=[],
        metavar="N",
        help="leave out n-grams said so often or less, a number for each order from 1 on: 0 0 1",
    )
    size.add_argument(
        "--prune-entropy",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="leave out n-grams without which the perplexity rises by a smaller share, for instance 1e-8",
    )
    lm_neural.add_arguments(action)
    _add_room(action)
    action.add_argument("--jobs", type=int, metavar="N", help="processes (default: one for each core)")
    action.add_argument("--json", action="store_true", help="print the figures as JSON")
    action.set_defaults(run=train)


def _add_prune(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    what = "leave out the n-grams that a model hardly misses"
    action = actions.add_parser("prune", help=what, description=what[0].upper() + what[1:] + ".")
    action.add_argument("model", metavar="MODEL", help=_MODEL)
    action.add_argument(
        "--entropy",
        type=float,
        required=True,
        metavar="SHARE",
        help="those without which the perplexity rises by a smaller share, for instance 1e-8",
    )
    action.add_argument("-o", "--out", metavar="MODEL", required=True, help=_OUT)
    action.add_argument("--json", action="store_true", help="print the figures as JSON")
    action.set_defaults(run=prune)


def _add_mix(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    action = actions.add_parser(
        "mix",
        help="interpolate models into one",
        description="Interpolate models into one. Where a model lacks a word of another, it shares the "
        "probability of its <unk> evenly among all words that it lacks.",
    )
    action.add_argument("models", metavar="MODEL", nargs="+", help=_MODEL)
    how = action.add_mutually_exclusive_group(required=True)
    how.add_argument("--dev", metavar="TEXT", help="find the weights that foretell this text best")
    how.add_argument("--weights", type=float, nargs="+", metavar="W", help="one for each model, 1 in all")
    action.add_argument("-o", "--out", metavar="MODEL", required=True, help=_OUT)
    _add_reading(action)
    _add_room(action)
    action.add_argument("--json", action="store_true", help="print the figures as JSON")
    action.set_defaults(run=mix)


def _add_reading(action: argparse.ArgumentParser) -> None:
    reading = action.add_argument_group("reading")
    layout = reading.add_mutually_exclusive_group()
    layout.add_argument(
        "--lines",
        dest="layout",
        action="store_const",
        const="lines",
        default="auto",
        help="each line is a sentence as it is",
    )
    layout.add_argument(
        "--layout",
        choices=("auto", "lines", "paragraphs", "wrapped"),
        default="auto",
        help="what a line is: a sentence, a paragraph, or where the paper ended (default: found out)",
    )
    reading.add_argument("--encoding", help="of the texts (default: UTF-8, or UTF-16 with a mark)")


def _add_room(action: argparse.ArgumentParser) -> None:
    room = action.add_argument_group("room")
    room.add_argument(
        "--memory", metavar="SIZE", help="for n-grams, e.g. 2G or 25%% (default: half of the free)"
    )
    room.add_argument("--temporary", metavar="DIR", help="where n-grams go that memory has no room for")


def run(args: argparse.Namespace) -> int:
    """Never called: each action sets its own."""
    raise AssertionError(args.action)


def train(args: argparse.Namespace) -> int:
    """Train, write the model, and print what it was made of."""
    from earwright.cli import lm_neural, lm_tokens
    from earwright.lm.train import TrainOptions

    if args.vocab and (args.max_words is not None or args.min_count is not None):
        raise EarwrightError(
            "--vocab says which words there are, and --max-words or --min-count too; give one."
        )
    tokenizer, normalizer = lm_tokens.open_tokenizer(args.tokens) if args.tokens else (None, None)
    if tokenizer and (args.vocab or args.max_words is not None or args.min_count is not None):
        raise EarwrightError("--tokens says which tokens there are; leave out --vocab and its like.")
    options = TrainOptions(
        order=args.order,
        normalizer=args.normalizer or normalizer or "basic",
        layout=args.layout,
        encoding=args.encoding,
        vocabulary=args.vocab,
        max_words=args.max_words,
        min_count=1 if args.min_count is None else args.min_count,
        prune=tuple(args.prune),
        prune_entropy=args.prune_entropy,
        jobs=args.jobs,
    )
    if args.kind == "transformer":
        return lm_neural.train(args, options, tokenizer)
    lm_neural.refuse(args)
    return _train_ngrams(args, options, tokenizer)


def _train_ngrams(args: argparse.Namespace, options: TrainOptions, tokenizer: Tokenizer | None) -> int:
    from earwright.cli.terminal import progress
    from earwright.lm.documents import file_sizes
    from earwright.lm.query import check_form, save_ngrams
    from earwright.lm.storage import Workspace, parse_memory
    from earwright.lm.train import train as train_model

    check_form(args.out)
    memory = parse_memory(args.memory) if args.memory else None
    with Workspace(memory, args.temporary) as room, progress("reading", file_sizes(args.texts)) as bar:

        def report(doing: str, size: int) -> None:
            bar.update(description=doing)
            bar.advance(size)

        model, made = train_model(args.texts, options, room, report, tokenizer)
        bar.update(description="writing")
        save_ngrams(args.out, model)
    _print_training(args, model, made)
    return 0


def _print_training(args: argparse.Namespace, model: NgramModel, made: TrainReport) -> None:
    if args.json:
        _print_json(
            {"model": args.out, "order": model.order, "normalizer": model.normalizer, **made.to_dict()}
        )
        return
    files = ", ".join(f"{count:,} as {layout}" for layout, count in made.layouts.items())
    seconds = ", ".join(f"{part} {took:.1f} s" for part, took in made.seconds.items())
    peak = f", peak memory {made.peak_memory_bytes / 1e6:,.0f} MB" if made.peak_memory_bytes else ""
    spilled = f", {made.spilled_bytes / 1e6:,.0f} MB on disk" if made.spilled_bytes else ""
    rows = [
        ("files", f"{files}; normalizer {model.normalizer}"),
        ("text", f"{made.words:,} words, {made.sentences:,} sentences, {made.distinct:,} different words"),
        ("vocabulary", f"{made.vocabulary:,}; unknown: {made.unknown:,} ({made.unknown_share:.2%})"),
        *_ngram_rows(model, made.discounts),
        ("took", f"{seconds}{peak}{spilled}"),
        *(("note", f"{count:,} {what}") for what, count in made.notes.items()),
        ("model", args.out),
    ]
    _print_rows(rows)


def _ngram_rows(model: NgramModel, discounts: dict[str, str] | None = None) -> list[tuple[str, str]]:
    rows = []
    for order, count in enumerate(model.counts, 1):
        discount = (discounts or {}).get(f"discounts {order}")
        rows.append((f"{order}-grams", f"{count:,}" + (f"; discounts {discount}" if discount else "")))
    return rows


def _print_rows(rows: Sequence[tuple[str, str]]) -> None:
    for name, value in rows:
        print(f"{name:<12} {value}")


def _print_json(table: dict[str, Any]) -> None:
    import json

    print(json.dumps(table, ensure_ascii=False, indent=1))


def prune(args: argparse.Namespace) -> int:
    """Prune, write the model, and print how many n-grams are left."""
    from earwright.cli.terminal import progress
    from earwright.lm.prune import prune_by_entropy
    from earwright.lm.query import check_form, load_ngrams, save_ngrams

    check_form(args.out)
    with progress("reading") as bar:
        model = load_ngrams(args.model)
        bar.update(description="pruning")
        pruned = prune_by_entropy(model, args.entropy)
        bar.update(description="writing")
        save_ngrams(args.out, pruned)
    if args.json:
        _print_json({"model": args.out, "before": list(model.counts), "ngrams": list(pruned.counts)})
        return 0
    left = [*pruned.counts, *[0] * (model.order - pruned.order)]
    for order, (before, now) in enumerate(zip(model.counts, left, strict=True), 1):
        print(f"{f'{order}-grams':<12} {now:,} of {before:,}")
    print(f"{'model':<12} {args.out}")
    return 0


def mix(args: argparse.Namespace) -> int:
    """Mix, write the model, and print weights and perplexities."""
    from earwright.cli.terminal import progress
    from earwright.lm.documents import ReadingNotes
    from earwright.lm.mix import common_normalizer, mix, perplexity_on, read_ids, tune
    from earwright.lm.query import check_form, load_ngrams, save_ngrams
    from earwright.lm.storage import Workspace, parse_memory
    from earwright.lm.union import union_vocabulary

    check_form(args.out)
    if len(args.models) < 2:
        raise EarwrightError(f"{args.models[0]} is one model; give two or more to mix.")
    memory = parse_memory(args.memory) if args.memory else None
    with Workspace(memory, args.temporary) as workspace, progress("reading") as bar:
        models = [load_ngrams(path) for path in args.models]
        normalizer, _ = common_normalizer(models, args.models)
        tuned, static = None, None
        weights = args.weights
        if args.dev:
            bar.update(description="tuning")
            vocabulary = union_vocabulary(models)
            text = read_ids(args.dev, vocabulary, normalizer, args.layout, args.encoding, ReadingNotes())
            tuned = tune(models, text, vocabulary)
            weights = tuned.weights
        bar.update(description="mixing")
        model = mix(models, weights, workspace)
        if args.dev:
            static = perplexity_on(model, text)
        bar.update(description="writing")
        save_ngrams(args.out, model)
    _print_mixture(args, model, weights, tuned, static)
    return 0


def _print_mixture(
    args: argparse.Namespace,
    model: NgramModel,
    weights: Sequence[float],
    tuned: Tuned | None,
    static: float | None,
) -> None:
    from rich.console import Console

    from earwright.cli.terminal import plain_table

    if args.json:
        table: dict[str, Any] = {"model": args.out, "weights": dict(zip(args.models, weights, strict=True))}
        if tuned is not None:
            perplexities = dict(zip(args.models, tuned.perplexities, strict=True))
            table |= {
                "dev": {"words": tuned.words, "sentences": tuned.sentences, "unknown": tuned.unknown},
                "perplexities": {**perplexities, "interpolated": tuned.perplexity, args.out: static},
            }
        _print_json({**table, "ngrams": list(model.counts)})
        return
    headings = ["model", " weight"]
    rows = [[name, f"{weight:.4f}"] for name, weight in zip(args.models, weights, strict=True)]
    if tuned is not None and static is not None:
        headings.append(" perplexity")
        for row, perplexity in zip(rows, tuned.perplexities, strict=True):
            row.append(f"{perplexity:,.2f}")
        rows += [["interpolated", "", f"{tuned.perplexity:,.2f}"], [args.out, "", f"{static:,.2f}"]]
    Console(highlight=False).print(plain_table(headings, rows, wide="model"))
    if tuned is not None:
        print(
            f"{args.dev}: {tuned.words:,} words, {tuned.sentences:,} sentences; {tuned.unknown:,} words are "
            "in no model and do not count"
        )
    _print_rows(_ngram_rows(model))
