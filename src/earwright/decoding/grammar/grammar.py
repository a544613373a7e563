"""A closed grammar: all that can be said, how likely it is, and what it means."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from earwright.decoding.grammar.automaton import Automaton, automaton
from earwright.decoding.grammar.fsg import read_fsg
from earwright.decoding.grammar.jsgf import read_jsgf
from earwright.decoding.grammar.network import Arc, Network, network
from earwright.decoding.grammar.phrases import PHRASES, read_phrases
from earwright.errors import EarwrightError

_Path = str | os.PathLike[str]


@dataclass(frozen=True)
class Grammar:
    """What can be said, as a network of words; each way through it is a phrase.

    A phrase has a probability: alternatives are equally likely unless they have weights, what is optional is
    there or not, and a loop goes on or ends, each one time in two. What can be said in two ways is worth what
    the likelier one is worth.

    Example:
        grammar = Grammar.of_phrases(["turn (on|off) the {room} light"], {"room": ["kitchen", "hall"]})
        search = BeamSearch(tokens, grammar=grammar)
        best = search.decode(log_probs)[0]
        print("not understood" if best.rejected else best.text)

    Attributes:
        network: as it was written.
    """

    network: Network

    @classmethod
    def load(cls, path: _Path, rule: str | None = None) -> Grammar:
        """Read a file: JSGF, Sphinx's FSG, or a plain list of phrases (see `phrases`), told by how it begins.

        Args:
            path: of the file.
            rule: of JSGF: the rule that is to be said; None: any public one.

        Raises:
            EarwrightError: the file cannot be read or is no grammar; with its line.
        """
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise EarwrightError(f"{path}: cannot be read ({error}).") from error
        source = os.fspath(path)
        begin = content.removeprefix(b"\xef\xbb\xbf").lstrip()
        if begin.startswith(b"#JSGF") or source.lower().endswith((".jsgf", ".gram")):
            return cls._of_jsgf(content, source, rule)
        if rule is not None:
            raise EarwrightError(f"{source}: is no JSGF file, so it has no rule {rule!r}.")
        try:
            lines = content.decode("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise EarwrightError(f"{source}: cannot be read as UTF-8 text ({error}).") from error
        first = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
        if first.split()[:1] == ["FSG_BEGIN"]:
            return cls(read_fsg(lines, source))
        return cls(network(read_phrases(lines, source), [PHRASES], source, "{{{}}}"))

    @classmethod
    def of_phrases(cls, phrases: Iterable[str], slots: Mapping[str, Iterable[str]] | None = None) -> Grammar:
        """Of phrases written as in a plain list, and the lists that they name.

        Raises:
            EarwrightError: a phrase that cannot be read, a list that there is not, no phrases.
        """
        source = "the phrases"
        return cls(network(read_phrases(phrases, source, slots), [PHRASES], source, "{{{}}}"))

    @classmethod
    def of_jsgf(cls, text: str, rule: str | None = None) -> Grammar:
        """Of the text of a JSGF file, its header included.

        Raises:
            EarwrightError: it is none.
        """
        return cls._of_jsgf(text.encode(), "the grammar", rule)

    @classmethod
    def _of_jsgf(cls, content: bytes, source: str, rule: str | None) -> Grammar:
        found = read_jsgf(content, source)
        if rule is not None and rule not in found.rules:
            raise EarwrightError(f"{source}: there is no rule <{rule}>; it has {', '.join(found.rules)}.")
        return cls(network(found.rules, found.public if rule is None else [rule], source))

    def spelled(self, spell: Callable[[str], str]) -> Grammar:
        """The same with its words respelled, as by a normalizer: each into one, several, or none."""
        return Grammar(self.network.spelled(spell))

    @cached_property
    def automaton(self) -> Automaton:
        """Made ready for search, when it is first needed.

        Raises:
            EarwrightError: it can say nothing, or the same in too many ways.
        """
        return automaton(self.network)

    @property
    def words(self) -> tuple[str, ...]:
        """All that it has, sorted."""
        return self.automaton.vocabulary

    def log_prob(self, words: Iterable[str]) -> float:
        """log10 of the probability of words; -inf if they cannot be said."""
        made, state, total = self.automaton, 0, 0.0
        numbers = {word: number for number, word in enumerate(made.vocabulary)}
        for word in words:
            arcs = slice(made.begins[state], made.begins[state + 1])
            at = np.flatnonzero(made.words[arcs] == numbers.get(word, -1))
            if not len(at):
                return -math.inf
            arc = int(made.begins[state] + at[0])
            total, state = total + float(made.weights[arc]), int(made.targets[arc])
        return total + float(made.final[state])

    def tags(self, words: Iterable[str]) -> tuple[str, ...]:
        """The tags on the likeliest way to say words, in order; none if they cannot be said."""
        if not self._has_tags:
            return ()
        at: dict[int, tuple[float, tuple[str, ...]]] = {self.network.start: (0.0, ())}
        for word in words:
            at = self._moved(self._moved(at, None), word)
        return self._moved(at, None).get(self.network.end, (0.0, ()))[1]

    def _moved(
        self, at: Mapping[int, tuple[float, tuple[str, ...]]], word: str | None
    ) -> dict[int, tuple[float, tuple[str, ...]]]:
        """What is reached with a word, or silently (then it takes in where one was), with tags on the way."""
        found = {} if word is not None else dict(at)
        waiting = list(at)
        while waiting:
            state = waiting.pop()
            total, tags = at[state] if word is not None else found[state]
            for arc in self._leaving.get((state, word), ()):
                better = total + arc.weight
                if arc.target not in found or better > found[arc.target][0]:
                    found[arc.target] = (better, tags if arc.tag is None else (*tags, arc.tag))
                    if word is None:
                        waiting.append(arc.target)
        return found

    @cached_property
    def _has_tags(self) -> bool:
        return any(arc.tag is not None for arc in self.network.arcs)

    @cached_property
    def _leaving(self) -> dict[tuple[int, str | None], list[Arc]]:
        found: dict[tuple[int, str | None], list[Arc]] = {}
        for arc in self.network.arcs:
            found.setdefault((arc.source, arc.word), []).append(arc)
        return found
