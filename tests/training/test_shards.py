"""Training on shards: killed and resumed, with any number of workers, from far away, mixed by weight."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from earwright.data.augmentation import options as kinds
from earwright.data.preparation.options import PrepareOptions
from earwright.data.preparation.prepare import prepare
from earwright.data.shards.write import ShardOptions
from earwright.errors import EarwrightError
from earwright.training import Recipe, Reporter, train
from training.runs import Killed, changed, curve, weights


class Lines(Reporter):
    """Keeps what a run says; `at` may act when a line appears."""

    def __init__(self, at: Callable[[str], None] = lambda line: None) -> None:
        super().__init__(self._keep, interval=0.0)
        self.text = ""
        self.at = at

    def _keep(self, line: str) -> None:
        self.text += f"{line}\n"
        self.at(line)


@pytest.fixture(autouse=True)
def no_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the bundle out: exporting takes longer than these runs, and other tests look at it."""
    monkeypatch.setattr("earwright.training.run._export", lambda run, with_weights: run.out)


@pytest.fixture(scope="session")
def sharded(tones: Path) -> Path:
    """The tones in eight shards."""
    options = PrepareOptions(jobs=1, shards=ShardOptions(size=3))
    prepare("tsv", tones.parent / "list.tsv", tones.parent / "sharded", options)
    return tones.parent / "sharded" / "shards"


@pytest.fixture
def far(sharded: Path) -> Iterator[str]:
    """The same far away."""
    import fsspec

    memory = fsspec.filesystem("memory")
    for path in sharded.iterdir():
        memory.pipe(f"/tones/{path.name}", path.read_bytes())
    yield "memory://tones"
    memory.rm("/tones", recursive=True)


@pytest.fixture
def over_shards(recipe: Recipe, sharded: Path) -> Recipe:
    """Ten steps over the shards, two at a time."""
    recipe = changed(recipe, "training", save_every=0.0, steps=10)
    return changed(recipe, "data", train=(str(sharded),), open_shards=2)


def equal(one: Path, other: Path) -> bool:
    ours, theirs = weights(one), weights(other)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_killed_run_over_shards_goes_on_as_if_nothing_had_been(
    over_shards: Recipe, other_tones: Path, tmp_path: Path, far: str
) -> None:
    """With a source in a folder, by weight, and workers; what is far away is the same as what is here."""
    train_on = (over_shards.data.train[0], str(other_tones))
    mixed = changed(over_shards, "data", train=train_on, weights=(0.6, 0.4), workers=1)
    lines = Lines()
    train(mixed, tmp_path / "whole", lines)
    assert "training on 48 utterances" in lines.text and "8 shards, of which about 2" in lines.text
    for last_step in (2, 7):

        def kill(line: str, at: int = last_step) -> None:
            if line.startswith(f"step {at}/10  "):
                raise Killed

        with pytest.raises(Killed):
            train(mixed, tmp_path / "killed", Lines(kill))
    lines = Lines()
    train(mixed, tmp_path / "killed", lines)
    assert "going on from step" in lines.text
    assert curve(tmp_path / "killed") == curve(tmp_path / "whole")
    assert equal(tmp_path / "killed", tmp_path / "whole")
    # memory:// lives in this process: workers are forked from it and have it too.
    away = changed(mixed, "data", train=(far, str(other_tones)), workers=2)
    train(away, tmp_path / "far", Lines())
    assert curve(tmp_path / "far") == curve(tmp_path / "whole")


def test_a_killed_run_with_augmentation_over_shards_goes_on(over_shards: Recipe, tmp_path: Path) -> None:
    """Babble is made of the first utterances, whose shards need not be open any more."""
    recipe = changed(
        over_shards,
        "augment",
        noise=kinds.NoiseOptions(0.7, generated=("babble",)),
        concatenation=kinds.ConcatenationOptions(0.5),
        tempo=kinds.TempoOptions(0.5),
        nothing=kinds.NothingOptions(0.2),
    )
    train(recipe, tmp_path / "whole", Lines())

    def kill(line: str) -> None:
        if line.startswith("step 4/10  "):
            raise Killed

    with pytest.raises(Killed):
        train(recipe, tmp_path / "killed", Lines(kill))
    train(recipe, tmp_path / "killed", Lines())
    assert curve(tmp_path / "killed") == curve(tmp_path / "whole")
    train(changed(recipe, "data", workers=2), tmp_path / "workers", Lines())
    assert curve(tmp_path / "workers") == curve(tmp_path / "whole")
    plain = train(over_shards, tmp_path / "plain", Lines())
    assert curve(plain) != curve(tmp_path / "whole")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_shard_ends_the_run_in_one_sentence(
    over_shards: Recipe, far: str, tmp_path: Path, workers: int
) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.rm("/tones/cuts.index.json")
    for number in range(8):
        path = f"/tones/recording.{number:06d}.tar"
        memory.pipe(path, memory.cat(path)[:-15000])
    recipe = changed(over_shards, "data", train=(far,), workers=workers)
    with pytest.raises(
        EarwrightError, match=r"memory://tones/recording\.00000\d\.tar: the shard is cut off"
    ) as error:
        train(recipe, tmp_path / "run", Lines())
    assert "\n" not in str(error.value)


def test_shards_are_not_learnt_by_heart(over_shards: Recipe, tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="--overfit"):
        train(over_shards, tmp_path / "run", Lines(), overfit=3)
    dev = changed(over_shards, "data", dev=over_shards.data.train)
    with pytest.raises(EarwrightError, match=r"data\.dev: .* holds shards"):
        train(dev, tmp_path / "run", Lines())
