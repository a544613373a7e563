"""Numbering: word by word where that is the same, whole sentences where not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.errors import EarwrightError
from earwright.lm.documents import ReadingNotes
from earwright.lm.numbering import WORD_BY_WORD, Numberer, WordNumbers, repair_mojibake
from earwright.lm.wordlist import choose_vocabulary, read_vocabulary
from earwright.text import normalize


@given(st.text(max_size=60))
def test_word_by_word_is_the_whole(text: str) -> None:
    for normalizer in WORD_BY_WORD:
        words = [word for token in text.split() for word in normalize(token, normalizer).split()]
        assert words == normalize(text, normalizer).split()


@pytest.mark.parametrize("jobs", [1, 2])
def test_whole_sentences_in_many_processes(jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earwright.lm.numbering._SENTENCES_AT_ONCE", 7)
    numbers = WordNumbers()
    with Numberer(numbers, "english", ReadingNotes(), jobs) as numberer:
        parts = list(numberer.number(["It's twenty one.\n" * 50], "lines"))
    words = list(numbers)
    assert [words[i] for i in np.concatenate(parts)] == ["it", "is", "21", "</s>"] * 50


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earwright.lm.numbering._MOST_TYPES", 3)
    numbers = WordNumbers(["<unk>", "<s>", "</s>", "a", "b"], growing=False)
    with Numberer(numbers, "basic", ReadingNotes()) as numberer:
        parts = list(numberer.number(["a b. C\n", "b, a d e\n", "a\n"], "lines"))
    assert np.concatenate(parts).tolist() == [3, 4, 0, 2, 4, 3, 0, 0, 2, 3, 2]
    assert len(numbers) == 5


@pytest.mark.parametrize("normalizer", ["raw", "basic"])
def test_marks_in_the_text_are_marks(normalizer: str) -> None:
    numbers = WordNumbers()
    with Numberer(numbers, normalizer, ReadingNotes()) as numberer:
        [ids] = numberer.number(["<s> a <unk> b </s>\n"], "lines")
    assert ids.tolist() == [3, 0, 4, 2]


@pytest.mark.parametrize("text", ["it’s", "“quoted”", "déjà", "Größe", "naïve—really"])
def test_mojibake(text: str) -> None:
    garbled = text.encode().decode("cp1252", "surrogateescape")
    garbled = "".join(chr(ord(c) - 0xDC00) if "\udc80" <= c <= "\udcff" else c for c in garbled)
    notes = ReadingNotes()
    assert repair_mojibake(garbled, notes) == text
    assert sum(notes.counts.values()) == 1


@pytest.mark.parametrize("text", ["âge", "NÃO", "château", "Â", "plain", "Þórr"])
def test_what_is_no_mojibake_stays(text: str) -> None:
    assert repair_mojibake(text, ReadingNotes()) == text


def test_an_unknown_normalizer() -> None:
    with pytest.raises(EarwrightError, match='no normalizer "basik"; did you mean "basic"'):
        Numberer(WordNumbers(), "basik", ReadingNotes())


def test_a_vocabulary_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes("<s>\r\nzebra\r\nit's\r\n<unk>\r\nÜbel\r\n".lower().encode())
    assert read_vocabulary(str(path), "basic") == ["<unk>", "<s>", "</s>", "zebra", "it's", "übel"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\n\nb\n", "words.txt, line 2: is blank"),
        ("a\n  \n", "words.txt, line 2: is blank"),
        ("a\nb\na\n", 'words.txt, line 3: "a" is on line 1 already'),
        ("a\nb c\n", 'words.txt, line 2: "b c" is more than one word'),
        ("a\nHello\n", 'words.txt, line 2: "Hello" is "hello" after the normalizer basic'),
        ("a\n--", 'words.txt, line 2: "--" is "" after'),
        ("", "has no words"),
        ("<unk>\n<s>\n", "has no words"),
        ("a\0b\n", "this is binary"),
    ],
)
def test_a_vocabulary_that_will_not_do(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(EarwrightError, match=message):
        read_vocabulary(str(path), "basic")


def test_the_frequent_words() -> None:
    words = ["<unk>", "<s>", "</s>", "rare", "most", "b", "a"]
    counts = np.array([4, 0, 9, 1, 7, 3, 3])
    chosen = choose_vocabulary(words, counts, 2, 1)
    assert chosen.vocabulary == ["<unk>", "<s>", "</s>", "most", "a"]
    assert chosen.new_ids.tolist() == [0, 1, 2, 0, 3, 0, 4]
    assert choose_vocabulary(words, counts, None, 2).vocabulary[3:] == ["most", "a", "b"]
    with pytest.raises(EarwrightError, match="said 8 times or more"):
        choose_vocabulary(words, counts, None, 8)
