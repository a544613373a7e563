"""What grammars are written with: words, alternatives, loops, references to rules; whatever the format is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """One word, and the line of the file that has it."""

    text: str
    line: int


@dataclass(frozen=True)
class Series:
    """One after the other; no parts: nothing is said."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class Choice:
    """One of several, each with how likely it is beside the others; none: what cannot be said."""

    ways: tuple[tuple[float, Expression], ...]


@dataclass(frozen=True)
class Repeat:
    """So often, or more often."""

    part: Expression
    least: int


@dataclass(frozen=True)
class Reference:
    """What a rule of this name says."""

    name: str
    line: int


@dataclass(frozen=True)
class Tagged:
    """A part with a tag, which is no part of the text."""

    part: Expression
    tag: str


Expression = Word | Series | Choice | Repeat | Reference | Tagged

NOTHING = Series(())


def series(parts: Sequence[Expression]) -> Expression:
    """Parts one after the other; one alone is itself."""
    return parts[0] if len(parts) == 1 else Series(tuple(parts))


def choice(ways: Sequence[Expression]) -> Expression:
    """One of several that are equally likely; one alone is itself."""
    return ways[0] if len(ways) == 1 else Choice(tuple((1.0, way) for way in ways))


def optional(part: Expression) -> Expression:
    """A part or nothing, equally likely."""
    return choice([part, NOTHING])
