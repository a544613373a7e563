"""Two runs beside each other: in which keys their recipes differ, and where they stood at equal cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from earwright.training.comparison.runs import RunFacts, interpolate
from earwright.training.recipe import Recipe, recipe_to_dict

QUARTERS = 4
AXES = {"step": "steps", "minutes": "minutes", "cpu": "minutes of processor time"}


@dataclass(frozen=True)
class Value:
    """A value in one recipe, and whether it is what a recipe without that key has.

    `known` is False where the recipe has no such key and this version does not know it.
    """

    value: Any
    is_default: bool = False
    known: bool = True

    def __str__(self) -> str:
        if not self.known:
            return "(not there)"
        if isinstance(self.value, list):
            shown = "[" + ", ".join(str(item) for item in self.value) + "]"
        elif isinstance(self.value, bool):
            shown = str(self.value).lower()
        else:
            shown = f"{self.value:g}" if isinstance(self.value, float) else str(self.value) or '""'
        return f"{shown} (default)" if self.is_default else shown


@dataclass(frozen=True)
class Difference:
    """A key whose values differ, such as "training.learning_rate"."""

    key: str
    values: tuple[Value, Value]


@dataclass(frozen=True)
class Standing:
    """The errors of both at one place of an axis: fractions, between the looks around it."""

    place: float
    errors: tuple[float, float]


def differences(a: dict[str, Any], b: dict[str, Any]) -> list[Difference]:
    """The keys in which two recipes differ, in the order in which a recipe has them.

    Args:
        a, b: as nested dictionaries, of whatever version; a key that one of them lacks has its default.
    """
    defaults = flatten(recipe_to_dict(Recipe()))
    flat = flatten(a), flatten(b)
    keys = list(dict.fromkeys([*defaults, *flat[0], *flat[1]]))
    found = []
    for key in keys:
        one, other = (_value(recipe, key, defaults) for recipe in flat)
        if (one.known, one.value) != (other.known, other.value):
            found.append(Difference(key, (one, other)))
    return found


def flatten(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} -> {"a.b": 1}"""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat


def _value(recipe: dict[str, Any], key: str, defaults: dict[str, Any]) -> Value:
    if key in recipe:
        return Value(recipe[key], key in defaults and recipe[key] == defaults[key])
    return Value(defaults[key], True) if key in defaults else Value(None, known=False)


def standings(a: RunFacts, b: RunFacts, metric: str, by: str) -> list[Standing]:
    """Where both stood at each quarter of the way that both went.

    Args:
        metric: "cer" or "wer".
        by: "step", "minutes" or "cpu".
    """
    curves = a.points(metric, by), b.points(metric, by)
    if not all(curves):
        return []
    end = min(curve[-1][0] for curve in curves)
    found = []
    for quarter in range(1, QUARTERS + 1):
        place = end * quarter / QUARTERS
        errors = [interpolate(curve, place) for curve in curves]
        if all(error == error for error in errors):  # a look lies before it
            found.append(Standing(place, (errors[0], errors[1])))
    return found


def reservations(a: RunFacts, b: RunFacts) -> list[str]:
    """What to bear in mind before two runs' errors are compared, a sentence each."""
    notes = []
    dev = [flatten(run.recipe).get("data.dev") for run in (a, b)]
    if a.recipe and b.recipe and dev[0] != dev[1]:
        notes.append("They are watched on different dev sets, so that their errors cannot be compared.")
    if a.steps and b.steps and a.steps != b.steps:
        notes.append(
            f"Their learning rates follow {a.steps:,} and {b.steps:,} steps: at equal cost before the end, "
            "one is further on with its schedule than the other."
        )
    return notes
