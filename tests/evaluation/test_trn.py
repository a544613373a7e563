"""The trn format: what is written is read back, and what is wrong is told by line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.errors import EarwrightError
from earwright.evaluation.network import parse
from earwright.evaluation.trn import read_trn, trn_id, trn_speaker, write_trn


def test_read(tmp_path: Path) -> None:
    path = tmp_path / "a.trn"
    path.write_text(";; a comment\n\nhello  there (s1-1)\r\n (s1-2)\n(s1-3)\na (maybe) b (s2-1)  \n", "utf-8")
    assert read_trn(path) == {"s1-1": "hello there", "s1-2": "", "s1-3": "", "s2-1": "a (maybe) b"}


def test_read_latin_1_and_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.trn"
    path.write_bytes("café (a-1)\n".encode("latin-1"))
    assert read_trn(path) == {"a-1": "café"}
    path.write_bytes("\ufeffcafé (a-1)\n".encode())
    assert read_trn(path) == {"a-1": "café"}


@given(st.lists(st.text(st.sampled_from("ab é;\\"), max_size=12), max_size=5))
def test_write_and_read(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("trn") / "a.trn"
    write_trn(path, ((f"s-{index}", text) for index, text in enumerate(texts)))
    again = read_trn(path)
    assert list(again) == [f"s-{index}" for index in range(len(texts))]
    for text, written in zip(texts, again.values(), strict=True):
        assert parse(written).plain_words() == text.split()


def test_ids(tmp_path: Path) -> None:
    write_trn(tmp_path / "a.trn", [("a (b) c", "x")])
    assert (tmp_path / "a.trn").read_text() == "x (a__b__c)\n"
    assert trn_id("84-121-0001", "84") == "84-121-0001"
    assert trn_id("f_0", "f") == "f_0"
    assert trn_id("clip17", "Ann-Marie") == "Ann.Marie-clip17"
    assert trn_id("clip17", None) == "all-clip17"
    assert [trn_speaker(name) for name in ("84-1_0", "f_0", "clip", "-x")] == ["84", "f", None, None]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("hello (a-1)\nhello\n", "line 2: no utterance id"),
        ("x (a-1)\ny (a-1)\n", "line 2: a second text for utterance a-1"),
    ],
)
def test_bad_lines(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "a.trn"
    path.write_text(content)
    with pytest.raises(EarwrightError, match=message):
        read_trn(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="No such file"):
        read_trn(tmp_path / "none.trn")
