"""How the words of a grammar are spelled, or why one cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from earwright.decoding.grammar.grammar import Grammar
from earwright.decoding.spellings import Units
from earwright.errors import EarwrightError

Lexicon = Mapping[str, Iterable[Sequence[str]]] | Iterable[str]


def grammar_lexicon(
    grammar: Grammar, units: Units, lexicon: Lexicon | None, has_lm: bool
) -> dict[str, list[Sequence[str]]]:
    """The spellings of a grammar's words, of which each can be spelled.

    Args:
        grammar: whose words.
        units: of the tokens.
        lexicon: word -> its spellings; None: words are spelled as they are written.
        has_lm: whether there is a language model, too.

    Raises:
        EarwrightError: a word that cannot be spelled, with its line; a language model, or a list of words.
    """
    if has_lm:
        raise EarwrightError("a grammar says by itself what can be said; leave the language model away.")
    if lexicon is not None and not isinstance(lexicon, Mapping):
        raise EarwrightError(
            "a grammar's words are the lexicon; leave the list of words away, or give word -> spellings."
        )
    if lexicon is None and units.space is None:
        raise EarwrightError(
            "the tokens have no sign for a space, so give the lexicon as word -> spellings in tokens."
        )
    found: dict[str, list[Sequence[str]]] = {}
    lines = grammar.network.lines()
    for word in grammar.words:
        ways: list[Sequence[str]] = [word] if lexicon is None else list(lexicon.get(word, ()))
        found[word] = [way for way in ways if units.spell(way) is not None]
        if not found[word]:
            why = "it has no pronunciation in the lexicon"
            if ways:
                why = f"no token has {', '.join(map(repr, units.missing(ways[0])))}"
            raise EarwrightError(f"{grammar.network.at(lines[word])}: {word!r} cannot be heard: {why}.")
    return found
