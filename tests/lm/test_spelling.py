"""Words in tokens: as the tokenizers spell whole sentences, with <unk> where they cannot."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from earwright.lm.ngrams import END, UNKNOWN
from earwright.lm.spelling import SHIFT, Speller, token_vocabulary
from earwright.text import Tokenizer, build_char_tokenizer, train_bpe_tokenizer

TEXTS = ["the cat sat on the mat", "a cat and a hat", "that is the hat"]
CHARS = build_char_tokenizer(TEXTS)
PIECES = train_bpe_tokenizer(TEXTS, 24)
SENTENCES = st.lists(
    st.lists(st.sampled_from(["the", "cat", "hat", "a", "sand", "on"]), min_size=1, max_size=5), max_size=4
)


@given(SENTENCES, st.sampled_from([CHARS, PIECES]))
def test_sentences_are_spelled_as_the_tokenizer_does(
    sentences: list[list[str]], tokenizer: Tokenizer
) -> None:
    speller = Speller(tokenizer)
    ids = [number for words in sentences for number in (*(speller.numbers[w] for w in words), END)]
    tokens, lengths = speller.spell(np.array(ids, np.int32))
    expected: list[int] = []
    for words in sentences:
        expected += [token + SHIFT for token in tokenizer.encode(" ".join(words))] + [END]
    assert tokens.tolist() == expected
    assert lengths.sum() == len(tokens) and (lengths >= 1).all()
    vocabulary = token_vocabulary(tokenizer)
    assert [vocabulary[token] for token in tokens if token > END] == [
        tokenizer.tokens[token - SHIFT] for token in expected if token > END
    ]


def test_a_text_in_parts() -> None:
    speller = Speller(CHARS)
    ids = np.array([speller.numbers[word] for word in ["the", "cat", "sat"]] + [END], np.int32)
    whole, _ = speller.spell(ids)
    parts = [speller.spell(ids[:1])[0], speller.spell(ids[1:], begins=False)[0]]
    assert np.concatenate(parts).tolist() == whole.tolist()


def test_characters_without_a_token() -> None:
    for tokenizer, expected in ((CHARS, 3), (PIECES, 1)):
        speller = Speller(tokenizer)
        tokens, lengths = speller.spell(np.array([speller.numbers["hüt"], END], np.int32))
        assert tokens.tolist().count(UNKNOWN) == 1
        assert lengths.tolist() == [expected, 1]
