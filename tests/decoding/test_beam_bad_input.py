"""The beam search with what it should not be given, and at the edges of what it may be given."""

from __future__ import annotations

import math
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decoding.test_beam import CHARACTERS, PIECES, grid, random_lm
from earwright.decoding import BeamSearch, Keyterm, SearchOptions
from earwright.errors import EarwrightError

LEXICON = ("a", "ab", "ba", "b")
SEARCHES = {
    "open": BeamSearch(CHARACTERS),
    "pieces": BeamSearch(PIECES, lexicon=LEXICON),
    "words": BeamSearch(CHARACTERS, lm=random_lm(LEXICON, 3, 1)),
    "tokens": BeamSearch(CHARACTERS, lm=random_lm(CHARACTERS[1:], 3, 1, unit="token")),
    "phones": BeamSearch(("<blank>", "AH", "B"), lexicon={"a": [("AH",)], "ab": [("AH", "B")]}),
}


class NeedsGradients:
    """As a tensor of torch does that needs gradients."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> npt.NDArray[Any]:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


@pytest.mark.parametrize(
    ("log_probs", "message"),
    [
        (np.zeros((2, 5)), "do not fit 4 tokens"),
        (np.zeros((2, 0)), "do not fit 4 tokens"),
        (np.zeros((1, 2, 4)), "do not fit 4 tokens"),
        (0.0, "do not fit 4 tokens"),
        (None, "do not fit 4 tokens|no array"),
        ([], "do not fit 4 tokens"),
        ([[0.0] * 4, [0.0] * 3], "no array of numbers"),
        ([["a", "b", "c", "d"]], "no array of numbers"),
        (np.zeros((2, 4), complex), "do not fit|no array"),
        (NeedsGradients(), "requires grad"),
        ([[0.0, math.nan, 0.0, 0.0]], "NaN"),
        ([[0.0, math.inf, 0.0, 0.0]], r"\+inf"),
        ([[0.0] * 4, [-math.inf] * 4], "no token is possible in frame 1"),
    ],
)
@pytest.mark.filterwarnings("ignore:Casting complex")
def test_what_are_no_log_probs_is_said(log_probs: Any, message: str) -> None:
    stream = BeamSearch(CHARACTERS).stream()
    stream.advance(grid(3, 4, 1))
    before = stream.save()
    message = message.replace("frame 1", "frame 4")
    with pytest.raises(EarwrightError, match=message):
        stream.advance(log_probs)
    assert stream.save() == before  # and the stream can go on


@pytest.mark.parametrize("kind", sorted(SEARCHES))
def test_any_array_of_numbers_will_do(kind: str) -> None:
    search = SEARCHES[kind]
    exact = np.round(grid(12, len(search.units.tokens), 1) * 8) / 8  # which float16 has, too
    expected = search.decode(exact, 5)
    padded = np.zeros((24, 2 * exact.shape[1]))
    padded[::2, ::2] = exact
    for given_one in (
        exact.astype(np.float16),
        exact.astype(np.float32),
        exact.astype(">f8"),
        exact.astype(np.longdouble),
        np.asfortranarray(exact),
        padded[::2, ::2],
        exact[::-1][::-1],
        exact.tolist(),
    ):
        before = np.array(given_one)
        assert search.decode(given_one, 5) == expected
        assert np.array_equal(given_one, before)
    torch = pytest.importorskip("torch")
    assert search.decode(torch.from_numpy(exact), 5) == expected


@pytest.mark.parametrize("kind", sorted(SEARCHES))
@pytest.mark.parametrize("frames", [0, 1])
def test_hardly_any_frames(kind: str, frames: int) -> None:
    search = SEARCHES[kind]
    stream = search.stream()
    for _ in range(3):
        stream.advance(np.zeros((0, len(search.units.tokens))))
    stream.advance(np.zeros((frames, len(search.units.tokens))))
    assert stream.frames == frames
    assert stream.finish(9) == search.decode(np.zeros((frames, len(search.units.tokens))), 9)
    assert (stream.finish()[0].text == "") or frames


def test_a_vocabulary_of_the_blank_alone() -> None:
    (found,) = BeamSearch(["<blank>"]).decode([[0.0], [-3.0]], 5)
    assert (found.text, found.tokens, found.score) == ("", (), -3.0)


@pytest.mark.parametrize("tokens", [[], ["<blank>", "a", "a"], ["<blank>", "a b "]])
def test_no_vocabulary(tokens: list[str]) -> None:
    with pytest.raises(EarwrightError, match=r"name one|twice|more than one space"):
        BeamSearch([*tokens, " "] if tokens[2:] == [] and tokens else tokens)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lexicon": []}, "the lexicon is empty"),
        ({"lexicon": {}}, "the lexicon is empty"),
        ({"lexicon": ["", "xyz", "a b", "\u2581a"]}, "none of the lexicon's 4 words"),
        ({"lm": random_lm(("xyz", "zyx"), 2, 1)}, "none of the lexicon's 2 words"),
        ({"lm": random_lm(("x", "y", "z"), 2, 1, unit="token")}, "lacks most of these tokens"),
    ],
)
def test_words_that_the_tokens_lack(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(EarwrightError, match=message):
        BeamSearch(CHARACTERS, **arguments)
    some = BeamSearch(CHARACTERS, lexicon=["a", "xyz", "ab", "a", "", "ab"])
    assert (some.unspellable, some.tree.words) == (("xyz", ""), ("a", "ab"))


@pytest.mark.parametrize("nbest", [0, -1])
def test_no_hypotheses_are_asked_for(nbest: int) -> None:
    with pytest.raises(EarwrightError, match="ask for 1 or more"):
        BeamSearch(CHARACTERS).decode(np.zeros((1, 4)), nbest)


@pytest.mark.parametrize(
    "options",
    [{"beam": 0}, {"beam": 2.0}, {"beam": 1 << 40}, {"token_beam": 0}, {"lm_weight": "1"}, {"maximum": 1},
     {"lm_weight": math.inf}, {"word_bonus": math.inf}, {"keyterm_boost": math.inf}, {"blank_skip": None},
     {"beam_threshold": math.nan}, {"acoustic_scale": 0.0}, {"blank_penalty": -math.inf}, {"beam": True}],
)  # fmt: skip
def test_options_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(EarwrightError, match=f"search: {next(iter(options))} is .*; give"):
        SearchOptions(**options)


VALUES = {
    "lm_weight": [0.0, 1e-300, 1.0, 300.0, 1e300],
    "word_bonus": [-1e300, -1000.0, 0.0, 1000.0, 1e300],
    "unknown_penalty": [0.0, 1000.0, 1e300, math.inf],
    "blank_penalty": [-1e300, -50.0, 0.0, 50.0, 1e300],
    "acoustic_scale": [1e-300, 1.0, 1e300],
    "beam": [1, 2, 30],
    "beam_threshold": [0.0, 5.0, 1e300, math.inf],
    "token_beam": [1, 3, 1000],
    "token_threshold": [0.0, 5.0, math.inf],
    "keyterm_boost": [0.0, 1.0, 500.0, 1e300],
    "blank_skip": [0.0, 0.5, 1.0, math.inf],
    "maximum": [False, True],
    "recombine": [False, True],
}


@settings(max_examples=400, deadline=None)
@given(
    kind=st.sampled_from(sorted(SEARCHES)),
    data=st.data(),
    options=st.fixed_dictionaries({}, optional={n: st.sampled_from(v) for n, v in VALUES.items()}),
    magnitude=st.sampled_from([1e-310, 1e-5, 3.0, 500.0, 1e5, 1e300]),
    shift=st.sampled_from([0.0, 5000.0, -5000.0, -1e300]),
    impossible=st.sampled_from([0.0, 0.5, 0.9]),
    terms=st.booleans(),
)
def test_no_numbers_break_it(
    kind: str,
    data: st.DataObject,
    options: dict[str, Any],
    magnitude: float,
    shift: float,
    impossible: float,
    terms: bool,
) -> None:
    search, seed = SEARCHES[kind], data.draw(st.integers(0, 1 << 20))
    noise, size = np.random.default_rng(seed), len(search.units.tokens)
    log_probs = shift - magnitude * noise.random((data.draw(st.integers(0, 25)), size))
    log_probs[noise.random(log_probs.shape) < impossible] = -np.inf
    log_probs[np.arange(len(log_probs)), noise.integers(0, size, len(log_probs))] = shift
    made = SearchOptions(**options)
    try:
        keyterms = search.keyterms([Keyterm("ab", 1.0), Keyterm("a", 3.0)]) if terms else None
        found = search.decode(log_probs, 5, made, keyterms)
    except EarwrightError as error:  # what was scaled beyond all numbers
        assert "no token is possible" in str(error)
        return
    scores = [one.score for one in found]
    assert not np.isnan(scores).any() and scores == sorted(scores, reverse=True)
    assert len({one.words for one in found}) == len(found)
    for one in found:
        assert all(0 <= token < size and token != search.units.blank for token in one.tokens)
        assert list(one.frames) == sorted(one.frames)
        assert all(0 <= frame < len(log_probs) for frame in one.frames)
    assert search.decode(log_probs, 5, made, keyterms) == found


@pytest.mark.parametrize("kind", sorted(SEARCHES))
def test_ties_are_broken_in_one_way(kind: str) -> None:
    search = SEARCHES[kind]
    size = len(search.units.tokens)
    log_probs = np.full((3000, size), -math.log(size))
    for options in (SearchOptions(beam=7), SearchOptions(beam=7, maximum=True, lm_weight=0.0)):
        whole = search.decode(log_probs, 5, options)
        stream = search.stream(options)
        for begin in range(0, 3000, 611):
            stream.advance(log_probs[begin : begin + 611])
        assert stream.finish(5) == whole == search.decode(log_probs, 5, options)
        assert whole and not np.isnan(whole[0].score)


def test_threads_change_nothing() -> None:
    for search in SEARCHES.values():
        grids = [grid(40 + seed, len(search.units.tokens), seed) for seed in range(24)]
        alone = [search.decode(one, 3) for one in grids]
        for threads in (1, 2, 7):
            assert search.decode_batch(grids, 3, threads=threads) == alone
        assert search.decode_batch([], 3) == []
        assert search.decode_batch(grids[:1] * 9, 3) == alone[:1] * 9


@pytest.mark.parametrize("undecided", [False, True])
def test_a_hundred_thousand_frames_take_little_memory(undecided: bool) -> None:
    search, frames, size = BeamSearch(CHARACTERS), 100_000, len(CHARACTERS)
    log_probs = np.full((1000, size), -9.0, np.float32)
    log_probs[np.arange(1000), np.tile([0, 0, 2, 0, 3, 0, 0, 1, 0, 0], 100)] = -0.01
    first = np.full((1, size), -9.0)
    if undecided:  # for ever: two beginnings that are equally likely
        first[0, 2:] = -0.01
    stream = search.stream(SearchOptions(beam=20))
    stream.advance(first)
    stream.advance(log_probs)
    tracemalloc.start()
    for _ in range(frames // len(log_probs)):
        stream.advance(log_probs)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert stream.frames == 1 + frames + len(log_probs)
    # A hypothesis's text itself, and the arrays of what was said: no more than 120 bytes a frame.
    assert most < 64e6 if undecided else most < 24e6
    found = stream.finish(2)
    assert found[0].text.endswith("ab ab") or found[0].text.endswith("ab")
    assert len(found[0].tokens) >= 3 * frames // 10


def test_a_long_utterance_at_once_is_as_in_pieces() -> None:
    search, options = SEARCHES["words"], replace(SearchOptions(), beam=10)
    log_probs = grid(20_000, len(CHARACTERS), 3, sharpness=6.0)
    stream = search.stream(options)
    for begin in range(0, len(log_probs), 777):
        stream.advance(log_probs[begin : begin + 777])
    assert stream.finish(3) == search.decode(log_probs, 3, options)
