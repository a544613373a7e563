"""Training: the recipe, the run, its checkpoints and its export. `train` does all of it."""

from earwright.training.log import Reporter
from earwright.training.recipe import Recipe, load_recipe
from earwright.training.run import train

__all__ = ["Recipe", "Reporter", "load_recipe", "train"]
