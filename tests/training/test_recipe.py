from __future__ import annotations

import dataclasses
import itertools
import tomllib
from pathlib import Path

import pytest

from earwright.errors import EarwrightError
from earwright.training.options import TrainingOptions, parse_time
from earwright.training.recipe import (
    Recipe,
    load_recipe,
    recipe_differences,
    recipe_from_dict,
    recipe_to_dict,
    recipe_to_toml,
)
from earwright.training.schedule import learning_rate

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.name)
def test_every_recipe_that_comes_along_loads(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.name == path.stem


def test_a_recipe_survives_toml() -> None:
    recipe = load_recipe(RECIPES / "librispeech-5h.toml", ["seed=7", "training.learning_rate=2e-3"])
    again = recipe_from_dict(tomllib.loads(recipe_to_toml(recipe)), "again")
    assert again == recipe
    assert recipe_differences(recipe_to_dict(recipe), recipe_to_dict(Recipe())) != []
    assert recipe_differences(recipe_to_dict(recipe), recipe_to_dict(again)) == []


def test_overrides(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text('name = "x"\n[model]\ndim = 64\nheads = 2\n')
    recipe = load_recipe(
        path, ["data.train=one/folder", "model.half_rate=[1, 3]", "training.max_time=90m", "seed = 3"]
    )
    assert recipe.data.train == ("one/folder",)
    assert recipe.model.half_rate == (1, 3)
    assert recipe.training.max_time == "90m"
    assert (recipe.seed, recipe.model.dim) == (3, 64)
    changed = recipe_differences(recipe_to_dict(recipe), recipe_to_dict(dataclasses.replace(recipe, seed=4)))
    assert changed == ["seed"]


@pytest.mark.parametrize(
    ("toml", "overrides", "message"),
    [
        ("[training]\nlearningrate = 1", [], "did you mean training.learning_rate?"),
        ("learning_rate = 1", [], "did you mean training.learning_rate?"),
        ("[modle]\ndim = 1", [], "did you mean model?"),
        ('[training]\nsteps = "many"', [], "training.steps must be a whole number"),
        ("[training]\nsteps = 1.5", [], "training.steps must be a whole number"),
        ("[training]\nsteps = true", [], "training.steps must be a whole number"),
        ("[model]\nself_conditioning = 1", [], "model.self_conditioning must be true or false"),
        ("[model]\nhalf_rate = [1, 2, 3]", [], "model.half_rate must have 2 values"),
        ("[model]\nhalf_rate = 3", [], "model.half_rate must be a list"),
        ("model = 3", [], "model must be a table"),
        ("[model]\ndim = 100\nheads = 8", [], "divisible"),
        ("[model]\nkernel_size = 4", [], "must be odd"),
        ('[model]\ncontext = "some"', [], "none of full, limited, drawn"),
        ('[text]\nnormalizer = "none"', [], 'normalizer "none"'),
        ('[text]\ntokenizer = "word"', [], "neither char nor bpe"),
        ("[augment]\nspeeds = [9.0]", [], "speeds must lie between"),
        ("[training]\nsteps = 5\nepochs = 1", [], "give only one"),
        ('[training]\nmax_time = "soon"', [], "no length of time"),
        ('[training]\nprecision = "fp8"', [], "none of auto, fp32, bf16"),
        ("x = ", [], "not valid TOML"),
        ("", ["seed"], "write key=value"),
        ("seed = 1", ["seed.x=1"], "seed is a value, not a table"),
        ("", ["trainin.steps=1"], "unknown key trainin"),
        ("", ["training.stepps=1"], "did you mean training.steps?"),
    ],
)
def test_bad_recipes_get_one_sentence(tmp_path: Path, toml: str, overrides: list[str], message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(toml)
    with pytest.raises(EarwrightError) as caught:
        load_recipe(path, overrides)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_or_binary_recipe(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="no such recipe"):
        load_recipe(tmp_path / "none.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EarwrightError, match="cannot be read"):
        load_recipe(tmp_path / "b.toml")


def test_times() -> None:
    assert [parse_time(t) for t in ("2h", "90m", "45s", "1h30m", "1.5h")] == [7200, 5400, 45, 5400, 5400]
    for bad in ("", "0s", "h", "5", "1 hour", "-2h"):
        with pytest.raises(EarwrightError):
            parse_time(bad)


def test_the_rate_rises_then_falls() -> None:
    options = TrainingOptions(learning_rate=1.0, warmup=0.1, final_rate=0.05)
    rates = [learning_rate(step, 100, options) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == 1.0
    assert all(a >= b for a, b in itertools.pairwise(rates[9:]))
    assert 0.05 <= rates[-1] < 0.06
    inverse = TrainingOptions(learning_rate=1.0, warmup=0.1, decay="inverse_sqrt")
    assert learning_rate(39, 100, inverse) == pytest.approx(0.5)
