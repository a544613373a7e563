from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from earwright.bundle import Bundle, write_bundle
from earwright.errors import EarwrightError
from earwright.training import Recipe, load_recipe


def recipe_over(bundle: Path, *overrides: str) -> Recipe:
    return load_recipe(None, [f'finetune.init="{bundle}"', *overrides])


def with_recipe(bundle: Path, place: Path, table: dict[str, Any] | bytes | None) -> Path:
    """The bundle with another recipe.toml, or none."""
    old = Bundle.open(bundle)
    files: dict[str, bytes] = {name: old.read(name) for name in old.names if name != "recipe.toml"}
    if table is not None:
        files["recipe.toml"] = table if isinstance(table, bytes) else tomli_w.dumps(table).encode()
    return write_bundle(place, old.meta, files)


def test_what_the_recipe_does_not_say_is_the_bundle_s(bundle: Path) -> None:
    old = load_recipe(bundle / "recipe.toml")
    new = recipe_over(bundle)
    assert (new.model, new.features, new.text) == (old.model, old.features, old.text)
    assert new.name == "old-tuned"
    assert new.data.train == () and new.data.workers == old.data.workers == 0
    assert new.training.learning_rate == pytest.approx(old.training.learning_rate / 5)
    assert (new.training.epochs, new.training.steps, new.augment.start) == (10.0, 0, 0.0)
    assert new.augment.speeds == old.augment.speeds


def test_what_it_says_holds(bundle: Path) -> None:
    new = recipe_over(
        bundle,
        "training.steps=7",
        "training.learning_rate=1e-4",
        "model.dropout=0.3",
        "name=mine",
        "augment.start=0.2",
    )
    assert (new.training.steps, new.training.epochs, new.training.learning_rate) == (7, 0.0, 1e-4)
    assert (new.model.dropout, new.model.dim, new.name, new.augment.start) == (0.3, 32, "mine", 0.2)


def test_a_rate_is_not_lowered_twice(bundle: Path, tmp_path: Path) -> None:
    table: dict[str, Any] = {
        "training": {"learning_rate": 1e-3},
        "finetune": {"init": "x", "layer_decay": 0.5},
    }
    again = recipe_over(with_recipe(bundle, tmp_path / "again.ear", table))
    assert again.training.learning_rate == 1e-3
    assert again.finetune.layer_decay == 1.0  # what was asked of another run is not asked of this one


def test_a_run_s_folder_stands_for_its_bundle(bundle: Path, tmp_path: Path) -> None:
    assert recipe_over(bundle.parent).model.dim == 32
    with pytest.raises(EarwrightError, match=r"there is no bundle in it; give a folder NAME.ear"):
        recipe_over(tmp_path)
    for name in ("a.ear", "b.ear"):
        shutil.copytree(bundle, tmp_path / name)
    with pytest.raises(EarwrightError, match=r"several bundles in it \(a.ear, b.ear\)"):
        recipe_over(tmp_path)
    with pytest.raises(EarwrightError, match="no such bundle"):
        recipe_over(tmp_path / "none.ear")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (None, "the bundle has no recipe.toml, so it cannot be trained further"),
        (b"x = ", "its recipe.toml is damaged"),
        (b"\xff", "its recipe.toml is damaged"),
        ({"modle": {"dim": 3}}, "unknown key modle"),
        ({"model": {"dim": "wide"}}, "model.dim must be a whole number"),
        ({"model": 3}, "model must be a table"),
    ],
)
def test_a_bundle_s_recipe_may_be_anything(
    bundle: Path, tmp_path: Path, table: dict[str, Any] | bytes | None, message: str
) -> None:
    with pytest.raises(EarwrightError, match=message):
        recipe_over(with_recipe(bundle, tmp_path / "odd.ear", table))


def test_the_bundle_may_be_named_in_the_file(bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(f'[finetune]\ninit = "{bundle}"\nfreeze_first = 1\n[training]\nmax_time = "5m"\n')
    recipe = load_recipe(path)
    assert (recipe.finetune.freeze_first, recipe.training.max_time, recipe.training.epochs) == (1, "5m", 0.0)
    path.write_text("[finetune]\ninit = 3\n")
    with pytest.raises(EarwrightError, match=r"finetune.init must be text"):
        load_recipe(path)
