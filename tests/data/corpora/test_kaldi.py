"""Kaldi's data directories, whole and with faults."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwright.data.corpora import BadRow, Row
from earwright.data.corpora.kaldi import read as read_kaldi
from earwright.data.corpora.kaldi import recognize
from earwright.errors import EarwrightError


def directory(folder: Path, **files: str | bytes) -> Path:
    """A data directory; wav_scp="..." is wav.scp."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name.replace("wav_scp", "wav.scp")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def rows(source: Path) -> list[Row]:
    found = list(read_kaldi(source))
    assert all(isinstance(row, Row) for row in found), found
    return [row for row in found if isinstance(row, Row)]


def details(source: Path) -> list[str]:
    return [row.detail for row in read_kaldi(source) if isinstance(row, BadRow)]


def test_everything_that_can_be_said_of_an_utterance(tmp_path: Path) -> None:
    folder = directory(
        tmp_path,
        wav_scp="b b.wav\na a.wav\n",
        text="a  hello there \r\nb\n",
        utt2spk="b bob\r\na anna\r\n",
        spk2utt="anna a\nbob b\n",
        spk2gender="anna f\nbob m\n",
        spk2age="anna 33\n",
        utt2lang="a en\n",
        utt2dur="a 1.5\nb 2.5\n",
        utt2mood="b very glad\n",  # three columns: of another kind
        reco2dur="a 1.5\n",
    )
    touch(tmp_path / "a.wav", tmp_path / "b.wav")
    second, first = rows(folder)
    assert first == Row(
        "a", f"{tmp_path}/a.wav", "hello there", "anna", "en", "female", custom={"age": "33", "dur": "1.5"}
    )
    assert second == Row("b", f"{tmp_path}/b.wav", "", "bob", None, "male", custom={"dur": "2.5"})
    assert recognize(folder) == "wav.scp names recordings as Kaldi does"


def test_segments(tmp_path: Path) -> None:
    folder = directory(
        tmp_path,
        wav_scp="rec2 two.wav\nrec1 one.wav\nunused three.wav\n",
        segments="u3 rec2 1 -1\nu1 rec1 0.5 2.25\nu2 rec1 2.25 3 1\n",
        text="u1 one\nu2 two\nu3 three\n",
        utt2spk="u1 a\nu2 a\nu3 b\n",
    )
    found = [
        (row.id, Path(row.path).name, row.start, row.duration, row.channel, row.speaker)
        for row in rows(folder)
    ]
    assert found == [
        ("u3", "two.wav", 1.0, None, None, "b"),
        ("u1", "one.wav", 0.5, 1.75, None, "a"),
        ("u2", "one.wav", 2.25, 0.75, 1, "a"),
    ]


def test_what_lacks_its_partner(tmp_path: Path) -> None:
    folder = directory(tmp_path, wav_scp="a a.wav\n", text="b spoken\n")
    found = list(read_kaldi(folder))
    assert found == [
        Row("a", f"{tmp_path}/a.wav", ""),
        BadRow(f"{tmp_path}/text: there is no audio for the utterance b", "b", text="spoken"),
    ]
    directory(folder, segments="u none 0 1\n", text="u spoken\n")
    assert list(read_kaldi(folder)) == [
        BadRow(f"{tmp_path}/wav.scp: there is no recording none", "u", text="spoken")
    ]
    (folder / "text").unlink()
    (folder / "segments").unlink()
    assert rows(folder) == [Row("a", f"{tmp_path}/a.wav", "")]


def test_paths_are_relative_to_whatever_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "1 beside.wav\n2 data/wav/below.wav\n3 my wav/here.wav\n4 here\\windows.wav\n5 none.wav\n"
    lines += "6 /none.wav\n7 é.wav\n"
    folder = directory(tmp_path / "s5/data/train", wav_scp=lines)
    there = {
        "1": folder / "beside.wav",
        "2": tmp_path / "s5/data/wav/below.wav",
        "3": tmp_path / "elsewhere/my wav/here.wav",
        "4": tmp_path / "here/windows.wav",
        "7": tmp_path / unicodedata.normalize("NFD", "é.wav"),
    }
    touch(*there.values(), tmp_path / "beside.wav")  # the nearer one is taken
    monkeypatch.chdir(tmp_path / "elsewhere")
    found = {row.id: row.path for row in rows(folder)}
    assert found == {
        **{key: str(path) for key, path in there.items()},
        "5": f"{folder}/none.wav",
        "6": "/none.wav",
    }
    monkeypatch.chdir(tmp_path)
    assert {row.id: row.path for row in rows(Path("s5/data/train"))}["1"] == str(folder / "beside.wav")


def test_several_data_directories(tmp_path: Path) -> None:
    for name in ("train", "eval/test", "train/split2/1", ".backup"):
        directory(tmp_path / "data" / name, wav_scp="a a.wav\n", text=f"a {name}\n", utt2lang="a en\n")
    for source, above in ((tmp_path / "data", ""), (tmp_path, "data/")):
        found = rows(source)
        assert [(row.text, row.custom) for row in found] == [
            ("train", {"subset": f"{above}train"}),
            ("eval/test", {"subset": f"{above}eval/test"}),
        ]
    assert rows(tmp_path / "data/train")[0].custom == {}
    assert recognize(tmp_path) == "data/train/wav.scp names recordings as Kaldi does"


def test_channels(tmp_path: Path) -> None:
    for name, channels in (("two", 2), ("one", 1)):
        soundfile.write(tmp_path / f"{name}.wav", np.zeros((100, channels)), 8000)
    folder = directory(
        tmp_path,
        wav_scp="two-A two.wav\ntwo-B two.wav\none-A one.wav\none-B one.wav\npipe sph2pipe -c 2 two.wav |\n"
        "none-B none.wav\nplain two.wav\n",
        reco2file_and_channel="two-A two A\ntwo-B two B\none-A one 1\none-B one 2\npipe two A\n"
        "none-B none B\n",
    )
    assert {row.id: row.channel for row in rows(folder)} == {
        "two-A": 0,
        "two-B": 1,
        "one-A": 0,
        "one-B": None,  # a file of its own for that side
        "pipe": 1,
        "none-B": 1,
        "plain": None,
    }


def test_commands_are_not_run(tmp_path: Path) -> None:
    touch(tmp_path / "a.flac")
    ran = tmp_path / "ran"
    folder = directory(
        tmp_path,
        wav_scp=f"a flac -c -d -s a.flac |\nb touch {ran} |\nc cat a.flac; touch {ran} |\n"
        f"d sox a.flac -t wav - speed 1.1 |\ne foo.ark:123\nf cat $(touch {ran}) |\n",
        text="a one\nb two\n",
    )
    found = list(read_kaldi(folder))
    assert found[0] == Row("a", f"{tmp_path}/a.flac", "one")
    bad = [row for row in found if isinstance(row, BadRow)]
    assert [row.id for row in bad] == ["b", "c", "d", "e", "f"] and bad[0].text == "two"
    assert bad[0].detail == (
        f"{folder}/wav.scp: the command `touch {ran} |` is not run, and is none that only unpacks a file "
        "(touch is not understood); run it yourself and name the file that comes out"
    )
    assert "sox's effect speed" in bad[2].detail
    assert bad[3].detail == (
        f"{folder}/wav.scp: foo.ark:123 is a place in an archive, which is not read; write its audio to files"
    )
    assert not ran.exists()


def test_bad_lines(tmp_path: Path) -> None:
    folder = directory(
        tmp_path,
        wav_scp=b"a a.wav\na again.wav\nb caf\xe9.wav\nc\n",
        text=b"u1 caf\xe9\nu2 fine\nu2 twice\nu3 once\n",
        segments=b"u1 a 0 1\nu2 a 0\nu3 a zero 1\nu4 a 0 nan\nu5 a 0 1 left\nu6 c 0 1\nu7 \xff 0 1\n",
        utt2spk=b"u1 a b\n",
    )
    where = {name: f"{folder}/{name}, line" for name in ("wav.scp", "text", "segments")}
    assert details(folder) == [
        f"{where['wav.scp']} 2: a has a line above already",
        f"{where['wav.scp']} 3: not UTF-8 text",
        f"{where['text']} 1: not UTF-8 text",
        f"{where['text']} 3: u2 has a line above already",
        f"{where['segments']} 2: a segment has an id, a recording, a start and an end",
        f"{where['segments']} 3: zero 1 are no numbers of seconds",
        f"{where['segments']} 4: 0 nan are no numbers of seconds",
        f"{where['segments']} 5: 0 1 left are no numbers of seconds",
        f"{folder}/wav.scp: nothing is no file",
        f"{where['segments']} 7: a segment has an id, a recording, a start and an end",
        f"{folder}/text: there is no audio for the utterance u2",
    ]


def test_files_that_cannot_be_read_cost_what_is_in_them(tmp_path: Path) -> None:
    folder = directory(tmp_path, wav_scp="a a.wav\n", text=b"OggS\0\0", utt2spk="a anna\n")
    found = list(read_kaldi(folder))
    assert found == [
        BadRow(f"{folder}/text: this is not a file of text", path=f"{folder}/text"),
        Row("a", f"{folder}/a.wav", "", "anna"),
    ]
    directory(folder, segments=b"\0", text="")
    assert details(folder) == [f"{folder}/segments: this is not a file of text"]


def test_sources_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="there is no such folder"):
        list(read_kaldi(tmp_path / "none"))
    with pytest.raises(EarwrightError, match=r"no wav\.scp in it, but nothing\.$"):
        list(read_kaldi(tmp_path))
    touch(tmp_path / "a.wav")
    with pytest.raises(EarwrightError, match=r"but 1 \.wav\. It looks like `earwright prepare audio`\."):
        list(read_kaldi(tmp_path))
    with pytest.raises(EarwrightError, match="is read from a folder, and this is a file"):
        list(read_kaldi(tmp_path / "a.wav"))
    directory(tmp_path, wav_scp="")
    assert recognize(tmp_path) is None and list(read_kaldi(tmp_path)) == []


def test_lhotse_reads_the_same(tmp_path: Path) -> None:
    kaldi = pytest.importorskip("lhotse.kaldi")
    wavs = []
    for name in ("r1", "r2"):
        wavs.append(tmp_path / f"{name}.wav")
        soundfile.write(wavs[-1], np.zeros(8000 * 4), 8000)
    folder = directory(
        tmp_path / "data",
        wav_scp=f"r1 {wavs[0]}\nr2 {wavs[1]}\n",
        segments="a r1 0.25 1.5\nb r1 1.5 3.75\nc r2 0.1 3.9\n",
        text="a one two\nb three\nc four five six\n",
        utt2spk="a s1\nb s2\nc s1\n",
        spk2gender="s1 f\ns2 m\n",
        utt2lang="a en\nb en\nc de\n",
    )
    recordings, supervisions, _ = kaldi.load_kaldi_data_dir(folder, 8000)
    found = {row.id: row for row in rows(folder)}
    assert set(found) == {supervision.id for supervision in supervisions}
    for theirs in supervisions:
        row = found[theirs.id]
        assert (row.text, row.speaker, row.language) == (theirs.text, theirs.speaker, theirs.language)
        assert row.gender is not None and row.gender[0] == theirs.gender
        assert (row.start, row.duration) == pytest.approx((theirs.start, theirs.duration))
        assert row.path == recordings[theirs.recording_id].sources[0].source


def test_all_of_the_shared_corpus(shared: Path) -> None:
    folder = shared / "corpora/speechocean762"
    found = rows(folder)
    assert len(found) == 1750 and len({row.speaker for row in found}) == 250
    assert all(Path(row.path).is_file() and row.text for row in found)
    assert {row.gender for row in found} == {"female", "male"}
    ages = {row.speaker: int(row.custom["age"]) for row in found}
    assert sum(age < 16 for age in ages.values()) == 122
    for subset in ("train", "test"):
        of_subset = [row for row in found if row.custom["subset"] == subset]
        lines = (folder / subset / "text").read_text(encoding="utf-8").splitlines()
        assert [f"{row.id}\t{row.text}" for row in of_subset] == lines
        assert [row.path for row in rows(folder / subset)] == [row.path for row in of_subset]
