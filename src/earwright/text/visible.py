"""Texts from anywhere, shown as text: nothing in them acts on a terminal or on a page."""

from __future__ import annotations

import unicodedata

# These would act instead of being seen: on a terminal, or on the line they stand in.
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Joiners that Persian, Hindi and emoji are written with.
JOINERS = "\u200c\u200d"


def visible(text: str, longest: int | None = None) -> str:
    """The text with what would act instead of being seen (control characters and such) replaced by �.

    Args:
        text: anything.
        longest: characters that are kept; a longer text ends in "…".
    """
    if longest is not None and len(text) > longest:
        text = text[: longest - 1] + "…"
    if text.isprintable():
        return text
    return "".join(
        " "
        if character in "\t\n\r"
        else "\ufffd"
        if unicodedata.category(character) in UNSEEN and character not in JOINERS
        else character
        for character in text
    )
