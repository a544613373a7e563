"""A search that follows a grammar against the enumeration of all paths and of all that the grammar says."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from decoding.enumeration import best_by_words, token_sequences
from decoding.test_beam import CHARACTERS, PHONES, PIECES, WIDE, grid, random_lm, read_spaced
from earwright.decoding import BeamSearch, Grammar, Keyterm, SearchOptions
from earwright.decoding.beam_grammar import may_lead
from earwright.errors import EarwrightError

OPTIONS = replace(WIDE, rejection=math.inf)
GRAMMARS = (
    "#JSGF V1.0; grammar a; public <a> = a | ab [b] | /3/ b a;",
    "#JSGF V1.0; grammar a; public <a> = (/2/ a | /1/ ab)+ b*;",
    "#JSGF V1.0; grammar a; public <a> = b <a> | aab; public <b> = a a | b;",
    "#JSGF V1.0; grammar a; public <a> = [a b] [ab];",
    "#JSGF V1.0; grammar a; public <a> = bbbbbbbb;",
)


@pytest.mark.parametrize("text", GRAMMARS)
@pytest.mark.parametrize("names", [CHARACTERS, PIECES])
@pytest.mark.parametrize("maximum", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_characters_and_pieces_equal_enumeration(
    text: str, names: tuple[str, ...], maximum: bool, seed: int
) -> None:
    grammar = Grammar.of_jsgf(text)
    options = replace(OPTIONS, maximum=maximum, lm_weight=0.0 if seed else 0.7)
    log_probs = grid(6, len(names), 600 + seed)

    def worth(words: tuple[str, ...], tokens: tuple[int, ...]) -> float:
        log_prob = grammar.log_prob(words)
        if log_prob == -math.inf:
            return -math.inf
        return options.lm_weight * math.log(10) * log_prob + options.word_bonus * len(words)

    expected = best_by_words(
        token_sequences(log_probs, 0, maximum), lambda tokens: [read_spaced(tokens, names)], worth
    )
    wanted = [item for item in expected[:10] if item[1] > -math.inf]
    found = BeamSearch(names, grammar=grammar).decode(log_probs, 10, options)
    if not wanted:
        assert [(one.rejected, one.words, one.score) for one in found] == [(True, (), -math.inf)]
        return
    assert [one.score for one in found] == pytest.approx([score for _, score in wanted])
    assert [one.words for one in found] == [words for words, _ in wanted]
    assert [one.lm_score for one in found] == pytest.approx([grammar.log_prob(words) for words, _ in wanted])


@pytest.mark.parametrize("seed", range(4))
def test_phones_and_homophones_equal_enumeration(seed: int) -> None:
    lexicon = {"a": [("AH",), ("AH", "B")], "ab": [("AH", "B")], "buh": [("B", "AH")], "other": [("B",)]}
    grammar = Grammar.of_phrases(["a buh a", "ab [a]", "buh buh", "(a|ab) (a|buh)"])
    log_probs = grid(6, len(PHONES), 700 + seed)

    def readings(tokens: tuple[int, ...]) -> list[tuple[str, ...]]:
        phones = tuple(PHONES[token] for token in tokens)
        found = []
        for count in range(1, 4):
            for words in itertools.product(lexicon, repeat=count):
                for ways in itertools.product(*(lexicon[word] for word in words)):
                    if tuple(itertools.chain(*ways)) == phones:
                        found.append(words)
        return found

    expected = best_by_words(
        token_sequences(log_probs, 0),
        readings,
        lambda words, _: (
            OPTIONS.lm_weight * math.log(10) * grammar.log_prob(words) + OPTIONS.word_bonus * len(words)
        ),
    )
    wanted = [item for item in expected[:10] if item[1] > -math.inf]
    found = BeamSearch(PHONES, lexicon=lexicon, grammar=grammar).decode(log_probs, 10, OPTIONS)
    assert [one.score for one in found] == pytest.approx([score for _, score in wanted])


@pytest.mark.parametrize("boundaries", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_a_beginning_is_allowed_where_a_word_that_is_allowed_begins_so(boundaries: bool, seed: int) -> None:
    random = np.random.default_rng(seed)
    words = sorted({"".join(random.choice(list("abc"), random.integers(1, 5))) for _ in range(12)})
    phrases = [" ".join(random.choice(words, random.integers(1, 4))) for _ in range(6)]
    grammar = Grammar.of_phrases(phrases)
    if boundaries:
        tree = BeamSearch(("<blank>", "\u2581", *"abc"), grammar=grammar).tree
        spellings = {word: [tuple(word)] for word in grammar.words}
    else:  # with two spellings each
        spellings = {word: [tuple(word), (*word, "c")] for word in grammar.words}
        tree = BeamSearch(("<blank>", *"abc"), grammar=grammar, lexicon=spellings).tree
    made, units = grammar.automaton, {}
    waiting = [(0, ())]
    for node, spelled in waiting:
        units[node] = spelled
        for child in range(tree.tree.begins[node], tree.tree.begins[node + 1]):
            waiting.append((child, (*spelled, int(tree.tree.units[child]))))
    names = {number: name for name, number in BeamSearch(("<blank>", "\u2581", *"abc")).units.numbers.items()}
    if not boundaries:
        names = {number: name for name, number in BeamSearch(("<blank>", *"abc")).units.numbers.items()}
    for state in range(len(made.final)):
        allowed = made.words[made.begins[state] : made.begins[state + 1]]
        ways = [way for word in allowed for way in spellings[made.vocabulary[word]]]
        for node, spelled in units.items():
            letters = tuple(names[unit] for unit in spelled)
            expected = any(
                way[: len(letters)] == letters and (boundaries or len(way) > len(letters)) for way in ways
            )
            assert may_lead(tree.tree, boundaries, state, node) == (expected or node == 0)


@pytest.mark.parametrize("chunk", [1, 3])
def test_a_stream_finds_what_the_whole_finds(chunk: int) -> None:
    search = BeamSearch(CHARACTERS, grammar=Grammar.of_phrases(["(a|ab|b) (a|ba) [ab]"]))
    for seed in range(4):
        log_probs = grid(40, len(CHARACTERS), 900 + seed)
        stream = search.stream()
        for begin in range(0, 40, chunk):
            stream.advance(log_probs[begin : begin + chunk])
            partial = stream.partial()
            assert partial is not None and not partial.rejected
        assert stream.finish(3) == search.decode(log_probs, 3)


def said(text: str, sure: float = 0.99) -> np.ndarray:
    """Log-probs of a model that hears this, each character in a frame of its own after a blank."""
    tokens = [token for letter in text for token in (0, CHARACTERS.index(letter))]
    probs = np.full((len(tokens), len(CHARACTERS)), (1 - sure) / (len(CHARACTERS) - 1))
    probs[np.arange(len(tokens)), tokens] = sure
    return np.log(probs)


def test_what_does_not_fit_is_rejected_with_its_score() -> None:
    search = BeamSearch(CHARACTERS, grammar=Grammar.of_phrases(["ab ab ab", "ba ba ba"]))
    (fits,) = search.decode(said("ab▁ab▁ab"))
    assert (fits.text, fits.rejected) == ("ab ab ab", False)
    assert fits.fit is not None and -1e-6 < fits.fit <= 0.0
    (other,) = search.decode(said("bbbbbbb"))
    assert (other.text, other.words, other.tokens, other.rejected) == ("", (), (), True)
    assert other.fit is not None and -math.inf < other.fit < -search.options.rejection
    assert math.isfinite(other.score)
    (kept,) = search.decode(said("bbbbbbb"), options=replace(search.options, rejection=math.inf))
    assert (kept.rejected, kept.fit, kept.score) == (False, other.fit, other.score)
    assert kept.text in ("ab ab ab", "ba ba ba")


def test_silence_and_no_frames_are_rejected_and_not_silently_empty() -> None:
    search = BeamSearch(CHARACTERS, grammar=Grammar.of_phrases(["ab"]))
    silence = np.log(np.tile([0.97, 0.01, 0.01, 0.01], (500, 1)))  # in which 'ab' has many alignments
    for log_probs in (silence, np.zeros((0, 4))):
        (found,) = search.decode(log_probs)
        assert (found.text, found.rejected) == ("", True)
    (empty,) = BeamSearch(CHARACTERS, grammar=Grammar.of_phrases(["[ab]"])).decode(np.zeros((0, 4)))
    assert (empty.text, empty.rejected) == ("", False)


def test_half_a_phrase_counts_only_while_the_utterance_goes_on() -> None:
    search = BeamSearch(CHARACTERS, grammar=Grammar.of_phrases(["ab ba"]), options=OPTIONS)
    stream = search.stream()
    stream.advance(said("ab"))
    assert stream.finish(end=False)[0].text == "ab"
    assert stream.finish()[0].rejected
    stream.advance(said("▁ba"))
    assert stream.finish()[0].text == "ab ba"


def test_tags_come_with_what_was_said() -> None:
    grammar = Grammar.of_jsgf(
        "#JSGF V1.0; grammar a; public <a> = (a {first} | ab {second}) [b {more}] {end};"
    )
    search = BeamSearch(CHARACTERS, grammar=grammar)
    assert search.decode(said("ab▁b"))[0].tags == ("second", "more", "end")
    assert search.decode(said("a"))[0].tags == ("first", "end")


def test_key_terms_help_within_a_grammar_and_do_not_make_it_fit() -> None:
    search = BeamSearch(CHARACTERS, grammar=Grammar.of_phrases(["ab", "ba"]))
    terms = search.keyterms([Keyterm("ba", 20.0)])
    plain = search.decode(said("ab", sure=0.6))[0]
    helped = search.decode(said("ab", sure=0.6), keyterms=terms)[0]
    assert plain.text == "ab"
    assert helped.text == "ba" or helped.rejected
    assert helped.fit is not None and plain.fit is not None and helped.fit < plain.fit


def test_a_search_without_a_grammar_judges_nothing() -> None:
    (found,) = BeamSearch(CHARACTERS).decode(said("ab"))
    assert (found.fit, found.rejected, found.tags) == (None, False, ())


def test_what_a_grammar_cannot_be_searched_with_is_said() -> None:
    grammar = Grammar.of_phrases(["ab", "a cab"])
    with pytest.raises(EarwrightError, match=r"the phrases, line 2: 'cab' cannot be heard: no token has 'c'"):
        BeamSearch(CHARACTERS, grammar=grammar)
    with pytest.raises(EarwrightError, match="leave the list of words away"):
        BeamSearch(CHARACTERS, grammar=Grammar.of_phrases(["ab"]), lexicon=["ab"])
    with pytest.raises(EarwrightError, match="no sign for a space"):
        BeamSearch(PHONES, grammar=Grammar.of_phrases(["ab"]))
    with pytest.raises(EarwrightError, match="line 1: 'ba' cannot be heard: it has no pronunciation"):
        BeamSearch(PHONES, grammar=Grammar.of_phrases(["ab ba"]), lexicon={"ab": [("AH", "B")]})
    with pytest.raises(EarwrightError, match="leave the language model away"):
        BeamSearch(CHARACTERS, grammar=Grammar.of_phrases(["ab"]), lm=random_lm(("ab",), 2, 1))
    with pytest.raises(EarwrightError, match="rejection"):
        SearchOptions(rejection=-1.0)


def test_of_several_hypotheses_those_that_fit_are_left() -> None:
    search = BeamSearch(CHARACTERS, grammar=Grammar.of_phrases(["ab ab", "ab aa", "bb bb"]))
    found = search.decode(said("ab▁ab"), 5, replace(search.options, rejection=1.5))
    everything = search.decode(said("ab▁ab"), 5, replace(search.options, rejection=math.inf))
    assert [one.text for one in found] == ["ab ab", "ab aa"]
    assert [one.text for one in everything] == ["ab ab", "ab aa", "bb bb"]
    # The same is rejected however many are asked for.
    for count in (1, 5):
        (only,) = search.decode(said("ba▁ba"), count, replace(search.options, rejection=0.1))
        assert only.rejected and only.tags == ()
