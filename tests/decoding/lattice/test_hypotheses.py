"""A lattice's paths as hypotheses: what they say, and with which tokens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from decoding.test_beam import CHARACTERS, grid, random_lm
from earwright.decoding import BeamSearch, ModelScorer, Rescorer, SearchOptions, align_tokens
from earwright.decoding.decoder import BeamDecoder, candidates_of

LEXICON = ("a", "b", "ab", "ba")


@pytest.mark.parametrize("seed", range(6))
def test_their_tokens_spell_their_words_and_fit_the_audio(seed: int) -> None:
    search = BeamSearch(CHARACTERS, lexicon=LEXICON, lm=random_lm(LEXICON, 2, seed))
    log_probs = grid(14, len(CHARACTERS), 50 + seed).astype(np.float32)
    found, lattice = candidates_of(search, log_probs, 30, SearchOptions())
    assert lattice is not None and len(found) > 3
    assert len({one.words for one in found}) == len(found)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    best = search.decode(log_probs)[0]
    assert any(one.words == best.words for one in found[:5])
    for one in found:
        assert tuple(search.units.text(one.tokens).split()) == one.words == one.heard
        assert len(one.frames) == len(one.tokens) and list(one.frames) == sorted(set(one.frames))
        assert align_tokens(log_probs, one.tokens) is not None


def test_they_are_written_as_key_terms_are() -> None:
    search = BeamSearch(CHARACTERS, lexicon=LEXICON, lm=random_lm(LEXICON, 2, 0))
    terms = search.keyterms(["AB"], str.lower)
    log_probs = grid(14, len(CHARACTERS), 3).astype(np.float32)
    found, _ = candidates_of(search, log_probs, 50, SearchOptions(), terms)
    pairs = [(one.heard, one.words) for one in found if "ab" in one.heard]
    assert pairs and all(words == tuple("AB" if w == "ab" else w for w in heard) for heard, words in pairs)


def test_a_second_look_takes_them() -> None:
    lm = random_lm(LEXICON, 2, 0)
    search = BeamSearch(CHARACTERS, lexicon=LEXICON, lm=lm)
    log_probs = grid(14, len(CHARACTERS), 1).astype(np.float32)
    decoder = BeamDecoder(search, rescorer=Rescorer(ModelScorer(random_lm(LEXICON, 3, 9)), 1.0, 3.0))
    (found,) = decoder.decode([log_probs])
    listed, _ = candidates_of(search, log_probs, decoder.candidates, search.options)
    assert decoder.rescorer is not None
    assert found.best[0] == decoder.rescorer.rescore(listed, search.options.lm_weight)[0]
    (alone,) = replace(decoder, candidates=1).decode([log_probs])
    assert alone.best[0].words == listed[0].words
