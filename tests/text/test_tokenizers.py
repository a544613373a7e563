"""Tokenizers: text comes back as it went in, for every character of every language at hand."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.errors import EarwrightError
from earwright.text.normalize import normalize
from earwright.text.tokenizers import (
    BLANK,
    WORD_START,
    BpeTokenizer,
    CharTokenizer,
    Tokenizer,
    build_char_tokenizer,
    load_tokenizer,
    train_bpe_tokenizer,
)

TEXTS = ["hello you", "yes hello", "are you the one", "low lower lowest newer wider", "the low road"]
SAMPLES = [
    tuple(line.split("\t"))
    for line in (Path(__file__).parent.parent / "data/text/characters.tsv")
    .read_text("utf-8")
    .splitlines()[1:]
]


@pytest.fixture(scope="module", params=["char", "bpe"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return build_char_tokenizer(TEXTS) if request.param == "char" else train_bpe_tokenizer(TEXTS, 40)


def _check_round_trip(texts: list[str]) -> None:
    """Characters and words of `texts` come back from a vocabulary of each kind that was built on them."""
    characters = {character for text in texts for character in text if not character.isspace()}
    alone = sorted(characters)
    for made in (build_char_tokenizer(texts), train_bpe_tokenizer(texts, len(characters) + 12)):
        assert made.tokens[0] == BLANK
        for text in [*texts, *alone, " ".join(alone), "".join(alone)]:
            ids = made.encode(text)
            assert 0 not in ids
            assert made.decode(ids) == " ".join(text.split())
            assert [word for word, _, _ in made.words(ids)] == text.split()
        again = load_tokenizer(made.files())
        assert type(again) is type(made) and again.tokens == made.tokens


@pytest.mark.parametrize(("language", "characters"), SAMPLES, ids=[sample[0] for sample in SAMPLES])
def test_round_trip_of_every_character(language: str, characters: str) -> None:
    words = [characters[start : start + 5] for start in range(0, len(characters), 5)]
    _check_round_trip([" ".join(words), "".join(words)])
    _check_round_trip([normalize(" ".join(words), "basic")])


def test_round_trip_of_every_text_of_the_corpora(shared: Path) -> None:
    corpora = shared / "corpora"
    languages: dict[str, list[str]] = {"en": []}
    for path in sorted(corpora.glob("common-voice/*/validated.tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            languages.setdefault(path.parent.name, []).extend(row["sentence"] for row in rows)
    for path in sorted(corpora.glob("librispeech/*/*/*/*.trans.txt"))[::10]:
        languages["en"] += [line.split(" ", 1)[1] for line in path.read_text("utf-8").splitlines()]
    languages["en"] += [line.split("|")[-1] for line in _lines(corpora / "ljspeech/metadata.csv")]
    languages["en"] += [line.split(maxsplit=1)[1] for line in _lines(corpora / "speechocean762/train/text")]
    languages["de"] += [line.split("|")[-1] for line in _lines(corpora / "german-kerstin/metadata.csv")]
    assert len(languages) >= 18
    kept = dict(SAMPLES)
    for language, texts in languages.items():
        for name in ("raw", "basic"):
            _check_round_trip([normalize(text, name) for text in texts])
        missing = {c for text in texts for c in text if not c.isspace()} - set(kept[language])
        assert language in ("en", "de") or not missing, f"{language}: the sample lacks {missing}"


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


@given(st.lists(st.text(st.sampled_from("abcdé हि\u0301👍"), max_size=12), min_size=1, max_size=4))
def test_round_trip_of_made_up_texts(texts: list[str]) -> None:
    if "".join("".join(texts).split()):
        made = build_char_tokenizer(texts)
        for text in texts:
            assert made.decode(made.encode(text)) == " ".join(text.split())


def test_words_cut_the_ids(tokenizer: Tokenizer) -> None:
    text = "the lowest hello"
    ids = tokenizer.encode(text)
    words = tokenizer.words(ids)
    assert [word for word, _, _ in words] == text.split()
    for word, first, last in words:
        assert tokenizer.decode(ids[first:last]) == word
    assert all(before[2] <= after[1] for before, after in itertools.pairwise(words))


def test_words_where_a_recognizer_stutters() -> None:
    made = build_char_tokenizer(["ab"])
    space, a, b = (made.tokens.index(token) for token in (WORD_START, "a", "b"))
    ids = [space, space, a, 0, b, space, space, b, space]
    assert made.words(ids) == [("ab", 2, 5), ("b", 7, 8)]
    assert made.decode(ids) == "ab b"
    assert made.words([]) == [] and made.decode([]) == ""
    assert made.words([space]) == [] and made.encode("  ") == []


def test_word_starts_agree_with_words(tokenizer: Tokenizer) -> None:
    assert len(tokenizer.word_starts) == tokenizer.vocab_size == len(tokenizer.tokens)
    assert not tokenizer.word_starts[0]
    assert tokenizer.word_starts[tokenizer.tokens.index(WORD_START)]


def test_unknown_characters_are_named(tokenizer: Tokenizer) -> None:
    assert tokenizer.unknown_characters("hello\n") == set()
    assert tokenizer.unknown_characters("héllo ▁ q") == {"é", WORD_START, "q"}
    with pytest.raises(EarwrightError, match=r'no token for "q" \(U\+0071\), "é" \(U\+00E9\) in "héllo q"'):
        tokenizer.encode("héllo q")
    with pytest.raises(EarwrightError) as caught:
        tokenizer.encode("q" * 100_000)
    assert len(str(caught.value)) < 300 and "\n" not in str(caught.value)


def test_save_and_load(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    for again in (load_tokenizer(tmp_path), load_tokenizer(tokenizer.files())):
        assert type(again) is type(tokenizer)
        assert again.tokens == tokenizer.tokens and again.kind == tokenizer.kind
        assert again.encode("the lowest") == tokenizer.encode("the lowest")
    lines = (tmp_path / "tokens.txt").read_text("utf-8").split("\n")
    assert lines[0] == BLANK and len(lines) == tokenizer.vocab_size + 1


def test_min_count_and_determinism() -> None:
    assert build_char_tokenizer(["aab", "a"], min_count=2).tokens == (BLANK, WORD_START, "a")
    assert build_char_tokenizer(reversed(TEXTS)).tokens == build_char_tokenizer(TEXTS).tokens
    first, second = (train_bpe_tokenizer(TEXTS, 40, seed=3) for _ in range(2))
    assert first.files() == second.files()


def test_bpe_learns_long_lines_whole() -> None:
    made = train_bpe_tokenizer(["ab" * 5000 + " z"], 8)
    assert made.unknown_characters("abz") == set()


@pytest.mark.parametrize("vocab_size", [2, 100_000])
def test_impossible_vocabulary_size(vocab_size: int) -> None:
    with pytest.raises(
        EarwrightError, match=f"vocabulary of {vocab_size} tokens cannot be learned"
    ) as caught:
        train_bpe_tokenizer(TEXTS, vocab_size)
    assert "\n" not in str(caught.value) and ".cc" not in str(caught.value)


@pytest.mark.parametrize("texts", [[], ["", "  "], ["▁"]])
def test_nothing_to_learn_from(texts: list[str]) -> None:
    with pytest.raises(EarwrightError, match="no characters"):
        build_char_tokenizer(texts)
    with pytest.raises(EarwrightError, match="no characters"):
        train_bpe_tokenizer(texts, 10)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "tokens.txt is missing"),
        ({"tokens.txt": b""}, "first token must be <blank>"),
        ({"tokens.txt": b"a\nb\n"}, "first token must be <blank>"),
        ({"tokens.txt": b"<blank>\na\na\n"}, 'line 3: "a" stands there twice'),
        ({"tokens.txt": b"<blank>\n\na\n"}, "line 2: the token is empty"),
        ({"tokens.txt": b"<blank>\nab\n"}, "no single character"),
        ({"tokens.txt": b"<blank>\n\xff\n"}, "not UTF-8"),
    ],
)
def test_bad_vocabularies(files: dict[str, bytes], message: str) -> None:
    with pytest.raises(EarwrightError, match=message):
        load_tokenizer(files)


def test_bad_models() -> None:
    good = train_bpe_tokenizer(TEXTS, 40)
    with pytest.raises(EarwrightError, match="no sentencepiece model"):
        BpeTokenizer(good.tokens, b"nonsense").encode("the")
    with pytest.raises(EarwrightError, match="do not belong together"):
        BpeTokenizer([*good.tokens, "q"], good.model).encode("the")


def test_char_tokenizer_is_what_tokens_say() -> None:
    assert CharTokenizer([BLANK, WORD_START, "a"]).encode("a a") == [2, 1, 2]
