"""Neural language models: a text in numbers, the loop, and the file that comes of it."""

from earwright.training.language_model.options import LanguageModelOptions
from earwright.training.language_model.run import Trained, train_language_model

__all__ = ["LanguageModelOptions", "Trained", "train_language_model"]
