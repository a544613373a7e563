"""How a word is said: by the user's additions, else by the lexicon, else by the g2p model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from earwright.errors import EarwrightError
from earwright.lexicon.g2p import G2pModel, Guess
from earwright.lexicon.pronunciations import Lexicon


@dataclass(frozen=True)
class Answer:
    """The pronunciations of a word.

    Attributes:
        word: as it was asked for.
        source: "additions", "lexicon" or "g2p"; "" where nobody can say it.
        guesses: best first; those of additions and lexicon have no order of worth, and probability 1.
        problem: a sentence where there is no pronunciation.
    """

    word: str
    source: str
    guesses: tuple[Guess, ...] = ()
    problem: str = ""


def pronounce_words(
    words: Iterable[str],
    lexicon: Lexicon | None,
    load_g2p: Callable[[], G2pModel] | None = None,
    n: int = 1,
) -> Iterator[Answer]:
    """Look words up, and let a model say those that are not found.

    Args:
        words: any number of them.
        lexicon: with additions or without; None asks the model alone.
        load_g2p: called when the first word is not found; None leaves such words without pronunciation.
        n: how many pronunciations of the model at most. Of a lexicon all are given.

    Yields:
        An answer for each word; a word that cannot be said is a problem in its answer.
    """
    load = None if load_g2p is None else cache(load_g2p)
    for word in words:
        spelling = None if lexicon is None else lexicon.spelling(word)
        if lexicon is not None and spelling is not None:
            listed = tuple(Guess(phones, 1.0) for phones in lexicon.words[spelling])
            yield Answer(word, "additions" if spelling in lexicon.additions else "lexicon", listed)
        elif load is None:
            yield Answer(word, "", problem=f'"{word[:60]}" is not in the lexicon.')
        else:
            model = load()
            try:
                yield Answer(word, "g2p", tuple(model.pronounce(word, n)))
            except EarwrightError as error:
                yield Answer(word, "", problem=str(error))
