"""Sphinx's finite-state grammars as text (.fsg): states and transitions with probabilities and words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from earwright.decoding.grammar.network import Arc, Network
from earwright.errors import EarwrightError

_NUMBERS = {
    "NUM_STATES": "N", "START_STATE": "S", "FINAL_STATE": "F", "N": "N", "S": "S", "F": "F",
}  # fmt: skip
_TRANSITION = ("TRANSITION", "T")


def read_fsg(lines: Iterable[str], source: str) -> Network:
    """Read a grammar, up to its FSG_END.

    Args:
        lines: of the file.
        source: its name.

    Raises:
        EarwrightError: it is no such grammar; with its line.

    Source of the format: the header of pocketsphinx' fsg_model.c.
    """
    numbers: dict[str, int] = {}
    arcs: list[Arc] = []
    rows = _rows(lines)
    number, words = next(rows, (1, [""]))
    if words[0] != "FSG_BEGIN":
        raise EarwrightError(f"{source}, line {number}: an FSG file begins with FSG_BEGIN.")
    for number, words in rows:
        where = f"{source}, line {number}"
        if words[0] == "FSG_END":
            break
        if words[0] in _NUMBERS and len(words) == 2:
            numbers[_NUMBERS[words[0]]] = _whole(words[1], where)
        elif words[0] in _TRANSITION and len(words) in (4, 5):
            arcs.append(_arc(words[1:], number, where))
        else:
            raise EarwrightError(f"{where}: {' '.join(words)!r} is no line of an FSG file.")
    else:
        raise EarwrightError(f"{source}: ends without FSG_END; it may have been cut off.")
    lacking = next((name for name, short in _NUMBERS.items() if short not in numbers), None)
    if lacking is not None:
        raise EarwrightError(f"{source}: lacks {lacking}.")
    states = numbers["N"]
    named = {(numbers["S"], 0), (numbers["F"], 0)}
    named |= {(state, arc.line) for arc in arcs for state in (arc.source, arc.target)}
    for state, line in sorted(named):
        if not 0 <= state < states:
            where = f"{source}, line {line}" if line else source
            raise EarwrightError(f"{where}: there is no state {state}; NUM_STATES is {states}.")
    return Network(states, numbers["S"], numbers["F"], tuple(arcs), source)


def _rows(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.split()


def _arc(words: list[str], number: int, where: str) -> Arc:
    source, target = _whole(words[0], where), _whole(words[1], where)
    try:
        prob = float(words[2])
    except ValueError:
        prob = math.nan
    if not 0.0 < prob <= 1.0:
        raise EarwrightError(f"{where}: {words[2]!r} is no probability above 0 and at most 1.")
    said = words[3] if len(words) == 4 else None
    return Arc(source, target, said, math.log(prob), None, number)


def _whole(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise EarwrightError(f"{where}: {text!r} is not a whole number of 0 or more.")
    return int(text)
