"""Training: the recipe, the run, its checkpoints and its export. `train` does all of it.

Importing this loads nothing heavy; each name loads what it needs when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from earwright.training.log import Reporter
    from earwright.training.recipe import Recipe, load_recipe
    from earwright.training.run import train

__all__ = ["Recipe", "Reporter", "load_recipe", "train"]


def __getattr__(name: str) -> Any:
    import importlib

    rooms = {"Recipe": "recipe", "Reporter": "log", "load_recipe": "recipe", "train": "run"}
    if name not in rooms:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{rooms[name]}"), name)
