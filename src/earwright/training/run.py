"""From a recipe to a bundle: what `earwright train` and the demo call."""

from __future__ import annotations

import contextlib
import datetime
import os
from pathlib import Path
from typing import Any

import torch

from earwright.data.shards.places import short_name
from earwright.errors import EarwrightError
from earwright.files import atomic_write, describe_os_error
from earwright.training.export import export_bundle
from earwright.training.facts import start_facts, training_pace
from earwright.training.finetuning.forgetting import (
    card_lines,
    comparison_table,
    errors_by_name,
    facts_of,
)
from earwright.training.keep import Choice, choose_weights
from earwright.training.lock import run_lock
from earwright.training.log import Reporter
from earwright.training.loop import Run
from earwright.training.memory import GIB
from earwright.training.memory_use import peak_memory
from earwright.training.recipe import Recipe, recipe_to_toml


def train(
    recipe: Recipe,
    out: str | os.PathLike[str],
    reporter: Reporter | None = None,
    *,
    overfit: int = 0,
    restart: bool = False,
    with_weights: bool = True,
) -> Path:
    """Train a recognizer, or go on with a run that was stopped.

    Args:
        recipe: what to train.
        out: folder of the run: recipe.toml, log.jsonl, tensorboard/, checkpoint.safetensors and, at the
            end, NAME.ear.
        reporter: where lines go; None prints them.
        overfit: train on this many utterances alone, a sanity check.
        restart: throw away what an earlier run left in the folder.
        with_weights: put weights.safetensors into the bundle.

    Returns:
        The bundle.

    Raises:
        EarwrightError: data, recipe or disk are not fit; the message says what to do.
        KeyboardInterrupt: Ctrl-C; the checkpoint has been saved.
    """
    reporter = reporter or Reporter(lambda line: print(line, flush=True))
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EarwrightError(describe_os_error(error, folder)) from error
    # Of a distributed run, the first process writes.
    with run_lock(folder) if os.environ.get("RANK", "0") == "0" else contextlib.nullcontext():
        return _train(recipe, folder, reporter, overfit, restart, with_weights)


def _train(
    recipe: Recipe, folder: Path, reporter: Reporter, overfit: int, restart: bool, with_weights: bool
) -> Path:
    if restart:
        for name in ("checkpoint.safetensors", "log.jsonl"):
            (folder / name).unlink(missing_ok=True)  # what was kept goes when the run begins
    run = Run(recipe, folder, reporter, overfit)
    with atomic_write(folder / "recipe.toml") as file:
        file.write(recipe_to_toml(recipe))
    run.run()
    if not run.accelerator.is_main_process:
        return folder / f"{recipe.name}.ear"
    return _export(run, with_weights)


def _export(run: Run, with_weights: bool) -> Path:
    parts = run.parts
    choice = choose_weights(run)
    if parts.start and parts.dev:
        run.progress.after = errors_by_name(run.look_at(parts.watched, choice.weights))
    parts.model.load_state_dict(choice.weights)
    for module in (parts.features, parts.normalization, parts.model):
        module.to("cpu").eval()
    facts = _facts(run) | _weights_facts(choice)
    path = run.out / f"{run.recipe.name}.ear"
    card = _card(run, facts)
    export_bundle(
        path,
        run.recipe,
        parts.features,
        parts.normalization,
        parts.model,
        parts.tokenizer,
        facts,
        card,
        with_weights,
        training_pace(parts),
    )
    progress = run.progress
    if parts.start and progress.after:
        watched = [len(dev.texts) for dev in parts.watched]
        for line in comparison_table(progress.before, progress.after, watched):
            run.reporter.say(line)
    run.reporter.say(f"the recognizer is {path}")
    return path


def _facts(run: Run) -> dict[str, Any]:
    progress = run.progress
    facts: dict[str, Any] = {
        **start_facts(run),
        "minutes": round(progress.wall_seconds / 60, 2),
        "cpu_minutes": round(progress.cpu_seconds / 60, 2),
        "steps": progress.step,
        "batch_seconds": progress.batch_seconds,
        "peak_memory_gib": round(peak_memory(torch.device("cpu")) / GIB, 2),
        "date": datetime.date.today().isoformat(),
        **{name: round(value, 4) for name, value in run.speed().items()},
    }
    if progress.best_cer is not None:
        facts |= {"best_dev_cer": round(progress.best_cer, 4), "best_dev_step": progress.best_step}
    return facts | facts_of(run.parts, run.recipe, progress)


def _weights_facts(choice: Choice) -> dict[str, Any]:
    facts: dict[str, Any] = {"weights": choice.kind, "weights_steps": list(choice.steps)}
    if choice.look:
        facts |= {"dev_cer": round(choice.look.cer, 4), "dev_wer": round(choice.look.wer, 4)}
    return facts


def _card(run: Run, facts: dict[str, Any]) -> str:
    recipe = run.recipe
    dev = (
        f"{100 * facts['dev_cer']:.1f} % characters, greedy search" if "dev_cer" in facts else "not measured"
    )
    weights = (
        f"the mean of those at {len(facts['weights_steps'])} looks at dev"
        if facts["weights"] == "mean"
        else f"those at step {facts['weights_steps'][0]}"
    )
    made = (
        f"fine-tuned from {run.parts.start.bundle.meta.name}" if run.parts.start else "trained from scratch"
    )
    return f"""# {recipe.name}

A CTC recognizer {made} with earwright.

- Languages: {", ".join(recipe.text.languages) or "not stated"}
- Trained on: {facts["utterances"]} utterances, {facts["hours_of_speech"]} hours,
  {facts["speakers"] or "unknown"} speakers ({", ".join(map(short_name, recipe.data.train))})
- Licence of the training data: not stated here; whoever passes this bundle on should add it
- Training: {facts["minutes"]} minutes on {facts["processor"]}, {facts["steps"]} steps, {facts["precision"]}
- Weights: {weights}
- Error on {len(run.parts.dev.texts) if run.parts.dev else 0} dev utterances, which chose the weights: {dev}
{card_lines(facts)}\
- Limits: it knows the voices, rooms and words it was trained on; expect more errors elsewhere
"""
