"""Scoring: error rates equal to jiwer's and sclite's, how sure they are, and where the errors lie."""

from earwright.evaluation.align import Counts, Pair, align, count, count_errors
from earwright.evaluation.bootstrap import bootstrap_interval
from earwright.evaluation.record import record, save_record
from earwright.evaluation.score import Evaluation, Utterance, score, score_marked
from earwright.evaluation.trn import read_trn, write_trn

__all__ = [
    "Counts",
    "Evaluation",
    "Pair",
    "Utterance",
    "align",
    "bootstrap_interval",
    "count",
    "count_errors",
    "read_trn",
    "record",
    "save_record",
    "score",
    "score_marked",
    "write_trn",
]
