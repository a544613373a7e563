"""Reading: whatever people call a text file, or one sentence about why it is none."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.errors import EarwrightError
from earwright.lm.documents import ReadingNotes, check_readable, file_sizes, read_document


def read(content: bytes, tmp_path: Path, encoding: str | None = None) -> tuple[str, dict[str, int]]:
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    notes = ReadingNotes()
    return "".join(read_document(str(path), encoding, notes)), notes.counts


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("Ünïcode «text»\n".encode(), None),
        ("Ünïcode «text»\n".encode("utf-8-sig"), None),
        ("Ünïcode «text»\n".encode("utf-16"), None),
        ("Ünïcode «text»\n".encode("utf-16-le"), "utf-16-le"),
        ("Ünïcode «text»\n".encode("cp1252"), "cp1252"),
        (gzip.compress("Ünïcode «text»\n".encode(), mtime=0), None),
        ("Ünïcode «text»\r\n".encode(), None),
        ("Ünïcode «text»\r".encode(), None),
    ],
)
def test_it_reads(content: bytes, encoding: str | None, tmp_path: Path) -> None:
    assert read(content, tmp_path, encoding) == ("Ünïcode «text»\n", {})


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=300),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_pieces_are_the_whole(text: str, newline: str) -> None:
    content = f"{text}\n{text}\n".replace("\n", newline).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("earwright.lm.documents._BLOCK", 7)
        patch.setattr(sys, "stdin", type("Stdin", (), {"buffer": io.BufferedReader(io.BytesIO(content))}))
        pieces = list(read_document("-"))
    expected = f"{text}\n{text}\n".removeprefix("\ufeff")
    assert "".join(pieces) == expected
    # No piece ends inside a word.
    assert all(piece[-1].isspace() for piece in pieces[:-1])


def test_a_few_bad_bytes_are_western(tmp_path: Path) -> None:
    content = b"a caf\xe9 and \x93a quote\x94 " + b"and so on and so on " * 200
    text, notes = read(content, tmp_path)
    assert text.startswith("a café and “a quote”")
    assert notes == {"bytes that are not UTF-8, read as Windows-1252": 3}


def test_project_gutenberg_is_taken_off(tmp_path: Path) -> None:
    book = (
        "The Project Gutenberg EBook of Emma\r\n\r\nThis eBook is for anyone.\r\n"
        "*** START OF THIS PROJECT GUTENBERG EBOOK EMMA ***\r\n\r\nEmma Woodhouse, handsome\r\n"
        "[Illustration: a lady\r\nin a hat] and rich.\r\n\r\n"
        "End of the Project Gutenberg EBook of Emma, by Jane Austen\r\n\r\n"
        "*** END OF THIS PROJECT GUTENBERG EBOOK EMMA ***\r\nLicence, at length.\r\n"
    )
    text, notes = read(book.encode(), tmp_path)
    assert text.split() == ["Emma", "Woodhouse,", "handsome", "and", "rich."]
    assert len(notes) == 2


def test_memory_stays_bounded_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / "line.txt"
    path.write_bytes(b"word " * 2_000_000)
    sizes = [len(piece) for piece in read_document(str(path))]
    assert sum(sizes) == 10_000_000
    assert max(sizes) <= 3 << 20


def _truncated() -> bytes:
    return gzip.compress(b"text " * 1000, mtime=0)[:-20]


@pytest.mark.parametrize(
    ("make", "encoding", "message"),
    [
        (lambda: bytes(range(256)) * 40, None, "line 1: this is"),
        (lambda: b"\0\1\2\3" * 500, None, "line 1: this is binary"),
        (lambda: b"fine\n" + b"\1\2\3" * 500, None, "line 2: this is binary"),
        (lambda: "Größe\n".encode("utf-16-le") * 30, None, "--encoding utf-16"),
        (lambda: b"plain\n" + "Привет, мир\n".encode("cp1251") * 9, None, "line 2: this is not UTF-8"),
        (lambda: "Größe\n".encode("latin-1"), "utf-8", "does not have the encoding"),
        (lambda: b"text", "klingon", '"klingon" is unknown'),
        (lambda: b"text", "base64", '"base64" is unknown'),
        (_truncated, None, "damaged or cut off"),
        (lambda: b"\x1f\x8bnot really", None, "damaged or cut off"),
        (lambda: b"x" * (6 << 20), None, "without a space"),
    ],
)
def test_what_is_no_text(
    make: Callable[[], bytes], encoding: str | None, message: str, tmp_path: Path
) -> None:
    with pytest.raises(EarwrightError, match=message) as caught:
        read(make(), tmp_path, encoding)
    assert "\n" not in str(caught.value)
    if encoding not in ("klingon", "base64"):
        assert "text.txt" in str(caught.value)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match=r"nowhere\.txt: No such file"):
        check_readable([str(tmp_path / "nowhere.txt")])
    with pytest.raises(EarwrightError, match="a folder, not a file"):
        list(read_document(str(tmp_path)))
    assert file_sizes([str(tmp_path / "nowhere.txt")]) is None
    assert file_sizes(["-"]) is None


@given(st.binary(max_size=400))
def test_any_bytes_are_text_or_an_error(content: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", type("Stdin", (), {"buffer": io.BufferedReader(io.BytesIO(content))}))
        try:
            text = "".join(read_document("-"))
        except EarwrightError as error:
            assert "\n" not in str(error)
        else:
            assert "\r" not in text
            text.encode()  # no lone surrogates
