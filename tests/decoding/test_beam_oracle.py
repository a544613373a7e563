"""The compiled search against the paper's algorithm in plain Python, at the same beam."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decoding.prefix_search import Worth, prefix_search
from decoding.test_beam import CHARACTERS, PIECES, random_lm
from earwright.decoding import BeamSearch, SearchOptions

LEXICON = ("a", "ab", "ba", "b")
MODELS = {
    "none": (None, None),
    "lexicon": (LEXICON, None),
    "words": (LEXICON, random_lm(LEXICON[:3], 3, 1)),
    "tokens": (None, random_lm(CHARACTERS[1:], 3, 1, unit="token")),
    "lexicon and tokens": (LEXICON, random_lm(CHARACTERS[1:], 2, 2, unit="token")),
    "pieces": (None, random_lm(PIECES[1:], 2, 3, unit="token")),
}
SEARCHES = {
    (kind, names): BeamSearch(names, lexicon=lexicon, lm=lm)
    for kind, (lexicon, lm) in MODELS.items()
    for names in (CHARACTERS, PIECES)
    if lm is None or lm.unit == "word" or (kind == "pieces") == (names == PIECES)
}


@st.composite
def grids(draw: st.DrawFn, size: int) -> npt.NDArray[np.float64]:
    """Log-probs (T, V), flat or peaky, with frames of nearly blank, with what cannot be."""
    frames, seed = draw(st.integers(0, 14)), draw(st.integers(0, 1 << 30))
    noise = np.random.default_rng(seed)
    values = noise.normal(0, draw(st.sampled_from([0.3, 1.0, 3.0, 8.0])), (frames, size))
    values[noise.random(frames) < draw(st.sampled_from([0.0, 0.4]))] -= 12 * (np.arange(size) > 0)
    if draw(st.booleans()):
        # Down to frames in which one token alone can be: many prefixes end there, and none may take the
        # place of one that lives.
        values[noise.random((frames, size)) < draw(st.sampled_from([0.2, 0.6]))] = -np.inf
        values[np.arange(frames), noise.integers(0, size, frames)] = 0.0
    if frames and draw(st.booleans()):
        values -= np.log(np.exp(values).sum(axis=1, keepdims=True))
    return values + draw(st.sampled_from([0.0, 0.0, -1000.0, 300.0]))  # no scale is forbidden


@settings(max_examples=400, deadline=None)
@given(
    which=st.sampled_from(sorted(SEARCHES)),
    data=st.data(),
    beam=st.sampled_from([1, 2, 3, 5, 10, 40]),
    token_beam=st.sampled_from([1, 2, 40]),
    blank_skip=st.sampled_from([1.0, 0.9]),
    maximum=st.booleans(),
    lm_weight=st.sampled_from([0.0, 0.7, 2.0]),
    word_bonus=st.sampled_from([-1.0, 0.0, 1.5]),
    unknown_penalty=st.sampled_from([0.0, 2.0, math.inf]),
    blank_penalty=st.sampled_from([0.0, 0.5]),
    acoustic_scale=st.sampled_from([1.0, 0.6]),
)
def test_the_search_is_the_paper_s(
    which: tuple[str, tuple[str, ...]], data: st.DataObject, beam: int, token_beam: int, **more: float
) -> None:
    (_, names), (lexicon, lm) = which, MODELS[which[0]]
    log_probs = data.draw(grids(len(names)))
    options = SearchOptions(
        beam=beam, token_beam=token_beam, beam_threshold=math.inf, token_threshold=math.inf, recombine=False,
        **more,  # type: ignore[arg-type]
    )  # fmt: skip
    expected = prefix_search(log_probs, options, Worth(names, options, lexicon, lm))
    found = SEARCHES[which].decode(log_probs, beam, options)
    best: dict[tuple[str, ...], float] = {}
    for score, tokens in expected:
        words = "".join(names[token] for token in tokens).replace("\u2581", " ").split()
        best.setdefault(tuple(words), score)
    assert [one.score for one in found] == pytest.approx(list(best.values()), rel=1e-9, abs=1e-5)
    for one in found:
        assert best[one.words] == pytest.approx(one.score, rel=1e-9, abs=1e-5)
        worth = Worth(names, options, lexicon, lm)(one.tokens, True)
        assert one.score - one.acoustic_score == pytest.approx(worth, rel=1e-9, abs=1e-5)
