"""Manifests of cuts: lhotse reads what is written, and what lhotse writes is read."""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from earwright.cuts import (
    Cut,
    cut_from_dict,
    cut_to_dict,
    iterate_cuts,
    iterate_lines,
    parse_line,
    read_cut_audio,
    read_cuts,
    write_cuts,
)
from earwright.errors import EarwrightError

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@st.composite
def cuts(draw: st.DrawFn) -> Cut:
    rate = draw(st.sampled_from([8000, 16000, 44100]))
    samples = draw(st.integers(1000, 10_000_000))
    start = draw(st.integers(0, samples - 500))
    return Cut(
        id=draw(names),
        path="/" + draw(names),
        start=start / rate,
        duration=draw(st.integers(1, samples - start)) / rate,
        sample_rate=rate,
        channels=tuple(range(draw(st.integers(1, 8)))),
        text=draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=50)),
        speaker=draw(st.none() | names),
        language=draw(st.none() | names),
        custom=draw(st.dictionaries(names, names | st.integers() | st.booleans(), max_size=3)),
        gender=draw(st.none() | names),
        recording_id=draw(names),
        recording_samples=samples,
    )


def write(path: Path, *cuts: Cut) -> Path:
    with open(path, "wb") as file:
        write_cuts(cuts, file)
    return path


@given(cuts())
def test_a_cut_survives_its_json(cut: Cut) -> None:
    assert cut_from_dict(json.loads(json.dumps(cut_to_dict(cut)))) == cut


@given(st.lists(cuts(), max_size=5, unique_by=lambda cut: cut.id))
def test_a_manifest_survives_its_file(tmp_path_factory: pytest.TempPathFactory, several: list[Cut]) -> None:
    folder = tmp_path_factory.mktemp("cuts")
    path = write(folder / "cuts.jsonl.gz", *several)
    assert read_cuts(path) == read_cuts(folder) == several
    plain = folder / "plain.jsonl.gz"  # the content decides, not the name
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    assert read_cuts(plain) == several


def test_cuts_come_one_by_one(tmp_path: Path) -> None:
    good = [json.dumps(cut_to_dict(Cut(name, "/a.wav", 0.0, 1.0, 16000))) for name in "abc"]
    path = tmp_path / "cuts.jsonl"
    path.write_text(f"{good[0]}\n\n{good[1]}\n{good[0]}\n{good[2]}\n")
    cuts = iterate_cuts(path)
    assert [next(cuts).id, next(cuts).id] == ["a", "b"]
    with pytest.raises(EarwrightError, match="line 4: cut 'a' is in line 1 too"):
        next(cuts)
    lines = list(iterate_lines(path))
    assert [number for number, _ in lines] == [1, 3, 4, 5]
    assert [parse_line(line, path, number).id for number, line in lines] == ["a", "b", "a", "c"]


def test_the_same_cuts_give_the_same_bytes(tmp_path: Path) -> None:
    cut = Cut("a", "/a.wav", 0.0, 1.0, 16000)
    first, second = io.BytesIO(), io.BytesIO()
    write_cuts([cut], first)
    write_cuts([cut], second)
    assert first.getvalue() == second.getvalue()


def test_lhotse_reads_ours_and_we_read_lhotses(tmp_path: Path) -> None:
    lhotse = pytest.importorskip("lhotse")
    from lhotse.qa import validate

    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (32000, 2))
    stereo, mono = tmp_path / "stereo.wav", tmp_path / "mono ü.wav"
    soundfile.write(stereo, samples, 16000, subtype="FLOAT")
    soundfile.write(mono, samples[:, 0], 16000, subtype="FLOAT")
    ours = [
        Cut(
            "whole",
            str(mono),
            0.0,
            2.0,
            16000,
            (0,),
            "HELLO",
            "s1",
            "en",
            {"age": "30"},
            "female",
            "r",
            32000,
        ),
        Cut("part", str(mono), 0.5, 1.0, 16000, (0,), "grüße", recording_id="r", recording_samples=32000),
        Cut("both", str(stereo), 0.25, 1.5, 16000, (0, 1), "両方", recording_id="q", recording_samples=32000),
    ]
    path = write(tmp_path / "cuts.jsonl.gz", *ours)
    theirs = lhotse.CutSet.from_file(path).to_eager()
    validate(theirs, read_data=True)
    supervision = theirs["whole"].supervisions[0]
    assert (supervision.text, supervision.speaker, supervision.language) == ("HELLO", "s1", "en")
    assert (supervision.gender, supervision.custom) == ("female", {"age": "30"})
    for cut in ours:
        audio = theirs[cut.id].load_audio()  # (channels, N)
        assert audio.shape[0] == len(cut.channels)
        assert np.allclose(audio.mean(axis=0), read_cut_audio(cut, 16000), atol=1e-6)
    theirs.to_file(tmp_path / "theirs.jsonl.gz")
    assert read_cuts(tmp_path / "theirs.jsonl.gz") == ours


def test_audio_of_a_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (44100, 2)).astype(np.float32)
    soundfile.write(path, samples, 44100, subtype="FLOAT")
    whole = Cut("a", str(path), 0.0, 1.0, 44100, (0, 1), recording_samples=44100)
    assert np.allclose(read_cut_audio(whole, None), samples.mean(axis=1), atol=1e-6)
    assert len(read_cut_audio(whole, 16000)) == 16000
    right = Cut("b", str(path), 0.5, 0.25, 44100, (1,))
    assert np.array_equal(read_cut_audio(right, None), samples[22050 : 22050 + 11025, 1])


def test_what_only_lhotse_can_load_is_named() -> None:
    good = cut_to_dict(Cut("a", "/a.wav", 0.0, 1.0, 16000, text="x"))
    cases = [
        ({"type": "MixedCut"}, "type 'MixedCut'"),
        ({"supervisions": good["supervisions"] * 2}, "2 supervisions"),
        ({"recording": {**good["recording"], "transforms": [{"name": "Speed"}]}}, "transforms"),
        ({"recording": {**good["recording"], "sources": []}}, "not lie in one file"),
    ]
    for change, message in cases:
        with pytest.raises(EarwrightError, match=message):
            cut_from_dict({**good, **change})
    # Without a supervision nobody wrote down what is said; that is a cut all the same.
    assert cut_from_dict({**good, "supervisions": []}).text == ""


def test_damaged_manifests_name_the_line(tmp_path: Path) -> None:
    good = json.dumps(cut_to_dict(Cut("a", "/a.wav", 0.0, 1.0, 16000)))
    other = json.dumps(cut_to_dict(Cut("b", "/a.wav", 0.0, 1.0, 16000)))
    cases = {
        f"{good}\n\n{other[:-9]}\n": "line 3: this is not a lhotse cut",
        f"{good}\n[1, 2]\n": "line 2: this is not a lhotse cut",
        '{"type": "MonoCut", "id": "x"}': "line 1: this is not a lhotse cut \\('recording' is missing",
        f"{good}\n{good}\n": "line 2: cut 'a' is in line 1 too",
    }
    path = tmp_path / "cuts.jsonl"
    for content, message in cases.items():
        path.write_text(content)
        with pytest.raises(EarwrightError, match=message):
            read_cuts(path)
    path.write_bytes(gzip.compress(good.encode() * 1000)[:-20])
    with pytest.raises(EarwrightError, match="the manifest cannot be read"):
        read_cuts(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EarwrightError, match="the manifest cannot be read"):
        read_cuts(path)
    with pytest.raises(EarwrightError, match="no such file"):
        read_cuts(tmp_path / "none")
    (tmp_path / "folder").mkdir()
    with pytest.raises(EarwrightError, match=r"no cuts\.jsonl\.gz in it"):
        read_cuts(tmp_path / "folder")


def test_a_manifest_is_read_as_it_goes(tmp_path: Path) -> None:
    good = json.dumps(cut_to_dict(Cut("a", "/a.wav", 0.0, 1.0, 16000)))
    path = tmp_path / "cuts.jsonl"
    path.write_text(f"{good}\nnonsense\n")
    cuts = iterate_cuts(path)
    assert next(cuts).id == "a"
    with pytest.raises(EarwrightError, match="line 2: this is not a lhotse cut"):
        next(cuts)


def test_ids_of_the_same_hash_are_not_the_same_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earwright.cuts.hash", lambda text: 0, raising=False)
    three = [
        Cut(name, "/a.wav", 0.0, 1.0, 16000, recording_id="a", recording_samples=16000) for name in "abc"
    ]
    assert list(iterate_cuts(write(tmp_path / "cuts.jsonl.gz", *three))) == three
    with pytest.raises(EarwrightError, match="line 4: cut 'b' is in line 2 too"):
        list(iterate_cuts(write(tmp_path / "cuts.jsonl.gz", *three, three[1])))


def test_cuts_are_immutable() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Cut("a", "/a.wav", 0.0, 1.0, 16000).id = "b"  # type: ignore[misc]
