"""Real fine-tuning in miniature: what is gained, what is forgotten, and the same run after a kill."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from earwright import Recognizer
from earwright.bundle import Bundle
from earwright.errors import EarwrightError
from earwright.training import Recipe, Reporter, load_recipe, train
from earwright.training.checkpoint import load_checkpoint
from earwright.training.log import read_log


class Killed(BaseException):
    """Stands for kill -9: nothing in the code catches it, nothing is saved on the way out."""


class Lines(Reporter):
    """Keeps what a run says, and dies at a line that begins with `until`."""

    def __init__(self, until: str = "") -> None:
        super().__init__(self._keep, interval=0.0)
        self.lines: list[str] = []
        self.until = until

    def _keep(self, line: str) -> None:
        self.lines.append(line)
        if self.until and line.startswith(self.until):
            raise Killed

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def tuning(bundle: Path, new: Path, *overrides: str) -> Recipe:
    return load_recipe(
        None,
        [
            f'finetune.init="{bundle}"',
            f"data.train={new}",
            f"data.dev={new}",
            "data.dev_utterances=12",
            "training.precision=fp32",  # else two runs may each find another one the quicker
            *overrides,
        ],
    )


@pytest.fixture
def no_export(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earwright.training.run._export", lambda run, with_weights: run.out)


def test_new_speech_is_learnt_and_what_was_forgotten_is_told(
    bundle: Path, tones: Path, other_tones: Path, tmp_path: Path
) -> None:
    lines = Lines()
    replay = (f"finetune.replay={tones}", f"finetune.old_dev={tones}", "finetune.replay_share=0.4")
    path = train(
        tuning(bundle, other_tones, *replay, "training.steps=120", "training.learning_rate=5e-3"),
        tmp_path,
        lines,
    )
    assert "5 of the bundle's 5 tokens keep their weights; new: d" in lines.text
    assert "replay of 24 old utterances" in lines.text and "40 % of the audio of each batch" in lines.text

    dev = [line for line in read_log(tmp_path / "log.jsonl") if line["kind"] == "dev"]
    assert dev[0]["step"] == 0 and dev[-1]["step"] == 120
    assert dev[0]["cer"] > 0.2 > dev[-1]["cer"]  # d was never heard before
    assert dev[0]["old_cer"] < 0.1 and dev[-1]["old_cer"] < 0.15

    meta = Bundle.open(path).meta
    facts = meta.training
    assert meta.name == "old-tuned" and facts["init"] == "old"
    for name in ("wer", "cer", "old_wer", "old_cer"):
        assert facts[f"dev_{name}_before"] == pytest.approx(dev[0][name], abs=1e-4)
        assert facts[f"dev_{name}_after"] == pytest.approx(dev[-1][name], abs=1e-4)
    assert facts["utterances"] == facts["replay_utterances"] == 24 and facts["replay_share"] == 0.4
    table = lines.lines[-6:-1]
    assert table[0].split()[-3:] == ["before", "after", "change"]
    for row, name in zip(table[1:], ("wer", "cer", "old_wer", "old_cer"), strict=True):
        shown = [float(cell) for cell in row.split()[-3:]]
        before, after = (100 * facts[f"dev_{name}_{when}"] for when in ("before", "after"))
        assert shown == pytest.approx([before, after, after - before], abs=0.06)
    card = Bundle.open(path).read("card.md").decode()
    assert "fine-tuned from old" in card and "Replayed: 24 older utterances" in card
    assert (
        Recognizer.load(path).meta.training["init_sha256"]
        == Bundle.open(bundle).files["weights.safetensors"].sha256
    )


@pytest.mark.usefixtures("no_export")
def test_normalization_comes_from_the_bundle(bundle: Path, other_tones: Path, tmp_path: Path) -> None:
    from safetensors.torch import load

    old = load(Bundle.open(bundle).read("weights.safetensors"))
    for kind, same in (("bundle", True), ("new", False)):
        train(
            tuning(bundle, other_tones, "training.steps=1", f"finetune.normalization={kind}", "data.dev=[]"),
            tmp_path / kind,
            Lines(),
        )
        part = load_checkpoint(tmp_path / kind / "checkpoint.safetensors").part("normalization")
        equal = [torch.equal(tensor, old[f"normalization.{name}"]) for name, tensor in part.items()]
        assert all(equal) if same else not all(equal)


@pytest.fixture
def threads() -> Iterator[None]:
    """A run with lanes leaves the process with their number of threads; give back what there was."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.usefixtures("no_export", "threads")
def test_a_killed_run_goes_on_as_if_nothing_had_been(
    bundle: Path, tones: Path, other_tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lanes: int
) -> None:
    monkeypatch.setattr("earwright.training.loop.lanes_for", lambda device, processes: (lanes, 1))
    recipe = tuning(
        bundle,
        other_tones,
        *(f"finetune.replay={tones}", f"finetune.old_dev={tones}", "finetune.freeze_first=1"),
        *("finetune.layer_decay=0.7", "model.dropout=0.1", "training.steps=8", "training.save_every=0"),
    )
    train(recipe, tmp_path / "whole", Lines())
    with pytest.raises(Killed):
        train(recipe, tmp_path / "killed", Lines("step 4/8  "))
    lines = Lines()
    train(recipe, tmp_path / "killed", lines)
    assert "going on from step" in lines.text
    whole, killed = (
        load_checkpoint(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "killed")
    )
    assert whole.tensors.keys() == killed.tensors.keys()
    assert all(torch.equal(tensor, killed.tensors[name]) for name, tensor in whole.tensors.items())
    assert (whole.progress.before, whole.progress.after) == (killed.progress.before, killed.progress.after)
    curves = [
        [
            (line["step"], line["loss"])
            for line in read_log(tmp_path / name / "log.jsonl")
            if line["kind"] == "step"
        ]
        for name in ("whole", "killed")
    ]
    assert curves[0] == curves[1] and len(curves[0]) == 8


@pytest.mark.usefixtures("no_export")
def test_frozen_parts_and_the_optimizer(bundle: Path, other_tones: Path, tmp_path: Path) -> None:
    from safetensors.torch import load

    old = load(Bundle.open(bundle).read("weights.safetensors"))
    lines = Lines()
    freezing = 'finetune.freeze=["subsampling", "blocks.0"]'
    recipe = tuning(bundle, other_tones, "training.steps=3", freezing, "data.dev=[]")
    train(recipe, tmp_path, lines)
    assert "frozen: subsampling, blocks.0" in lines.text
    new = load_checkpoint(tmp_path / "checkpoint.safetensors")
    for part in ("model", "average"):
        for name, tensor in new.part(part).items():
            frozen = name.startswith(("subsampling.", "blocks.0."))
            if not name.startswith("output."):
                assert torch.equal(tensor, old[f"model.{name}"]) == frozen, name


@pytest.mark.usefixtures("no_export")
def test_the_bundle_must_be_the_one_that_the_run_began_with(
    bundle: Path, other_tones: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load, save

    from earwright.bundle import write_bundle

    place = tmp_path / "start.ear"
    shutil.copytree(bundle, place)
    recipe = tuning(place, other_tones, "training.steps=1", "data.dev=[]")
    train(recipe, tmp_path / "run", Lines())
    old = Bundle.open(bundle)
    files: dict[str, Any] = {name: old.read(name) for name in old.names}
    files["weights.safetensors"] = save({n: t + 1 for n, t in load(files["weights.safetensors"]).items()})
    write_bundle(place, old.meta, files)
    with pytest.raises(EarwrightError, match=r"start.ear is not the bundle that the run in .* began with"):
        train(recipe, tmp_path / "run", Lines())


def test_old_speech_that_cannot_be_used(bundle: Path, tones: Path, other_tones: Path, tmp_path: Path) -> None:
    for overrides, message in (
        ((f"finetune.replay={tmp_path / 'none'}",), "none"),
        ((f"finetune.old_dev={tones}", "data.dev=[]"), r"finetune\.old_dev is watched beside data\.dev"),
    ):
        with pytest.raises(EarwrightError, match=message):
            train(tuning(bundle, other_tones, "training.steps=1", *overrides), tmp_path / "run", Lines())


@pytest.mark.usefixtures("no_export")
def test_a_vocabulary_that_stays_leaves_texts_out(bundle: Path, other_tones: Path, tmp_path: Path) -> None:
    lines = Lines()
    train(tuning(bundle, other_tones, "training.steps=1", "finetune.vocabulary=bundle"), tmp_path, lines)
    assert (
        "texts with d are left out" in lines.text and "with characters outside the vocabulary" in lines.text
    )
