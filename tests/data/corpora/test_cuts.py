"""lhotse's manifests: cuts, and recordings with supervisions; checked against lhotse itself."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from earwright.cuts import Cut, cut_to_dict
from earwright.data.corpora import BadRow, Row
from earwright.data.corpora.cuts import read, recognize
from earwright.data.preparation.options import PrepareOptions
from earwright.data.preparation.prepare import prepare
from earwright.errors import EarwrightError

CLIPS = Path(__file__).parents[1] / "librispeech"


def write(path: Path, *objects: Any) -> Path:
    data = "".join(json.dumps(each) + "\n" for each in objects).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def recording(identity: str = "r", path: str = "/a.wav", channels: int = 1, **more: Any) -> dict[str, Any]:
    ids = list(range(channels))
    return {
        "id": identity,
        "sources": [{"type": "file", "channels": ids, "source": path}],
        "sampling_rate": 16000,
        "num_samples": 160000,
        "duration": 10.0,
        "channel_ids": ids,
        **more,
    }


def supervision(identity: str, start: float, duration: float, **more: Any) -> dict[str, Any]:
    return {"id": identity, "recording_id": "r", "start": start, "duration": duration, "channel": 0, **more}


def cut(*supervisions: dict[str, Any], **more: Any) -> dict[str, Any]:
    base = {"id": "c", "start": 2.0, "duration": 5.0, "channel": 0, "type": "MonoCut"}
    return {**base, "recording": recording(), "supervisions": list(supervisions), **more}


def rows(folder: Path, *objects: Any) -> list[Row | BadRow]:
    return list(read(write(folder / "x.jsonl", *objects)))


def test_several_supervisions_are_a_row_each(tmp_path: Path) -> None:
    both = cut(
        supervision("s1", 0.5, 1.25, text="one", speaker="ann", language="en", gender="F", custom={"a": 1}),
        supervision("s2", 1.0, 2.0, text="two", speaker="ben", channel=1),
        type="MultiCut",
        channel=[0, 1],
        recording=recording(channels=2),
        custom={"a": 0, "b": 2},
    )
    assert rows(tmp_path, both) == [
        Row("s1", "/a.wav", "one", "ann", "en", "female", 2.5, 1.25, {"a": 1, "b": 2}, 0),
        Row("s2", "/a.wav", "two", "ben", start=3.0, duration=2.0, custom={"a": 0, "b": 2}, channel=1),
    ]


def test_ids(tmp_path: Path) -> None:
    found = rows(
        tmp_path,
        cut(supervision("s", 0, 5.0005, text="fills the cut"), id="c1"),
        cut(supervision("s", 1, 2, text="lies in it"), id="c2"),
        cut(supervision("s", -1, 9, text="goes beyond it"), id="c3"),  # a window of something longer
        cut(id="c4"),
        cut(supervision("s", 0, 10, text="all"), id="c5", start=0, duration=10),
    )
    assert [(row.id, row.text, row.start, row.duration) for row in found if isinstance(row, Row)] == [
        ("c1", "fills the cut", 2.0, 5.0005),
        ("s", "lies in it", 3.0, 2.0),
        ("s", "goes beyond it", 1.0, 9.0),
        ("c4", "", 2.0, 5.0),
        ("c5", "all", 0.0, None),  # to the end of the file, however long that is to the sample
    ]


@pytest.mark.parametrize(
    ("sources", "channel", "expected"),
    [
        ([("a.wav", [0])], 0, ("a.wav", None)),
        ([("a.wav", [0, 1])], 1, ("a.wav", 1)),
        ([("a.wav", [0, 1])], [0, 1], ("a.wav", None)),
        ([("a.wav", [0, 1, 2, 3])], [2, 3], ("a.wav", 2)),
        ([("a.wav", [0]), ("b.wav", [1])], 1, ("b.wav", None)),  # a file for each channel
        ([("a.wav", [0, 1]), ("b.wav", [2, 3])], 3, ("b.wav", 1)),
        ([("a.wav", [0]), ("b.wav", [1])], [0, 1], ("a.wav", None)),
        ([("a.wav", [7])], 7, ("a.wav", None)),
    ],
)
def test_channels(
    tmp_path: Path, sources: list[tuple[str, list[int]]], channel: Any, expected: tuple[str, int | None]
) -> None:
    held = [{"type": "file", "source": f"/{name}", "channels": ids} for name, ids in sources]
    (row,) = rows(tmp_path, cut(supervision("s", 0, 1, channel=channel), recording=recording(sources=held)))
    assert isinstance(row, Row) and (row.path.removeprefix("/"), row.channel) == expected


def test_what_is_not_run_and_not_fetched(tmp_path: Path) -> None:
    mark = tmp_path / "ran"

    def source(kind: str, value: str) -> dict[str, Any]:
        return recording(sources=[{"type": kind, "channels": [0], "source": value}])

    found = rows(
        tmp_path,
        cut(supervision("s1", 0, 1), recording=source("command", f"touch {mark}; cat a.wav |"), id="c1"),
        cut(supervision("s2", 0, 1), recording=source("url", "https://example.org/a.wav"), id="c2"),
        cut(supervision("s3", 0, 1), recording=source("shar", ""), id="c3"),
        cut(supervision("s4", 0, 1), recording=recording(transforms=[{"name": "Speed"}]), id="c4"),
        cut(supervision("s5", 0, 1), recording=recording(sources=[]), id="c5"),
        cut(supervision("s6", 0, 1), recording=None, id="c6"),
        {"id": "c7", "type": "MixedCut", "tracks": []},
        cut(supervision("s8", 0, 1, text="good"), id="c8"),
    )
    assert not mark.exists()
    assert [row.detail.removeprefix(f"{tmp_path}/x.jsonl, ") for row in found if isinstance(row, BadRow)] == [
        "line 1: the recording of 's1' is of the type 'command', and not a file",
        "line 2: the recording of 's2' is of the type 'url', and not a file",
        "line 3: the recording of 's3' is of the type 'shar', and not a file",
        "line 4: the recording of 's4' is to be changed on loading, which only lhotse can do",
        "line 5: the recording of 's5' has no audio",
        "line 6: cut 'c6' has no recording",
        "line 7: cut 'c7' is of the type 'MixedCut', which only lhotse can load",
    ]
    assert isinstance(found[-1], Row) and found[-1].text == "good"


def test_bad_lines_end_nothing(tmp_path: Path) -> None:
    good = cut(supervision("s", 0, 1, text="good"))
    path = write(tmp_path / "x.jsonl", good)
    lines = ["{", "[1, 2]", "7", '{"type": "MonoCut"}', "[" * 100000, json.dumps({**good, "start": None})]
    lines += [json.dumps({**good, "start": float("nan")}), json.dumps({**good, "duration": 10**400})]
    lines += [json.dumps(cut(supervision("s", 0, 1), recording=[1])), json.dumps(cut(["s"]))]  # type: ignore[arg-type]
    path.write_text(path.read_text() + "\n\n".join(lines) + "\n" + json.dumps(good) + "\n")
    found = list(read(path))
    assert [isinstance(row, Row) for row in found] == [True, *[False] * len(lines), True]
    assert all(row.detail.startswith(f"{path}, line ") for row in found if isinstance(row, BadRow))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.sampled_from(["recording", "supervisions", "start", "duration", "id", "channel", "custom"]),
    json_values,
)
def test_any_value_anywhere_gives_rows(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: Any
) -> None:
    folder = tmp_path_factory.mktemp("cuts")
    whole = cut(supervision("s", 0, 1, text="x"))
    inner = {**whole["supervisions"][0], key: value}
    source = {**whole["recording"], "sources": value}
    found = rows(folder, whole, {**whole, key: value}, cut(inner), cut(recording=source))
    assert len(found) >= 3 and all(isinstance(row, Row | BadRow) for row in found)


def test_a_pair_of_recordings_and_supervisions(tmp_path: Path) -> None:
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio/b.flac").touch()
    known = [recording("r"), recording("q", "audio/b.flac", 2), recording("unused")]
    said = [
        supervision("s1", 0, 10, text="one"),
        {**supervision("s2", 1, 2, text="two", channel=1), "recording_id": "q"},
    ]
    said += [{**supervision("s3", 0, 1), "recording_id": "gone"}, {"id": "s4", "recording_id": "r"}]
    recordings = write(tmp_path / "m/corpus_recordings_train.jsonl.gz", *known)
    supervisions = write(tmp_path / "m/corpus_supervisions_train.jsonl.gz", *said)
    expected = [
        Row("s1", "/a.wav", "one"),
        Row("s2", f"{tmp_path}/audio/b.flac", "two", start=1.0, duration=2.0, channel=1),
        BadRow(f"{supervisions}, line 3: its recording 'gone' is not in {recordings.name}"),
        BadRow(f"{supervisions}, line 4: this is not a lhotse supervision ('start' is missing)"),
    ]
    for source in (recordings, supervisions, tmp_path / "m", tmp_path):
        assert list(read(source)) == expected
        assert recognize(source) is not None
    write(tmp_path / "m/corpus_cuts_train.jsonl", cut(supervision("s", 0, 5, text="made of them")))
    assert [row.text for row in read(tmp_path)] == ["made of them"]
    assert recognize(tmp_path / "m") == "corpus_cuts_train.jsonl holds cuts of lhotse's"


def test_json_arrays(tmp_path: Path) -> None:
    (tmp_path / "recordings.json").write_text(json.dumps([recording()], indent=2))
    (tmp_path / "supervisions.json").write_text(json.dumps([supervision("s", 1, 2, text="x"), 7]))
    row, bad = read(tmp_path)
    assert isinstance(row, Row) and row.text == "x"
    assert isinstance(bad, BadRow) and bad.detail.startswith(f"{tmp_path}/supervisions.json, entry 2: ")
    (tmp_path / "supervisions.json").write_text("[{")
    with pytest.raises(EarwrightError, match=r"supervisions\.json: this is not JSON"):
        list(read(tmp_path))


def test_sources_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="there is no such file or folder"):
        list(read(tmp_path / "none"))
    with pytest.raises(EarwrightError, match="there are no cuts"):
        list(read(tmp_path))
    alone = write(tmp_path / "recordings.jsonl", recording())
    with pytest.raises(EarwrightError, match=r"beside them there is no supervisions\.jsonl\.$"):
        list(read(alone))
    other = write(tmp_path / "cuts_of_meat.jsonl", {"text": "x", "audio_filepath": "a.wav", "duration": 1})
    with pytest.raises(EarwrightError, match="these are no cuts, recordings or supervisions"):
        list(read(other))
    assert recognize(other) is None and recognize(tmp_path / "none") is None
    (tmp_path / "cuts.jsonl.gz").write_bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"\xff" * 20)
    with pytest.raises(EarwrightError, match="the manifest cannot be read"):
        list(read(tmp_path / "cuts.jsonl.gz"))
    assert recognize(tmp_path / "cuts.jsonl.gz") is None


def test_what_prepare_wrote_is_read_again(tmp_path: Path) -> None:
    prepare("librispeech", CLIPS, tmp_path / "first", PrepareOptions(language="en", jobs=1))
    assert recognize(tmp_path / "first") == "cuts.jsonl.gz holds cuts of lhotse's"
    summary = prepare("cuts", tmp_path / "first", tmp_path / "second", PrepareOptions(jobs=1))
    assert (summary.kept, summary.rejected) == (4, {})
    first, second = (
        gzip.decompress((tmp_path / name / "cuts.jsonl.gz").read_bytes()) for name in ("first", "second")
    )
    assert first == second
    part = cut_to_dict(Cut("part", "/a.wav", 1.5, 2.25, 16000, (0,), "x", recording_samples=160000))
    assert rows(tmp_path, part) == [Row("part", "/a.wav", "x", start=1.5, duration=2.25)]


def test_lhotse_cuts_the_same_stretches(tmp_path: Path) -> None:
    lhotse = pytest.importorskip("lhotse")
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (16000 * 10, 2))
    soundfile.write(tmp_path / "a.wav", samples, 16000)
    source = lhotse.Recording.from_file(tmp_path / "a.wav", recording_id="r")
    segments = [
        lhotse.SupervisionSegment(f"s{n}", "r", start, length, channel=n % 2, text=str(n), speaker=f"p{n}")
        for n, (start, length) in enumerate([(0.25, 1.5), (1.5, 2.0), (4.0, 3.5), (8.0, 2.0)])
    ]
    whole = lhotse.CutSet.from_manifests(
        recordings=lhotse.RecordingSet.from_recordings([source]),
        supervisions=lhotse.SupervisionSet.from_segments(segments),
    )
    windows = whole.cut_into_windows(5.0)
    for name, cuts in (
        ("whole", whole),
        ("windows", windows),
        ("trimmed", whole.trim_to_supervisions(keep_overlapping=False)),
    ):
        cuts.to_file(tmp_path / f"{name}.jsonl.gz")
        found = {row.text: row for row in read(tmp_path / f"{name}.jsonl.gz") if isinstance(row, Row)}
        for segment in segments:
            row = found[segment.text]
            assert (row.start, row.duration, row.channel, row.speaker) == (
                pytest.approx(segment.start),
                pytest.approx(segment.duration),
                segment.channel,
                segment.speaker,
            )
            assert row.path == f"{tmp_path}/a.wav"
        assert len(found) == len(segments)
    whole.perturb_speed(1.1).to_file(tmp_path / "fast.jsonl.gz")
    assert all(isinstance(row, BadRow) for row in read(tmp_path / "fast.jsonl.gz"))
    whole.pad(20.0).to_file(tmp_path / "padded.jsonl.gz")
    assert all(isinstance(row, BadRow) for row in read(tmp_path / "padded.jsonl.gz"))
    lhotse.SupervisionSet.from_segments(segments).to_file(tmp_path / "m_supervisions.jsonl.gz")
    lhotse.RecordingSet.from_recordings([source]).to_file(tmp_path / "m_recordings.jsonl.gz")
    pair = list(read(tmp_path / "m_recordings.jsonl.gz"))
    assert [(row.id, row.start, row.channel) for row in pair if isinstance(row, Row)] == [
        (segment.id, segment.start, segment.channel) for segment in segments
    ]
