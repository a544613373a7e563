"""The report of a run, in words and as a page: how it went, what it came to, and what made it.

The page asks nobody for anything: no scripts, no fonts, no addresses. Names, texts and recipes are whatever
they are, so all of them are escaped.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Sequence
from typing import Any

from earwright import __version__
from earwright.evaluation.page import Exhibition, evaluation_sections
from earwright.evaluation.page.sections import plain
from earwright.pages.document import Section, build_document
from earwright.pages.markup import escape, full_name, make_details, make_facts, make_table, make_totals
from earwright.pages.numbers import percent
from earwright.training.log import duration
from earwright.training.page.charts import dev_curves, step_curves, vital_curves
from earwright.training.page.past_run import PastRun
from earwright.training.page.recipe_listing import count_changes, list_recipe
from earwright.training.page.run_log import Look, Note, number_or_none

LOOKS_SHOWN = 100  # rows of the table; of more, those at even distances, the best and the last
TRANSCRIPTS_SHOWN = 12  # looks at dev whose transcripts are shown
NOTES_SHOWN = 100
LONGEST_TEXT = 1000  # characters of a note or a transcript
LONGEST_RECIPE = 100_000  # characters, where it is shown as it is


def build_report(run: PastRun, shown: Exhibition | None = None, not_evaluated: str = "") -> str:
    """The page of a run.

    Args:
        run: what it has left behind.
        shown: an evaluation of its bundle; None if there is none.
        not_evaluated: why there is none.
    """
    evaluation = evaluation_sections(shown, "Evaluation: ") if shown else []
    sections = [
        Section("run", "The run", _overview(run, not_evaluated)),
        Section("doctor", "The doctor's notes", _notes(run.log.notes)),
        Section("dev", "Error on dev", _dev(run)),
        Section("curves", "Loss, learning rate, gradient", step_curves(run)),
        Section("vitals", "Vitals", vital_curves(run)),
        Section("transcripts", "What it wrote as time went by", _transcripts(run.log.looks)),
        *evaluation,
        Section("recipe", "Recipe", _recipe(run)),
        Section("facts", "Data, machine, versions", _facts(run)),
    ]
    today = datetime.date.today().isoformat()
    return build_document(
        f"{run.name}: a training run",
        full_name(run.name),
        f"A training run in {full_name(str(run.place))}, reported on {today} by earwright {__version__}.",
        sections,
        ["earwright.evaluation.page", "earwright.training.page"],
    )


def summary(run: PastRun) -> dict[str, Any]:
    """The run in figures, ready for JSON; rates are fractions."""
    best, last = run.best, run.log.looks[-1] if run.log.looks else None
    told = {
        "name": run.name,
        "place": str(run.place),
        "bundle": str(run.bundle.path) if run.bundle else None,
        "finished": finished(run),
        "step": run.step,
        "steps": run.planned or None,
        "minutes": _minutes(run, "minutes", "wall_seconds"),
        "cpu_minutes": _minutes(run, "cpu_minutes", "cpu_seconds"),
        "best": _look_dict(best) if best else None,
        "last": _look_dict(last) if last else None,
        "skipped_steps": run.skipped,
        "starts": len(run.log.starts),
        "notes": [vars(note) for note in run.log.notes],
        "damaged_lines": run.log.damaged,
        "unknown_lines": run.log.unknown,
        "problems": list(run.problems),
        "facts": run.facts,
    }
    plain_told = _finite(told)
    assert isinstance(plain_told, dict)
    return plain_told


def _finite(value: Any) -> Any:
    """The same, with None for numbers that JSON cannot hold."""
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _look_dict(look: Look) -> dict[str, Any]:
    return {name: value for name, value in vars(look).items() if name != "transcripts"}


def finished(run: PastRun) -> bool:
    """Whether the run has come to its end: there is a bundle, or all steps are done."""
    return run.bundle is not None or 0 < run.planned <= run.step


def sentences(run: PastRun) -> Iterator[str]:
    """What there is to say of how a run went, the most important first."""
    yield _state(run)
    best = run.best
    if best is not None:
        last = run.log.looks[-1]
        yield (
            f"Lowest dev CER {percent(best.cer)} (WER {percent(best.wer)}) at step {best.step:,}; "
            f"at the last look, step {last.step:,}, {percent(last.cer)} (WER {percent(last.wer)})."
        )
    elif run.log.looks:
        yield "No look at dev gave a finite error rate."
    elif len(run.log.steps):
        yield "There has been no look at dev yet."
    if run.log.looks:
        yield from _speed(run.log.looks[-1])
    if run.skipped:
        yield f"{run.skipped:,} steps were skipped, since their gradient was not finite."
    utterances = number_or_none(run.progress.get("skipped_utterances"))
    if utterances:
        yield f"{utterances:,.0f} times an utterance was left out for want of a finite loss."
    if len(run.log.starts) > 1:
        steps = ", ".join(f"{step:,}" for step, _ in run.log.starts[1:11])
        yield f"The run was resumed {len(run.log.starts) - 1} times, at step {steps}."
    if run.log.damaged:
        yield f"{run.log.damaged:,} lines of the log cannot be read, as where a run was killed."
    if run.log.unknown:
        yield f"{run.log.unknown:,} lines of the log are of kinds that this earwright does not know."
    yield from run.problems


def _state(run: PastRun) -> str:
    done = f"{run.step:,} of {run.planned:,} steps" if run.planned else f"{run.step:,} steps"
    minutes = _minutes(run, "minutes", "wall_seconds")
    time = f" in {duration(60 * minutes)}" if minutes else ""
    if run.bundle is not None and (not run.planned or run.step >= run.planned):
        return f"Finished: {done}{time}; the recognizer is {run.bundle.path}."
    if run.bundle is not None:
        return f"{done} done{time}; there is a recognizer, {run.bundle.path}."
    written = run.written.isoformat(" ", "seconds") if run.written else ""
    log = f"; the log was last written to at {written}" if written else "; there is no log"
    if finished(run):
        return f"All {run.step:,} steps are done{time}, and there is no bundle (yet){log}."
    if not run.step:
        return f"No step is logged yet{log}."
    return f"Not finished: {done} done{time}; it is running still, or was stopped{log}."


def _speed(look: Look) -> Iterator[str]:
    parts = []
    if look.speed is not None:
        parts.append(
            f"{look.speed:,.0f} times faster than speech (real-time factor {1 / look.speed:.4f})"
            if look.speed > 0
            else "no audio"
        )
    if look.share_of_peak is not None:
        parts.append(f"{look.share_of_peak:.1%} of the machine's matrix-product peak")
    if look.waiting is not None:
        parts.append(f"{look.waiting:.1%} of the time waiting for data")
    if parts:
        yield f"Speed of training: {', '.join(parts)}."


def _minutes(run: PastRun, fact: str, seconds: str) -> float | None:
    """Minutes spent: as the checkpoint has them, or the bundle, or the last look at dev."""
    told = number_or_none(run.progress.get(seconds))
    found = [None if told is None else told / 60, number_or_none(run.facts.get(fact))]
    found += [getattr(look, fact) for look in run.log.looks[-1:]]
    return max((minutes for minutes in found if minutes is not None), default=None)


def _overview(run: PastRun, not_evaluated: str) -> str:
    best, minutes = run.best, _minutes(run, "minutes", "wall_seconds")
    cpu = _minutes(run, "cpu_minutes", "cpu_seconds")
    steps = f"{run.step:,}" + (f" of {run.planned:,}" if run.planned else "")
    totals = [
        ("state", "finished" if finished(run) else "not finished"),
        ("steps", steps),
        *([("time", duration(60 * minutes))] if minutes else []),
        *([("processor time", duration(60 * cpu))] if cpu else []),
        *([("lowest dev CER", percent(best.cer)), ("dev WER there", percent(best.wer))] if best else []),
    ]
    notes = [*sentences(run), *([f"No evaluation: {not_evaluated}"] if not_evaluated else [])]
    items = "".join(f'<li dir="auto">{escape(note, LONGEST_TEXT)}</li>' for note in notes)
    return f"{make_totals(totals)}<ul>{items}</ul>\n"


def _notes(notes: Sequence[Note]) -> str:
    items = []
    for note in notes[:NOTES_SHOWN]:
        parts = [f"<b>{escape(note.severity, 40)}</b>" if note.severity else "", f"step {note.step:,}"]
        parts.append(escape(note.name, 100))
        warned = ' class="warning"' if note.severity == "warning" else ""
        items.append(
            f'<li{warned}><p class="facts">{", ".join(part for part in parts if part)}</p>'
            f'<p dir="auto">{escape(note.sentence, LONGEST_TEXT)}</p>'
            + (f'<p dir="auto">{escape(note.advice, LONGEST_TEXT)}</p>' if note.advice else "")
            + (
                f'<p class="facts" dir="auto">{escape(note.figures, LONGEST_TEXT)}</p>'
                if note.figures
                else ""
            )
            + "</li>"
        )
    more = len(notes) - len(items)
    rest = f'<p class="note">and {more:,} more</p>\n' if more > 0 else ""
    return f'<ol class="notes">{"".join(items)}</ol>\n{rest}' if items else ""


def _dev(run: PastRun) -> str:
    looks = run.log.looks
    if not looks:
        return "<p>There has been no look at dev.</p>\n" if len(run.log.steps) else ""
    best = run.best
    rows = []
    for look in thinned(looks, LOOKS_SHOWN, best):
        name = f"{look.step:,}" + (" (best)" if look is best else "")
        times = (look.minutes, look.cpu_minutes, look.speed)
        shares = (look.share_of_peak, look.waiting)
        rows.append(
            [name, percent(look.wer), percent(look.cer)]
            + ["" if value is None else f"{value:,.1f}" for value in times]
            + ["" if value is None else f"{value:.1%}" for value in shares]
        )
    more = f", {len(rows)} of {len(looks):,}" if len(rows) < len(looks) else ""
    spent = (" minutes", " processor minutes", " times real time", " of the peak", " waiting")
    headings = (" step", " WER", " CER", *spent)
    table = make_table(f"Looks at dev{more}", headings, rows, tall=True)
    return dev_curves(run) + table


def thinned(looks: Sequence[Look], most: int, best: Look | None) -> list[Look]:
    """At most about so many looks, spread over all, with the first, the best and the last."""
    if len(looks) <= most:
        return list(looks)
    kept = {round(place * (len(looks) - 1) / (most - 1)) for place in range(most)}
    return [look for number, look in enumerate(looks) if number in kept or look is best]


def _transcripts(looks: Sequence[Look]) -> str:
    """Some utterances of dev, as the recognizer wrote them at one look after the other."""
    told = thinned([look for look in looks if look.transcripts], TRANSCRIPTS_SHOWN, None)
    said = dict.fromkeys(truth for look in told for truth, _ in look.transcripts)
    tables = []
    for truth in list(said)[:6]:
        rows = [
            [f"{look.step:,}", f'<span dir="auto">{escape(heard, LONGEST_TEXT) or "<i>nothing</i>"}</span>']
            for look in told
            for other, heard in look.transcripts
            if other == truth
        ]
        tables.append(f"<div>{make_table(truth, (' step', 'recognized'), rows)}</div>")
    return f'<div class="grid wide">{"".join(tables)}</div>\n' if tables else ""


def _recipe(run: PastRun) -> str:
    if not run.recipe:
        if not run.recipe_text:
            return ""
        text = escape_lines(run.recipe_text[:LONGEST_RECIPE])
        return f'<p>As it is, since it is no TOML:</p>\n<pre tabindex="0">{text}</pre>\n'
    lines = list_recipe(run.recipe)
    shown = "\n".join(
        f"<mark>{escape(line.text)}</mark>  <i># {escape(line.comment)}</i>"
        if line.comment
        else escape(line.text)
        for line in lines
    )
    number = count_changes(lines)
    return (
        f"<p>Every value; the {number} that differ from the defaults are marked, and their defaults stand "
        f'beside them.</p>\n<pre tabindex="0">{shown}</pre>\n'
    )


def escape_lines(text: str) -> str:
    """Text as HTML, with its lines."""
    return "\n".join(escape(line) for line in text.splitlines())


def _facts(run: PastRun) -> str:
    facts = [("training again", f"<code>{escape(_command(run))}</code>" if run.recipe else "")]
    if run.bundle is not None:
        meta = run.bundle.meta
        facts.append(("recognizer", full_name(str(run.bundle.path))))
        facts.append(("parameters", f"{meta.parameters:,}" if meta.parameters else ""))
        facts.append(("made with", escape(meta.created_with)))
    known = {"parameters"} if run.bundle else set()
    facts += [
        (escape(key.replace("_", " "), 100), plain(value))
        for key, value in list(run.facts.items())[:100]
        if key not in known
    ]
    content = make_facts(facts)
    if len(run.log.starts) > 1:
        starts = "".join(
            make_details(
                f"Start {number} at step {step:,}",
                make_facts((escape(key.replace("_", " "), 100), plain(value)) for key, value in told.items()),
            )
            for number, (step, told) in enumerate(run.log.starts[:20], 1)
        )
        content += f"<h3>Every start</h3>\n{starts}"
    return content


def _command(run: PastRun) -> str:
    """What would make the same run again: all choices are in its recipe."""
    import shlex

    recipe = run.bundle.path if run.bundle and run.place == run.bundle.path else run.place
    return shlex.join(["earwright", "train", str(recipe / "recipe.toml"), "--out", f"runs/{run.name}-again"])
