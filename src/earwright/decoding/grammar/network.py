"""Rules written out as a network of words: states, and arcs that say a word or nothing."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from earwright.decoding.grammar.expressions import (
    Choice,
    Expression,
    Reference,
    Repeat,
    Series,
    Tagged,
    Word,
)
from earwright.errors import EarwrightError

MOST_ARCS = 1_000_000  # a rule that is referred to is written out each time, so short files can be huge
DEEPEST = 300  # rules within rules and groups within groups; a level is a call


class Arc(NamedTuple):
    """From one state to another.

    Attributes:
        source, target: states.
        word: that is said on the way; None: nothing.
        weight: natural logarithm of the probability, at most 0.
        tag: to be returned with what was said.
        line: of the file, for messages; 0: none.
    """

    source: int
    target: int
    word: str | None
    weight: float
    tag: str | None = None
    line: int = 0


@dataclass(frozen=True)
class Network:
    """States, of which one is the first and one the last, and arcs between them.

    Attributes:
        states: how many.
        start, end: two of them.
        arcs: in any order.
        source: the file, or what else to call it in messages.
    """

    states: int
    start: int
    end: int
    arcs: tuple[Arc, ...]
    source: str

    def spelled(self, spell: Callable[[str], str]) -> Network:
        """The same with words respelled: into several, parted by blanks, or into none."""
        arcs, states = [], self.states
        for arc in self.arcs:
            parts = [] if arc.word is None else spell(arc.word).split()
            if len(parts) <= 1:
                arcs.append(arc._replace(word=parts[0] if parts else None))
                continue
            through = [arc.source, *range(states, states + len(parts) - 1), arc.target]
            states += len(parts) - 1
            for number, part in enumerate(parts):
                last = number == len(parts) - 1
                weight, tag = (0.0 if number else arc.weight), (arc.tag if last else None)
                arcs.append(Arc(through[number], through[number + 1], part, weight, tag, arc.line))
        return Network(states, self.start, self.end, tuple(arcs), self.source)

    def lines(self) -> dict[str, int]:
        """Of each word the first line that has it."""
        found: dict[str, int] = {}
        for arc in self.arcs:
            if arc.word is not None:
                found[arc.word] = min(arc.line, found.get(arc.word, arc.line))
        return found

    def at(self, line: int) -> str:
        """Where in messages."""
        return f"{self.source}, line {line}" if line else self.source


def network(rules: Mapping[str, Expression], tops: Sequence[str], source: str, sign: str = "<{}>") -> Network:
    """Write rules out.

    A rule may refer to itself where it ends, which is a loop.

    Args:
        rules: by their names.
        tops: the rules one of which is said, equally likely.
        source: the file.
        sign: how a name is written there.

    Raises:
        EarwrightError: a rule that there is not, one that refers to itself elsewhere than at its end, rules
            that are too deep or too large; with their lines.
    """
    builder = _Builder(rules, source, sign)
    for name in tops:
        builder.add(Reference(name, 0), 0, 1, {}, -math.log(len(tops)))
    return Network(builder.states, 0, 1, tuple(builder.arcs), source)


class _Builder:
    """Arcs as they come."""

    def __init__(self, rules: Mapping[str, Expression], source: str, sign: str) -> None:
        self.rules, self.source, self.sign = rules, source, sign
        self.arcs: list[Arc] = []
        self.states = 2
        self.open: list[str] = []  # the rules that are being written out
        self.depth = 0

    def add(
        self, part: Expression, begin: int, end: int, tails: Mapping[str, int], weight: float = 0.0
    ) -> None:
        """Arcs that say a part on the way from one state to another.

        Args:
            part: what is said.
            begin, end: the states.
            tails: where rules began that end where this part ends: to refer to one of them is a loop.
            weight: of the way.
        """
        self.depth += 1
        if self.depth > DEEPEST:
            raise EarwrightError(f"{self.source}: groups or rules lie too deep in each other; simplify it.")
        match part:
            case Word(text, line):
                self._arc(Arc(begin, end, text, weight, None, line))
            case Series(parts):
                states = [begin, *(self._state() for _ in parts[1:]), end]
                if not parts:
                    self._arc(Arc(begin, end, None, weight))
                for number, one in enumerate(parts):
                    last = number == len(parts) - 1
                    self.add(one, states[number], states[number + 1], tails if last else {}, weight)
                    weight = 0.0
            case Choice(ways):
                whole = math.fsum(much for much, _ in ways)
                for much, way in ways:
                    if much > 0:
                        self.add(way, begin, end, tails, weight + math.log(much / whole))
            case Repeat(inner, least):
                self._repeat(inner, least, begin, end, weight)
            case Tagged(inner, tag):
                before = self._state()
                self.add(inner, begin, before, {}, weight)
                self._arc(Arc(before, end, None, 0.0, tag))
            case Reference(name, line):
                self._refer(name, line, begin, end, tails, weight)
        self.depth -= 1

    def _repeat(self, part: Expression, least: int, begin: int, end: int, weight: float) -> None:
        """Once more and no more are equally likely."""
        before, after, half = self._state(), self._state(), math.log(0.5)
        self._arc(Arc(begin, before, None, weight + (0.0 if least else half)))
        if not least:
            self._arc(Arc(begin, end, None, weight + half))
        self.add(part, before, after, {})
        self._arc(Arc(after, before, None, half))
        self._arc(Arc(after, end, None, half))

    def _refer(
        self, name: str, line: int, begin: int, end: int, tails: Mapping[str, int], weight: float
    ) -> None:
        if name in tails:
            self._arc(Arc(begin, tails[name], None, weight))
            return
        where = f"{self.source}, line {line}" if line else self.source
        if name not in self.rules:
            near = difflib.get_close_matches(name, self.rules, n=1)
            hint = f"; did you mean {self.sign.format(near[0])}?" if near else "."
            raise EarwrightError(f"{where}: there is no {self.sign.format(name)}{hint}")
        if name in self.open:
            raise EarwrightError(
                f"{where}: {self.sign.format(name)} refers to itself elsewhere than at its end, which no "
                "search of this kind can follow; write it as a loop."
            )
        first = self._state()  # a state of its own, so that a loop begins nowhere else
        self._arc(Arc(begin, first, None, weight))
        self.open.append(name)
        self.add(self.rules[name], first, end, {**tails, name: first})
        self.open.pop()

    def _state(self) -> int:
        self.states += 1
        return self.states - 1

    def _arc(self, arc: Arc) -> None:
        self.arcs.append(arc)
        if len(self.arcs) > MOST_ARCS:
            named = f" at {self.sign.format(self.open[-1])}" if self.open else ""
            raise EarwrightError(
                f"{self.source}: written out, the grammar has more than {MOST_ARCS:,} words and branches"
                f"{named}; make it smaller."
            )


def useful(arcs: Iterable[Arc], start: int, end: int) -> list[Arc]:
    """The arcs that lie on a way from the start to the end."""
    listed = list(arcs)
    ahead: dict[int, list[int]] = {}
    back: dict[int, list[int]] = {}
    for arc in listed:
        ahead.setdefault(arc.source, []).append(arc.target)
        back.setdefault(arc.target, []).append(arc.source)
    reached, reaching = _reached(ahead, start), _reached(back, end)
    return [arc for arc in listed if arc.source in reached and arc.target in reaching]


def _reached(steps: Mapping[int, Sequence[int]], start: int) -> set[int]:
    seen, waiting = {start}, [start]
    while waiting:
        for state in steps.get(waiting.pop(), ()):
            if state not in seen:
                seen.add(state)
                waiting.append(state)
    return seen
