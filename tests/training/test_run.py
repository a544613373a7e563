"""Real training runs in miniature."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import SafetensorError

from earwright import Recognizer
from earwright.audio import read_audio
from earwright.bundle import Bundle
from earwright.cuts import read_cuts
from earwright.errors import EarwrightError
from earwright.pace import Pace
from earwright.training import Recipe, Reporter, train
from earwright.training.checkpoint import load_checkpoint
from earwright.training.log import read_log
from earwright.training.recipe import load_recipe
from training.runs import Killed, changed, curve, weights


class Lines(Reporter):
    """Keeps what a run says; `at` may act when a line appears."""

    def __init__(self, at: Any = None) -> None:
        super().__init__(self._keep, interval=0.0)
        self.lines: list[str] = []
        self.at = at

    def _keep(self, line: str) -> None:
        self.lines.append(line)
        if self.at:
            self.at(line)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@pytest.fixture
def no_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the bundle out: exporting takes longer than these runs, and other tests look at it."""
    monkeypatch.setattr("earwright.training.run._export", lambda run, with_weights: run.out)


def test_from_recordings_to_a_transcript(recipe: Recipe, tones: Path, tmp_path: Path) -> None:
    lines = Lines()
    # Of five seeds, four have learned all by the 130th step; the first is slow, on some machines too slow.
    recipe = dataclasses.replace(recipe, seed=2)
    recipe = changed(recipe, "training", steps=260, evaluate_every=130)
    recipe = changed(recipe, "augment", speeds=(1.0,), frequency_masks=0)
    path = train(recipe, tmp_path / "run", lines)
    assert path == tmp_path / "run" / "tiny.ear"
    for said in ("24 utterances", "GFLOP/s in fp32", "real time", "waiting for data", "left", "dev WER"):
        assert said in lines.text
    log = read_log(tmp_path / "run" / "log.jsonl")
    dev = [line["cer"] for line in log if line["kind"] == "dev"]
    assert len(dev) == 2 and dev[-1] < 0.1
    assert list((tmp_path / "run" / "tensorboard").iterdir())

    bundle = Bundle.open(path)
    assert {
        "features.onnx",
        "encoder.onnx",
        "tokens.txt",
        "recipe.toml",
        "card.md",
        "weights.safetensors",
    } <= set(bundle.names)
    assert bundle.meta.normalizer == "basic" and bundle.meta.languages == ("en",)
    assert bundle.meta.training_minutes is not None
    (tmp_path / "kept.toml").write_bytes(bundle.read("recipe.toml"))
    assert load_recipe(tmp_path / "kept.toml") == recipe

    recognizer = Recognizer.load(path)
    cuts = read_cuts(tones)
    known = Pace.of([cut.text for cut in cuts], [cut.duration for cut in cuts])
    assert known is not None
    assert bundle.meta.speech == {**known.to_dict(), "noise_alone": False} and recognizer.pace is None
    cut = cuts[0]
    samples = read_audio(cut.path)
    transcript = recognizer.transcribe(samples)
    assert transcript.text == cut.text
    assert [word.text for word in transcript.words] == cut.text.split()
    assert 0 <= transcript.words[0].start < transcript.words[-1].end <= cut.duration


def test_the_graphs_equal_the_modules(recipe: Recipe, tmp_path: Path) -> None:
    import onnxruntime

    from earwright.models.conformer import Conformer
    from earwright.nn.features import build_features
    from earwright.nn.normalization import FeatureNormalization
    from earwright.training.export import Encoder, export_encoder, export_features

    recipe = changed(recipe, "model", context="limited", half_rate=(1, 2), self_conditioning=True)
    torch.manual_seed(0)
    features = build_features(recipe.features)
    model = Conformer(recipe.model, features.dim, 6).eval()
    normalization = FeatureNormalization(features.dim)
    normalization.set_from(torch.randn(50, features.dim) * 3 + 1)
    first = onnxruntime.InferenceSession(export_features(features))
    second = onnxruntime.InferenceSession(export_encoder(normalization, model, features.dim))
    for lengths in ([16000], [160], [9000, 16000, 12345], [31000, 500]):
        waveform = torch.randn(len(lengths), max(lengths)) * 0.1
        feeds = {"waveform": waveform.numpy(), "lengths": np.array(lengths)}
        x, x_lengths = first.run(None, feeds)
        y, y_lengths, _ = second.run(None, {"features": x, "lengths": x_lengths})
        with torch.no_grad():
            expected, counts = features(waveform, torch.tensor(lengths))
            log_probs, frames, _ = Encoder(normalization, model)(expected, counts)
        np.testing.assert_allclose(x, expected, atol=1e-4)
        assert x_lengths.tolist() == counts.tolist() and y_lengths.tolist() == frames.tolist()
        for row, count in enumerate(frames.tolist()):
            np.testing.assert_allclose(y[row, :count], log_probs[row, :count], atol=1e-4)


@pytest.mark.parametrize("last_step", [1, 5, 8])
@pytest.mark.usefixtures("no_export")
def test_a_killed_run_goes_on_as_if_nothing_had_been(recipe: Recipe, tmp_path: Path, last_step: int) -> None:
    recipe = changed(recipe, "training", save_every=0.0, max_time="", steps=10)
    recipe = changed(recipe, "model", stochastic_depth=0.3, context="drawn", chunk_seconds=(0.16, 0.32))
    train(recipe, tmp_path / "whole", Lines())

    def kill(line: str) -> None:
        if line.startswith(f"step {last_step}/10  "):
            raise Killed

    with pytest.raises(Killed):
        train(recipe, tmp_path / "killed", Lines(kill))
    lines = Lines()
    train(recipe, tmp_path / "killed", lines)
    assert "going on from step" in lines.text or last_step == 1
    assert curve(tmp_path / "killed") == curve(tmp_path / "whole")
    whole, killed = weights(tmp_path / "whole"), weights(tmp_path / "killed")
    assert whole.keys() == killed.keys()
    assert all(torch.equal(whole[name], killed[name]) for name in whole)


@pytest.mark.usefixtures("no_export")
def test_workers_change_nothing(recipe: Recipe, tmp_path: Path) -> None:
    recipe = changed(recipe, "training", steps=4)
    train(recipe, tmp_path / "none", Lines())
    train(changed(recipe, "data", workers=2, cache="off"), tmp_path / "two", Lines())
    pcm, direct = curve(tmp_path / "none"), curve(tmp_path / "two")
    # The cache rounds samples to 16 bits, which is what these files hold anyway.
    assert [step for step, _, _ in pcm] == [step for step, _, _ in direct]
    np.testing.assert_allclose([loss for _, loss, _ in pcm], [loss for _, loss, _ in direct], rtol=1e-4)


@pytest.mark.usefixtures("no_export")
def test_control_c_saves_and_leaves(recipe: Recipe, tmp_path: Path) -> None:
    def interrupt(line: str) -> None:
        if line.startswith("step 3/12  "):
            os.kill(os.getpid(), signal.SIGINT)

    lines = Lines(interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "run", lines)
    assert "the same command goes on from here" in lines.text
    assert 3 <= load_checkpoint(tmp_path / "run" / "checkpoint.safetensors").progress.step <= 4
    train(recipe, tmp_path / "run", Lines())
    assert [step for step, _, _ in curve(tmp_path / "run")] == list(range(1, 13))


@pytest.mark.usefixtures("no_export")
def test_overfit_learns_and_watches_the_same_utterances(recipe: Recipe, tmp_path: Path) -> None:
    lines = Lines()
    train(changed(recipe, "training", steps=3, evaluate_every=3), tmp_path / "run", lines, overfit=5)
    assert "training on 5 utterances" in lines.text


@pytest.mark.usefixtures("no_export")
def test_non_finite_losses_are_skipped_counted_and_explained(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from earwright.training import share

    real, calls = share.ctc_loss, [0]

    def sometimes_nan(*arguments: Any) -> Any:
        calls[0] += 1
        result = real(*arguments)
        return result._replace(total=result.total * (float("nan") if calls[0] % 6 == 0 else 1.0))

    monkeypatch.setattr(share, "ctc_loss", sometimes_nan)
    lines = Lines()
    train(changed(recipe, "training", steps=9), tmp_path / "run", lines)
    assert "left out for want of a finite loss" in lines.text
    assert load_checkpoint(tmp_path / "run" / "checkpoint.safetensors").progress.skipped_steps >= 2
    assert all(torch.isfinite(tensor).all() for tensor in weights(tmp_path / "run").values())
    monkeypatch.setattr(share, "ctc_loss", lambda *a: real(*a)._replace(total=real(*a).total * float("nan")))
    with pytest.raises(EarwrightError, match="not been finite for"):
        train(changed(recipe, "training", steps=99), tmp_path / "hopeless", Lines())


@pytest.mark.usefixtures("no_export")
@pytest.mark.parametrize(
    "refusal",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_keeps_the_old_checkpoint(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    from earwright.training import checkpoint

    recipe = changed(recipe, "training", steps=6, save_every=0.0)
    real, calls = checkpoint.save_file, [0]

    def full(tensors: Any, path: Any, metadata: Any) -> None:
        calls[0] += 1
        if calls[0] > 3:
            Path(path).write_bytes(b"half")
            raise refusal
        real(tensors, path, metadata)

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(EarwrightError, match="disk is full"):
        train(recipe, tmp_path / "run", Lines())
    assert load_checkpoint(tmp_path / "run" / "checkpoint.safetensors").progress.step == 3
    assert not list((tmp_path / "run").glob(".*new"))
    monkeypatch.setattr(checkpoint, "save_file", real)
    train(recipe, tmp_path / "run", Lines())
    assert len(curve(tmp_path / "run")) == 6


@pytest.mark.usefixtures("no_export")
def test_another_recipe_does_not_go_on_in_a_run_s_folder(recipe: Recipe, tmp_path: Path) -> None:
    recipe = changed(recipe, "training", steps=2)
    train(recipe, tmp_path / "run", Lines())
    other = changed(recipe, "model", dim=64)
    with pytest.raises(EarwrightError, match=r"another recipe \(it differs in model.dim\)"):
        train(other, tmp_path / "run", Lines())
    train(other, tmp_path / "run", Lines(), restart=True)
    (tmp_path / "run" / "checkpoint.safetensors").write_bytes(b"damaged")
    with pytest.raises(EarwrightError, match="cannot be read"):
        train(other, tmp_path / "run", Lines())


def test_data_that_cannot_be_learnt_from(recipe: Recipe, tmp_path: Path) -> None:
    for data, message in (
        ({"train": ()}, "names no data"),
        ({"train": (str(tmp_path / "none"),)}, "none"),
        ({"max_seconds": 0.01}, "no utterance is left to train on: 24 longer than 0.01 s"),
    ):
        with pytest.raises(EarwrightError, match=message):
            train(changed(recipe, "data", **data), tmp_path / "run", Lines())
    with pytest.raises(EarwrightError, match="sets no length"):
        train(changed(recipe, "training", steps=0), tmp_path / "run", Lines())


@pytest.mark.usefixtures("no_export")
def test_a_budget_of_time_becomes_steps_once(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("earwright.training.loop.LATEST", 1e9)  # the tests share their cores
    recipe = changed(recipe, "training", steps=0, max_time="2s", save_every=0.0)

    def kill(line: str) -> None:
        if line.startswith("step 2/"):
            raise Killed

    with pytest.raises(Killed):
        train(recipe, tmp_path / "run", Lines(kill))
    steps = load_checkpoint(tmp_path / "run" / "checkpoint.safetensors").progress.steps
    assert steps > 2
    train(recipe, tmp_path / "run", Lines())
    assert len(curve(tmp_path / "run")) == steps


def test_a_machine_that_slows_down_ends_at_its_budget(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = changed(recipe, "training", steps=0, max_time="2s", evaluate_every=1000)
    # As if it had been quicker.
    monkeypatch.setattr("earwright.training.plan.spend", lambda *args: (100_000, 1000))
    reporter = Lines()
    bundle = train(slow, tmp_path, reporter)
    assert any(
        "2s were given" in line and "of 100000: the machine is slower" in line for line in reporter.lines
    )
    steps = Recognizer.load(bundle).meta.training["steps"]
    assert 0 < steps == len(curve(tmp_path)) < 100_000


def test_a_half_written_log_line_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(json.dumps({"kind": "step", "step": 1}) + '\n{"kind": "st')
    assert read_log(tmp_path / "log.jsonl") == [{"kind": "step", "step": 1}]


def test_measuring_the_speed_changes_nothing(recipe: Recipe, tmp_path: Path) -> None:
    from earwright.training.loop import Run
    from earwright.training.setup import build_parts

    run = Run(recipe, tmp_path, Lines())  # has timed whole updates by now
    fresh = build_parts(recipe, Lines(), torch.device("cpu")).model.state_dict()
    assert not getattr(run.optimizer, "optimizer", run.optimizer).state
    for name, value in run.parts.model.state_dict().items():
        torch.testing.assert_close(value, fresh[name], rtol=0, atol=0)
        torch.testing.assert_close(run.average[name], fresh[name], rtol=0, atol=0)
    assert all(parameter.grad is None for parameter in run.parts.model.parameters())
