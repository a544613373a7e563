"""earwright: train a speech recognizer of your own from recordings and their texts, and run it anywhere.

Importing this package loads nothing heavy; each name below loads what it needs when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earwright.errors import EarwrightError
from earwright.transcript import Segment, Transcript, Word

if TYPE_CHECKING:
    from earwright.recognizer import Recognizer

__version__ = "0.1.0"

__all__ = ["EarwrightError", "Recognizer", "Segment", "Transcript", "Word", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Recognizer":
        from earwright.recognizer import Recognizer

        return Recognizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
