"""`earwright runs`: the runs in a folder with their curves, and two of them compared."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from earwright.errors import EarwrightError

if TYPE_CHECKING:
    from rich.console import Console

    from earwright.training.comparison.curves import Panel
    from earwright.training.comparison.runs import RunFacts

METRICS = {"cer": "CER", "wer": "WER", "loss": "loss"}
AXES = {"step": "steps", "minutes": "min", "cpu": "min of processor time"}
WIDE = 120  # cells from which all columns stand in one table
NARROW = 76  # cells below which not even the course of a run fits
LONGEST = 24  # cells of a name, and
SHORT = 17  # in a narrow terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "Two folders that are runs themselves are compared: the keys in which their recipes differ, and\n"
        "their errors at equal steps and equal minutes. A run whose log grew in the last two minutes is\n"
        'told as "running?"; one that was killed or stopped goes on with the command that began it.'
    )
    parser.add_argument(
        "folders",
        metavar="FOLDER",
        nargs="*",
        default=["runs"],
        help="a run, or where runs are (default: runs)",
    )
    parser.add_argument(
        "--metric", choices=METRICS, default="cer", help="what the curves show (default: cer)"
    )
    parser.add_argument(
        "--by", choices=AXES, default="step", help="against what they are drawn (default: step)"
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(args: argparse.Namespace) -> int:
    """List the runs, or compare two."""
    import json

    from rich.console import Console

    from earwright.training.comparison.runs import find_runs, is_run, read_run

    found = find_runs(args.folders)
    if not found:
        raise EarwrightError(f"there are no runs in {' and '.join(args.folders)}; earwright train makes one.")
    runs = [read_run(folder, label, losses=args.metric == "loss") for folder, label in found.items()]
    both = len(args.folders) == len(runs) == 2 and all(map(is_run, found))
    if args.json:
        told = _comparison(runs, args.metric) if both else {}
        print(json.dumps({"runs": [_to_dict(one) for one in runs], **told}, ensure_ascii=False, indent=1))
        return 0
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    _print_table(console, runs, args.metric)
    _print_curves(console, runs, args.metric, args.by)
    if both:
        _print_comparison(console, runs, args.metric)
    return 0


# -- the table -----------------------------------------------------------------------------------------


def _print_table(console: Console, runs: Sequence[RunFacts], metric: str) -> None:
    from earwright.cli.terminal import plain_table

    metric = "cer" if metric == "loss" else metric
    longest = SHORT if console.width < NARROW else LONGEST
    course = [_course(one, metric, longest) for one in runs]
    matter = [_matter(one) for one in runs]
    headings = ["run", "state", " steps", " minutes", " CER %", " at step", " WER %", " speed"]
    if console.width < NARROW:  # what tells least goes
        headings, course = headings[:-2], [row[:-2] for row in course]
    more = [" size", "data"]
    if console.width >= WIDE:
        rows = [[*a, *b] for a, b in zip(course, matter, strict=True)]
        console.print(plain_table([*headings, *more], rows, wide="data"), soft_wrap=False)
    else:
        console.print(plain_table(headings, course, wide="run"), soft_wrap=False)
        rows = [[a[0], *b] for a, b in zip(course, matter, strict=True) if any(b)]
        if rows:
            console.print()
            console.print(plain_table(["run", *more], rows, wide="data"), soft_wrap=False)
    for one in runs:
        if one.note:
            console.print(f"{one.label}: {one.note}")


def _course(one: RunFacts, metric: str, longest: int) -> list[str]:
    """How far it came."""
    best = one.best(metric)
    step = "" if one.step is None else f"{one.step:,}"
    of = f"/{one.steps:,}" if one.steps and one.steps != one.step else ""
    return [
        _shortened(one.label, longest),
        one.state,
        step + of,
        "" if one.minutes is None else f"{one.minutes:.1f}",
        _percent(best.cer if best else None),
        f"{best.step:,}" if best else "",
        _percent(best.wer if best else None),
        "" if one.speed is None else f"{one.speed:.0f}x",
    ]


def _matter(one: RunFacts) -> list[str]:
    """What it is about."""
    size = "" if one.parameters is None else f"{one.parameters / 1e6:.1f} M"
    hours = "" if one.hours is None else f", {one.hours:.1f} h"
    return [size, ", ".join(one.data) + (hours if one.data else "")]


def _shortened(label: str, longest: int = LONGEST) -> str:
    """The end of a path tells more than its beginning."""
    return label if len(label) <= longest else "…" + label[len(label) - longest + 1 :]


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(room - 1, 0)] + "…"


def _percent(value: float | None) -> str:
    return "" if value is None or value != value else f"{100 * value:.1f}"


# -- the curves ----------------------------------------------------------------------------------------


def _print_curves(console: Console, runs: Sequence[RunFacts], metric: str, by: str) -> None:
    from earwright.training.comparison.curves import small_multiples

    panels = [_panel(one, metric, by) for one in runs if one.points(metric, by)]
    if not panels:
        return
    lines = small_multiples(
        panels,
        console.width,
        show_x="{:,.0f}".format if by == "step" else "{:,.1f}".format,
        show_y="{:.3g}".format if metric == "loss" else lambda value: f"{100 * value:.3g} %",
        x_label=AXES[by],
        braille=(console.encoding or "").lower().startswith("utf"),
    )
    what = "training loss" if metric == "loss" else f"dev {METRICS[metric]}"
    console.print()
    console.print(f"{what} against {AXES[by].replace('min', 'minutes', 1)}")
    for line in lines:
        console.print(line, no_wrap=True, overflow="crop", crop=True)


def _panel(one: RunFacts, metric: str, by: str) -> Panel:
    from earwright.training.comparison.curves import Panel

    points = one.points(metric, by)
    if metric == "loss":
        told = f"{points[-1][1]:.3f} at the end"
    else:
        best = one.best(metric)
        assert best is not None  # it has points
        place = f"at step {best.step:,}" if by == "step" else f"after {best.where(by):.1f} min"
        told = f"{100 * best.error(metric):.1f} % {place}"
    return Panel(f"{_shortened(one.label)}: {told}", points)


# -- two of them ---------------------------------------------------------------------------------------


def _print_comparison(console: Console, runs: Sequence[RunFacts], metric: str) -> None:
    from earwright.training.comparison.compare import differences, reservations

    a, b = runs
    metric = "cer" if metric == "loss" else metric
    console.print()
    if not a.recipe or not b.recipe:
        console.print(f"{a.label if not a.recipe else b.label}: it has no recipe to compare.")
    elif found := differences(a.recipe, b.recipe):
        rows = [[one.key, *map(str, one.values)] for one in found]
        _print_pairs(console, "recipes differ in", runs, rows)
    else:
        console.print("the recipes are the same")
    settled = list(dict.fromkeys([*a.settled, *b.settled]))
    rows = [[key, *(_settled(one, key) for one in runs)] for key in settled]
    rows += [["the bundle holds", *map(_exported, runs)]] if a.export or b.export else []
    if rows:
        console.print()
        _print_pairs(console, "settled by the run", runs, rows)
    _print_standings(console, runs, metric)
    for note in reservations(a, b):
        console.print(note, soft_wrap=False)


def _print_pairs(
    console: Console, heading: str, runs: Sequence[RunFacts], rows: Sequence[Sequence[str]]
) -> None:
    """What both have under a key, side by side; keys are never cut."""
    from earwright.cli.terminal import plain_table

    room = max(8, (console.width - max(len(heading), *(len(row[0]) for row in rows)) - 4) // 2)
    names = [_shortened(one.label, min(room, LONGEST)) for one in runs]
    cut = [[row[0], *(_cut(value, room) for value in row[1:])] for row in rows]
    console.print(plain_table([heading, *names], cut), soft_wrap=False)


def _print_standings(console: Console, runs: Sequence[RunFacts], metric: str) -> None:
    from earwright.cli.terminal import plain_table
    from earwright.training.comparison.compare import standings

    a, b = runs
    names = [_shortened(one.label) for one in runs]
    headings = {"step": "steps", "minutes": "minutes", "cpu": "minutes of processor time"}
    for by, heading in headings.items():
        rows = [
            [
                f"{at.place:,.0f}" if by == "step" else f"{at.place:,.1f}",
                *(_percent(error) for error in at.errors),
                f"{100 * (at.errors[1] - at.errors[0]):+.1f}",
            ]
            for at in standings(a, b, metric, by)
        ]
        if rows:
            console.print()
            console.print(f"dev {METRICS[metric]} % at equal {heading} (on the line from look to look)")
            heads = [f" {heading.split()[0]}", *(f" {name}" for name in names), " difference"]
            console.print(plain_table(heads, rows), soft_wrap=False)


def _exported(one: RunFacts) -> str:
    steps = one.export.get("weights_steps")
    if not isinstance(steps, list) or not steps:
        return ""
    what = f"mean of {len(steps)} looks" if len(steps) > 1 else f"step {steps[0]}"
    error = one.export.get("dev_cer")
    return f"{what}, CER {100 * error:.1f} %" if isinstance(error, float) else what


def _settled(one: RunFacts, key: str) -> str:
    value = one.settled.get(key)
    return "" if value is None else f"{value:,}" if isinstance(value, int) else f"{value}"


# -- for programs --------------------------------------------------------------------------------------


def _to_dict(one: RunFacts) -> dict[str, Any]:
    """Plain values; what is not known is null."""
    best = {metric: one.best(metric) for metric in ("cer", "wer")}
    return {
        "folder": str(one.folder),
        "name": one.name,
        "state": one.state,
        "note": one.note,
        "step": one.step,
        "steps": one.steps,
        "minutes": one.minutes,
        "cpu_minutes": one.cpu_minutes,
        "best": {metric: _looked(point) if point else None for metric, point in best.items()},
        "export": one.export,
        "audio_seconds_per_second": one.speed,
        "parameters": one.parameters,
        "data": list(one.data),
        "hours": one.hours,
        "settled": one.settled,
        "curve": [_looked(point) for point in one.curve],
        "losses": [list(pair) for pair in one.losses],
        "recipe": one.recipe,
    }


def _looked(point: Any) -> dict[str, Any]:
    keys = ("step", "minutes", "cpu_minutes", "cer", "wer")
    values = {key: getattr(point, key) for key in keys}
    return {key: value if value == value else None for key, value in values.items()}


def _comparison(runs: Sequence[RunFacts], metric: str) -> dict[str, Any]:
    from earwright.training.comparison.compare import differences, reservations, standings

    a, b = runs
    metric = "cer" if metric == "loss" else metric
    return {
        "differences": [
            {
                "key": one.key,
                "values": [value.value for value in one.values],
                "defaults": [value.is_default for value in one.values],
            }
            for one in differences(a.recipe, b.recipe)
        ],
        "metric": metric,
        "at_equal": {
            by: [{"at": at.place, "errors": list(at.errors)} for at in standings(a, b, metric, by)]
            for by in AXES
        },
        "notes": reservations(a, b),
    }
