"""A recipe line by line, with what differs from the defaults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import tomli_w

from earwright.training.recipe import Recipe, recipe_to_dict

UNKNOWN = "unknown to this earwright"


class Line(NamedTuple):
    """A line of TOML, and a comment on it where its value is not the default; "" where it is."""

    text: str
    comment: str = ""


def list_recipe(table: dict[str, Any]) -> list[Line]:
    """The lines of a recipe, each value on one; together with their comments they are TOML still.

    Args:
        table: of a recipe, with keys that may not be known here.
    """
    return list(_lines(table, recipe_to_dict(Recipe()), ""))


def count_changes(lines: list[Line]) -> int:
    """How many values are not the default."""
    return sum(line.comment != "" for line in lines)


def _lines(table: dict[str, Any], defaults: dict[str, Any], prefix: str) -> Iterator[Line]:
    for key, value in table.items():
        if not isinstance(value, dict):
            yield Line(f"{_key(key)} = {_value(value)}", _comment(value, key, defaults))
    for key, value in table.items():
        if isinstance(value, dict):
            name = prefix + _key(key)
            inner = defaults.get(key)
            yield Line("")
            yield Line(f"[{name}]", "" if isinstance(inner, dict) else UNKNOWN)
            yield from _lines(value, inner if isinstance(inner, dict) else {}, f"{name}.")


def _comment(value: Any, key: str, defaults: dict[str, Any]) -> str:
    if key not in defaults:
        return UNKNOWN
    return "" if value == defaults[key] else f"default {_value(defaults[key])}"


def _key(key: str) -> str:
    return tomli_w.dumps({key: 0}).removesuffix(" = 0\n")


def _value(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_key(key)} = {_value(item)}' for key, item in value.items())}}}"
    return tomli_w.dumps({"x": value}).removeprefix("x = ").strip()
