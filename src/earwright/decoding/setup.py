"""A beam search for a recognizer, from files: what `transcribe --lm` and `Recognizer.use_beam` ask for."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from earwright.decoding.beam import BeamSearch
from earwright.decoding.decoder import BeamDecoder
from earwright.decoding.grammar import Grammar
from earwright.decoding.keyterms import Keyterm, read_keyterms
from earwright.decoding.options import GRAMMAR_OPTIONS, SearchOptions, search_options
from earwright.decoding.rescore import ModelScorer, Rescorer
from earwright.errors import EarwrightError
from earwright.lexicon.pronunciations import read_words as read_lines
from earwright.lm.query import LanguageModel
from earwright.lm.scored_text import load_model
from earwright.text import Tokenizer, normalize

Path = str | os.PathLike[str]


def build_decoder(
    tokenizer: Tokenizer,
    normalizer: str,
    lm: Path | LanguageModel | None = None,
    lexicon: Path | Iterable[str] | None = None,
    keyterms: Path | Iterable[Keyterm | str] = (),
    options: SearchOptions | Mapping[str, Any] | None = None,
    rescorer: Rescorer | Path | None = None,
    grammar: Path | Grammar | None = None,
) -> BeamDecoder:
    """A decoder whose search knows the recognizer's tokens.

    Args:
        tokenizer: of the recognizer.
        normalizer: that its texts went through.
        lm, lexicon, keyterms, options, rescorer, grammar: as for `Recognizer.use_beam`.

    Raises:
        EarwrightError: a file that cannot be read, or that does not fit the recognizer.

    A language model whose texts went through another normalizer brings a warning: its words may be spelled
    in another way than the recognizer spells them.
    """
    model = _load_lm(lm) if isinstance(lm, str | os.PathLike) else lm
    if model is not None and model.normalizer not in ("none", normalizer):
        warnings.warn(
            f"the language model's texts went through the normalizer {model.normalizer!r}, and the "
            f"recognizer's through {normalizer!r}: what they spell differently cannot be found.",
            stacklevel=2,
        )
    words = read_words(lexicon) if isinstance(lexicon, str | os.PathLike) else lexicon
    if words is not None:  # as the recognizer would spell them
        words = [part for word in words for part in normalize(word, normalizer).split()]
    closed = Grammar.load(grammar) if isinstance(grammar, str | os.PathLike) else grammar
    if closed is not None:
        if rescorer is not None:
            raise EarwrightError("a grammar says by itself what can be said; leave the rescoring away.")
        closed = closed.spelled(lambda word: normalize(word, normalizer))
    chosen = search_options(options, SearchOptions() if closed is None else GRAMMAR_OPTIONS)
    search = BeamSearch(tokenizer, lexicon=words, lm=model, options=chosen, grammar=closed)
    terms = read_keyterms(keyterms) if isinstance(keyterms, str | os.PathLike) else list(keyterms)
    spelled = [_normalized(term, normalizer) for term in terms]
    second = Rescorer(ModelScorer.load(rescorer)) if isinstance(rescorer, str | os.PathLike) else rescorer
    return BeamDecoder(search, search.keyterms(spelled) if spelled else None, second)


def read_words(path: Path) -> list[str]:
    """The words of a file, one a line; what stands after the first blank of a line counts for nothing.

    Raises:
        EarwrightError: it cannot be read, a line is no UTF-8 text, or there are no words.
    """
    words = [line.split()[0] for line in read_lines(path)]
    if not words:
        raise EarwrightError(f"{path}: has no words.")
    return list(dict.fromkeys(words))


def _load_lm(path: Path) -> LanguageModel:
    model = load_model(path)
    if not isinstance(model, LanguageModel):
        raise EarwrightError(f"{path}: a neural model; the search takes n-gram models.")
    return model


def _normalized(term: Keyterm | str, normalizer: str) -> Keyterm:
    """A term as the recognizer would spell it."""
    one = Keyterm(term) if isinstance(term, str) else term
    return Keyterm(
        normalize(one.text, normalizer),
        one.weight,
        tuple(normalize(spelling, normalizer) for spelling in one.sounds_like),
    )
