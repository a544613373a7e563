"""A first recipe for somebody's data: the data counted, the machine measured, each value with its reason."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from earwright.cuts import find_manifest, iterate_cuts
from earwright.errors import EarwrightError
from earwright.files import atomic_write, describe_os_error
from earwright.training.lanes import lanes_for
from earwright.training.machine import measure_machine
from earwright.training.options import parse_time
from earwright.training.proposal.expected import Expectation, expect
from earwright.training.proposal.explained import explained_toml
from earwright.training.proposal.fitting import Fit, Situation, fit_recipe, foreseen
from earwright.training.proposal.speed import Clips, Speed, measure_speed
from earwright.training.proposal.survey import DataFacts, survey_cuts
from earwright.training.recipe import Recipe, recipe_to_dict

RECIPE = "recipe.toml"
NORMALIZER = "basic"


@dataclass(frozen=True)
class Proposal:
    """A recipe that has been written, why it is as it is, and what to expect of it."""

    path: Path
    situation: Situation
    fit: Fit
    expectation: Expectation | None

    def sentences(self) -> list[str]:
        """What is foreseen and what to expect, for a person."""
        told = [*foreseen(self.fit, self.situation)]
        if self.expectation:
            told.append(" ".join(self.expectation.sentences()))
        return told

    def to_dict(self) -> dict[str, Any]:
        """All of it in plain dictionaries, ready for JSON."""
        fit, expectation = self.fit, self.expectation
        return {
            "recipe": str(self.path),
            "data": asdict(self.situation.facts),
            "model": fit.size.name,
            "parameters": fit.speed.parameters,
            "precision": fit.speed.precision,
            "audio_seconds_per_second": fit.speed.audio_per_second,
            "seconds": self.situation.seconds,
            "steps": fit.updates,
            "audio_hours": fit.audio_hours,
            "epochs": fit.epochs,
            "expected": expectation and {"from": asdict(expectation.run), **_error_rates(expectation)},
            "values": recipe_to_dict(fit.recipe),
        }


def _error_rates(expectation: Expectation) -> dict[str, Any]:
    return {"cer": expectation.cer, "wer": expectation.wer, "notes": list(expectation.notes)}


def propose(
    out: str | os.PathLike[str],
    cuts: str | os.PathLike[str],
    dev: str | os.PathLike[str] = "",
    *,
    time: str = "2h",
    name: str = "",
    languages: tuple[str, ...] = (),
    force: bool = False,
    report: Callable[[str], None] = lambda doing: None,
) -> Proposal:
    """Write a recipe that fits the data, this machine and the time.

    Args:
        out: folder for recipe.toml.
        cuts: what `earwright prepare` wrote, or the folder that `earwright split` wrote.
        dev: what it is to be watched on; "" takes what `earwright split` made, if it did.
        time: to train for, "2h".
        name: of the recognizer; "" takes the folder's.
        languages: codes; () takes what the cuts say.
        force: write over a recipe that is there.
        report: told what is being done.

    Raises:
        EarwrightError: there is nothing to learn from, the folder cannot be written or has a recipe.
    """
    path = Path(out) / RECIPE
    seconds = parse_time(time)
    if path.exists() and not force:
        raise EarwrightError(f"{path} is there already; give another folder, or --force to write over it.")
    train, watched = _train_and_dev(Path(cuts), str(dev))
    facts = survey_cuts(
        iterate_cuts(train), NORMALIZER, str(train), lambda done: report(f"reading: {done:,} cuts")
    )
    accelerator = Accelerator()
    situation = Situation(
        facts=facts,
        train=str(train),
        dev=watched,
        dev_utterances=sum(1 for _ in iterate_cuts(watched)) if watched else 0,
        time=time,
        seconds=seconds,
        cores=torch.get_num_threads(),
        device=accelerator.device.type,
        name=name or _name_of(Path(out)),
        languages=languages or tuple(code for code in facts.languages if code),
    )
    report("measuring the machine")
    fit = fit_recipe(situation, _measurement(facts, accelerator.device, report))
    proposal = Proposal(path, situation, fit, expect(facts.hours, fit.audio_hours, situation.languages))
    _write(proposal)
    return proposal


def _train_and_dev(cuts: Path, dev: str) -> tuple[Path, str]:
    """The folders to learn from and to watch."""
    split = (cuts / "train").is_dir() and not any(cuts.glob("cuts.jsonl*"))
    train = cuts / "train" if split else cuts
    find_manifest(train)
    if not dev and split and (cuts / "dev").is_dir():
        dev = str(cuts / "dev")
    if dev and find_manifest(dev).resolve() == find_manifest(train).resolve():
        raise EarwrightError(f"{dev}: dev is what it learns from; make two of it with earwright split.")
    return train, dev


def _name_of(out: Path) -> str:
    """The folder's name, without what a file could not be called."""
    return re.sub(r"[^\w.-]+", "-", out.resolve().name).strip("-.") or "recognizer"


def _measurement(
    facts: DataFacts, device: torch.device, report: Callable[[str], None]
) -> Callable[[Recipe], Speed]:
    lanes = lanes_for(device, 1)  # before they are made: afterwards this thread counts fewer cores
    machine = measure_machine(device)
    clips = Clips(min(facts.median, 30.0), facts.per_second, max(1, facts.characters))

    def measure(recipe: Recipe) -> Speed:
        report(f"measuring a model with dim {recipe.model.dim}")
        return measure_speed(recipe, clips, machine, device, lanes)

    return measure


def _write(proposal: Proposal) -> None:
    path, situation = proposal.path, proposal.situation
    header = [
        f"A recipe for {situation.train}, written by earwright new. Change what you like: every value has "
        "its reason above it, and what is not here is at its default.",
        f"earwright train {path}",
        *proposal.sentences(),
    ]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EarwrightError(describe_os_error(error, path.parent)) from error
    with atomic_write(path) as file:
        file.write(explained_toml(header, proposal.fit.lines))
