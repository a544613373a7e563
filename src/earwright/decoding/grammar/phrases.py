"""A plain list of phrases, one a line, with alternatives, optional words and named lists.

    # what the lamp understands
    {room} = kitchen | living room | hall
    {room} = bath
    turn (on|off) the [big] light [in the {room}]
    good night

A line `{name} = ...` makes a list, or adds to it; any other line is a phrase, and all are equally likely.
Lines that begin with # and empty ones count for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from earwright.decoding.grammar.expressions import (
    Choice,
    Expression,
    Reference,
    Word,
    choice,
    optional,
    series,
)
from earwright.errors import EarwrightError

DEEPEST = 60  # groups within groups; a level is three calls
PHRASES = ""  # the rule that has the phrases: no list can have this name

_SLOT = r"\{\s*([^\s{}()\[\]|=][^{}()\[\]|=]*?)\s*\}"
_LIST = re.compile(rf"\s*{_SLOT}\s*=(.*)", re.DOTALL)
_TOKENS = re.compile(rf"\s*(?:{_SLOT}|([()\[\]|])|([^\s{{}}()\[\]|]+)|(\S))")


def read_phrases(
    lines: Iterable[str], source: str, slots: Mapping[str, Iterable[str]] | None = None
) -> dict[str, Expression]:
    """Read phrases and lists as rules, of which `PHRASES` is the one to be said.

    Args:
        lines: of the file.
        source: its name.
        slots: further lists, each of phrases.

    Raises:
        EarwrightError: a line that cannot be read, no phrases; with its line.
    """
    lists: dict[str, list[Expression]] = {PHRASES: []}
    for name, entries in (slots or {}).items():
        lists[name] = [_Line(entry, f"{source}, list {{{name}}}", 0).read() for entry in entries]
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        made = _LIST.fullmatch(line)
        name, text = (made[1], made[2]) if made else (PHRASES, line)
        lists.setdefault(name, []).append(_Line(text, f"{source}, line {number}", number).read())
    if not lists[PHRASES]:
        raise EarwrightError(f"{source}: has no phrases; give at least one.")
    for name, ways in lists.items():
        if not ways:
            raise EarwrightError(f"{source}: the list {{{name}}} is empty; give it something to say.")
    return {name: choice(list(_flat(ways))) for name, ways in lists.items()}


def _flat(ways: Iterable[Expression]) -> Iterator[Expression]:
    """Alternatives at the top of a line are as good as lines of their own."""
    for way in ways:
        if isinstance(way, Choice):
            yield from (inner for _, inner in way.ways)
        else:
            yield way


class _Line:
    """Recursive descent through one line."""

    def __init__(self, text: str, where: str, number: int) -> None:
        self.where, self.number = where, number
        self.tokens: list[tuple[str, str]] = []
        for slot, sign, word, other in _TOKENS.findall(text):
            if other:
                raise EarwrightError(
                    f"{where}: {other!r} cannot stand here; a list is named in braces, such as {{room}}."
                )
            kind = "slot" if slot else "sign" if sign else "word"
            self.tokens.append((kind, slot or sign or word))
        self.tokens.append(("end", "the end of the line"))
        self.at = 0
        self.depth = 0

    def read(self) -> Expression:
        found = self._alternatives()
        if self.tokens[self.at][0] != "end":
            raise EarwrightError(f"{self.where}: {self.tokens[self.at][1]!r} closes nothing.")
        return found

    def _alternatives(self) -> Expression:
        ways = [self._phrase()]
        while self.tokens[self.at] == ("sign", "|"):
            self.at += 1
            ways.append(self._phrase())
        return choice(ways)

    def _phrase(self) -> Expression:
        parts: list[Expression] = []
        while True:
            kind, text = self.tokens[self.at]
            if kind == "word":
                parts.append(Word(text, self.number))
            elif kind == "slot":
                parts.append(Reference(text, self.number))
            elif text in ("(", "["):
                parts.append(self._group(text))
            else:
                break
            self.at += 1
        if not parts:
            raise EarwrightError(f"{self.where}: there are no words before {text!r}.")
        return series(parts)

    def _group(self, opened: str) -> Expression:
        """Ends at the sign that closes it."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise EarwrightError(f"{self.where}: groups lie more than {DEEPEST} deep in each other.")
        self.at += 1
        inner = self._alternatives()
        closing = ")" if opened == "(" else "]"
        if self.tokens[self.at] != ("sign", closing):
            raise EarwrightError(
                f"{self.where}: {opened!r} is not closed by {closing!r} before {self.tokens[self.at][1]!r}."
            )
        self.depth -= 1
        return inner if opened == "(" else optional(inner)
