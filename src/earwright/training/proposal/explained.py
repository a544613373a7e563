"""A recipe as TOML with the reason for each of its values above it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

import tomli_w

WIDTH = 100  # columns of the comments


class Line(NamedTuple):
    """A value of a recipe: its table ("" for none), its key, and why it is what it is."""

    table: str
    key: str
    value: Any
    why: str


def table_of(lines: Sequence[Line]) -> dict[str, Any]:
    """The recipe as nested dictionaries, as TOML reads them."""
    recipe: dict[str, Any] = {}
    for line in lines:
        table = recipe.setdefault(line.table, {}) if line.table else recipe
        table[line.key] = list(line.value) if isinstance(line.value, tuple) else line.value
    return recipe


def explained_toml(header: Sequence[str], lines: Sequence[Line]) -> str:
    """The recipe as TOML.

    Args:
        header: paragraphs that stand above everything, as comments.
        lines: those of one table follow each other, those of none come first.
    """
    parts = ["\n#\n".join(map(_comment, header)) + "\n"] if header else []
    table = ""
    for line in lines:
        if line.table != table:
            table = line.table
            parts.append(f"\n[{table}]")
        parts.append(f"{_comment(line.why)}\n{line.key} = {_value(line.value)}")
    return "\n".join(parts) + "\n"


def _comment(text: str) -> str:
    """What stands in it may be the name of a folder: no character may end the line."""
    plain = "".join(character if character.isprintable() else "?" for character in text)
    wrapped = textwrap.wrap(plain, WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"# {line}" for line in wrapped)


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return tomli_w.dumps({"x": value}).removeprefix("x = ").rstrip("\n")
