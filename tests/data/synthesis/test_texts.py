"""Texts to be said: sentences are found in books, and those not written as they are said are left out."""

from __future__ import annotations

import gzip
import io
import textwrap
from pathlib import Path

import pytest

from earwright.cuts import CUTS_NAME, Cut, write_cuts
from earwright.data.synthesis.texts import draw_sentences_of, read_lines, sayable, sentences
from earwright.errors import EarwrightError

SENTENCES = [
    ["CHAPTER THE FIRST OF THE BOOK"],
    [
        "She came to the house in the evening, when the lamps had been lit and the others were at dinner.",
        "“Where is he?” she asked of Mr. Brown, who did not answer her at once.",
        "The clock struck eleven times in the hall!",
        "“You must not think that he has gone away without a word, for that was never his way of doing it.”",
    ],
    [
        "It was in 1813 that all of this began.",
        "Nobody knew.",
        "They went away -- far away -- and never came back to the old house again, so that it fell to ruins.",
        "He had a dog. . .",
        "It was old.",
    ],
]
BOOK = "\n\n".join(textwrap.fill(" ".join(paragraph), 72) for paragraph in SENTENCES * 3) + "\n"


def test_sentences_of_a_hard_wrapped_book_are_found_in_pieces_of_any_size() -> None:
    expected = [sentence for paragraph in SENTENCES * 3 for sentence in paragraph]
    assert list(sentences([BOOK])) == expected
    lines = BOOK.splitlines(keepends=True)
    assert list(sentences(["".join(lines[:12]), *lines[12:]])) == expected
    assert list(sentences(iter([]))) == []


@pytest.mark.parametrize(
    ("sentence", "good"),
    [
        ("She came to the house.", True),
        ("“I don’t know—why should I?” he said; and went.", True),
        ("Où est-il donc allé hier soir?", True),
        ("Nobody knew that.", False),  # short
        ("word " * 36, False),  # long
        ("It was in 1813 that it began.", False),
        ("They saw Mr. Brown in the house.", False),
        ("They saw J. Brown in the house.", False),
        ("THE FIRST CHAPTER OF THIS BOOK", False),
        ("They saw [him] in the house.", False),
        ("They _saw_ him in the house.", False),
        ("They paid him ten £ a year.", False),
    ],
)
def test_sayable(sentence: str, good: bool) -> None:
    assert sayable(sentence) == good


@pytest.fixture
def books(tmp_path: Path) -> list[Path]:
    numbers = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    texts = [f"They counted {ten} {number} sheep in the field." for ten in tens for number in numbers]
    (tmp_path / "a.txt").write_text("\n".join(texts[:50] + texts[:10]) + "\n")
    with gzip.open(tmp_path / "b.txt.gz", "wt") as file:
        file.write("\n".join(texts[50:]) + "\n")
    return [tmp_path / "a.txt", tmp_path / "b.txt.gz"]


def test_draws_each_once_and_the_same_again(books: list[Path]) -> None:
    everything = draw_sentences_of(books, 80, 0)
    assert len(set(everything)) == 80
    others = draw_sentences_of(books, 80, 1)
    assert sorted(everything) == sorted(others) and everything != others
    assert draw_sentences_of(books, 7, 0) == everything[:7]
    with pytest.raises(EarwrightError, match="only 80 sentences can be drawn from, not 81"):
        draw_sentences_of(books, 81, 0)


def test_nothing_of_a_test_set_is_drawn(books: list[Path], tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    long = "AND THEN THEY COUNTED TWENTY ONE SHEEP IN THE FIELD AND WENT HOME"  # one within a longer one
    cuts = [
        Cut("a", "a.flac", 0.0, 1.0, 16000, text=long),
        Cut("b", "b.flac", 0.0, 1.0, 16000, text="they counted thirty two sheep, in the field"),
    ]
    packed = io.BytesIO()
    write_cuts(cuts, packed)
    (tmp_path / "test" / CUTS_NAME).write_bytes(packed.getvalue())
    left = draw_sentences_of(books, 78, 0, [tmp_path / "test"])
    assert not {text for text in left if "twenty one" in text or "thirty two" in text}
    with pytest.raises(EarwrightError, match="only 78 sentences"):
        draw_sentences_of(books, 79, 0, [tmp_path / "test"])


def test_bad_files(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "empty").touch()
    for name, message in (("nowhere", "nowhere"), ("binary", "binary"), ("empty", "only 0 sentences")):
        with pytest.raises(EarwrightError, match=message):
            draw_sentences_of([tmp_path / name], 1, 0)
    with pytest.raises(EarwrightError, match="no such file"):
        read_lines(tmp_path / "nowhere")
    with pytest.raises(EarwrightError, match="no text in it"):
        read_lines(tmp_path / "empty")
