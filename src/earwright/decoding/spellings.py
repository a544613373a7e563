"""What tokens are made of, so that words can be found in them: characters, or phones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from earwright.decoding.beam_arrays import Spellings
from earwright.errors import EarwrightError

BOUNDARY = 0  # the unit between words
WORD_START = "\u2581"  # sentencepiece's sign for a space
# Signs for a space among other people's tokens, the likelier first.
SPACES = (WORD_START, " ", "|", "<space>")
# Tokens that are no part of any text: <unk>, <s>, [PAD].
_SIGN = re.compile(r"<[^<>\s]+>|\[[A-Z]+\]")


@dataclass(frozen=True)
class Units:
    """What tokens and words are spelled with: one number for each character (or phone), 0 between words.

    Attributes:
        tokens: the vocabulary of the log-probs.
        blank: the number of the blank.
        space: the sign in tokens that separates words; None: a lexicon says where words end.
        numbers: unit -> number.
        spellings: the same as arrays.
    """

    tokens: tuple[str, ...]
    blank: int
    space: str | None
    numbers: dict[str, int] = field(repr=False)
    spellings: Spellings = field(repr=False)

    @classmethod
    def of(cls, tokens: Sequence[str], blank: int = 0, space: str | None = "") -> Units:
        """From a vocabulary.

        Args:
            tokens: of any model; with a space sign, characters are units, else tokens are (phones).
            blank: its number.
            space: the sign for a space in tokens; "" finds it; None: there is none.

        Raises:
            EarwrightError: the blank is none of the tokens, a token is there twice, or has two spaces in it.
        """
        names = tuple(tokens)
        if not 0 <= blank < len(names):
            raise EarwrightError(f"the blank is token {blank}, and there are {len(names)}; name one of them.")
        twice = next((name for index, name in enumerate(names) if name in names[:index]), None)
        if twice is not None:
            raise EarwrightError(f"the vocabulary has the token {twice!r} twice; take one out.")
        if space == "":
            space = find_space(name for index, name in enumerate(names) if index != blank)
        numbers: dict[str, int] = {}
        begins, units, said = [0], [], []
        for index, name in enumerate(names):
            sign = index == blank or (_SIGN.fullmatch(name) is not None and name != space)
            said.append(not sign and name != "")
            parts = [] if not said[-1] else _cut(name, space)
            if parts.count(None) > 1:
                raise EarwrightError(
                    f"token {index}, {name!r}, has more than one space in it; such tokens cannot be searched."
                )
            for part in parts:
                units.append(BOUNDARY if part is None else numbers.setdefault(part, len(numbers) + 1))
            begins.append(len(units))
        arrays = Spellings(
            np.array(begins, np.int32),
            np.array(units, np.int32),
            np.array(said, np.bool_),
            np.zeros(len(names), np.int32),
        )
        return cls(names, blank, space, numbers, arrays)

    def spell(self, word: Iterable[str]) -> list[int] | None:
        """The units of a word, given as its characters or phones; None if there is no unit for one."""
        found = [self.numbers.get(part, 0) for part in word]
        return found if found and 0 not in found else None

    def count(self, tokens: Iterable[int]) -> int:
        """How many units tokens have, boundaries between words among them."""
        begins = self.spellings.begins
        return sum(int(begins[token + 1] - begins[token]) for token in tokens)

    def text(self, tokens: Iterable[int]) -> str:
        """What tokens spell, with blanks for their spaces; for tokens that have a sign for one."""
        sign = self.space or ""
        names = (self.tokens[token] for token in tokens)
        return "".join(" " if name == sign else name.replace(sign, " ") for name in names)

    def missing(self, word: Iterable[str]) -> list[str]:
        """What has no unit."""
        return [part for part in word if part not in self.numbers]


def find_space(tokens: Iterable[str]) -> str | None:
    """The sign for a space that tokens use."""
    names = list(tokens)
    if any(name.startswith(WORD_START) for name in names):
        return WORD_START
    return next((space for space in SPACES if space in names), None)


def _cut(token: str, space: str | None) -> list[str | None]:
    """A token's units; None is the space."""
    if space is None:
        return [token]
    if len(space) > 1:
        return [None] if token == space else list(token)
    return [None if character == space else character for character in token]
