"""What the doctor says: a sentence with the figures that made it speak, and what to try."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

NOTE, WARNING = "note", "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that the doctor sees.

    Attributes:
        name: of the cause, such as "rate-too-high".
        sentence: what is seen, with its figures and their units.
        advice: what to try; "" where there is nothing to do.
        severity: "warning", or "note" for what is as it should be and yet worth knowing.
        weight: how bad it is, in a unit of the rule's own: it speaks again once this has doubled.
        figures: name -> value, for programs.
        step: when it was said; 0 is before the first step.
    """

    name: str
    sentence: str
    advice: str
    severity: str = WARNING
    weight: float = 1.0
    figures: dict[str, float] = field(default_factory=dict)
    step: int = 0

    @property
    def text(self) -> str:
        """The sentence and the advice."""
        return f"{self.sentence} {self.advice}".strip()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)
