"""`earwright inspect`: look into prepared data: figures in the terminal, a page with pictures and clips."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from earwright.cli.terminal import Bar
    from earwright.data.inspection.inspect import Inspection


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.description = (
        "Look into prepared data: hours, speakers, durations, pace, characters, levels, clipping, bandwidth "
        "and noise, and with --html a page with pictures and clips to listen to, the rejected ones too."
    )
    parser.add_argument(
        "cuts", metavar="CUTS", help="what `earwright prepare` wrote, or any manifest of lhotse cuts"
    )
    parser.add_argument(
        "--html", metavar="PAGE", help="write a page with pictures and sound, all in one file"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument(
        "--sample",
        type=int,
        default=1000,
        metavar="N",
        help="how many cuts to decode and measure, spread over all (default 1000)",
    )
    parser.add_argument(
        "--clips", type=int, default=24, metavar="N", help="how many cuts the page plays (default 24)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="another number draws other cuts (default 0)"
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="processes that decode audio (default: all cores)"
    )


def run(args: argparse.Namespace) -> int:
    """Inspect, write the page, print the figures."""
    import contextlib
    import json

    from rich.console import Console

    from earwright.cli.terminal import progress, tell_page
    from earwright.data.inspection.inspect import inspect_cuts
    from earwright.data.inspection.report import print_figures
    from earwright.pages.document import page_file

    with contextlib.ExitStack() as files:
        # Opened before the work: a place that cannot be written is told at once.
        file = files.enter_context(page_file(args.html)) if args.html else None
        bar = files.enter_context(progress("counting"))
        inspection = inspect_cuts(
            args.cuts,
            sample=args.sample,
            clips=args.clips,
            seed=args.seed,
            jobs=args.jobs,
            on_progress=lambda what, done, total: bar.update(description=what, completed=done, total=total),
        )
        if file:
            file.write(_page(inspection, args.jobs, bar))
    if args.json:
        # A lone surrogate in a text is no character; in JSON its escape is.
        text = json.dumps(inspection.figures.to_dict(), ensure_ascii=False, indent=1)
        print(text.encode("utf-8", "backslashreplace").decode("utf-8"))
    else:
        print_figures(Console(highlight=False, markup=False, emoji=False), inspection.figures)
    if args.html:
        tell_page(args.html)
    return 0


def _page(inspection: Inspection, jobs: int | None, bar: Bar) -> str:
    import os

    from earwright.data.inspection.listening import excerpts
    from earwright.data.inspection.page import build_page

    beside = (*inspection.warned.values(), *inspection.rejected.values())
    clips = [*inspection.clips, *(clip for group in beside for clip in group)]
    bar.update(description="drawing", completed=0, total=len(clips))
    made = excerpts(clips, jobs or os.cpu_count() or 1, bar.advance)
    return build_page(inspection, dict(zip(clips, made, strict=True)))
