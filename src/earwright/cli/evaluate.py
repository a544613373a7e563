"""`earwright evaluate`: run a recognizer on prepared data and score it, or score a transcript file."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earwright.cli.evaluate_groups import add_group_argument
from earwright.cli.evaluate_run import Scored, score_recognizer, typed
from earwright.cli.noise_flags import add_noise_arguments
from earwright.cli.search_flags import add_search_arguments, numbers, positive, use_search
from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from earwright.cli.evaluate_noise import Plan
    from earwright.evaluation.page import Exhibition
    from earwright.evaluation.score import Evaluation

CLIPS = 20  # on a page


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.description = (
        "Score a recognizer: word and character error rates with their confidence intervals, and where the "
        "errors are, with noise or in rooms, too, and what it says where nobody speaks. With two files in "
        "sclite's trn format, score the first against the second."
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="a recognizer (or a trn file of its transcripts)")
    cuts = parser.add_argument(
        "cuts",
        metavar="CUTS",
        help="what `earwright prepare` wrote (or a trn file of references); --nothing needs none",
    )
    _add_scoring(parser.add_argument_group("scoring"))
    running = parser.add_argument_group("running")
    running.add_argument("--limit", type=positive, metavar="N", help="only the first N cuts")
    running.add_argument(
        "--threads", type=positive, metavar="N", help="cores to use (default: all physical ones)"
    )
    add_search_arguments(parser)
    add_noise_arguments(parser, cuts)
    running.add_argument(
        "--boosts",
        type=numbers,
        metavar="X,X,...",
        help="with --keyterms: the boosts to try besides the one in use, for what terms gain and cost "
        "(default: 0 to 4 times the usual one)",
    )
    _add_output(parser.add_argument_group("output"))


def _add_scoring(scoring: argparse._ArgumentGroup) -> None:
    scoring.add_argument(
        "--normalizer",
        default="basic",
        metavar="NAME",
        help="basic (any language, the default), english (as Whisper's) or raw",
    )
    scoring.add_argument(
        "--sclite",
        action="store_true",
        help="align as NIST sclite does (a substitution costs 4, a deletion or insertion 3); in trn files "
        "read its markup { a / b } instead of normalizing",
    )
    scoring.add_argument(
        "-D", "--optional", action="store_true", help="with --sclite and trn files: (word) may be left out"
    )
    scoring.add_argument(
        "-F", "--fragments", action="store_true", help="with --sclite and trn files: wo- fits what it begins"
    )
    scoring.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of bootstrap and noise (default 0)"
    )
    add_group_argument(scoring)


def _add_output(output: argparse._ArgumentGroup) -> None:
    output.add_argument("--json", action="store_true", help="print JSON instead of the report")
    output.add_argument(
        "--html", metavar="PAGE", help="write a page of the errors to look at and listen to, all in one file"
    )
    output.add_argument(
        "--clips",
        type=int,
        default=CLIPS,
        metavar="N",
        help=f"how many utterances the page plays, the worst ones and some others (default {CLIPS})",
    )
    output.add_argument(
        "--trn", metavar="DIR", help="write ref.trn and hyp.trn, one line an utterance, to DIR"
    )
    output.add_argument(
        "--save", metavar="FILE", help="keep the result as JSON, such as docs/results/NAME.json"
    )
    output.add_argument(
        "--name", help="of the result (default: FILE without .json, or the recognizer's name)"
    )
    output.add_argument(
        "--corpus", help="where the cuts are from, for the result (default: told by their place)"
    )
    output.add_argument("--split", help="which part of the corpus (default: told by their place)")


def run(args: argparse.Namespace) -> int:
    """Run the verb."""
    import contextlib

    from earwright.cli.evaluate_groups import measure_groups, plan_groups
    from earwright.cli.evaluate_noise import evaluate_nothing, plan_noise
    from earwright.cli.terminal import tell_page
    from earwright.pages.document import page_file

    if args.cuts is None:
        return evaluate_nothing(args)
    marked = _is_trn(Path(args.bundle)) and _is_trn(Path(args.cuts))
    if marked and args.keyterms:
        raise EarwrightError("--keyterms needs a recognizer to search with; two trn files are only compared.")
    if args.boosts and not args.keyterms:
        raise EarwrightError("--boosts goes with --keyterms.")
    if (args.optional or args.fragments) and not (marked and args.sclite):
        raise EarwrightError("--optional and --fragments go with --sclite and two trn files.")
    asked = plan_groups(args, marked)
    plan = plan_noise(args, marked)
    with contextlib.ExitStack() as files:
        # Opened before the work: a place that cannot be written is told at once.
        file = files.enter_context(page_file(args.html)) if args.html else None
        scored = Scored(_score_files(args)) if marked else _score_recognizer(args, plan)
        scored = replace(scored, groups=measure_groups(asked, scored))
        result = _result(args, scored)
        if file:
            file.write(_page(args, scored, result))
        _give(args, scored, result)
    if args.html:
        tell_page(args.html)
    return 0


def _is_trn(path: Path) -> bool:
    """Whether this is to be read as transcripts: NIST's own files have all kinds of endings."""
    known = {".zip", ".ear", ".jsonl", ".gz"}
    return path.suffix == ".trn" or (path.is_file() and path.suffix not in known)


def _score_files(args: argparse.Namespace) -> Evaluation:
    from earwright.evaluation import read_trn, score, score_marked
    from earwright.evaluation.trn import trn_speaker

    hypotheses, references = read_trn(args.bundle), read_trn(args.cuts)
    if args.limit is not None:
        hypotheses = dict(list(hypotheses.items())[: args.limit])
    if args.sclite:
        return score_marked(
            references, hypotheses, optional=args.optional, fragments=args.fragments, seed=args.seed
        )
    missing = next((name for name in hypotheses if name not in references), None)
    if missing is not None:
        raise EarwrightError(f"{args.cuts}: utterance {missing} of {args.bundle} is not in it; add it.")
    names = list(hypotheses)
    return score(
        [references[name] for name in names],
        [hypotheses[name] for name in names],
        args.normalizer,
        speakers=[trn_speaker(name) for name in names],
        ids=names,
        seed=args.seed,
    )


def _score_recognizer(args: argparse.Namespace, plan: Plan) -> Scored:
    from earwright.cli.evaluate_noise import measure
    from earwright.evaluation.page.exhibits import check_clips
    from earwright.text import normalize

    normalize("", args.normalizer)  # what is wrong is told before the work, not after
    check_clips(args.clips)
    scored = score_recognizer(
        args.bundle,
        [args.cuts],
        normalizer=args.normalizer,
        sclite=args.sclite,
        seed=args.seed,
        limit=args.limit,
        threads=args.threads,
        prepare=lambda recognizer: use_search(recognizer, args),
        keyterms=args.keyterms,
        boosts=args.boosts,
    )
    return measure(args, plan, scored)


def _result(args: argparse.Namespace, scored: Scored) -> dict[str, Any]:
    """The result as a dictionary, to keep, to print and to put on a page."""
    from earwright.cli.evaluate_groups import groups_record
    from earwright.evaluation.record import command_line, record

    corpus, split = corpus_and_split(Path(args.cuts))
    name = args.name or (
        Path(args.save).stem if args.save else scored.details.get("bundle") or Path(args.bundle).stem
    )
    return record(
        scored.evaluation,
        name=name,
        command=command_line(typed(args)),
        corpus=args.corpus or corpus,
        split=args.split or split,
        **{"seed": args.seed} | scored.details | groups_record(scored.groups),
    )


def _page(args: argparse.Namespace, scored: Scored, result: dict[str, Any]) -> str:
    from earwright.evaluation.page import Exhibition, build_evaluation_page

    if scored.recognizer is None:
        return build_evaluation_page(Exhibition(scored.evaluation, result))
    return build_evaluation_page(exhibition(scored, result, args.clips, args.seed))


def exhibition(scored: Scored, result: dict[str, Any], clips: int, seed: int) -> Exhibition:
    """What a page shows of a recognizer at work, made with a progress bar."""
    from earwright.cli.terminal import progress
    from earwright.evaluation.page import exhibit

    assert scored.recognizer is not None and scored.run is not None
    with progress("drawing", total=clips) as bar:
        shown = exhibit(scored.evaluation, result, scored.recognizer, scored.run, clips, seed, bar.advance)
    return replace(shown, keyterms=scored.keyterms, conditions=scored.conditions, nothing=scored.nothing)


def _give(args: argparse.Namespace, scored: Scored, result: dict[str, Any]) -> None:
    """Write and print what was asked for."""
    from earwright.cli.evaluate_groups import print_groups
    from earwright.cli.evaluate_noise import print_sections
    from earwright.evaluation.record import save_record

    evaluation = scored.evaluation
    if args.trn:
        _write_trn(Path(args.trn), evaluation)
    if args.save:
        save_record(args.save, result)
    if args.json:
        print(json.dumps(result | evaluation.to_dict(), ensure_ascii=False, indent=2))
    else:
        from rich.console import Console

        from earwright.evaluation.report import print_report

        title = f"{result['name']} on {result['corpus']} {result['split']}"
        notes = _notes(args, scored.details)
        console = Console(highlight=False)
        print_report(console, evaluation, title=title, notes=notes)
        if scored.keyterms is not None:
            from earwright.evaluation.keyterm_report import keyterm_report

            console.print(keyterm_report(scored.keyterms, console.width))
        print_groups(console, scored.groups)
        print_sections(console, scored)


def corpus_and_split(cuts: Path) -> tuple[str, str]:
    """Corpus and split, told by the place that the cuts were prepared from, or else by their own."""
    folder = cuts if cuts.is_dir() else cuts.parent
    try:
        summary = json.loads((folder / "summary.json").read_text("utf-8"))
        source = Path(summary["source"])
        if (
            summary.get("format") == "split"
        ):  # all its parts are of one source: their own names tell them apart
            source = folder
    except (OSError, ValueError, KeyError, TypeError):
        source = cuts if cuts.suffix == ".trn" else folder
    source = Path(source.absolute())
    return source.parent.name, source.stem if source.suffix in (".tsv", ".csv", ".trn") else source.name


def _notes(args: argparse.Namespace, details: dict[str, Any]) -> list[str]:
    notes = []
    if "decode_seconds" in details:
        audio, took = details["audio_seconds"], details["decode_seconds"]
        threads = f" with {args.threads} threads" if args.threads else ""
        notes.append(
            f"{audio:,.0f} s of audio in {took:,.1f} s{threads}: real-time factor {took / audio:.3f}"
        )
    if details.get("failed"):
        notes.append(f"left out: {details['failed']:,} cuts that could not be read")
    if details.get("without_text"):
        notes.append(f"left out: {details['without_text']:,} cuts without a text")
    if args.save:
        notes.append(f"kept in {args.save}")
    return notes


def _write_trn(folder: Path, evaluation: Evaluation) -> None:
    from earwright.evaluation.trn import trn_id, write_trn

    ids = [trn_id(utterance.id, utterance.speaker) for utterance in evaluation.scored]
    for name, texts in (
        ("ref.trn", [utterance.reference for utterance in evaluation.scored]),
        ("hyp.trn", [utterance.hypothesis for utterance in evaluation.scored]),
    ):
        write_trn(folder / name, zip(ids, texts, strict=True))
