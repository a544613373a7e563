"""Closed grammars: all that can be said, from JSGF, Sphinx's FSG or a plain list of phrases.

`Grammar` reads them; whatever the format is becomes a `network` of words, and that an `automaton` that a beam
search follows (`arcs`), in which each word leads to one state.
"""

from earwright.decoding.grammar.grammar import Grammar

__all__ = ["Grammar"]
