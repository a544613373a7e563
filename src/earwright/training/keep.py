"""Weights kept beside the checkpoint: those of the best looks at dev, and which of them the bundle gets.

A run leaves `kept/step-002900-cer-30.40.safetensors` and the like. The checkpoint names the files that count.
A file is written before a checkpoint names it, and removed after one has ceased to: so whenever a run is
killed, all that its checkpoint names is there, and what is not named is swept away when it goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from safetensors import SafetensorError, safe_open
from torch import Tensor

from earwright.errors import EarwrightError, first_line
from earwright.files import describe_os_error
from earwright.training.checkpoint import Look, Progress, write_tensors

if TYPE_CHECKING:
    from earwright.training.loop import Run

FOLDER = "kept"


class Choice(NamedTuple):
    """The weights that the bundle gets.

    Attributes:
        weights: of the model.
        kind: "mean", "best", "ema" or "last".
        steps: whose weights they are, or are the mean of.
        look: the error that they have on dev; None where nobody looked.
    """

    weights: Mapping[str, Tensor]
    kind: str
    steps: tuple[int, ...]
    look: Look | None


def kept_path(out: Path, look: Look) -> Path:
    """The file of a look's weights in the folder of a run."""
    return out / FOLDER / f"step-{look.step:06d}-cer-{100 * look.cer:.2f}.safetensors"


def keep_weights(
    progress: Progress, out: Path, look: Look, weights: Mapping[str, Tensor], count: int
) -> None:
    """Write the weights of a look, if it is among the `count` best, and note it in the run's progress.

    Raises:
        EarwrightError: the disk is full or cannot be written; what was kept before is untouched.
    """
    best = sorted([*progress.kept, look], key=_rank)[:count]
    if look not in best:
        return
    state = {"step": look.step, "cer": look.cer, "wer": look.wer}
    write_tensors(kept_path(out, look), weights, {"earwright": json.dumps(state)})
    progress.kept = sorted(best)


def sweep(progress: Progress, out: Path) -> None:
    """Remove what the checkpoint does not name: call it when one has been written or read.

    Raises:
        EarwrightError: the folder cannot be written.
    """
    named = {kept_path(out, look).name for look in progress.kept}
    for path in (out / FOLDER).glob("*"):
        # Beside whole files, the half of one that a killed process left: .NAME.PID.new.
        ours = path.name.lstrip(".").startswith("step-") and path.suffix in (".safetensors", ".new")
        if ours and path.name not in named:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise EarwrightError(describe_os_error(error, path)) from error


def mean_weights(paths: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of the weights in several files, which are read one after the other.

    Averaging checkpoints: Vaswani et al. 2017 (section 6.1), Izmailov et al. 2018 (arXiv:1803.05407).

    Raises:
        EarwrightError: one is missing or damaged.
    """
    sums: dict[str, Tensor] = {}
    for path in paths:
        for name, value in _read(path).items():
            sums[name] = sums[name] + value.double() if name in sums else value.double()
    return {name: (total / len(paths)).float() for name, total in sums.items()}


def choose_weights(run: Run) -> Choice:
    """What the bundle gets, as training.export asks for it; said with the dev errors of the alternatives.

    What is asked for may be lacking (there was no look, or files were removed): then it is what has the
    lowest error of the rest.
    """
    progress, training = run.progress, run.recipe.training
    asked, steps = training.export, (progress.step,)
    if not progress.last_look:
        return _last(run) if asked == "last" else Choice(run.average, _at_the_end(run), steps, None)
    choices = []
    found = _whole(progress.kept, run.out, run.reporter.say)
    if len(found) > 1 and asked in ("auto", "mean"):
        choices.append(_mean(run, found))
    if found:
        best = min(found, key=_rank)
        choices.append(Choice(_read(kept_path(run.out, best)), "best", (best.step,), best))
    choices.append(Choice(run.average, _at_the_end(run), steps, progress.last_look))
    if training.average == "ema" and asked in ("auto", "last"):
        choices.append(_last(run))
    # min takes the first of equals: the mean before the best, and that before the end.
    choice = next((one for one in choices if one.kind == asked), None) or min(choices, key=_error)
    run.reporter.say(_sentence(choice, choices))
    return choice


def _at_the_end(run: Run) -> str:
    """What the average that is looked at is, once it has ended."""
    return "ema" if run.recipe.training.average == "ema" else "last"


def _mean(run: Run, found: Sequence[Look]) -> Choice:
    mean = mean_weights([kept_path(run.out, look) for look in found])
    return Choice(mean, "mean", tuple(look.step for look in found), _looked(run, mean))


def _last(run: Run) -> Choice:
    """The weights themselves; they have not been looked at if there is an average."""
    weights = {name: value.detach().clone() for name, value in run.parts.model.state_dict().items()}
    look = _looked(run, weights) if run.progress.last_look else None
    return Choice(weights, "last", (run.progress.step,), look)


def _looked(run: Run, weights: Mapping[str, Tensor]) -> Look:
    result = run.look(weights)
    return Look(run.progress.step, result.cer, result.wer)


def _error(choice: Choice) -> float:
    assert choice.look is not None
    return choice.look.cer


def _rank(look: Look) -> tuple[float, int]:
    """The lower, the better; of equal errors the later."""
    return look.cer, -look.step


def _whole(kept: Sequence[Look], out: Path, say: Callable[[str], None]) -> list[Look]:
    """Those whose files can be read; somebody may have removed one, and the others are still good."""
    found = []
    for look in kept:
        try:
            _read(kept_path(out, look))
        except EarwrightError as error:
            say(f"{error} The bundle does without it.")
        else:
            found.append(look)
    return found


def _read(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a dictionary
    except (SafetensorError, OSError) as error:
        raise EarwrightError(f"{path}: the kept weights cannot be read ({first_line(error)}).") from error


def _sentence(choice: Choice, choices: Sequence[Choice]) -> str:
    """The choice and its error, then the others and theirs."""
    same: dict[tuple[tuple[int, ...], float], list[str]] = {(choice.steps, _error(choice)): []}
    for other in choices:  # the best may be the last, too
        same.setdefault((other.steps, _error(other)), []).append(other.kind)
    first, *others = [
        f"{_name(steps, kinds)}{{}}{100 * error:.1f} %" for (steps, error), kinds in same.items()
    ]
    return "; ".join(["the bundle holds " + first.format(": dev CER "), *(o.format(", ") for o in others)])


def _name(steps: tuple[int, ...], kinds: Sequence[str]) -> str:
    """ "the mean of steps 2,900, 3,000" or "step 3,000, the best single one and the last average"."""
    numbers = ", ".join(f"{step:,}" for step in steps)
    if len(steps) > 1:
        return f"the mean of steps {numbers}"
    return f"step {numbers}, " + " and ".join(
        {"best": "the best single one", "ema": "the last average", "last": "the last"}[kind] for kind in kinds
    )
