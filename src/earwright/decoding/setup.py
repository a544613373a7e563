"""A beam search for a recognizer, from files: what `transcribe --lm` and `Recognizer.use_beam` ask for."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from earwright.decoding.beam import BeamSearch
from earwright.decoding.decoder import BeamDecoder
from earwright.decoding.grammar import Grammar
from earwright.decoding.keyterm_set import KeytermSet
from earwright.decoding.keyterms import Keyterm, read_keyterms
from earwright.decoding.options import GRAMMAR_OPTIONS, SearchOptions, search_options
from earwright.decoding.rescore import ModelScorer, Rescorer
from earwright.errors import EarwrightError, EarwrightWarning
from earwright.lexicon.pronunciations import read_words as read_lines
from earwright.lm.neural import NeuralLanguageModel, is_neural
from earwright.lm.query import LanguageModel
from earwright.text import Tokenizer, normalize

Path = str | os.PathLike[str]


def build_decoder(
    tokenizer: Tokenizer,
    normalizer: str,
    lm: Path | LanguageModel | NeuralLanguageModel | None = None,
    lexicon: Path | Iterable[str] | None = None,
    keyterms: Path | Iterable[Keyterm | str] | KeytermSet = (),
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
            EarwrightWarning,
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
    if search.unspellable and lexicon is not None:
        warnings.warn(
            f"{len(search.unspellable):,} words of the lexicon cannot be spelled with the recognizer's "
            f"tokens, such as {search.unspellable[0]!r}.",
            EarwrightWarning,
            stacklevel=2,
        )
    terms = build_keyterms(search, normalizer, keyterms)
    second = Rescorer(ModelScorer.load(rescorer)) if isinstance(rescorer, str | os.PathLike) else rescorer
    return BeamDecoder(search, terms, second, lattice_confidence=True)


def build_keyterms(
    search: BeamSearch, normalizer: str, keyterms: Path | Iterable[Keyterm | str] | KeytermSet
) -> KeytermSet | None:
    """Key terms for a recognizer's search, heard as the recognizer would spell them; None if none are given.

    Raises:
        EarwrightError: a file that cannot be read, or no term that can be heard.
    """
    if isinstance(keyterms, KeytermSet):
        return keyterms
    terms = read_keyterms(keyterms) if isinstance(keyterms, str | os.PathLike) else list(keyterms)
    return search.keyterms(terms, lambda text: normalize(text, normalizer)) if terms else None


def read_words(path: Path) -> list[str]:
    """The words of a file, one a line; what stands after the first blank of a line counts for nothing.

    Raises:
        EarwrightError: it cannot be read, a line is no UTF-8 text, or there are no words.
    """
    words = [line.split()[0] for line in read_lines(path)]
    if not words:
        raise EarwrightError(f"{path}: has no words.")
    return list(dict.fromkeys(words))


def _load_lm(path: Path) -> LanguageModel | NeuralLanguageModel:
    # Utterances share the cores already: two neural searches on two cores took 1.6 s with one thread each,
    # and 2.6 s with all.
    return NeuralLanguageModel.load(path, threads=1) if is_neural(path) else LanguageModel.load(path)
