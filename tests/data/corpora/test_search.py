"""Looking through folders: links, folders that may not be listed, and names in another form than on disk."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from earwright.cuts import Cut, cut_to_dict
from earwright.data.corpora import FORMATS, BadRow
from earwright.data.corpora.search import find_named, guess_format, locate, require_folder, walk
from earwright.errors import EarwrightError


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that nobody may list, in a way that holds for root as well."""
    place = tmp_path / "corpus/locked"
    touch(place / "inside.wav")
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path) == place:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    yield place


def test_a_folder_that_cannot_be_listed_is_reported(locked: Path) -> None:
    corpus = locked.parent
    touch(corpus / "a/1.wav", corpus / "z/2.wav")
    refused: list[BadRow] = []
    assert [place.name for place, _ in walk(corpus, refused)] == ["corpus", "a", "z"]
    assert [(row.path, row.detail) for row in refused] == [
        (str(locked), f"{locked}: the folder is left out, it cannot be listed (Permission denied)")
    ]
    assert list(find_named(corpus, "2.wav", 2, refused)) == [corpus / "z/2.wav"]
    assert len(refused) == 2
    assert [place.name for place, _ in walk(corpus)] == ["corpus", "a", "z"]
    with pytest.raises(EarwrightError, match=r"locked: the folder cannot be listed \(Permission denied\)"):
        require_folder(locked, "x")


def test_every_reader_goes_on_past_a_folder_that_cannot_be_listed(locked: Path) -> None:
    corpus = locked.parent
    contents = {
        "commonvoice": {"en/validated.tsv": "client_id\tpath\tsentence\nx\ta.mp3\thello\n"},
        "kaldi": {"train/wav.scp": "a a.wav\n", "train/text": "a hello\n"},
        "huggingface": {"train/metadata.csv": "file_name,text\na.wav,hello\n"},
        "ljspeech": {"metadata.csv": "a|hello\n", "a.wav": ""},
        "librispeech": {"1/2/1-2.trans.txt": "1-2-3 HELLO\n"},
        "folder": {"b/a.txt": "hello", "b/a.wav": ""},
        "rttm": {"b/a.rttm": "SPEAKER a 1 0 1 <NA> <NA> x <NA> <NA>\n"},
        "audio": {"b/a.wav": ""},
        "srt": {"b/a.srt": "1\n00:00:00,000 --> 00:00:01,000\nhello\n", "b/a.wav": ""},
        "vtt": {"b/a.vtt": "WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n", "b/a.wav": ""},
        "stm": {"b/a.stm": "a 1 x 0 1 hello\n", "b/a.wav": ""},
        "ctm": {"b/a.ctm": "a 1 0 1 hello\n", "b/a.wav": ""},
        "textgrid": {
            "b/a.TextGrid": '"ooTextFile"\n"TextGrid"\n0 1 <exists> 1\n'
            '"IntervalTier" "t" 0 1 1\n0 1 "hello"\n',
            "b/a.wav": "",
        },
        "elan": {
            "b/a.eaf": "<ANNOTATION_DOCUMENT><TIME_ORDER>"
            '<TIME_SLOT TIME_SLOT_ID="a" TIME_VALUE="0"/><TIME_SLOT TIME_SLOT_ID="b" TIME_VALUE="1000"/>'
            '</TIME_ORDER><TIER TIER_ID="x"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="c" '
            'TIME_SLOT_REF1="a" TIME_SLOT_REF2="b"><ANNOTATION_VALUE>hello</ANNOTATION_VALUE>'
            "</ALIGNABLE_ANNOTATION></ANNOTATION></TIER></ANNOTATION_DOCUMENT>",
            "b/a.wav": "",
        },
        "cuts": {"b/cuts.jsonl": json.dumps(cut_to_dict(Cut("a", "/a.wav", 0.0, 1.0, 16000, text="hello")))},
    }
    # Those are single files, or need a recognizer.
    assert set(contents) == set(FORMATS) - {"nemo", "csv", "tsv", "long"}
    for name, files in contents.items():
        for path, text in files.items():
            touch(corpus / path)
            (corpus / path).write_text(text)
        rows = list(FORMATS[name].read(corpus))
        bad = [row.detail for row in rows if isinstance(row, BadRow)]
        assert len(bad) == 1 and "the folder is left out" in bad[0], name
        assert len(rows) > 1 and FORMATS[name].recognize(corpus)
        for path in files:
            (corpus / path).unlink()


def test_links_in_a_ring(tmp_path: Path) -> None:
    touch(tmp_path / "real/train/wav.scp", tmp_path / "real/a.wav")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/link").symlink_to(tmp_path / "real")
    (tmp_path / "real/ring").symlink_to(tmp_path / "corpus")
    (tmp_path / "real/again").symlink_to(tmp_path / "real/train")
    (tmp_path / "real/broken").symlink_to(tmp_path / "nowhere")
    assert sorted(name for _, names in walk(tmp_path / "corpus") for name in names) == [
        "a.wav",
        "broken",
        "wav.scp",
    ]
    assert len(list(find_named(tmp_path / "corpus", "wav.scp", 5))) == 1
    assert not FORMATS["kaldi"].recognize(tmp_path / "real/broken")


def test_levels(tmp_path: Path) -> None:
    touch(tmp_path / "1/x", tmp_path / "1/2/x", tmp_path / "3/4/x", tmp_path / ".hidden/x")
    assert [place.name for place, _ in walk(tmp_path, levels=1)] == [tmp_path.name, "1", "3"]
    assert list(find_named(tmp_path, "x", 0)) == []
    # What lies beneath a folder that has one is a copy or a part of it.
    assert list(find_named(tmp_path, "x", 2)) == [tmp_path / "1/x", tmp_path / "3/4/x"]


NAME = "Bücher/Größe é"


@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
@pytest.mark.parametrize("named", ["NFC", "NFD"])
def test_either_form_of_unicode(tmp_path: Path, on_disk: Any, named: Any) -> None:
    folder = tmp_path / unicodedata.normalize("NFD", "ä corpus")
    there = folder / f"{unicodedata.normalize(on_disk, NAME)}.opus"
    touch(there)
    name = unicodedata.normalize(named, NAME)
    assert os.path.samefile(locate(folder, f"{name}.opus"), there)
    assert os.path.samefile(locate(folder, f"{folder}/{name}.opus"), there)  # an absolute path
    assert os.path.samefile(locate(folder, name.replace("/", "\\") + ".opus"), there)
    assert os.path.samefile(locate(folder, f"{name}.mp3", any_ending=True), there)
    assert os.path.samefile(locate(folder, name, any_ending=True), there)
    assert locate(folder, f"{name}.mp3") == f"{folder}/{name}.mp3"  # not there: as it is named


def test_what_is_named_is_taken_before_what_is_like_it(tmp_path: Path) -> None:
    touch(tmp_path / "a.wav", tmp_path / "a.mp3", tmp_path / "b\\c.wav", tmp_path / "b/c.wav")
    touch(tmp_path / "d.e.WAV")
    assert locate(tmp_path, "a.mp3", any_ending=True) == f"{tmp_path}/a.mp3"
    assert locate(tmp_path, "a.flac", any_ending=True) in (f"{tmp_path}/a.mp3", f"{tmp_path}/a.wav")
    assert locate(tmp_path, "b\\c.wav") == f"{tmp_path}/b\\c.wav"
    assert locate(tmp_path, "d.e", any_ending=True) == f"{tmp_path}/d.e.WAV"
    touch(tmp_path / "f/g.wav", tmp_path / "f.wav")
    assert locate(tmp_path, "f", any_ending=True) == f"{tmp_path}/f.wav"  # and not the folder
    assert locate(tmp_path, "/nowhere/ä.wav") == "/nowhere/ä.wav"


def test_recognizers_never_raise_and_leave_other_things_alone(tmp_path: Path) -> None:
    touch(tmp_path / "empty/.hidden", tmp_path / "image.png", tmp_path / "audio.wav", tmp_path / "a.json")
    (tmp_path / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\r")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    sources = [
        tmp_path / name for name in ("empty", "image.png", "audio.wav", "a.json", "loop", "none", "x" * 300)
    ]
    for source in [*sources, Path("a\0b"), Path(os.fsdecode(b"caf\xe9"))]:
        assert {name for name, kind in FORMATS.items() if kind.recognize(source)} == set()
        assert guess_format(source) is None


def test_each_corpus_is_recognized_as_what_it_is(shared: Path) -> None:
    expected = {
        "common-voice": "commonvoice",
        "common-voice/zh-CN": "commonvoice",
        "common-voice/de/validated.tsv": "commonvoice",
        "conversation": "rttm",
        "english-kathleen": "folder",
        "fsdd/metadata.tsv": "tsv",
        "german-kerstin": "ljspeech",
        "librispeech": "librispeech",
        "librispeech/dev/121": "librispeech",
        "librispeech/train-clean-100-untranscribed": "audio",
        "ljspeech": "ljspeech",
        "ljspeech/metadata.csv": "ljspeech",
        "music": "audio",
        "noise": "audio",
        "speechocean762": "kaldi",
        "speechocean762/test": "kaldi",
    }
    assert {source: guess_format(shared / "corpora" / source) for source in expected} == expected
