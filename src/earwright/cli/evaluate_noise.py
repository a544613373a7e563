"""What `earwright evaluate` does with noise, in rooms, and where nobody speaks."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from rich.console import Console

    from earwright.cli.evaluate_run import Scored
    from earwright.evaluation.align import Weights
    from earwright.evaluation.noise import Alter, Backdrop, Conditions, Draws
    from earwright.evaluation.nothing import Kind, NothingReport
    from earwright.evaluation.score import Evaluation
    from earwright.recognizer import Recognizer

LEVELS = (20.0, 10.0, 5.0, 0.0)


@dataclass(frozen=True)
class Plan:
    """What is measured beside the error rates; the recordings are known to be there.

    Attributes:
        noise, rooms: recordings to put behind or around the utterances.
        snrs: levels of the noise, in decibels.
        nothing: classes to listen to.
        left_out: classes of those that have no recording in this part.
        part: of the recordings.
    """

    noise: Backdrop | None
    rooms: Backdrop | None
    snrs: tuple[float, ...]
    nothing: tuple[Kind, ...]
    left_out: tuple[str, ...]
    part: str


def plan_noise(args: argparse.Namespace, marked: bool = False) -> Plan:
    """What the arguments ask for.

    Args:
        args: of the verb.
        marked: whether two trn files are compared.

    Raises:
        EarwrightError: an argument without its like, or a folder without a recording that can be used.
    """
    from earwright.evaluation.noise import check_room, find_backdrop
    from earwright.evaluation.nothing import find_nothing

    asked = [f"--{name}" for name in ("noise", "rooms", "nothing") if getattr(args, name)]
    if asked and marked:
        raise EarwrightError(f"{asked[0]} needs a recognizer to listen; two trn files are only compared.")
    if args.snr and not args.noise:
        raise EarwrightError("--snr goes with --noise.")
    if args.noise_part and not asked:
        raise EarwrightError("--noise-part goes with --noise, --rooms or --nothing.")
    part = args.noise_part or "test"
    kinds, left_out = find_nothing(args.nothing or (), part, args.seed)
    return Plan(
        noise=find_backdrop(args.noise, part) if args.noise else None,
        rooms=find_backdrop(args.rooms, part, check_room) if args.rooms else None,
        snrs=args.snr or LEVELS,
        nothing=tuple(kinds),
        left_out=tuple(left_out),
        part=part,
    )


def measure(args: argparse.Namespace, plan: Plan, scored: Scored) -> Scored:
    """The score with all that is measured beside it, as sections and among the details."""
    from earwright.evaluation.noise import Draws, behind, inside

    assert scored.recognizer is not None
    rate = scored.recognizer.meta.sample_rate
    found: list[Conditions] = []
    if plan.noise is not None:
        draws = Draws(plan.noise.recordings, args.seed)
        alters: dict[float | None, Alter] = {snr: behind(draws, snr, rate) for snr in plan.snrs}
        found.append(_conditions(args, "noise", plan.noise, draws, alters, scored))
    if plan.rooms is not None:
        draws = Draws(plan.rooms.recordings, args.seed)
        found.append(_conditions(args, "rooms", plan.rooms, draws, {None: inside(draws, rate)}, scored))
    details = {report.what: report.to_dict() for report in found}
    nothing = None
    if plan.nothing:
        nothing = listen(args, plan, scored.recognizer)
        details["nothing"] = nothing.to_dict()
    return replace(scored, details={**scored.details, **details}, conditions=tuple(found), nothing=nothing)


def _conditions(
    args: argparse.Namespace,
    what: str,
    backdrop: Backdrop,
    draws: Draws,
    alters: dict[float | None, Alter],
    scored: Scored,
) -> Conditions:
    from earwright.cli.evaluate_run import transcribe
    from earwright.evaluation.noise import conditions

    assert scored.recognizer is not None and scored.run is not None
    weights: Weights = "sclite" if args.sclite else "unit"
    altered: dict[float | None, Evaluation] = {}
    for snr, alter in alters.items():
        where = " in rooms" if snr is None else f" at {snr:g} dB"
        done = transcribe(scored.recognizer, scored.run.cuts, alter=alter, condition=where)
        altered[snr] = done.score(args.normalizer, weights, args.seed)
    return conditions(what, scored.evaluation, altered, backdrop, draws)


def listen(args: argparse.Namespace, plan: Plan, recognizer: Recognizer) -> NothingReport:
    """What a recognizer hears where nobody speaks, with a progress bar.

    Raises:
        EarwrightError: no recording could be read.
    """
    from earwright.cli.terminal import progress
    from earwright.evaluation.nothing import NothingReport, check_heard, hear_nothing

    heard = []
    with progress("listening") as bar:
        for kind in plan.nothing:
            bar.update(description=f"listening to {kind.name}")
            found = hear_nothing(recognizer, kind, args.normalizer, bar.advance)
            for name, reason in found.failed:
                bar.print(f"earwright: {name} is left out: {reason}")
            heard.append(found)
    return check_heard(NothingReport(tuple(heard), plan.part, args.seed, plan.left_out))


def print_sections(console: Console, scored: Scored) -> None:
    """Print what was measured beside the error rates."""
    from earwright.evaluation.noise_report import conditions_report, nothing_report

    for report in scored.conditions:
        console.print(conditions_report(report, console.width))
    if scored.nothing is not None:
        console.print(nothing_report(scored.nothing, console.width))


def evaluate_nothing(args: argparse.Namespace) -> int:
    """The verb without cuts: only what is heard where nobody speaks."""
    import contextlib

    from earwright.cli.evaluate_run import typed
    from earwright.cli.search_flags import use_search
    from earwright.cli.terminal import tell_page
    from earwright.evaluation.record import command_line, record, save_record
    from earwright.pages.document import page_file
    from earwright.recognizer import Recognizer
    from earwright.text import normalize

    for name in ("noise", "rooms", "trn", "sclite", "by", "limit", "boosts", "optional", "fragments"):
        if getattr(args, name):
            raise EarwrightError(f"--{name} needs CUTS, with speech in them; --nothing alone has none.")
    normalize("", args.normalizer)  # what is wrong is told before the work, not after
    plan = plan_noise(args)
    with contextlib.ExitStack() as files:
        file = files.enter_context(page_file(args.html)) if args.html else None
        recognizer = Recognizer.load(args.bundle, threads=args.threads)
        use_search(recognizer, args)
        report = listen(args, plan, recognizer)
        meta = recognizer.meta
        result = record(
            None,
            name=args.name or (Path(args.save).stem if args.save else meta.name),
            command=command_line(typed(args)),
            corpus=args.corpus or "nothing",
            split=args.split or ", ".join(kind.kind for kind in report.kinds),
            seed=meta.training.get("seed", args.seed),
            parameters=meta.parameters or None,
            training_minutes=meta.training_minutes,
            bundle=meta.name,
            threads=args.threads,
            normalizer=args.normalizer,
            nothing=report.to_dict(),
        )
        if file:
            file.write(_page(result, report))
    if args.save:
        save_record(args.save, result)
    if args.json:
        print(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        _print_nothing(result, report)
    if args.html:
        tell_page(args.html)
    return 0


def _page(result: dict[str, Any], report: NothingReport) -> str:
    from earwright import __version__
    from earwright.evaluation.page.noise import nothing_section
    from earwright.pages.document import Section, build_document
    from earwright.pages.markup import escape, full_name, make_facts

    title = f"{result['name']} where nobody speaks"
    lead = f"Listened on {escape(result['date'])} by earwright {__version__}."
    facts = [(name, escape(str(result[name]))) for name in ("bundle", "normalizer", "machine", "date")]
    facts.insert(0, ("command", f"<code>{escape(result['command'])}</code>"))
    sections = [
        Section("nothing", "What was heard", nothing_section(report)),
        Section("how", "How this was done", make_facts(facts)),
    ]
    return build_document(title, full_name(title), lead, sections, ["earwright.evaluation.page"])


def _print_nothing(result: dict[str, Any], report: NothingReport) -> None:
    from rich.console import Console
    from rich.text import Text

    from earwright.evaluation.noise_report import nothing_report

    console = Console(highlight=False)
    console.print(Text(f"{result['name']} where nobody speaks", style="bold"))
    console.print(nothing_report(report, console.width))
