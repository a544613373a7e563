"""The actions of `earwright lm` that use a model: score, perplexity, convert."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from earwright.cli import lm_tokens
from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from earwright.lm.ngrams import NgramModel
    from earwright.lm.scored_text import TextScorer
    from earwright.lm.scoring import Perplexity, SentenceScore
    from earwright.text import Tokenizer

_MODEL = "an n-gram model: .arpa, .arpa.gz or .bin"
_ANY_MODEL = "an n-gram model (.arpa, .arpa.gz, .bin) or a neural one (.onnx)"


def add(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the actions and their arguments."""
    _add_score(actions)
    _add_perplexity(actions)
    _add_convert(actions)


def _add_score(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    what = "how probable a model finds each line of a text"
    action = actions.add_parser("score", help=what, description=what[0].upper() + what[1:] + ".")
    action.add_argument("model", metavar="MODEL", help=_ANY_MODEL)
    action.add_argument("text", metavar="TEXT", help="a sentence a line, also .gz; - reads standard input")
    action.add_argument("--words", action="store_true", help="say what each word adds")
    lm_tokens.add_argument(action, "the model foretells the tokens")
    action.add_argument("--encoding", help="of the text (default: UTF-8, or UTF-16 with a mark)")
    action.add_argument("--json", action="store_true", help="print a line of JSON for each line of the text")
    action.set_defaults(run=score)


def _add_perplexity(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    what = "how well a model foretells texts"
    action = actions.add_parser(
        "perplexity",
        help=what,
        description="How well a model foretells texts: its perplexity a word, where sentence ends count as "
        "words. A model of tokens gives a word the product of its tokens' probabilities, and "
        "spells all words, so compare it with a model of words where few words are unknown (oov).",
    )
    action.add_argument("model", metavar="MODEL", help=_ANY_MODEL)
    action.add_argument(
        "texts", metavar="TEXT", nargs="+", help="books or sentences, also .gz; - reads standard input"
    )
    action.add_argument(
        "--layout",
        choices=("auto", "lines", "paragraphs", "wrapped"),
        default="auto",
        help="what a line is: a sentence, a paragraph, or where the paper ended (default: found out)",
    )
    action.add_argument("--encoding", help="of the texts (default: UTF-8, or UTF-16 with a mark)")
    lm_tokens.add_argument(action, "the model foretells the tokens")
    mixing = action.add_argument_group("interpolated, word by word")
    mixing.add_argument("--with", dest="other", metavar="MODEL", help=f"a second model: {_ANY_MODEL}")
    mixing.add_argument(
        "--weight",
        default="0.5",
        metavar="W",
        help="of the second, or auto: what fits --dev best (default 0.5)",
    )
    mixing.add_argument("--dev", metavar="TEXT", help="what --weight auto is found on")
    action.add_argument("--json", action="store_true", help="print JSON")
    action.set_defaults(run=perplexity)


def _add_convert(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    what = "write a model in another form"
    action = actions.add_parser(
        "convert",
        help=what,
        description="Write a model as .arpa, .arpa.gz (text, for other programs) or .bin (opens at once).",
    )
    action.add_argument("source", metavar="IN", help=_MODEL)
    action.add_argument("target", metavar="OUT", help="the file to write; its name says the form")
    action.add_argument(
        "--quantize",
        type=int,
        nargs="?",
        const=8,
        default=0,
        metavar="BITS",
        help="keep log probs and back-offs of a .bin in so many bits, 4 to 16 (8 where none are named)",
    )
    action.add_argument(
        "--normalizer",
        help="what its text went through: raw, basic or english, where IN does not say",
    )
    action.add_argument("--unit", choices=("word", "token"), help="what its words are, where IN does not say")
    action.add_argument("--json", action="store_true", help="print JSON")
    action.set_defaults(run=convert)


def score(args: argparse.Namespace) -> int:
    """Score the lines of a text as they come."""
    from earwright.lm.scored_text import load_model, text_scorer
    from earwright.lm.scoring import score_lines

    model = text_scorer(load_model(args.model), _tokenizer(args))
    for sentence in score_lines(model, args.text, args.encoding):
        if args.json:
            print(json.dumps(sentence.to_dict(words=args.words), ensure_ascii=False))
        elif args.words:
            _print_words(sentence)
        else:
            print(f"{sentence.log_prob:.6f}\t{sentence.unknown}\t{' '.join(sentence.words)}")
    return 0


def _print_words(sentence: SentenceScore) -> None:
    scores = sentence.scores
    for place, word in enumerate((*sentence.words, "</s>")):
        mark = "\toov" if scores.unknown[place] else ""
        print(f"{scores.log_probs[place]:.6f}\t{scores.matched[place]}\t{word}{mark}")
    print(f"{sentence.log_prob:.6f}\t{sentence.unknown}\n")


def perplexity(args: argparse.Namespace) -> int:
    """Measure a model on texts."""
    from earwright.cli.terminal import progress
    from earwright.lm.documents import ReadingNotes, file_sizes
    from earwright.lm.scoring import measure, total

    scorer, description = _scorer(args)
    notes = ReadingNotes()
    with progress("reading", total=file_sizes(args.texts)) as bar:
        figures = measure(
            scorer,
            args.texts,
            layout=args.layout,
            encoding=args.encoding,
            notes=notes,
            on_read=bar.advance,
        )
        parts = list(figures)
    together = total(parts)
    if args.json:
        table = {
            **description,
            "texts": [part.to_dict() for part in parts],
            "all": together.to_dict(),
            "notes": notes.counts,
        }
        print(json.dumps(table, ensure_ascii=False, indent=1))
    else:
        print_perplexities([*parts, together] if len(parts) > 1 else parts)
        facts = ", ".join(f"{key} {value}" for key, value in description.items() if key != "model")
        print(f"{args.model}: {facts}")
    return 0


def _scorer(args: argparse.Namespace) -> tuple[TextScorer, dict[str, Any]]:
    """What scores the texts, and what there is to say of it."""
    from earwright.lm.query import LanguageModel
    from earwright.lm.scored_text import MixedScorer, load_model, text_scorer

    if not args.other and (args.weight != "0.5" or args.dev):
        raise EarwrightError("--weight and --dev are for two models; name the second: --with MODEL.")
    if (args.weight == "auto") != (args.dev is not None):
        raise EarwrightError(
            "--weight auto and --dev TEXT go together; give both, or a number for the weight."
        )
    model = load_model(args.model)
    kind = {"order": model.order} if isinstance(model, LanguageModel) else {"unit": model.unit}
    description: dict[str, Any] = {"model": args.model, **kind, "normalizer": model.normalizer}
    if not args.other:
        return text_scorer(model, _tokenizer(args)), description
    mixed = MixedScorer(
        (model, load_model(args.other)), 0.5 if args.weight == "auto" else _weight(args.weight)
    )
    if args.dev:
        mixed.tune(_numbered(args, mixed))
    return mixed, {**description, "with": args.other, "weight": round(mixed.weight, 4)}


def _tokenizer(args: argparse.Namespace) -> Tokenizer | None:
    return lm_tokens.open_tokenizer(args.tokens)[0] if args.tokens else None


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not 0 <= weight <= 1:
        raise EarwrightError(f"--weight is {text}; it must be auto or lie between 0 and 1.")
    return weight


def _numbered(args: argparse.Namespace, scorer: TextScorer) -> list[Any]:
    """The ids of the text that the weight is found on."""
    from earwright.lm.documents import ReadingNotes
    from earwright.lm.mix import read_ids

    words = list(scorer.numbers)
    return read_ids(args.dev, words, scorer.normalizer, args.layout, args.encoding, ReadingNotes())


def print_perplexities(parts: list[Perplexity]) -> None:
    from rich.console import Console

    from earwright.cli.terminal import plain_table

    rows = [
        [
            part.name,
            f"{part.words:,}",
            f"{part.sentences:,}",
            f"{part.unknown:,} ({100 * part.unknown / max(part.words, 1):.2f} %)",
            f"{part.with_unknown:,.2f}",
            f"{part.without_unknown:,.2f}",
        ]
        for part in parts
    ]
    headings = ["text", " words", " sentences", " oov", " perplexity", " without oov"]
    if any(part.tokens for part in parts):
        headings.append(" of tokens")
        for row, part in zip(rows, parts, strict=True):
            row.append(f"{part.of_tokens:,.2f}")
    Console(highlight=False).print(plain_table(headings, rows, wide="text"))


def convert(args: argparse.Namespace) -> int:
    """Write a model in the form that the name of the target asks for."""
    from dataclasses import replace
    from pathlib import Path

    from earwright.lm.query import check_form, load_ngrams, save_ngrams
    from earwright.text import normalize

    check_form(args.target, args.quantize)  # before the reading, which may take a while
    changes: dict[str, Any] = {}
    if args.normalizer is not None:
        normalize("", args.normalizer)
        changes["normalizer"] = args.normalizer
    if args.unit is not None:
        changes["unit"] = args.unit
    model: NgramModel = replace(load_ngrams(args.source), **changes)
    save_ngrams(args.target, model, args.quantize)
    size = Path(args.target).stat().st_size
    if args.json:
        facts = {"model": args.target, "ngrams": list(model.counts), "bytes": size, "quantize": args.quantize}
        print(json.dumps(facts, ensure_ascii=False))
    else:
        ngrams = ", ".join(f"{count:,} {order}-grams" for order, count in enumerate(model.counts, 1))
        print(f"{args.target}: {ngrams}; {size / 1e6:,.1f} MB")
    return 0
