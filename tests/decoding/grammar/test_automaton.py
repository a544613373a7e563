"""Random grammars against all that they say, written out naively."""

from __future__ import annotations

import itertools
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from earwright.decoding.grammar import Grammar
from earwright.decoding.grammar.automaton import automaton
from earwright.decoding.grammar.expressions import (
    Choice,
    Expression,
    Reference,
    Repeat,
    Series,
    Tagged,
    Word,
)
from earwright.decoding.grammar.network import network
from earwright.errors import EarwrightError

WORDS = ("a", "b", "c")
LONGEST = 4  # words of a phrase that is looked at
Phrases = dict[tuple[str, ...], tuple[float, tuple[str, ...]]]


def expressions() -> st.SearchStrategy[Expression]:
    """Trees of all kinds; weights are powers of two, so that ties are ties."""
    leaves: st.SearchStrategy[Expression] = st.sampled_from(
        [*(Word(word, 1) for word in WORDS), Series(()), Choice(()), Reference("other", 1)]
    )
    weights = st.sampled_from([0.0, 1.0, 1.0, 3.0])
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda parts: Series(tuple(parts))),
            st.lists(st.tuples(weights, inner), max_size=3).map(lambda ways: Choice(tuple(ways))),
            st.builds(Repeat, inner, st.sampled_from([0, 1])),
            st.builds(Tagged, inner, st.sampled_from(["t", "u"])),
        ),
        max_leaves=8,
    )


def merged(left: Phrases, right: Phrases) -> Phrases:
    """The better of each."""
    found = dict(left)
    for words, (log_prob, tags) in right.items():
        if len(words) <= LONGEST and (words not in found or log_prob > found[words][0] + 1e-12):
            found[words] = (log_prob, tags)
    return found


def joined(left: Phrases, right: Phrases) -> Phrases:
    """One after the other."""
    found: Phrases = {}
    for (words, (one, tags)), (more, (two, others)) in itertools.product(left.items(), right.items()):
        found = merged(found, {words + more: (one + two, tags + others)})
    return found


def phrases(part: Expression, other: Expression | None) -> Phrases:
    """All phrases of up to LONGEST words with their likeliest derivation's log-prob and tags."""
    match part:
        case Word(text, _):
            return {(text,): (0.0, ())}
        case Series(parts):
            found: Phrases = {(): (0.0, ())}
            for one in parts:
                found = joined(found, phrases(one, other))
            return found
        case Choice(ways):
            found = {}
            for weight, way in ways:
                if weight > 0:
                    share = math.log(weight / sum(much for much, _ in ways))
                    said = phrases(way, other).items()
                    found = merged(found, {words: (share + one, tags) for words, (one, tags) in said})
            return found
        case Repeat(inner, least):
            half = math.log(0.5)
            once = phrases(inner, other)
            turn, found = once, {} if least else {(): (half, ())}
            for count in range(LONGEST + 1):
                price = half * (count + 1 + (not least))
                found = merged(found, {words: (price + one, tags) for words, (one, tags) in turn.items()})
                turn = joined(turn, once)
            return found
        case Tagged(inner, tag):
            return {words: (one, (*tags, tag)) for words, (one, tags) in phrases(inner, other).items()}
        case Reference():
            assert other is not None
            return phrases(other, None)


def closed(part: Expression) -> bool:
    """Whether it refers to nothing."""
    match part:
        case Reference():
            return False
        case Series(parts):
            return all(map(closed, parts))
        case Choice(ways):
            return all(closed(way) for _, way in ways)
        case Repeat(inner, _) | Tagged(inner, _):
            return closed(inner)
    return True


@settings(max_examples=300, deadline=None)
@given(expressions(), expressions().filter(closed))
def test_random_grammars_say_what_they_say(part: Expression, other: Expression) -> None:
    grammar = Grammar(network({"top": part, "other": other}, ["top"], "a test"))
    expected = phrases(part, other)
    try:
        made = grammar.automaton
    except EarwrightError as error:
        assert "allows" in str(error)
        assert not any(expected)
        return
    for count in range(LONGEST + 1):
        for words in itertools.product(WORDS, repeat=count):
            wanted = expected.get(words, (-math.inf, ()))[0]
            found = grammar.log_prob(words) * math.log(10)
            if made.exact:
                assert found == wanted or math.isclose(found, wanted, rel_tol=1e-6, abs_tol=1e-6)
            else:  # two loops with different weights over the same words
                assert (found > -math.inf) == (wanted > -math.inf) and found >= wanted - 1e-6
    for state in range(len(made.final)):  # one arc a word
        arcs = made.words[made.begins[state] : made.begins[state + 1]].tolist()
        assert arcs == sorted(set(arcs))


@settings(max_examples=200, deadline=None)
@given(expressions().filter(closed))
def test_tags_are_those_of_the_likeliest_way(part: Expression) -> None:
    grammar = Grammar(network({"top": part}, ["top"], "a test"))
    expected = phrases(part, None)
    tagged = {words: tags for words, (_, tags) in expected.items()}
    for words, tags in tagged.items():
        found = grammar.tags(words)
        # Ways that are equally likely may differ in their tags; their number is that of one of them.
        assert found == tags or set(found) <= {"t", "u"}


def test_states_after_which_the_same_may_be_said_are_one() -> None:
    made = Grammar.of_phrases(["a b c", "b b c", "c b c"]).automaton
    assert len(made.final) == 4
    made = Grammar.of_jsgf("#JSGF V1.0; grammar a; public <a> = x (a b)*; public <b> = y (a b)*;").automaton
    assert len(made.final) == 3


def test_automata_are_the_same_every_time() -> None:
    text = "#JSGF V1.0; grammar a; public <a> = (a | b [c])+ <b>; <b> = c | a <b>;"
    first, second = (automaton(Grammar.of_jsgf(text).network) for _ in range(2))
    assert first.exact == second.exact
    for name in ("vocabulary", "begins", "words", "targets", "weights", "final"):
        assert list(getattr(first, name)) == list(getattr(second, name))
