"""Words and phrases that are likelier here than elsewhere: names, products, the terms of a trade.

A term is a path of units through an automaton (`keyterm_automaton`). What has said the beginning of a term is
given part of the term's bonus, so that it stays in the beam; as soon as it turns out to be the beginning of
something else, that part is taken back. So the score of a text depends on the terms in it alone.

A term has spellings by which it is heard: its own, and others that it sounds like. Whichever of them is
heard, the term's text is written (`keyterm_writing`). Words of a term that the lexicon lacks are let in.
"""

from __future__ import annotations

import itertools
import math
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from earwright.decoding.keyterm_automaton import Automaton, build_automaton
from earwright.decoding.keyterm_writing import Words, Writing
from earwright.decoding.spellings import BOUNDARY, Units
from earwright.errors import EarwrightError, EarwrightWarning

MOST_SPELLINGS = 64  # of a term whose words have several each
NAMED = 5  # terms that a warning names


@dataclass(frozen=True)
class Keyterm:
    """A word or a phrase.

    Attributes:
        text: as it is to be written, whatever was heard for it.
        weight: how much more its bonus is than that of others; a number above 0.
        sounds_like: other spellings of what is heard, each as long as it likes.
        where: it is from, for messages, such as "terms.txt, line 3".

    Raises:
        EarwrightError: the weight is no number above 0.
    """

    text: str
    weight: float = 1.0
    sounds_like: tuple[str, ...] = ()
    where: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        """Raises EarwrightError for a weight that is none."""
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise EarwrightError(f"{self.named}: its weight {self.weight} is no number above 0.")

    @property
    def named(self) -> str:
        """How messages name it."""
        return f"{self.where}{', ' if self.where else ''}key term {self.text!r}"


@dataclass(frozen=True)
class HeardTerms:
    """What is to be listened for, spelled in units.

    Attributes:
        automaton: of their spellings.
        writing: spellings that are not written as they are heard.
        words: of all spellings, as they are heard.
        dropped: a sentence for each term or spelling that counts for nothing, and why.
    """

    automaton: Automaton
    writing: Writing
    words: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


def hear_keyterms(
    keyterms: Iterable[Keyterm],
    units: Units,
    pronunciations: Mapping[str, Sequence[Sequence[str]]] | None = None,
    normalize: Callable[[str], str] = lambda text: text,
) -> HeardTerms:
    """Spell terms and build their automaton.

    Args:
        keyterms: at least one.
        units: of the search.
        pronunciations: word -> its spellings in units, for units that are no characters.
        normalize: what the recognizer's texts went through; terms are heard so, and written as they are.

    Raises:
        EarwrightError: there is no term, or none that can be heard.

    Terms that are empty, there twice, or cannot be heard bring a warning, and the others go on. Of spellings
    that two terms share the first is written, and the larger weight counts.
    """
    patterns: list[list[int]] = []
    weights: list[float] = []
    texts: dict[Words, Words] = {}
    dropped: list[str] = []
    listed = _merged(keyterms, dropped)
    for term in listed:
        heard = 0
        for spelling in (term.text, *term.sounds_like):
            words, ways, problem = _spell(normalize(spelling).split(), units, pronunciations)
            if problem and spelling != term.text:
                dropped.append(f"{term.named}: it is not heard as {spelling!r}, {problem}.")
            elif problem:
                unheard = f"{term.named} cannot be heard: {problem}."
            else:
                heard += 1
                texts.setdefault(words, tuple(term.text.split()))
                patterns += ways
                weights += [term.weight] * len(ways)
        if not heard:
            dropped.append(unheard)
    if not listed:
        raise EarwrightError(dropped[0] if dropped else "there are no key terms.")
    if not patterns:
        raise EarwrightError(dropped[0] if len(listed) == 1 else f"no key term can be heard; {dropped[0]}")
    if dropped:
        more = f" And {len(dropped) - NAMED:,} more such." if len(dropped) > NAMED else ""
        warnings.warn(" ".join(dropped[:NAMED]) + more, EarwrightWarning, stacklevel=3)
    writing = Writing({heard: text for heard, text in texts.items() if heard != text})
    words = tuple(dict.fromkeys(itertools.chain.from_iterable(texts)))
    return HeardTerms(build_automaton(patterns, weights), writing, words, tuple(dropped))


def _merged(keyterms: Iterable[Keyterm], dropped: list[str]) -> list[Keyterm]:
    """Those that are not empty, each text once."""
    terms: dict[str, Keyterm] = {}
    for term in keyterms:
        text = " ".join(term.text.split())
        if not text:
            dropped.append(f"{term.named} is empty.")
        elif (before := terms.get(text)) is not None:
            dropped.append(f"{term.named} is there twice; the larger weight counts.")
            other = tuple(spelling for spelling in term.sounds_like if spelling not in before.sounds_like)
            weight = max(before.weight, term.weight)
            terms[text] = replace(before, weight=weight, sounds_like=(*before.sounds_like, *other))
        else:
            terms[text] = term
    return list(terms.values())


def _spell(
    words: Sequence[str], units: Units, pronunciations: Mapping[str, Sequence[Sequence[str]]] | None
) -> tuple[Words, list[list[int]], str]:
    """Words as they are heard, and their units with boundaries around and between; or what is wrong."""
    heard: list[str] = []
    ways: list[list[list[int]]] = []
    for word in words:
        # Other people's tokens may have capitals alone, or none.
        for form in (word, word.lower(), word.upper()):
            listed = pronunciations.get(form, ()) if pronunciations is not None else (form,)
            found = [way for each in listed if (way := units.spell(each)) is not None]
            if found:
                heard.append(form)
                ways.append(found)
                break
        else:
            if pronunciations is not None:
                return (), [], f"the lexicon has no pronunciation of {word!r}"
            return (), [], f"no token has {', '.join(map(repr, dict.fromkeys(units.missing(word))))}"
    if not heard:
        return (), [], "nothing is left of it by the recognizer's normalizer"
    patterns = []
    for choice in itertools.islice(itertools.product(*ways), MOST_SPELLINGS):
        pattern = [BOUNDARY]
        for spelled in choice:
            pattern += [*spelled, BOUNDARY]
        patterns.append(pattern)
    return tuple(heard), patterns, ""


def read_keyterms(path: str | os.PathLike[str]) -> list[Keyterm]:
    """Read a file of terms, one a line: `text`, and after tabs a weight and spellings that it sounds like.

    Empty lines and those that begin with # count for nothing.

    Raises:
        EarwrightError: the file cannot be read, has no terms, or a weight is no number; with its line.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EarwrightError(f"{path}: cannot be read as UTF-8 text ({error}).") from error
    terms = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        text, *rest = (part.strip() for part in line.split("\t"))
        weight = _weight(path, number, rest[0]) if rest and rest[0] else 1.0
        terms.append(Keyterm(text, weight, tuple(filter(None, rest[1:])), f"{path}, line {number}"))
    if not terms:
        raise EarwrightError(f"{path}: has no key terms.")
    return terms


def _weight(path: str | os.PathLike[str], number: int, text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not (math.isfinite(weight) and weight > 0):
        raise EarwrightError(f"{path}, line {number}: the weight {text!r} is no number above 0.")
    return weight
