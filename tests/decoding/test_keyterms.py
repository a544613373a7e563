"""Key terms: what is heard, what is written, what is let in, and what cannot work."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.decoding import BeamSearch, Keyterm, SearchOptions, read_keyterms
from earwright.decoding.keyterm_automaton import LARGEST_PROMISE, build_automaton
from earwright.decoding.keyterm_writing import Writing
from earwright.decoding.spelling_tree import add_words, spelling_tree
from earwright.decoding.words import written_words
from earwright.errors import EarwrightError
from earwright.lm.query import LanguageModel
from earwright.transcript import Word
from small_models import random_model

TOKENS = ("<blank>", "\u2581", *"abcdehinlrtgmsy")
CLOSED = SearchOptions(unknown_penalty=math.inf, lm_weight=0.3)


def hear(text: str, sure: float = 8.0) -> npt.NDArray[np.float64]:
    """Log-probs (T, V) of a text, a frame a letter with a blank after it; the other letters are noise."""
    frames = []
    noise = np.random.default_rng(0)
    for letter in text.replace(" ", "\u2581"):
        for token in (TOKENS.index(letter), 0):
            logits = noise.normal(0.0, 0.5, len(TOKENS))
            logits[token] = sure
            frames.append(logits - math.log(np.exp(logits).sum()))
    return np.array(frames)


def model(*words: str) -> LanguageModel:
    return LanguageModel.from_ngrams(random_model(words, 2, 0))


@given(
    st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=4), min_size=1, max_size=6),
    st.lists(st.integers(0, 3), max_size=12),
    st.floats(0.0, 5.0),
)
def test_a_text_earns_what_its_terms_are_worth(terms: list[list[int]], said: list[int], boost: float) -> None:
    from earwright.decoding.beam_extend import follow_term

    patterns = [[0, *term, 0] for term in terms]
    weights = {tuple(pattern): 1.0 + place for place, pattern in enumerate(patterns)}
    found = build_automaton(patterns, [weights[tuple(pattern)] for pattern in patterns]).boosted(boost, 1)
    units, state, score = [0, *said, 0], 1, 0.0
    for unit in units[1:]:
        before = state
        state, gain = follow_term(found, state, unit)
        node = found.nodes[before]
        assert math.exp(gain) <= float(node["most"]) * (1 + 1e-9)
        score += gain
    expected = 0.0
    for pattern, weight in weights.items():
        times = sum(tuple(units[at : at + len(pattern)]) == pattern for at in range(len(units)))
        expected += times * boost * weight * (len(pattern) - 2)
    assert score - float(found.nodes[state]["promised"]) == pytest.approx(expected, abs=1e-9)


@given(
    st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=5), min_size=1, max_size=8),
    st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=7), min_size=1, max_size=8),
    st.booleans(),
)
def test_words_are_added_as_if_they_had_been_there(
    first: list[list[int]], more: list[list[int]], with_lm: bool
) -> None:
    words = [str(place) for place in range(len(first) + len(more))]
    entries = list(enumerate([*first, *more]))
    ids = np.arange(len(words)) + 3
    logs = -np.sqrt(ids) if with_lm else None
    split = len(first)
    parts = [None if logs is None else part for part in np.split(-np.sqrt(ids), [split])]
    base = spelling_tree(words[:split], entries[:split], ids[:split], parts[0])
    added = [(place - split, units) for place, units in entries[split:]]
    found = add_words(base, words[split:], added, ids[split:], parts[1])
    expected = spelling_tree(words, entries, ids, logs)
    assert found.words == expected.words
    np.testing.assert_array_equal(found.best, expected.best)
    for one, other in zip(found.tree[:-1], expected.tree[:-1], strict=True):  # the last are a grammar's
        np.testing.assert_array_equal(one, other)


def test_a_word_outside_the_lexicon_is_heard_as_a_key_term() -> None:
    search = BeamSearch(TOKENS, lm=model("a", "the", "land"), options=CLOSED)
    log_probs = hear("the chalet ")
    assert "chalet" not in search.decode(log_probs)[0].text
    terms = search.keyterms(["Chalet"])
    assert terms.added == ("chalet",)
    (found,) = search.decode(log_probs, keyterms=terms)
    assert found.text == "the Chalet" and found.unknown == (False, False)
    with_no_boost = replace(CLOSED, keyterm_boost=0.0)
    assert search.decode(log_probs, options=with_no_boost, keyterms=terms) == search.decode(log_probs)


def test_a_language_model_that_forbids_unknown_words_lets_key_terms_in() -> None:
    ngrams = random_model(("a", "the", "land"), 1, 0)
    ngrams.levels[0].log_probs[0] = -99.0
    search = BeamSearch(TOKENS, lm=LanguageModel.from_ngrams(ngrams), options=CLOSED)
    assert search.decode(hear("the chalet"), keyterms=search.keyterms(["chalet"]))[0].text == "the chalet"


def test_what_is_heard_is_written_as_the_term() -> None:
    search = BeamSearch(TOKENS)
    terms = search.keyterms(
        [
            Keyterm("Al Dente", sounds_like=("aldenti", "all den tee")),
            "Land",
            Keyterm("Bär", sounds_like=("bare",)),
        ]
    )
    for heard, written in (
        ("the al dente land", "the Al Dente Land"),
        ("aldenti", "Al Dente"),
        ("all den tee land", "Al Dente Land"),
        ("bare all den", "Bär all den"),
    ):
        assert search.decode(hear(heard), keyterms=terms)[0].text == written
        stream = search.stream(keyterms=terms)
        settled: tuple[str, ...] = ()
        for frame in hear(heard):
            stream.advance(frame[None])
            partial = stream.partial()
            assert partial is not None and partial.words[: len(settled)] == settled
            settled = partial.words[: stream.stable_words]
        assert stream.finish()[0].text == written


def test_a_stream_is_copied_with_its_key_terms() -> None:
    search = BeamSearch(TOKENS)
    log_probs, terms = (
        hear("all den tee"),
        search.keyterms([Keyterm("Al Dente", sounds_like=("all den tee",))]),
    )
    stream = search.stream(keyterms=terms)
    stream.advance(log_probs[:9])
    other = copy.deepcopy(stream)
    for each in (stream, other):
        each.advance(log_probs[9:])
    assert stream.finish(3) == other.finish(3) == search.decode(log_probs, 3, keyterms=terms)


def test_words_keep_their_times_when_they_are_written() -> None:
    words = [Word("all", 0.0, 1.0, 0.25), Word("den", 1.0, 2.0, 1.0), Word("sea", 2.0, 3.0, 0.5)]
    found = written_words(words, Writing({("all", "den"): ("Aldenti",), ("sea",): ("The", "C")}))
    assert found == (
        Word("Aldenti", 0.0, 2.0, 0.5),
        Word("The", 2.0, 2.75, 0.5),
        Word("C", 2.75, 3.0, 0.5),
    )


@given(st.lists(st.sampled_from("abc"), max_size=6), st.lists(st.sampled_from("abc"), max_size=6))
def test_what_is_settled_stays(first: Sequence[str], more: Sequence[str]) -> None:
    writing = Writing({("a", "b"): ("X",), ("a", "b", "c", "a"): ("Y", "Z"), ("b", "c"): ("V", "W", "U")})

    def write(words: Sequence[str]) -> list[str]:
        return [word for piece, _, _ in writing.spans(words) for word in piece]

    count = writing.settled(first)
    assert write([*first, *more])[:count] == write(first)[:count]


@pytest.mark.parametrize("tokens", [TOKENS, tuple(token.upper() for token in TOKENS[1:])])
def test_capitals_are_heard_by_what_letters_there_are(tokens: tuple[str, ...]) -> None:
    search = BeamSearch(("<blank>", *[token for token in tokens if token != "<blank>"]))
    assert search.keyterms(["ChaLet"]).heard.words in (("chalet",), ("CHALET",))


def test_what_cannot_work_is_named_and_the_others_go_on() -> None:
    search = BeamSearch(TOKENS)
    listed = ["chalet", "", "Wörter", "chalet", Keyterm("land", sounds_like=("lønd",), where="t.txt, line 7")]
    with pytest.warns(UserWarning) as told:
        terms = search.keyterms(listed)
    assert len(told) == 1
    for part in (
        "key term '' is empty",
        "key term 'chalet' is there twice",
        "key term 'Wörter' cannot be heard: no token has 'W', 'ö'",
        "t.txt, line 7, key term 'land': it is not heard as 'lønd', no token has 'ø'",
    ):
        assert part in str(told[0].message)
    assert terms.heard.words == ("chalet", "land") and len(terms.heard.dropped) == 4


def test_a_warning_names_a_few() -> None:
    search = BeamSearch(TOKENS)
    with pytest.warns(UserWarning, match="And 15 more such"):
        search.keyterms(["land", *(f"ö{'a' * place}" for place in range(20))])


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ([], "there are no key terms"),
        ([""], "key term '' is empty"),
        (["\u4f60\u597d"], "key term '你好' cannot be heard: no token has '你', '好'"),
        (["ö", "ü"], "no key term can be heard; key term 'ö'"),
    ],
)
def test_nothing_to_hear_is_an_error(terms: list[str], message: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(EarwrightError, match=message):
            BeamSearch(TOKENS).keyterms(terms)


def test_a_phone_lexicon_must_have_a_terms_words() -> None:
    search = BeamSearch(("<blank>", "AH", "B"), lexicon={"a": [("AH",)], "buh": [("B", "AH")]})
    with pytest.raises(EarwrightError, match="the lexicon has no pronunciation of 'ab'"):
        search.keyterms(["ab"])
    assert search.keyterms([Keyterm("ab", sounds_like=("a buh",))]).heard.writing.texts == {
        ("a", "buh"): ("ab",)
    }


def test_terms_of_another_search_are_refused() -> None:
    terms = BeamSearch(TOKENS).keyterms(["land"])
    with pytest.raises(EarwrightError, match="made for another search"):
        BeamSearch(TOKENS).decode(hear("land"), keyterms=terms)


@pytest.mark.parametrize("weight", [0.0, -1.0, math.nan, math.inf])
def test_a_weight_is_a_number_above_zero(weight: float) -> None:
    with pytest.raises(EarwrightError, match="key term 'x': its weight"):
        Keyterm("x", weight)


@pytest.mark.parametrize("lm", [None, model("a", "the", "land")])
def test_a_huge_weight_does_no_harm_to_the_search(lm: LanguageModel | None) -> None:
    search = BeamSearch(TOKENS, lm=lm, options=CLOSED)
    terms = search.keyterms([Keyterm("land " * 40, 1e300), Keyterm("the", 1e300)])
    for boost in (1e-300, 1.0, 1e300):
        options = replace(CLOSED, keyterm_boost=boost)
        for text in ("the land", "a", ""):
            found = search.decode(hear(text) if text else np.zeros((0, len(TOKENS))), 3, options, terms)
            assert found and all(math.isfinite(one.score) for one in found)
    assert search.keyterms(["land"]).boosted(1e300).nodes["promised"].max() <= LARGEST_PROMISE


def test_a_file_of_terms(tmp_path: Path) -> None:
    path = tmp_path / "terms.txt"
    path.write_text("# names\nLand\n\nAl Dente\t2\taldenti\tall den tee\n", encoding="utf-8")
    assert read_keyterms(path) == [Keyterm("Land"), Keyterm("Al Dente", 2.0, ("aldenti", "all den tee"))]
    path.write_text("land\nö\nland\n", encoding="utf-8")
    with pytest.warns(UserWarning) as told:
        BeamSearch(TOKENS).keyterms(read_keyterms(path))
    assert f"{path}, line 2, key term 'ö'" in str(told[0].message)
    assert f"{path}, line 3, key term 'land' is there twice" in str(told[0].message)
