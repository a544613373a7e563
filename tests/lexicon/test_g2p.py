"""The g2p model: its search beside the sum over every cut, its words, and what it refuses."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.errors import EarwrightError
from earwright.lexicon import (
    G2pModel,
    default_lexicon,
    pronounce_words,
    score_g2p,
    split_words,
    train_g2p,
)
from earwright.lexicon.g2p import LONGEST_WORD, SPECIALS
from earwright.lexicon.pronunciations import Lexicon
from earwright.lm import END, START, Level, NgramModel

GERMAN = {
    "schal": "ʃ aː l", "schule": "ʃ uː l ə", "fisch": "f ɪ ʃ", "tisch": "t ɪ ʃ", "tasche": "t a ʃ ə",
    "straße": "ʃ t ʁ aː s ə", "stuhl": "ʃ t uː l", "stahl": "ʃ t aː l", "stein": "ʃ t aɪ n", "bein": "b aɪ n",
    "wein": "v aɪ n", "weiß": "v aɪ s", "heiß": "h aɪ s", "heute": "h ɔʏ t ə", "leute": "l ɔʏ t ə",
    "häuser": "h ɔʏ z ɐ", "mäuse": "m ɔʏ z ə", "maus": "m aʊ s", "haus": "h aʊ s", "laut": "l aʊ t",
}  # fmt: skip
HINDI = {
    "कमल": "k ə m ə l", "नमक": "n ə m ə k", "मकान": "m ə k aː n", "नाम": "n aː m", "काम": "k aː m",
    "माला": "m aː l aː", "नीला": "n iː l aː", "कील": "k iː l", "मीना": "m iː n aː", "लाल": "l aː l",
    "किला": "k ɪ l aː", "मिल": "m ɪ l", "कि": "k ɪ", "मील": "m iː l",
}  # fmt: skip


def trained(words: dict[str, str], order: int = 3) -> G2pModel:
    return train_g2p([(word, phones.split()) for word, phones in words.items()], order)


def all_pronunciations(model: G2pModel, word: str) -> dict[tuple[str, ...], float]:
    """Phones -> probability, by every cut of the word and the n-gram model's own slow look-up."""

    def cuts(rest: str) -> Iterator[list[int]]:
        if not rest:
            yield []
        for number, (letters, _) in enumerate(model.graphones):
            if letters and rest.startswith(letters):
                for others in cuts(rest[len(letters) :]):
                    yield [number, *others]

    sums: dict[tuple[str, ...], float] = defaultdict(float)
    for cut in cuts(word):
        ids = [START, *(number + SPECIALS for number in reversed(cut)), END]
        total = sum(model.ngrams.log_prob(ids[: place + 1]) for place in range(1, len(ids)))
        sums[tuple(phone for number in cut for phone in model.graphones[number][1])] += 10**total
    whole = sum(sums.values())
    return {phones: share / whole for phones, share in sums.items()}


words = st.text("abc", min_size=1, max_size=4)
pronunciations = st.lists(st.sampled_from(["A", "B", "K"]), min_size=1, max_size=4)


@given(st.lists(st.tuples(words, pronunciations), min_size=1, max_size=8), st.integers(1, 4), words)
def test_the_search_adds_up_every_cut(entries: list[tuple[str, list[str]]], order: int, word: str) -> None:
    try:
        model = train_g2p(entries, order)
        found = model.pronounce(word, 10_000, beam=2000, width=100)
    except EarwrightError as error:
        assert "aligned" in str(error) or "trained on no word with" in str(error) or "no phones" in str(error)
        return
    expected = {phones: share for phones, share in all_pronunciations(model, word).items() if phones}
    assert {guess.phones for guess in found} == set(expected)
    assert [guess.probability for guess in found] == pytest.approx(
        sorted(expected.values(), reverse=True), rel=1e-5, abs=1e-9
    )
    for guess in found:
        assert guess.probability == pytest.approx(expected[guess.phones], rel=1e-5, abs=1e-9)


def test_a_narrow_beam_finds_nearly_the_same() -> None:
    entries = list(default_lexicon("en").entries())[::60]
    model = train_g2p(entries, 5)
    wide, narrow = (
        [model.pronounce(word, beam=beam, width=width)[0].phones for word, _ in entries[:150]]
        for beam, width in ((1000, 50.0), (60, 5.0))
    )
    assert sum(a != b for a, b in zip(wide, narrow, strict=True)) <= 1
    right = sum(a == phones for a, (_, phones) in zip(wide, entries, strict=False))
    assert right > 120  # it was trained on them


@pytest.mark.parametrize(
    ("lexicon", "word", "phones"),
    [
        (GERMAN, "mische", "m ɪ ʃ ə"),
        (GERMAN, "Stuhle", "ʃ t uː l ə"),
        (GERMAN, "laus", "l aʊ s"),
        (HINDI, "मिला", "m ɪ l aː"),
        (HINDI, "काला", "k aː l aː"),
    ],
)
def test_other_alphabets(lexicon: dict[str, str], word: str, phones: str) -> None:
    assert trained(lexicon).pronounce(word)[0].phones == tuple(phones.split())


def test_guesses_come_best_first_and_share_one_probability() -> None:
    guesses = trained(GERMAN).pronounce("schaus", 50, beam=500, width=30)
    shares = [guess.probability for guess in guesses]
    assert shares == sorted(shares, reverse=True) and 0.999 < sum(shares) < 1.001
    assert len({guess.phones for guess in guesses}) == len(guesses)
    assert trained(GERMAN).pronounce("schaus", 2)[1].phones == guesses[1].phones


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("", "the word is empty"),
        ("schöq", r'was trained on no word with "q" \(U\+0071\), "ö" \(U\+00F6\), so it cannot say "schöq"'),
        ("a" * (LONGEST_WORD + 1), "letters are more than 200"),
    ],
)
def test_what_it_cannot_say(word: str, sentence: str) -> None:
    with pytest.raises(EarwrightError, match=sentence):
        trained(GERMAN).pronounce(word)


def test_a_word_of_silent_letters() -> None:
    model = train_g2p([("ha", ["A"]), ("hb", ["B"]), ("hhb", ["B"])], 2)
    with pytest.raises(EarwrightError, match='finds no phones for "h"'):
        for guess in model.pronounce("h"):
            raise AssertionError(guess)


def test_case_counts_where_the_lexicon_has_both() -> None:
    model = train_g2p([("A", ["eɪ"]), ("a", ["ə"])], 2)
    assert not model.lower and model.pronounce("A")[0].phones == ("eɪ",)
    assert model.pronounce("a")[0].phones == ("ə",)


def test_nothing_to_train_on() -> None:
    with pytest.raises(EarwrightError, match="no words with phones"):
        train_g2p([("a", []), ("", ["A"])])


def test_suffixes_that_a_pruned_model_lacks() -> None:
    """The trigram "a b" is there and "b" continues nothing after it: the search backs off past the gap."""
    model = trained({"aab": "A A B", "ab": "A B", "ba": "B A", "bba": "B B A"}, 3)
    levels = list(model.ngrams.levels)
    two, three = levels[1], levels[2]
    # Take out the bigrams that no trigram continues: some of them are suffixes of trigrams.
    keep = np.diff(three.begins) > 0
    counts = np.add.reduceat(np.append(keep, False), two.begins[:-1]) * (np.diff(two.begins) > 0)
    begins = np.concatenate([[0], np.cumsum(counts)])
    assert two.backoffs is not None
    pruned = Level(two.words[keep], begins, two.log_probs[keep], two.backoffs[keep])
    longest = Level(three.words, np.append(three.begins[:-1][keep], len(three)), three.log_probs)
    thinned = NgramModel(model.ngrams.vocabulary, (levels[0], pruned, longest))
    assert len(pruned) < len(two)
    model = G2pModel(model.graphones, thinned)
    for word in ("abab", "bab", "aabb"):
        expected = all_pronunciations(model, word)
        for guess in model.pronounce(word, 50, beam=500, width=50):
            assert guess.probability == pytest.approx(expected[guess.phones], rel=1e-5)


def test_additions_come_first_then_the_lexicon_then_the_model() -> None:
    lexicon = Lexicon({"haus": (("h", "aʊ", "s"),), "neu": (("n",),)}, ("h",), additions=frozenset({"neu"}))
    loaded: list[int] = []

    def load() -> G2pModel:
        loaded.append(1)
        return trained(GERMAN)

    answers = list(pronounce_words(["Haus", "neu"], lexicon, load))
    assert [(answer.source, answer.guesses[0].phones) for answer in answers] == [
        ("lexicon", ("h", "aʊ", "s")),
        ("additions", ("n",)),
    ]
    assert not loaded
    answers = list(pronounce_words(["laus", "q", "haus", "maus"], lexicon, load))
    assert [answer.source for answer in answers] == ["g2p", "", "lexicon", "g2p"] and loaded == [1]
    assert 'no word with "q"' in answers[1].problem and answers[1].guesses == ()
    [answer] = pronounce_words(["laus"], lexicon)
    assert answer.problem == '"laus" is not in the lexicon.'


@given(st.sets(st.text("abcdef", min_size=1, max_size=5), max_size=40), st.floats(0, 1), st.integers(0, 9))
def test_splits_are_fixed_and_disjoint(drawn: set[str], share: float, seed: int) -> None:
    kept, held_out = split_words(drawn, share, seed)
    assert set(kept) | set(held_out) == drawn and not set(kept) & set(held_out)
    assert len(held_out) == round(share * len(drawn))
    assert (kept, held_out) == split_words(sorted(drawn, reverse=True), share, seed)


def test_scores_are_counted_against_the_nearest_pronunciation() -> None:
    model = train_g2p([("a", ["A1"]), ("b", ["B"]), ("ab", ["A1", "B"])] * 3, 3)
    listed = {"a": [("A0",), ("X", "Y")], "b": [("A", "B", "K")], "ab": [("A1", "B")], "zz": [("Z", "Z")]}
    score = score_g2p(model, {word: tuple(each) for word, each in listed.items()})
    assert (score.errors, score.lengths, score.failed) == ((0, 2, 0, 2), (1, 3, 2, 2), 1)
    assert score.word_error_rate == 0.5 and score.phone_error_rate == 0.5
    stressed = score_g2p(model, {"a": (("A0",),)}, stress=True)
    assert stressed.errors == (1,)


def test_held_out_words_of_english() -> None:
    """A small part of cmudict, so a poor model; far better than a letter at a time."""
    lexicon = default_lexicon("en")
    words = list(lexicon.words)[::15]
    kept, held_out = split_words(words, 0.05, 0)
    model = train_g2p([(word, phones) for word in kept for phones in lexicon.words[word]], 6, epochs=0)
    score = score_g2p(model, {word: lexicon.words[word] for word in held_out})
    assert score.phone_error_rate < 0.18 and score.failed == 0
    letters = train_g2p([(word, phones) for word in kept for phones in lexicon.words[word]], 1, epochs=0)
    assert score_g2p(letters, {word: lexicon.words[word] for word in held_out}).phone_error_rate > 0.3


def test_every_order_says_the_same_sum() -> None:
    """Probabilities of all pronunciations of a word are at most 1 together, whatever the order."""
    for order, word in itertools.product((1, 2, 5), ("haus", "schlaue")):
        assert sum(g.probability for g in trained(GERMAN, order).pronounce(word, 1000)) <= 1 + 1e-6
