"""The tokens of a recognizer, for language models that foretell those."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from earwright.text import Tokenizer


def add_argument(parser: argparse._ActionsContainer, what: str) -> None:
    """Declare --tokens."""
    parser.add_argument(
        "--tokens", metavar="BUNDLE", help=f"{what} of this recognizer (or of a folder with its tokens.txt)"
    )


def open_tokenizer(place: str) -> tuple[Tokenizer, str | None]:
    """The tokenizer of a bundle and the normalizer that belongs to it, or of a folder that says no more."""
    from pathlib import Path

    from earwright.bundle import Bundle
    from earwright.bundle_description import DESCRIPTION
    from earwright.text import load_tokenizer

    path = Path(place)
    if path.is_dir() and not (path / DESCRIPTION).exists():
        return load_tokenizer(path), None
    bundle = Bundle.open(path)
    names = [name for name in ("tokens.txt", "tokenizer.model") if name in bundle.names]
    return load_tokenizer({name: bundle.read(name) for name in names}), bundle.meta.normalizer
