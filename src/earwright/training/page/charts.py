"""The curves of a run's report."""

from __future__ import annotations

from collections.abc import Sequence

from earwright.pages.curves import Axis, Series, curves
from earwright.pages.markup import escape
from earwright.training.page.past_run import PastRun
from earwright.training.page.run_log import Array

STEPS = Axis("steps", "step {:,.0f}")
MINUTES = Axis("minutes", "{:,.1f} min")
CPU_MINUTES = Axis("processor minutes", "{:,.1f} processor min")
ERROR = Axis("% wrong", "{:.2f} %", from_zero=True)
MOST_MARKED = 40  # skipped steps and notes of the doctor's in one chart


def dev_curves(run: PastRun) -> str:
    """WER and CER over steps, minutes and processor minutes."""
    looks, best = run.log.looks, run.best
    parts = []
    for what, across, name in (
        ("steps", STEPS, "step"),
        ("minutes", MINUTES, "minutes"),
        ("processor minutes", CPU_MINUTES, "cpu_minutes"),
    ):
        told = [look for look in looks if getattr(look, name) is not None]
        x = [float(getattr(look, name)) for look in told]
        series = [
            Series("WER", x, [100 * look.wer for look in told], points=True),
            Series("CER", x, [100 * look.cer for look in told], points=True),
        ]
        marks = []
        if best is not None and best in told:
            marks.append(
                (float(getattr(best, name)), f"lowest CER: {100 * best.cer:.2f} % at step {best.step:,}")
            )
        label = f"Curve: error on dev over {what}, from {_ends([100 * look.cer for look in told], ' % CER')}"
        drawing = curves(series, across, ERROR, label, log=True, marks=marks)
        note = "The dashed line is the lowest CER." if marks else ""
        parts.append(_figure(f"Over {what}", drawing, note))
    return _grid(parts)


def step_curves(run: PastRun) -> str:
    """Loss, learning rate and gradient norm over steps, and the loss over time."""
    log = run.log
    if not len(log.steps):
        return "<p>No step is logged.</p>\n" if run.log.looks else ""
    notes = [(float(note.step), f"{note.name}: {note.sentence}"[:300]) for note in log.notes][:MOST_MARKED]
    skipped = [(float(step), f"step {step:,}: skipped, its gradient was not finite") for step in log.skipped]
    every = max(1, len(skipped) // MOST_MARKED)
    parts = [
        _curve(run, "Loss", "loss", "a token", log.steps, STEPS, notes),
        _curve(run, "Learning rate", "learning_rate", "", log.steps, STEPS, [], log=False),
        _curve(run, "Gradient norm", "gradient_norm", "", log.steps, STEPS, skipped[::every]),
        _curve(run, "Loss over minutes", "loss", "a token", run.spent(), MINUTES, []),
        _curve(
            run,
            "Loss over processor minutes",
            "loss",
            "a token",
            run.spent(cpu=True),
            CPU_MINUTES,
            [],
        ),
    ]
    return _grid(parts)


def vital_curves(run: PastRun) -> str:
    """Whatever other numbers were logged, over steps."""
    parts = []
    for name, (steps, values) in run.log.vitals.items():
        title = name.replace("_", " ")
        label = f"Curve: {title} over steps, from {_ends(values.tolist())}"
        series = [Series(title, steps, values)]
        parts.append(_figure(title, curves(series, STEPS, Axis(""), label, log=True)))
    return _grid(parts)


def _curve(
    run: PastRun,
    title: str,
    name: str,
    unit: str,
    across: Array,
    axis: Axis,
    marks: Sequence[tuple[float, str]],
    log: bool = True,
) -> str:
    values = run.log.values[name]
    label = f"Curve: {title}, from {_ends(values.tolist())}"
    series = [Series(name.replace("_", " "), across, values)]
    drawing = curves(series, axis, Axis(unit), label, log=log, marks=marks)
    note = (
        f"Dashed lines: {'skipped steps' if name == 'gradient_norm' else 'notes of the doctor'}."
        if marks
        else ""
    )
    return _figure(title, drawing, note)


def _ends(values: Sequence[float], unit: str = "") -> str:
    return f"{values[0]:.4g}{unit} to {values[-1]:.4g}{unit}" if values else "nothing"


def _figure(title: str, drawing: str, note: str = "") -> str:
    if not drawing:
        return ""
    caption = f"<figcaption><p>{escape(note)}</p></figcaption>" if note else ""
    return f"<figure><h3>{escape(title, 100)}</h3>{drawing}{caption}</figure>"


def _grid(parts: Sequence[str]) -> str:
    shown = "".join(parts)
    return f'<div class="grid wide">{shown}</div>\n' if shown else ""
