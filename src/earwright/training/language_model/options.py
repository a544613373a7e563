"""What kind of neural language model to train, and for how long."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from earwright.errors import EarwrightError
from earwright.models.language_model import TransformerOptions
from earwright.training.options import TrainingOptions, parse_time


@dataclass(frozen=True)
class LanguageModelOptions:
    """Size, length and pace of a training.

    Exactly one of epochs, steps and max_time sets the length.

    Attributes:
        model: its size and shape.
        epochs: passes over the text; 0 leaves it to the others.
        steps: updates of the weights; 0 leaves it to the others.
        max_time: "20m", "2h" of training; turned into steps after a short measurement.
        batch_tokens: tokens an update.
        learning_rate: the highest.
        dropout: of each branch; None: 0.1 where the text is seen more than twice, else none.
        precision: "fp32", "bf16", or "auto", which measures both here.
        seed: of every draw.
    """

    model: TransformerOptions = field(default_factory=TransformerOptions)
    epochs: float = 0.0
    steps: int = 0
    max_time: str = "20m"
    batch_tokens: int = 2048
    learning_rate: float = 2e-3
    dropout: float | None = None
    precision: str = "auto"
    seed: int = 1

    def __post_init__(self) -> None:
        if self.max_time:
            parse_time(self.max_time)
        lengths = sum((bool(self.epochs), bool(self.steps), bool(self.max_time)))
        if lengths != 1 or self.epochs < 0 or self.steps < 0:
            raise EarwrightError("the length of a training is one of epochs, steps and max-time, above 0.")
        if self.batch_tokens < 1 or not self.learning_rate > 0:
            raise EarwrightError("batch-tokens and learning-rate must be above 0.")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise EarwrightError(f"dropout is {self.dropout}; it must lie in [0, 1).")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise EarwrightError(f'precision "{self.precision}" is none of auto, fp32, bf16.')

    @property
    def training(self) -> TrainingOptions:
        """The same for what all trainings share: optimizer and schedule."""
        return TrainingOptions(
            learning_rate=self.learning_rate, warmup=0.05, final_rate=0.02, clip=1.0, average="none"
        )

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON, as JSON gives it back."""
        return {**asdict(self), "model": {**asdict(self.model), "cutoffs": list(self.model.cutoffs)}}
