"""Sentences: books as they are printed, and sentences a line as they are."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from earwright.errors import EarwrightError
from earwright.lm.documents import ReadingNotes, read_document
from earwright.lm.numbering import Numberer, WordNumbers
from earwright.lm.sentences import find_layout, laid_out

PARAGRAPHS = [
    'Mr. Knightley, a sensible man, was there. "What a day!" cried Emma. Was it? It was, J. B. said.',
    "She had lived nearly twenty-one years in the world--with very little to vex her.--Then he came. It was "
    "at 3. p.m. on the 5. Mai; Dr. Perry wrote no. 7 to Mrs. Weston... and so on. He left",
    "CHAPTER II",
]
SENTENCES = [
    "mr knightley a sensible man was there",
    "what a day cried emma",
    "was it",
    "it was j b said",
    "she had lived nearly twenty one years in the world with very little to vex her",
    "then he came",
    "it was at 3 p m on the 5 mai dr perry wrote no 7 to mrs weston and so on",
    "he left",
    "chapter ii",
]


def split(text: str, layout: str = "auto", normalizer: str = "basic", jobs: int = 1) -> list[str]:
    numbers = WordNumbers()
    with Numberer(numbers, normalizer, ReadingNotes(), jobs) as numberer:
        chosen, pieces = laid_out([text] if text else [], layout)
        ids = [word for part in numberer.number(pieces, chosen) for word in part.tolist()]
    words = list(numbers)
    assert not ids or ids[-1] == 2
    return " ".join(words[word] for word in ids).replace("</s>", "|").strip(" |").split(" | ")


@pytest.mark.parametrize("normalizer", ["basic", "english"])
def test_a_book(normalizer: str) -> None:
    wrapped = "\n\n".join(textwrap.fill(paragraph, 60) for paragraph in PARAGRAPHS)
    unwrapped = "\n".join(PARAGRAPHS)
    both = [split(wrapped, "wrapped", normalizer), split(unwrapped, "paragraphs", normalizer)]
    assert both[0] == both[1]
    if normalizer == "basic":
        assert both[0] == SENTENCES
    else:
        assert both[0][0] == "mister knightley a sensible man was there"


def test_lines_are_sentences_as_they_are() -> None:
    text = "One. Two.\n\nThree\nfour."
    assert split(text, "lines") == ["one two", "three", "four"]
    assert split(text, "paragraphs") == ["one", "two", "three", "four"]
    assert split(text, "wrapped") == ["one", "two", "three four"]


def test_pieces_may_end_anywhere() -> None:
    numbers = WordNumbers()
    with Numberer(numbers, "basic", ReadingNotes()) as numberer:
        pieces = ["He left. ", "She stayed", ' on. "', "Why?\n", "Who ", "knows"]
        ids = [word for part in numberer.number(pieces, "paragraphs") for word in part.tolist()]
    assert " ".join(list(numbers)[word] for word in ids) == (
        "he left </s> she stayed on </s> why </s> who knows </s>"
    )


def test_the_layout_is_found() -> None:
    book = " ".join(PARAGRAPHS[:2])
    wrapped = "\n\n".join(textwrap.fill(book, width) for width in (72, 70, 65))
    assert find_layout(wrapped) == "wrapped"
    assert find_layout("\n\n".join([book] * 20)) == "paragraphs"
    assert find_layout("\n".join([book] * 20)) == "paragraphs"
    assert find_layout("\n".join(SENTENCES * 5)) == "lines"
    assert find_layout("\n".join(f"{sentence.capitalize()}." for sentence in SENTENCES * 5)) == "lines"
    assert find_layout("") == "lines"
    with pytest.raises(EarwrightError, match='no layout "verse"'):
        laid_out([], "verse")


def test_the_novels_are_books(shared: Path) -> None:
    """A book, hard-wrapped, has the sentences that it has unwrapped."""
    [path] = (shared / "text" / "english-novels").glob("austen-emma*.txt.gz")
    [book] = [text[:200_000].rpartition("\n")[0] for text in read_document(str(path))][:1]
    assert find_layout(book) == "paragraphs"
    paragraphs = [line for line in book.split("\n") if line]
    wrapped = "\n\n".join(textwrap.fill(p, 72, break_on_hyphens=False) for p in paragraphs)
    assert find_layout(wrapped) == "wrapped"
    sentences = split(book)
    assert split(wrapped) == sentences
    lengths = [len(sentence.split()) for sentence in sentences]
    assert 10 < sum(lengths) / len(lengths) < 30
    kafka = next(read_document(str(shared / "text" / "german" / "kafka-process.txt.gz")))
    assert (
        "jemand mußte josef k verleumdet haben denn ohne daß er etwas böses getan hätte wurde er eines "
        in (" ".join(split(kafka[:2000])))
    )


@pytest.mark.parametrize("text", ["", "\n\n", "-- ... !", "<s> </s>"])
def test_nothing(text: str) -> None:
    for layout in ("lines", "paragraphs", "wrapped"):
        assert split(text, layout) == [""]
