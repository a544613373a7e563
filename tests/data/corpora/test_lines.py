"""Lines of text files in whichever Unicode, packing and line ends; what is no text is said to be none."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.data.corpora.lines import head, is_unicode, read_lines
from earwright.errors import EarwrightError

# Everything but line ends (\x1c to \x1e, \x85 and \u2028 are none in a file) and zero bytes.
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0\ufeff"), max_size=8)


@given(
    st.lists(words, max_size=6),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
)
def test_any_unicode_packing_and_line_ends(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], encoding: str, end: str, packed: bool
) -> None:
    path = tmp_path_factory.mktemp("lines") / "a.txt"
    content = end.join(lines).encode(encoding)
    path.write_bytes(gzip.compress(content) if packed else content)
    expected = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    assert list(read_lines(path)) == expected
    assert head(path, 2) == [line for _, line in expected[:2]]


def test_bytes_that_are_not_utf8_spoil_their_own_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"good\ncaf\xe9\nbetter")
    assert [(number, is_unicode(line)) for number, line in read_lines(path)] == [
        (1, True),
        (2, False),
        (3, True),
    ]


def test_what_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    cases = {
        b"OggS\0\2\0\0": "this is not a file of text",
        gzip.compress(b"RIFF\0\0", mtime=0): "this is not a file of text",
        gzip.compress(b"text\n" * 9999, mtime=0)[:-20]: "cannot be read",
        b"\x1f\x8b no gzip": "cannot be read",
        b"\xff\xfea": "cannot be read",  # half a character of UTF-16
    }
    for content, message in cases.items():
        path.write_bytes(content)
        with pytest.raises(EarwrightError, match=message):
            list(read_lines(path))
    for content in list(cases)[:2]:
        path.write_bytes(content)
        assert head(path) == []
    with pytest.raises(EarwrightError, match=r"cannot be read.*No such file"):
        list(read_lines(tmp_path / "none"))
    with pytest.raises(EarwrightError, match=r"cannot be read.*directory"):
        list(read_lines(tmp_path))
    assert head(tmp_path) == head(tmp_path / "none") == head(Path("a\0b")) == []
