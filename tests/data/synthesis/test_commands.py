"""The demo's sentences."""

from __future__ import annotations

import re

from earwright.data.synthesis.commands import DIGITS, GRAMMAR, draw_sentences


def test_sentences_are_plain_words() -> None:
    sentences = draw_sentences(2000, seed=1)
    assert all(re.fullmatch(r"[a-z]+( [a-z]+)*", sentence) for sentence in sentences)
    assert len(set(sentences)) > 500
    words = {word for sentence in sentences for word in sentence.split()}
    assert set(DIGITS) <= words
    assert 30 <= len(words) < 60


def test_the_same_seed_draws_the_same() -> None:
    assert draw_sentences(50, seed=1) == draw_sentences(100, seed=1)[:50]
    assert draw_sentences(50, seed=1) != draw_sentences(50, seed=2)


def test_every_phrase_of_the_grammar_is_used() -> None:
    used = {
        name
        for phrases in GRAMMAR.values()
        for phrase in phrases
        for name in re.findall(r"\{(\w+)\}", phrase)
    }
    assert used | {"sentence"} == set(GRAMMAR)
