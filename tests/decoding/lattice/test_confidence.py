"""Confidence of words from a lattice, on its way to the tokens of a recognizer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from decoding.test_beam import CHARACTERS, PIECES, grid, random_lm
from earwright.decoding import BeamDecoder, BeamSearch
from earwright.decoding.lattice import empty_lattice
from earwright.decoding.lattice.confidence import spread_over_tokens, word_confidences
from earwright.decoding.spellings import Units


@pytest.mark.parametrize(
    ("names", "tokens", "expected"),
    [
        (CHARACTERS, [1, 2, 3, 1, 2, 1], [0.1, 0.1, 0.1, 0.2, 0.2, 0.2]),
        (CHARACTERS, [2, 1, 1, 3], [0.1, 0.2, 0.2, 0.2]),
        (PIECES, [1, 3, 2, 4], [0.1, 0.1, 0.2, 0.2]),
        (CHARACTERS, [2], None),
    ],
)
def test_tokens_have_what_their_words_have(
    names: tuple[str, ...], tokens: list[int], expected: list[float] | None
) -> None:
    assert spread_over_tokens(Units.of(names), tokens, [0.1, 0.2]) == expected


def test_no_words_at_all() -> None:
    assert spread_over_tokens(Units.of(CHARACTERS), [1], []) == [0.0]
    assert spread_over_tokens(Units.of(CHARACTERS), [], []) == []
    assert word_confidences(empty_lattice(), ["a"]) == [0.01]


def test_a_decoder_takes_them_from_the_lattice() -> None:
    """The tokens stay; what was hardly said is hardly sure, and what was clearly said is sure."""
    lexicon = ("a", "b", "ab")
    search = BeamSearch(CHARACTERS, lexicon=lexicon, lm=random_lm(lexicon, 2, 0))
    path = [0, 2, 0, 1, 3, 0]
    log_probs = np.log(np.full((6, 4), 1e-5))
    log_probs[np.arange(6), path] = np.log(1 - 3e-5)
    log_probs[4] = np.log([1e-5, 1e-5, 0.49, 0.50998])  # "a" or "b"
    decoder = BeamDecoder(search, lattice_confidence=True)
    plain = BeamDecoder(search).decode([log_probs.astype(np.float32)])[0]
    (found,) = decoder.decode([log_probs.astype(np.float32)])
    assert (found.tokens, found.start_frames) == (plain.tokens, plain.start_frames)
    assert plain.tokens[0] == 2
    assert found.confidences[0] > 0.95
    assert 0.2 < found.confidences[-1] < 0.8
    (again,) = replace(decoder, with_lattice=True).decode([log_probs.astype(np.float32)])
    assert again.lattice is not None and again.lattice.frames == 6
    assert replace(again, lattice=None) == found


def test_a_batch_and_a_second_model_have_lattices_too() -> None:
    lexicon = ("a", "b", "ab")
    lm = random_lm(lexicon, 2, 0)
    search = BeamSearch(CHARACTERS, lexicon=lexicon, lm=lm)
    batch = [grid(12, 4, seed, sharpness=6.0).astype(np.float32) for seed in range(3)]
    from earwright.decoding import ModelScorer, Rescorer

    decoder = BeamDecoder(search, rescorer=Rescorer(ModelScorer(lm)), lattice_confidence=True)
    for decode in (decoder, replace(decoder, rescorer=None)):
        found = replace(decode, with_lattice=True).decode(batch)
        assert [one.lattice.frames for one in found if one.lattice is not None] == [12] * 3
        assert [replace(one, lattice=None) for one in found] == decode.decode(batch)
