"""`earwright train`: from a recipe to a bundle, or from a bundle to one that knows more."""

from __future__ import annotations

import argparse
import json
import os

from earwright.errors import EarwrightError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "recipe",
        metavar="RECIPE.toml",
        nargs="?",
        help="what to train; recipes/ has some to start from. With --init it may be left out",
    )
    parser.add_argument(
        "--init",
        metavar="BUNDLE",
        help="fine-tune: start from this bundle, or from that of the run in this folder; what the recipe "
        "does not say is then the bundle's (the same as --set finetune.init=BUNDLE)",
    )
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="overrides",
        help="change a value of the recipe, for instance training.max_time=2h; may be given many times",
    )
    parser.add_argument(
        "--out", metavar="DIR", help="folder of the run (default: runs/ and the recipe's name)"
    )
    parser.add_argument(
        "--overfit", type=int, default=0, metavar="N", help="learn N utterances by heart: a sanity check"
    )
    parser.add_argument(
        "--max-time",
        metavar="TIME",
        help="train for so long, for instance 90m; the same as --set training.max_time=90m",
    )
    parser.add_argument(
        "--batch-seconds",
        metavar="SECONDS",
        help="seconds of audio in a batch; auto tries a few and takes the fastest that fits into memory",
    )
    parser.add_argument(
        "--restart", action="store_true", help="begin again, even if the folder holds a run to go on with"
    )
    parser.add_argument(
        "--no-weights", action="store_true", help="leave weights.safetensors out of the bundle"
    )


def run(args: argparse.Namespace) -> int:
    """Train, and print where the bundle is."""
    from earwright.cli.processor import prepare_for_training

    prepare_for_training()
    from earwright.cli.terminal import err_console
    from earwright.training import Reporter, load_recipe, train

    overrides = list(args.overrides)
    if args.init:
        overrides.append(f"finetune.init={json.dumps(args.init, ensure_ascii=False)}")
    elif not args.recipe:
        raise EarwrightError(
            "there is nothing to train: give a recipe (recipes/ has some), or --init with a bundle."
        )
    if args.max_time:
        overrides += [f"training.max_time={args.max_time}", "training.steps=0", "training.epochs=0"]
    if args.batch_seconds:
        overrides.append(f"training.batch_seconds={args.batch_seconds}")
    recipe = load_recipe(args.recipe, overrides)
    console = err_console()
    reporter = Reporter(lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True))
    bundle = train(
        recipe,
        args.out or f"runs/{recipe.name}",
        reporter,
        overfit=args.overfit,
        restart=args.restart,
        with_weights=not args.no_weights,
    )
    if os.environ.get("RANK", "0") == "0":  # of several processes the first one speaks
        print(bundle)
    return 0
