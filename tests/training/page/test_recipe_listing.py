"""The listing of a recipe is TOML that says the same, and names the values that are not the defaults."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from earwright.training.page.recipe_listing import UNKNOWN, count_changes, list_recipe
from earwright.training.recipe import Recipe, recipe_from_dict, recipe_to_dict


def as_toml(table: dict[str, Any]) -> str:
    return "\n".join(
        f"{line.text}  # {line.comment}" if line.comment else line.text for line in list_recipe(table)
    )


def test_the_defaults_are_not_marked() -> None:
    table = recipe_to_dict(Recipe())
    lines = list_recipe(table)
    assert count_changes(lines) == 0
    assert tomllib.loads(as_toml(table)) == table
    assert recipe_from_dict(tomllib.loads(as_toml(table)), "x") == Recipe()


def test_what_differs_is_marked_with_its_default() -> None:
    table = recipe_to_dict(Recipe(name="mine"))
    table["training"] |= {"learning_rate": 0.002, "steps": 5}
    table["augment"]["speeds"] = [1.0]
    table["model"]["wings"] = 2
    table["kitchen"] = {"sink": {"deep": True}}
    comments = {line.text.partition(" = ")[0]: line.comment for line in list_recipe(table) if line.comment}
    assert comments == {
        "name": 'default "recognizer"',
        "learning_rate": "default 0.001",
        "steps": "default 0",
        "speeds": "default [0.9, 1.0, 1.1]",
        "wings": UNKNOWN,
        "[kitchen]": UNKNOWN,
        "[kitchen.sink]": UNKNOWN,
        "deep": UNKNOWN,
    }
    assert tomllib.loads(as_toml(table)) == table


values = st.recursive(
    st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), values, max_size=5))
def test_any_table_stays_what_it_is(table: dict[str, Any]) -> None:
    lines = list_recipe(table)
    assert all("\n" not in line.text for line in lines)
    assert tomllib.loads("\n".join(line.text for line in lines)) == table
