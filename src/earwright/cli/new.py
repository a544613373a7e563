"""`earwright new DIR CUTS`: a first recipe that fits the data, the machine and the time."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "Writes DIR/recipe.toml, each value with its reason, for `earwright train DIR/recipe.toml`. It\n"
        "measures this machine, so call it where you will train. Errors to expect come from kept results."
    )
    parser.add_argument("dir", metavar="DIR", help="folder for recipe.toml")
    parser.add_argument(
        "cuts", metavar="CUTS", help="to learn from: what `earwright prepare` wrote, or `split`"
    )
    parser.add_argument(
        "--dev", metavar="CUTS", default="", help="what it is watched on (default: dev of a split)"
    )
    parser.add_argument(
        "--time", metavar="TIME", default="2h", help="to train for, for instance 45m (default: 2h)"
    )
    parser.add_argument("--name", default="", help="of the recognizer (default: DIR's name)")
    parser.add_argument(
        "--language", metavar="CODE[,...]", default="", help="spoken, e.g. en (default: as the cuts say)"
    )
    parser.add_argument("--force", action="store_true", help="write over a recipe that is there")
    parser.add_argument("--json", action="store_true", help="print what was found and chosen as JSON")


def run(args: argparse.Namespace) -> int:
    """Write the recipe, and print what to expect of it."""
    import json

    from rich.console import Console

    from earwright.cli.terminal import progress
    from earwright.training.proposal.propose import propose

    with progress("reading") as bar:
        proposal = propose(
            args.dir,
            args.cuts,
            args.dev,
            time=args.time,
            name=args.name,
            languages=tuple(code.strip() for code in args.language.split(",") if code.strip()),
            force=args.force,
            report=lambda doing: bar.update(description=doing),
        )
    if args.json:
        print(json.dumps(proposal.to_dict(), ensure_ascii=False, indent=1))
        return 0
    console = Console(highlight=False, markup=False, emoji=False)
    for sentence in proposal.sentences():
        console.print(sentence)
        console.print()
    if not proposal.situation.dev:
        console.print("There is no dev set: make one with earwright split, and give it with --dev.\n")
    console.print(f"{proposal.path} is the recipe; train it with", soft_wrap=True)
    console.print(f"earwright train {proposal.path}", soft_wrap=True)
    return 0
