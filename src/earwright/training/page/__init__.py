"""The report of a run: what it has left behind, in sentences, in figures, and as a page with curves."""

from earwright.training.page.past_run import PastRun, read_run
from earwright.training.page.sections import build_report, sentences, summary

__all__ = ["PastRun", "build_report", "read_run", "sentences", "summary"]
