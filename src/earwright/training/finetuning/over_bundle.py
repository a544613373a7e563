"""A recipe over the one in a bundle: what it does not say is the bundle's, or fit for fine-tuning."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from earwright.bundle import Bundle
from earwright.bundle_description import DESCRIPTION
from earwright.errors import EarwrightError, first_line

# The highest rate, as a share of what the bundle was trained with (all of it if that was fine-tuning, too).
RATE_SHARE = 0.2
# What a bundle's own training needed and fine-tuning does not; a recipe or --set changes it back. An epoch is
# a pass over the new speech, so the length follows how much of it there is.
TRAINING = {"epochs": 10.0, "warmup": 0.05, "evaluate_every": 0, "precision": "auto"}
DATA = ("train", "weights", "dev")
LENGTHS = ("epochs", "steps", "max_time")


def find_bundle(path: str) -> Path:
    """The bundle that `path` is, or that the run's folder `path` made.

    Raises:
        EarwrightError: it is none and has none, or several.
    """
    place = Path(path).expanduser()
    if not place.is_dir() or (place / DESCRIPTION).is_file():
        return place
    found = sorted(folder for folder in place.glob("*.ear") if (folder / DESCRIPTION).is_file())
    if len(found) > 1:
        names = ", ".join(folder.name for folder in found)
        raise EarwrightError(f"{place}: there are several bundles in it ({names}); name one of them.")
    if not found:
        raise EarwrightError(
            f"{place}: there is no bundle in it; give a folder NAME.ear, its .zip, or the folder of a run "
            "that has ended."
        )
    return found[0]


def bundle_table(bundle: Bundle) -> dict[str, Any]:
    """The recipe that made a bundle, as nested dictionaries.

    Raises:
        EarwrightError: the bundle has none, or it is damaged.
    """
    if "recipe.toml" not in bundle.files:
        raise EarwrightError(
            f"{bundle.path}: the bundle has no recipe.toml, so it cannot be trained further; "
            "take one that `earwright train` wrote."
        )
    try:
        return tomllib.loads(bundle.read("recipe.toml").decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EarwrightError(f"{bundle.path}: its recipe.toml is damaged: {first_line(error)}.") from error


def over_bundle(table: dict[str, Any]) -> dict[str, Any]:
    """Complete a recipe that names a bundle to start from.

    Args:
        table: the recipe as far as it goes, nested dictionaries with finetune.init.

    Returns:
        The bundle's recipe, with what fits fine-tuning in place of its data and its length, and what the
        table says over that.

    Raises:
        EarwrightError: there is no such bundle.
    """
    made_by = bundle_table(Bundle.open(find_bundle(table["finetune"]["init"])))
    base = {key: value for key, value in made_by.items() if key != "finetune"}
    base["name"] = f"{base.get('name', 'recognizer')}-tuned"
    base["data"] = {key: value for key, value in _table(base, "data").items() if key not in DATA}
    # A model that reads already gains nothing from a start without masks.
    base["augment"] = _table(base, "augment") | {"start": 0.0}
    training = {key: value for key, value in _table(base, "training").items() if key not in LENGTHS}
    training |= TRAINING
    rate = training.get("learning_rate")
    if isinstance(rate, int | float) and not _table(made_by, "finetune").get("init"):
        training["learning_rate"] = float(f"{RATE_SHARE * rate:.3g}")
    if any(_table(table, "training").get(key) for key in LENGTHS):
        del training["epochs"]
    base["training"] = training
    return _merged(base, table)


def _table(recipe: dict[str, Any], name: str) -> dict[str, Any]:
    """A table of a recipe that nobody has checked yet; one that is none is told of when it is."""
    value = recipe.get(name)
    return value if isinstance(value, dict) else {}


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in over.items():
        inner = result.get(key)
        tables = isinstance(inner, dict) and isinstance(value, dict)
        result[key] = _merged(result[key], value) if tables else value
    return result
