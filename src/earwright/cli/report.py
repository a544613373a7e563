"""`earwright report`: how a training run went, in a few sentences or as a page."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from earwright.evaluation.page import Exhibition
    from earwright.training.page import PastRun

CLIPS = 20  # on a page


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.description = (
        "Report on a training run, whether it is finished, running or was killed: error on dev, speed, what "
        "went wrong; with -o a page with curves, recipe and machine, and an evaluation on the recipe's "
        "dev set with utterances to look at and listen to."
    )
    parser.add_argument("run_folder", metavar="RUN", help="the --out of `earwright train`, or a bundle")
    parser.add_argument("-o", "--html", metavar="PAGE", help="write a page, all in one file")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    scoring = parser.add_argument_group("the evaluation on the page")
    scoring.add_argument(
        "--cuts", metavar="CUTS", help="score on this, not on the recipe's dev set: what `prepare` wrote"
    )
    scoring.add_argument("--limit", type=int, metavar="N", help="only the first N cuts; 0 leaves it out")
    scoring.add_argument("--threads", type=int, metavar="N", help="cores to use (default: all physical ones)")
    scoring.add_argument(
        "--clips", type=int, default=CLIPS, metavar="N", help=f"utterances to play (default {CLIPS})"
    )


def run(args: argparse.Namespace) -> int:
    """Report."""
    import contextlib
    import json

    from earwright.cli.terminal import tell_page
    from earwright.pages.document import page_file
    from earwright.training.page import build_report, read_run, sentences, summary

    _check(args)
    past = read_run(args.run_folder)
    with contextlib.ExitStack() as files:
        # Opened before the work: a place that cannot be written is told at once.
        file = files.enter_context(page_file(args.html)) if args.html else None
        if file:
            file.write(build_report(past, *_evaluation(args, past)))
    if args.json:
        # A lone surrogate in a text is no character; in JSON its escape is.
        text = json.dumps(summary(past), ensure_ascii=False, indent=2)
        print(text.encode("utf-8", "backslashreplace").decode("utf-8"))
    else:
        from earwright.text.visible import visible

        for sentence in (past.name, *sentences(past), *(n.sentence for n in past.log.notes)):
            print(visible(sentence))
    if args.html:
        tell_page(args.html)
    return 0


def _check(args: argparse.Namespace) -> None:
    from earwright.errors import EarwrightError
    from earwright.evaluation.page.exhibits import check_clips

    check_clips(args.clips)
    for name, least in (("limit", 0), ("threads", 1)):
        number = getattr(args, name)
        if number is not None and number < least:
            raise EarwrightError(f"--{name} {number} makes no sense; it is at least {least}.")


def _evaluation(args: argparse.Namespace, run: PastRun) -> tuple[Exhibition | None, str]:
    """An evaluation of the run's bundle, or why there is none."""
    from pathlib import Path

    from earwright.cli.evaluate import corpus_and_split, exhibition
    from earwright.cli.evaluate_run import score_recognizer
    from earwright.errors import EarwrightError
    from earwright.evaluation.record import command_line, record

    if args.limit == 0:
        return None, ""
    if run.bundle is None:
        return None, "there is no bundle yet."
    places = [args.cuts] if args.cuts else run.dev_sets
    if not places:
        return None, "the recipe names no dev set; give one with --cuts."
    normalizer = run.bundle.meta.normalizer
    try:
        scored = score_recognizer(
            run.bundle.path, places, normalizer=normalizer, limit=args.limit, threads=args.threads
        )
    except EarwrightError as error:
        if args.cuts:
            raise
        return None, str(error)
    corpus, split = corpus_and_split(Path(places[0]))
    words = ["evaluate", str(run.bundle.path), *places, "--normalizer", normalizer]
    words += [f"--{name}={getattr(args, name)}" for name in ("limit", "threads") if getattr(args, name)]
    result = record(
        scored.evaluation,
        name=run.name,
        command=command_line(words),
        corpus=corpus,
        split=split,
        **{"seed": 0} | scored.details,
    )
    return exhibition(scored, result, args.clips, 0), ""
