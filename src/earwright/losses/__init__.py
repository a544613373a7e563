"""Training losses on batches of log-probs."""

from earwright.losses.ctc import CtcLoss, ctc_loss

__all__ = ["CtcLoss", "ctc_loss"]
