"""Words and phrases that are likelier here than elsewhere: names, products, the terms of a trade.

A term is a path of units through an automaton (Aho and Corasick 1975). What has said the beginning of a
term is given part of the term's bonus, so that it stays in the beam; as soon as it turns out to be the
beginning of something else, that part is taken back. So the score of a text depends on the terms in it alone.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from earwright.decoding.beam_arrays import Ints, Terms
from earwright.decoding.prefix_tree import prefix_tree
from earwright.decoding.spellings import BOUNDARY, Units
from earwright.errors import EarwrightError

MOST_SPELLINGS = 64  # of a term whose words have several each


@dataclass(frozen=True)
class Keyterm:
    """A word or a phrase.

    Attributes:
        text: as it is to be written.
        weight: how much more its bonus is than that of others.
        sounds_like: other spellings of what is heard, each as long as it likes.
    """

    text: str
    weight: float = 1.0
    sounds_like: tuple[str, ...] = ()


@dataclass(frozen=True)
class KeytermSet:
    """Terms as an automaton, for a search.

    Attributes:
        terms: the automaton, with the bonuses of a boost of 1.
    """

    terms: Terms

    @classmethod
    def of(
        cls,
        keyterms: Iterable[Keyterm],
        units: Units,
        pronunciations: Mapping[str, Sequence[Sequence[str]]] | None = None,
    ) -> KeytermSet:
        """Build the automaton.

        Args:
            keyterms: at least one.
            units: of the search.
            pronunciations: word -> its spellings in units, for units that are no characters.

        Raises:
            EarwrightError: there is no term, or one is empty, there twice, or cannot be spelled.
        """
        patterns: list[list[int]] = []
        bonuses: list[float] = []
        seen: set[str] = set()
        for term in keyterms:
            if term.text in seen:
                raise EarwrightError(f"the key term {term.text!r} is there twice; take one out.")
            seen.add(term.text)
            for spelling in _spellings(term, units, pronunciations):
                patterns.append(spelling)
                bonuses.append(term.weight * sum(unit != BOUNDARY for unit in spelling))
        if not patterns:
            raise EarwrightError("there are no key terms.")
        return cls(_automaton(patterns, bonuses))

    def boosted(self, boost: float) -> tuple[Terms, float]:
        """The automaton with bonuses of `boost` for a unit, and the most that one step can add."""
        terms = self.terms._replace(promised=self.terms.promised * boost, earned=self.terms.earned * boost)
        return terms, float(terms.promised.max() + terms.earned.max())


def no_keyterms() -> KeytermSet:
    """An automaton of no terms."""
    return KeytermSet(_automaton([], []))


def _automaton(patterns: Sequence[Sequence[int]], bonuses: Sequence[float]) -> Terms:
    tree = prefix_tree(patterns)
    count = len(tree.units)
    earned, promised, fails = np.zeros(count), np.zeros(count), np.zeros(count, np.int32)
    for end, bonus, pattern in zip(tree.ends, bonuses, patterns, strict=True):
        earned[end] = max(earned[end], bonus)
        letters = np.cumsum(np.array(pattern) != BOUNDARY)
        node = int(end)
        for depth in range(len(pattern) - 2, -1, -1):
            node = int(tree.parents[node])
            promised[node] = max(promised[node], bonus * letters[depth] / letters[-1])
    children = _children(tree.units, tree.begins)
    for node in range(1, count):  # level by level, so that what fails leads to is done
        parent, unit = int(tree.parents[node]), int(tree.units[node])
        if parent > 0:
            at = int(fails[parent])
            while (found := children[at].get(unit)) is None and at > 0:
                at = int(fails[at])
            fails[node] = found or 0
        earned[node] += earned[fails[node]]
        promised[node] = max(promised[node], promised[fails[node]])
    return Terms(tree.units, tree.begins, fails, promised, earned)


def _children(units: Ints, begins: Ints) -> list[dict[int, int]]:
    return [
        {int(units[child]): child for child in range(int(begins[node]), int(begins[node + 1]))}
        for node in range(len(units))
    ]


def _spellings(
    term: Keyterm, units: Units, pronunciations: Mapping[str, Sequence[Sequence[str]]] | None
) -> list[list[int]]:
    """The units of a term, boundaries around and between its words."""
    found = []
    for text in (term.text, *term.sounds_like):
        words = text.split()
        if not words:
            raise EarwrightError(f"the key term {term.text!r} is empty; take it out.")
        ways = [_ways(word, term, units, pronunciations) for word in words]
        for way in itertools.islice(itertools.product(*ways), MOST_SPELLINGS):
            spelled = [BOUNDARY]
            for word_units in way:
                spelled += [*word_units, BOUNDARY]
            found.append(spelled)
    return found


def _ways(
    word: str, term: Keyterm, units: Units, pronunciations: Mapping[str, Sequence[Sequence[str]]] | None
) -> list[list[int]]:
    listed = pronunciations.get(word, ()) if pronunciations is not None else (word,)
    ways = [spelled for spelling in listed if (spelled := units.spell(spelling)) is not None]
    if not ways:
        why = (
            "the lexicon has no pronunciation of it"
            if pronunciations is not None
            else f"no token has {', '.join(map(repr, units.missing(word)))}"
        )
        raise EarwrightError(f"the key term {term.text!r} cannot be heard: {word!r}, {why}.")
    return ways


def read_keyterms(path: str | os.PathLike[str]) -> list[Keyterm]:
    """Read a file of terms, one a line: `text`, and after tabs a weight and spellings that it sounds like.

    Empty lines and those that begin with # count for nothing.

    Raises:
        EarwrightError: the file cannot be read, a weight is no number, a term is there twice; with its line.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EarwrightError(f"{path}: cannot be read as UTF-8 text ({error}).") from error
    terms: dict[str, Keyterm] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        text, *rest = (part.strip() for part in line.split("\t"))
        weight = _weight(path, number, rest[0]) if rest and rest[0] else 1.0
        if text in terms:
            raise EarwrightError(f"{path}, line {number}: the term {text!r} is there twice; take one out.")
        terms[text] = Keyterm(text, weight, tuple(filter(None, rest[1:])))
    if not terms:
        raise EarwrightError(f"{path}: has no key terms.")
    return list(terms.values())


def _weight(path: str | os.PathLike[str], number: int, text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not (math.isfinite(weight) and weight > 0):
        raise EarwrightError(f"{path}, line {number}: the weight {text!r} is no number above 0.")
    return weight
