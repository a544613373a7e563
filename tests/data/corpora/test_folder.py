"""A folder of recordings with a .txt beside each."""

from __future__ import annotations

from pathlib import Path

import pytest

from earwright.data.corpora import BadRow, Row
from earwright.data.corpora.folder import read as read_folder
from earwright.errors import EarwrightError


def test_pairs_in_any_depth_under_any_name(tmp_path: Path) -> None:
    names = ["b", 'sub folder/a\'s "quote"', "sub folder/अ", "z.1"]
    for name in names:
        path = tmp_path / f"{name}.wav"
        path.parent.mkdir(exist_ok=True)
        path.touch()
        Path(f"{tmp_path / name}.txt").write_text(f"text of\n{name} ", encoding="utf-8-sig")
    rows = list(read_folder(tmp_path))
    assert [row.id for row in rows] == ["b", "z.1", *names[1:3]]
    for row in rows:
        assert isinstance(row, Row)
        assert row.text == f"text of\n{row.id} " and row.path == f"{tmp_path / row.id}.wav"


def test_what_has_no_partner_is_still_a_row(tmp_path: Path) -> None:
    for name in ("a.wav", "a.txt", "b.opus", "c.txt", "d.m4a", "d.txt", "e.mp3", "e.txt", "._a.wav", "x.pdf"):
        (tmp_path / name).write_text("words")
    (tmp_path / "e.txt").write_bytes(b"\xe9t\xe9")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/README.txt").write_text("no audio here, so this is no utterance")
    rows = {row.id: row for row in read_folder(tmp_path)}
    assert list(rows) == ["a", "b", "c", "d", "e"]
    assert rows["b"].text == "" and rows["b"].path.endswith("b.opus")
    assert rows["c"].path.endswith("c.wav") and not Path(rows["c"].path).exists()
    assert rows["d"].path.endswith("d.m4a")  # the check will say that it cannot be read
    assert isinstance(rows["e"], BadRow) and rows["e"].detail.endswith("e.txt: not UTF-8 text")


def test_of_two_recordings_the_one_that_can_be_read(tmp_path: Path) -> None:
    for name in ("a.flac", "a.m4a", "a.txt", "b.aac", "b.wav", "b.txt"):
        (tmp_path / name).write_text("words")
    assert [Path(row.path).name for row in read_folder(tmp_path)] == ["a.flac", "b.wav"]


def test_folders_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="no such folder"):
        list(read_folder(tmp_path / "none"))
    with pytest.raises(EarwrightError, match=r"no audio file here .* found nothing\.$"):
        list(read_folder(tmp_path))
    (tmp_path / "metadata.csv").write_text("path,text\n")
    (tmp_path / "a.wav").touch()
    with pytest.raises(EarwrightError, match=r"1 \.csv.* `earwright prepare csv .*/metadata\.csv`"):
        list(read_folder(tmp_path))
    with pytest.raises(EarwrightError, match=r"this is a file\. It looks like `earwright prepare csv`"):
        list(read_folder(tmp_path / "metadata.csv"))
