"""The loop: the same run from the same seed, even if it was stopped; the best weights are kept."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from earwright.errors import EarwrightError
from earwright.lm.storage import Workspace
from earwright.lm.train import TrainOptions
from earwright.models.language_model import TransformerOptions
from earwright.training.language_model.loop import LanguageModelRun
from earwright.training.language_model.options import LanguageModelOptions
from earwright.training.language_model.text import NumberedText, read_training_text
from earwright.training.log import Reporter

OPTIONS = LanguageModelOptions(
    model=TransformerOptions(dim=16, layers=1, heads=2, window=4, cutoffs=(6,)),
    steps=12,
    max_time="",
    batch_tokens=64,
    dropout=0.2,
    precision="fp32",
)


@pytest.fixture
def text(tmp_path: Path) -> NumberedText:
    path = tmp_path / "text.txt"
    words = np.random.default_rng(0).integers(9, size=(60, 7))
    path.write_text("\n".join(" ".join(f"w{w}" for w in row) for row in words), encoding="utf-8")
    with Workspace() as room:
        return read_training_text([str(path)], TrainOptions(layout="lines"), room)


def make(text: NumberedText, path: Path, options: LanguageModelOptions = OPTIONS) -> LanguageModelRun:
    return LanguageModelRun(text, options, path, Reporter(lambda line: None), {"text": "the text"})


def test_stopped_and_gone_on_with(text: NumberedText, tmp_path: Path) -> None:
    whole = make(text, tmp_path / "whole")
    whole.run()
    stopped = make(text, tmp_path / "stopped")
    update = stopped.update

    def update_then_interrupt(rows: np.ndarray) -> float:
        loss = update(rows)
        if stopped.progress.step == 7:
            signal.raise_signal(signal.SIGINT)
        return loss

    stopped.update = update_then_interrupt  # type: ignore[method-assign]
    stopped.run()
    assert stopped.stopping and stopped.progress.step == 7
    gone_on = make(text, tmp_path / "stopped")
    assert (gone_on.progress.step, gone_on.progress.steps) == (7, 12)
    gone_on.run()
    assert gone_on.progress.step == 12
    assert gone_on.progress.epoch == whole.progress.epoch > 0
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, gone_on.model.state_dict()[name]), name


def test_the_best_weights_are_left(text: NumberedText, tmp_path: Path) -> None:
    # So fast that it forgets what it knew at first: word frequencies.
    run = make(text, tmp_path / "run", replace(OPTIONS, learning_rate=0.3, steps=24, dropout=0.0))
    run.run()
    assert run.perplexity(text.held_out) == pytest.approx(min(found for _, found in run.looks), rel=1e-5)


def test_another_training_in_the_place(text: NumberedText, tmp_path: Path) -> None:
    run = make(text, tmp_path / "run")
    run.save()
    with pytest.raises(EarwrightError, match=r"differs in model.layers.*--restart"):
        make(text, tmp_path / "run", replace(OPTIONS, model=replace(OPTIONS.model, layers=2)))


def test_time_becomes_steps(text: NumberedText, tmp_path: Path) -> None:
    run = make(text, tmp_path / "run", replace(OPTIONS, steps=0, max_time="60s"))
    assert run.progress.steps > 12
    assert run.progress.precision == "fp32"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "one of epochs, steps and max-time"),
        ({"batch_tokens": 0}, "batch-tokens"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"precision": "fp8"}, 'precision "fp8"'),
    ],
)
def test_options_that_cannot_be(changes: dict[str, float], message: str) -> None:
    with pytest.raises(EarwrightError, match=message):
        replace(OPTIONS, **changes)
