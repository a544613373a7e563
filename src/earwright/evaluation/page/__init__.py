"""An evaluation as a page: the rates and where the errors are, with utterances to look at and listen to."""

from earwright.evaluation.page.exhibits import Exhibition, exhibit
from earwright.evaluation.page.sections import build_evaluation_page, evaluation_sections

__all__ = ["Exhibition", "build_evaluation_page", "evaluation_sections", "exhibit"]
