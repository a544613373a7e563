"""`earwright lm train --kind transformer`: a neural language model from any text."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from earwright.lm.train import TrainOptions
    from earwright.text import Tokenizer
    from earwright.training.language_model import LanguageModelOptions, Trained

# Arguments that are options of the same name; what is not given is left to the option's own default.
_SIZE = ("dim", "layers", "heads", "window")
_PACE = (
    "epochs", "steps", "max_time", "batch_tokens", "learning_rate", "dropout", "precision", "seed"
)  # fmt: skip
# Of a vocabulary of words: what is rarer is better left to n-grams, and <unk>.
_MAX_WORDS = 60_000


def add_arguments(action: argparse.ArgumentParser) -> None:
    """Declare what only a Transformer takes; nothing has a default, so that what was given is known."""
    group = action.add_argument_group("with --kind transformer (needs the extra [train])")
    group.add_argument(
        "--dev", metavar="TEXT", nargs="+", help="texts to watch it by (default: 1%% of the texts, held out)"
    )
    group.add_argument("--max-time", metavar="TIME", help="train for so long, for instance 2h (default 20m)")
    group.add_argument("--steps", type=int, metavar="N", help="train for N updates of the weights")
    group.add_argument("--epochs", type=float, metavar="N", help="train for N passes over the texts")
    group.add_argument("--dim", type=int, metavar="N", help="channels (default 256)")
    group.add_argument("--layers", type=int, metavar="N", help="blocks (default 4)")
    group.add_argument("--heads", type=int, metavar="N", help="attention heads (default 4)")
    group.add_argument(
        "--window", type=int, metavar="N", help="tokens before a token that a block sees (default 64)"
    )
    group.add_argument("--batch-tokens", type=int, metavar="N", help="tokens an update (default 2048)")
    group.add_argument("--learning-rate", type=float, metavar="R", help="the highest (default 2e-3)")
    group.add_argument(
        "--dropout",
        type=float,
        metavar="P",
        help="(default: 0.1 if the text is seen more than twice, else 0)",
    )
    group.add_argument(
        "--precision", choices=("auto", "fp32", "bf16"), help="(default auto: what is faster here)"
    )
    group.add_argument("--seed", type=int, metavar="N", help="of every random draw (default 1)")
    group.add_argument(
        "--restart",
        action="store_true",
        default=None,
        help="begin again, even if there is a run to go on with",
    )


def refuse(args: argparse.Namespace) -> None:
    """See that an n-gram model was given nothing that only a Transformer takes.

    Raises:
        EarwrightError: it was.
    """
    for name in ("dev", *_SIZE, *_PACE, "restart"):
        if getattr(args, name) is not None:
            raise EarwrightError(
                f"--{name.replace('_', '-')} is for --kind transformer; give that too, or leave it out."
            )


def train(args: argparse.Namespace, reading: TrainOptions, tokenizer: Tokenizer | None) -> int:
    """Train, and print what came of it."""
    from dataclasses import replace

    from earwright.cli.terminal import err_console, progress
    from earwright.lm.documents import file_sizes
    from earwright.lm.storage import Workspace, parse_memory
    from earwright.training import Reporter
    from earwright.training.language_model import train_language_model

    if args.prune or args.prune_entropy:
        raise EarwrightError("--prune and --prune-entropy are for n-gram models; leave them out.")
    if not args.vocab and args.max_words is None and args.min_count is None:
        reading = replace(reading, max_words=_MAX_WORDS)
    options = _options(args)
    memory = parse_memory(args.memory) if args.memory else None
    with Workspace(memory, args.temporary) as room, progress("reading", file_sizes(args.texts)) as bar:
        console = err_console()

        def say(line: str) -> None:
            bar.update(description="training")
            console.print(line, markup=False, highlight=False, soft_wrap=True)

        trained = train_language_model(
            args.texts,
            args.out,
            reading,
            options,
            room,
            Reporter(say),
            tokenizer=tokenizer,
            dev=args.dev or (),
            restart=bool(args.restart),
            on_read=bar.advance,
        )
    _print(args, trained)
    return 0


def _options(args: argparse.Namespace) -> LanguageModelOptions:
    from earwright.models.language_model import TransformerOptions
    from earwright.training.language_model import LanguageModelOptions

    pace = {name: getattr(args, name) for name in _PACE if getattr(args, name) is not None}
    if "steps" in pace or "epochs" in pace:
        pace.setdefault("max_time", "")
    size = {name: getattr(args, name) for name in _SIZE if getattr(args, name) is not None}
    return LanguageModelOptions(model=TransformerOptions(**size), **pace)


def _print(args: argparse.Namespace, trained: Trained) -> None:
    import json
    from pathlib import Path

    size = Path(trained.path).stat().st_size
    if args.json:
        print(json.dumps({**trained.to_dict(), "bytes": size}, ensure_ascii=False, indent=1))
        return
    text = trained.text
    held_out = f"{trained.perplexity:,.2f} a {trained.unit}" if trained.perplexity else "not measured"
    for name, value in (
        ("text", f"{text.words:,} words, {text.sentences:,} sentences"),
        ("vocabulary", f"{text.vocabulary:,} {trained.unit}s; unknown: {text.unknown:,}"),
        ("training", f"{trained.steps:,} steps, {trained.epochs:.2f} epochs, {trained.seconds:,.0f} s, "
         f"{trained.tokens_per_second:,.0f} {trained.unit}s/s, {trained.precision}"),
        ("perplexity", f"{held_out}, on {trained.held_out:,} held out"),
        ("model", f"{trained.path}: {trained.parameters:,} parameters, {size / 1e6:,.1f} MB"),
    ):  # fmt: skip
        print(f"{name:<12} {value}")
