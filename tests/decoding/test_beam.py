"""The beam search against the enumeration of all paths, on grids small enough for it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from decoding.enumeration import best_by_words, lm_log10, token_sequences
from earwright.decoding import BeamSearch, Keyterm, SearchOptions
from earwright.errors import EarwrightError
from earwright.lm.query import LanguageModel
from small_models import random_model

CHARACTERS = ("<blank>", "\u2581", "a", "b")
PIECES = ("<blank>", "\u2581a", "\u2581ab", "b", "\u2581")
PHONES = ("<blank>", "AH", "B")
WIDE = SearchOptions(
    lm_weight=0.7,
    word_bonus=0.3,
    unknown_penalty=2.0,
    beam=4000,
    beam_threshold=math.inf,
    token_threshold=math.inf,
    blank_skip=1.0,
    recombine=False,
)


def grid(frames: int, size: int, seed: int, sharpness: float = 2.0) -> npt.NDArray[np.float64]:
    """Random log-probs (T, V)."""
    values = np.random.default_rng(seed).normal(0, sharpness, (frames, size))
    return np.asarray(values - np.log(np.exp(values).sum(axis=1, keepdims=True)))


def random_lm(words: tuple[str, ...], order: int, seed: int, unit: str = "word") -> LanguageModel:
    """A model of random sentences over words; <unk> is among them."""
    return LanguageModel.from_ngrams(replace(random_model(words, order, seed), unit=unit))


def read_spaced(tokens: tuple[int, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """The words of tokens that have signs for spaces."""
    return tuple("".join(names[token] for token in tokens).replace("\u2581", " ").split())


def assert_same(
    search: BeamSearch,
    log_probs: npt.NDArray[np.float64],
    options: SearchOptions,
    expected: list[tuple[tuple[str, ...], float]],
) -> None:
    """The ten best are those of the enumeration, with their scores."""
    found = search.decode(log_probs, nbest=10, options=options)
    wanted = [item for item in expected[:10] if item[1] > -math.inf]
    assert [hypothesis.score for hypothesis in found] == pytest.approx([score for _, score in wanted])
    for hypothesis, (words, score) in zip(found, wanted, strict=True):
        assert hypothesis.words == words or any(
            other == hypothesis.words and math.isclose(value, score) for other, value in expected
        )


@pytest.mark.parametrize("names", [CHARACTERS, PIECES])
@pytest.mark.parametrize("maximum", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_open_vocabulary_equals_enumeration(names: tuple[str, ...], maximum: bool, seed: int) -> None:
    log_probs = grid(6, len(names), seed)
    options = replace(WIDE, maximum=maximum)
    expected = best_by_words(
        token_sequences(log_probs, 0, maximum),
        lambda tokens: [read_spaced(tokens, names)],
        lambda words, tokens: options.word_bonus * len(words),
    )
    assert_same(BeamSearch(names), log_probs, options, expected)


@pytest.mark.parametrize("names", [CHARACTERS, PIECES])
@pytest.mark.parametrize("penalty", [2.0, math.inf])
@pytest.mark.parametrize("seed", range(4))
def test_words_and_a_language_model_equal_enumeration(
    names: tuple[str, ...], penalty: float, seed: int
) -> None:
    lexicon = ("a", "ab", "abb", "b") if seed % 2 else ("ab", "ba", "aab")
    lm = random_lm(lexicon[:-1], 3, seed)  # which lacks one of the lexicon's words
    options = replace(WIDE, unknown_penalty=penalty, maximum=bool(seed % 2))
    log_probs = grid(6, len(names), 100 + seed)

    def worth(words: tuple[str, ...], tokens: tuple[int, ...]) -> float:
        unknown = sum(word not in lexicon for word in words)
        return (
            options.lm_weight * math.log(10) * lm_log10(lm, words)
            + options.word_bonus * len(words)
            - (penalty * unknown if unknown else 0.0)
        )

    expected = best_by_words(
        token_sequences(log_probs, 0, options.maximum), lambda tokens: [read_spaced(tokens, names)], worth
    )
    assert_same(BeamSearch(names, lexicon=lexicon, lm=lm), log_probs, options, expected)


@pytest.mark.parametrize("seed", range(4))
def test_phones_and_homophones_equal_enumeration(seed: int) -> None:
    lexicon = {"a": [("AH",), ("AH", "B")], "ab": [("AH", "B")], "buh": [("B", "AH")]}
    lm = random_lm(tuple(lexicon), 2, seed)
    log_probs = grid(6, len(PHONES), 200 + seed)

    def readings(tokens: tuple[int, ...]) -> list[tuple[str, ...]]:
        phones = [PHONES[token] for token in tokens]
        ways: list[list[tuple[str, ...]]] = [[()]] + [[] for _ in phones]
        for end in range(1, len(phones) + 1):
            for word, spellings in lexicon.items():
                for spelling in spellings:
                    begin = end - len(spelling)
                    if begin >= 0 and tuple(phones[begin:end]) == spelling:
                        ways[end] += [(*before, word) for before in ways[begin]]
        return ways[len(phones)]

    def worth(words: tuple[str, ...], tokens: tuple[int, ...]) -> float:
        return WIDE.lm_weight * math.log(10) * lm_log10(lm, words) + WIDE.word_bonus * len(words)

    expected = best_by_words(token_sequences(log_probs, 0), readings, worth)
    assert_same(BeamSearch(PHONES, lexicon=lexicon, lm=lm), log_probs, WIDE, expected)


@pytest.mark.parametrize("seed", range(4))
def test_a_language_model_of_tokens_equals_enumeration(seed: int) -> None:
    lm = random_lm(CHARACTERS[1:], 3, seed, unit="token")
    log_probs = grid(6, len(CHARACTERS), 300 + seed)
    options = replace(WIDE, word_bonus=0.0)

    def worth(words: tuple[str, ...], tokens: tuple[int, ...]) -> float:
        return options.lm_weight * math.log(10) * lm_log10(lm, [CHARACTERS[token] for token in tokens])

    expected = best_by_words(
        token_sequences(log_probs, 0), lambda tokens: [read_spaced(tokens, CHARACTERS)], worth
    )
    assert_same(BeamSearch(CHARACTERS, lm=lm), log_probs, options, expected)


@pytest.mark.parametrize("chunk", [1, 2, 5])
def test_a_stream_finds_what_the_whole_finds(chunk: int) -> None:
    search = BeamSearch(CHARACTERS, lexicon=("a", "ab"), lm=random_lm(("a", "ab"), 2, 1))
    log_probs = grid(40, len(CHARACTERS), 7)
    stream = search.stream()
    for begin in range(0, 40, chunk):
        stream.advance(log_probs[begin : begin + chunk])
    assert stream.finish(5) == search.decode(log_probs, 5)


def test_recombining_keeps_the_best() -> None:
    lexicon = ("a", "ab", "ba", "b")
    search = BeamSearch(CHARACTERS, lexicon=lexicon, lm=random_lm(lexicon, 2, 3))
    for seed in range(20):
        log_probs = grid(30, len(CHARACTERS), seed, sharpness=8.0)
        wide = search.decode(log_probs, options=replace(WIDE, beam=2000))[0]
        narrow = search.decode(log_probs, options=replace(WIDE, beam=50, recombine=True))[0]
        assert narrow.words == wide.words
        assert narrow.score == pytest.approx(wide.score, abs=0.05)


def test_nothing_fits_gives_nothing() -> None:
    log_probs = np.full((3, 4), -np.inf)
    log_probs[:, 3] = 0.0  # only "b", which is no word
    assert (
        BeamSearch(CHARACTERS, lexicon=["aa"]).decode(
            log_probs, options=replace(WIDE, unknown_penalty=math.inf)
        )
        == []
    )


@pytest.mark.parametrize(
    ("log_probs", "message"),
    [
        (np.zeros((2, 3)), "do not fit 4 tokens"),
        (np.zeros(4), "do not fit 4 tokens"),
        (np.array([[0.0, np.nan, 0.0, 0.0]]), "NaN"),
        (np.array([[0.0, np.inf, 0.0, 0.0]]), "inf"),
    ],
)
def test_bad_log_probs_are_said(log_probs: npt.NDArray[np.float64], message: str) -> None:
    with pytest.raises(EarwrightError, match=message):
        BeamSearch(CHARACTERS).decode(log_probs)


def test_no_frames_give_an_empty_text() -> None:
    (found,) = BeamSearch(CHARACTERS).decode(np.zeros((0, 4)))
    assert (found.text, found.tokens, found.score) == ("", (), 0.0)


@pytest.mark.parametrize("names", [CHARACTERS, PIECES])
@pytest.mark.parametrize("penalty", [None, 2.0, math.inf])
@pytest.mark.parametrize("seed", range(3))
def test_key_terms_equal_enumeration(names: tuple[str, ...], penalty: float | None, seed: int) -> None:
    lexicon = ("a", "ab", "ba")
    lm = random_lm(lexicon, 2, seed) if penalty is not None else None
    terms = [
        Keyterm("a ab", 2.0),
        Keyterm("ab", 1.0),
        Keyterm("abb", 3.0, sounds_like=("b a",)),
        Keyterm("ab a"),
    ]
    search = BeamSearch(names, lm=lm)
    log_probs = grid(7, len(names), 400 + seed)
    options = replace(WIDE, keyterm_boost=0.4, unknown_penalty=penalty or 0.0)

    def worth(words: tuple[str, ...], tokens: tuple[int, ...]) -> float:
        text, total = f" {' '.join(words)} ", 0.0
        for term in terms:
            for spelling in (term.text, *term.sounds_like):
                bonus = 0.4 * term.weight * len(spelling.replace(" ", ""))
                total += bonus * sum(text.startswith(f" {spelling} ", at) for at in range(len(text)))
        if lm is not None:
            rarest = min(lexicon, key=lambda word: lm.score(lm.empty_state, lm.id(word))[0])
            known = [rarest if word in ("abb", "b") else word for word in words]
            total += options.lm_weight * math.log(10) * lm_log10(lm, known)
            if any(word not in (*lexicon, "abb", "b") for word in words):  # the terms' words are let in
                total -= options.unknown_penalty * sum(word not in (*lexicon, "abb", "b") for word in words)
        return total + options.word_bonus * len(words)

    heard = best_by_words(token_sequences(log_probs, 0), lambda tokens: [read_spaced(tokens, names)], worth)
    expected: dict[str, float] = {}
    for words, score in heard:  # "b a" is written "abb", and the better of the two stands for both
        text = f" {' '.join(words)} ".replace(" b a ", " abb ").replace(" b a ", " abb ").strip()
        expected.setdefault(text, score)
    found = search.decode(log_probs, 10, options, search.keyterms(terms))
    assert [one.score for one in found] == pytest.approx(list(expected.values())[:10])
    assert found[0].text == next(iter(expected))


@pytest.mark.parametrize("names", [CHARACTERS, PIECES])
@pytest.mark.parametrize("chunk", [1, 7])
def test_what_is_stable_stays(names: tuple[str, ...], chunk: int) -> None:
    lexicon, options, total = ("a", "ab", "b"), SearchOptions(beam=20), 0
    search = BeamSearch(names, lexicon=lexicon, lm=random_lm(lexicon, 2, 1))
    for seed in range(6):
        log_probs = grid(120, len(names), 500 + seed, sharpness=12.0)
        stream, settled = search.stream(options), ()
        for begin in range(0, 120, chunk):
            stream.advance(log_probs[begin : begin + chunk])
            count = stream.stable_words  # which takes what is shared out of the tree
            partial = stream.partial()
            assert partial is not None and partial.words[: len(settled)] == settled
            settled = partial.words[:count]
        total += len(settled)
        assert stream.finish(3) == search.decode(log_probs, 3, options)
        assert stream.finish()[0].words[: len(settled)] == settled
    assert total > 20
