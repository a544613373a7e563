"""A recipe: everything that makes a recognizer what it is, as frozen dataclasses and as TOML."""

from __future__ import annotations

import dataclasses
import difflib
import os
import tomllib
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from earwright.data.augmentation.options import AugmentOptions
from earwright.data.options import DataOptions, TextOptions
from earwright.errors import EarwrightError, first_line
from earwright.models import ConformerOptions, ModelOptions, ReferenceOptions
from earwright.nn.features import FeatureOptions
from earwright.training.finetuning.options import FinetuneOptions
from earwright.training.finetuning.over_bundle import over_bundle
from earwright.training.options import TrainingOptions


@dataclass(frozen=True)
class Recipe:
    """What to train, on what, and how. `[features] sample_rate` is the rate of the whole recognizer.

    Attributes:
        name: of the bundle.
        seed: of every random draw.
    """

    name: str = "recognizer"
    seed: int = 1
    data: DataOptions = field(default_factory=DataOptions)
    text: TextOptions = field(default_factory=TextOptions)
    features: FeatureOptions = field(default_factory=FeatureOptions)
    augment: AugmentOptions = field(default_factory=AugmentOptions)
    model: ModelOptions = field(default_factory=ConformerOptions)
    training: TrainingOptions = field(default_factory=TrainingOptions)
    finetune: FinetuneOptions = field(default_factory=FinetuneOptions)

    def __post_init__(self) -> None:
        waveform, reference = self.features.kind == "waveform", isinstance(self.model, ReferenceOptions)
        if waveform != reference:
            raise EarwrightError(
                'features.kind = "waveform" and model.kind = "reference" belong together: that model hears '
                "the waveform itself, and no other does."
            )
        if waveform and self.augment.frequency_masks:
            raise EarwrightError(
                "a waveform has no bands of frequency that could be hidden; set augment.frequency_masks = 0."
            )
        if waveform and self.augment.warp_seconds:
            raise EarwrightError(
                "the time of a waveform is not warped, which would bend its pitch; set "
                "augment.warp_seconds = 0, and use augment.tempo instead."
            )


def load_recipe(path: str | os.PathLike[str] | None, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe and change some of it.

    One that names a bundle to start from (finetune.init) need not say more than what is new: the rest is
    that of the bundle's own recipe, see `over_bundle`.

    Args:
        path: a TOML file whose tables and keys are the fields of `Recipe`; None, where the overrides say all.
        overrides: "key=value", the key with its table ("training.learning_rate=2e-3"), the value as in
            TOML (text may go without quotes).

    Raises:
        EarwrightError: the file is missing or not TOML, a key is unknown (the nearest is named), or a
            value has the wrong type.
    """
    table = {} if path is None else _read_table(Path(path))
    for override in overrides:
        _override(table, override)
    finetune = table.get("finetune")
    if isinstance(finetune, dict) and finetune.get("init") and isinstance(finetune["init"], str):
        table = over_bundle(table)
    return recipe_from_dict(table, "--set" if path is None else str(path))


def _read_table(where: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(where.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EarwrightError(
            f"{where}: there is no such recipe; the recipes that come along lie in recipes/."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise EarwrightError(f"{where}: cannot be read as a recipe: {first_line(error)}.") from error
    except tomllib.TOMLDecodeError as error:
        raise EarwrightError(f"{where}: not valid TOML: {first_line(error)}.") from error


def recipe_from_dict(table: dict[str, Any], where: str) -> Recipe:
    """A recipe from nested dictionaries; `where` opens the error messages."""
    recipe = _build(Recipe, table, where, "")
    assert isinstance(recipe, Recipe)
    return recipe


def recipe_to_dict(recipe: Recipe) -> dict[str, Any]:
    """Nested dictionaries and lists, ready for TOML or JSON."""
    plain = dataclasses.asdict(recipe)
    result = _listed(plain)
    assert isinstance(result, dict)
    return result


def recipe_to_toml(recipe: Recipe) -> str:
    """The recipe with all its values, defaults too, as TOML."""
    return tomli_w.dumps(recipe_to_dict(recipe))


def recipe_differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    """The keys whose values differ between two recipes, as "training.steps"."""
    found = []
    for key in sorted(old.keys() | new.keys()):
        a, b = old.get(key), new.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            found += recipe_differences(a, b, f"{prefix}{key}.")
        elif a != b:
            found.append(prefix + key)
    return found


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, tuple | list) else value


def _override(table: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise EarwrightError(
            f'--set "{override}": write key=value, for instance --set training.learning_rate=1e-3.'
        )
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()  # plain text needs no quotes on a command line
    *tables, last = key.strip().split(".")
    for name in tables:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise EarwrightError(f'--set "{override}": {name} is a value, not a table.')
    table[last] = value


def _build(kind: type, table: dict[str, Any], where: str, prefix: str) -> Any:
    hints = typing.get_type_hints(kind)
    names = [item.name for item in dataclasses.fields(kind)]
    values = {}
    for key, value in table.items():
        if key not in names:
            raise EarwrightError(f"{where}: unknown key {prefix}{key}{_nearest(key, kind, prefix)}")
        values[key] = _convert(value, hints[key], where, prefix + key)
    return kind(**values)


def _nearest(key: str, kind: type, prefix: str) -> str:
    known = [prefix + item.name for item in dataclasses.fields(kind)]
    everywhere = [f"{t.name}.{k.name}" for t in dataclasses.fields(Recipe) for k in _fields_of(t)]
    close = difflib.get_close_matches(prefix + key, known, 1, 0.5) or [
        name for name in everywhere if name.rpartition(".")[2] == key
    ]
    return f"; did you mean {close[0]}?" if close else f"; known here: {', '.join(known)}."


def _fields_of(table: dataclasses.Field[Any]) -> tuple[dataclasses.Field[Any], ...]:
    hint = typing.get_type_hints(Recipe)[table.name]
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    return tuple(
        item for kind in kinds if dataclasses.is_dataclass(kind) for item in dataclasses.fields(kind)
    )


def _model_kind(table: Any, where: str, key: str) -> type:
    """The options that `[model] kind` asks for; recipes that are older than it mean a Conformer."""
    kinds: dict[Any, type] = {options.kind: options for options in typing.get_args(ModelOptions)}
    asked = table.get("kind", ConformerOptions.kind) if isinstance(table, dict) else ConformerOptions.kind
    if not isinstance(asked, str) or asked not in kinds:
        raise EarwrightError(f"{where}: {key}.kind {asked!r} is none of {', '.join(kinds)}.")
    return kinds[asked]


def _convert(value: Any, hint: Any, where: str, key: str) -> Any:
    if hint == ModelOptions:
        hint = _model_kind(value, where, key)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise EarwrightError(f"{where}: {key} must be a table, [{key}].")
        return _build(hint, value, where, f"{key}.")
    origin = typing.get_origin(hint)
    if origin is tuple:
        items = [value] if isinstance(value, str) else value  # one path may go without brackets
        if not isinstance(items, list | tuple):
            raise EarwrightError(f"{where}: {key} must be a list, not {value!r}.")
        kinds = typing.get_args(hint)
        if kinds[-1] is not Ellipsis and len(items) != len(kinds):
            raise EarwrightError(f"{where}: {key} must have {len(kinds)} values, not {len(items)}.")
        return tuple(_convert(item, kinds[0], where, key) for item in items)
    if origin in (typing.Union, types.UnionType):  # the kind that fits, or else the one to ask for
        kinds = typing.get_args(hint)
        kind = next((k for k in kinds if isinstance(k, type) and isinstance(value, k)), kinds[0])
        return value if value is None else _convert(value, kind, where, key)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        names = {int: "a whole number", float: "a number", str: "text in quotes", bool: "true or false"}
        raise EarwrightError(f"{where}: {key} must be {names.get(hint, hint.__name__)}, not {value!r}.")
    return value
