"""Shards that lhotse reads, and shards that lhotse wrote."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from data.shards.utterances import RATE, everything
from earwright.cuts import Cut, read_cuts
from earwright.data.preparation.options import PrepareOptions
from earwright.data.preparation.prepare import prepare
from earwright.data.shards import write
from earwright.data.shards.places import INDEX_NAME
from earwright.data.shards.write import Encoded, ShardOptions, parse_size
from earwright.errors import EarwrightError


def test_lhotse_reads_what_is_written(shards: Path, corpus: Path) -> None:
    from lhotse import CutSet

    theirs = list(CutSet.from_shar(in_dir=shards))
    ours = {cut.id: cut for cut in read_cuts(shards.parent)}
    assert sorted(cut.id for cut in theirs) == sorted(ours)
    assert [cut.id for cut in theirs] != list(ours)  # in a random order
    for cut in theirs:
        own = ours[cut.id]
        expected, _ = soundfile.read(own.path, dtype="float32")
        np.testing.assert_array_equal(cut.load_audio()[0], expected)
        (supervision,) = cut.supervisions
        assert (supervision.text, supervision.speaker) == (own.text, own.speaker)
        assert cut.num_samples == len(expected) and cut.start == 0 == supervision.start
        assert supervision.duration == cut.duration
    for path in shards.glob("recording.*.tar"):
        with tarfile.open(path) as tar:
            assert 2 * 4 <= len(tar.getnames()) <= 2 * 5


@pytest.mark.parametrize("kind", ["flac", "wav", "opus"])
def test_what_lhotse_wrote_is_read(kind: str, tmp_path: Path) -> None:
    from lhotse import CutSet, MonoCut, MultiCut, Recording, SupervisionSegment

    generator = np.random.default_rng(1)
    cuts = []
    for number in range(7):
        samples = (0.1 * generator.standard_normal((2 * RATE, 2))).astype(np.float32)
        soundfile.write(tmp_path / f"{number}.wav", samples, RATE)
        recording = Recording.from_file(tmp_path / f"{number}.wav", recording_id=f"r{number}")
        channel = number % 2 if number < 5 else [0, 1]
        said = SupervisionSegment(
            f"s{number}", recording.id, 0.1, 0.7, channel, f"text {number}", speaker="x"
        )
        kind_of_cut = MonoCut if number < 5 else MultiCut
        cuts.append(kind_of_cut(f"some/id.v{number}", 0.25, 1.5, channel, [said], recording=recording))
    out = tmp_path / "shar"
    out.mkdir()
    CutSet.from_cuts(cuts).to_shar(out, fields={"recording": kind}, shard_size=3)
    ours = everything(out, tmp_path)
    theirs = list(CutSet.from_shar(in_dir=out))
    assert len(theirs) == 7 and sorted(cut.id for cut in theirs) == sorted(ours)
    for cut in theirs:
        own, samples = ours[cut.id]
        assert own.text == cut.supervisions[0].text and own.speaker == "x"
        expected = cut.load_audio().mean(0)
        assert own.duration == cut.duration
        size = min(len(samples), len(expected))  # of Opus, lhotse takes what the cut says
        assert abs(len(samples) - len(expected)) <= (0.05 * RATE if kind == "opus" else 0)
        np.testing.assert_allclose(samples[:size], expected[:size], atol=1e-4)


@pytest.mark.parametrize("kind", ["flac", "opus"])
def test_what_is_written_is_read_again(kind: str, corpus: Path, tmp_path: Path) -> None:
    audio = write.CopyOptions(kind, 8000)
    options = PrepareOptions(jobs=2, shards=ShardOptions(9.0, True, audio))
    prepare("tsv", corpus / "list.tsv", tmp_path / "out", options)
    found = everything(tmp_path / "out" / "shards", tmp_path)
    cuts = read_cuts(tmp_path / "out")
    assert sorted(found) == sorted(cut.id for cut in cuts)
    for cut in cuts:
        own, samples = found[cut.id]
        assert (own.text, own.speaker, own.sample_rate) == (cut.text, cut.speaker, 8000)
        assert abs(len(samples) / RATE - cut.duration) < 0.001


def inodes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in folder.iterdir()}


def test_a_second_run_writes_only_what_is_new(corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for path in corpus.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    out = tmp_path / "out"
    options = PrepareOptions(jobs=1, shards=ShardOptions(size=5))
    prepare("tsv", folder / "list.tsv", out, options)
    first = inodes(out / "shards")
    assert len(first) == 2 * 5 + 1 and INDEX_NAME in first
    prepare("tsv", folder / "list.tsv", out, options)
    assert inodes(out / "shards") == first
    (out / "shards" / "recording.000002.tar").unlink()
    prepare("tsv", folder / "list.tsv", out, options)
    second = inodes(out / "shards")
    assert second.keys() == first.keys() and second != first
    noise = np.random.default_rng(5).choice([-0.25, 0.1, 0.25], RATE).astype(np.float32)
    soundfile.write(folder / "3.wav", noise, RATE)
    prepare("tsv", folder / "list.tsv", out, options)
    assert everything(out / "shards", tmp_path)["3"][1].max() == 0.25
    prepare("tsv", folder / "list.tsv", out, PrepareOptions(jobs=1, shards=ShardOptions(size=12)))
    assert len(inodes(out / "shards")) == 2 * 2 + 1


def test_the_old_shards_survive_a_run_that_fails(
    shards: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = inodes(shards)
    real, calls = write._encode, [0]

    def fail(cut: Cut, audio: write.CopyOptions) -> Encoded:
        calls[0] += 1
        if calls[0] > 9:
            raise EarwrightError("no more")
        return real(cut, audio)

    monkeypatch.setattr(write, "_encode", fail)
    with pytest.raises(EarwrightError, match="no more"):
        prepare(
            "tsv",
            corpus / "list.tsv",
            shards.parent,
            PrepareOptions(jobs=1, shards=ShardOptions(size=4)),
        )
    assert inodes(shards) == before
    assert not [path for path in shards.parent.iterdir() if path.name.startswith(".shards")]


def test_what_is_no_shard_is_not_replaced(shards: Path, corpus: Path) -> None:
    (shards / "thesis.txt").write_text("years of work")
    with pytest.raises(EarwrightError, match=r"thesis\.txt: this is no shard"):
        prepare(
            "tsv",
            corpus / "list.tsv",
            shards.parent,
            PrepareOptions(jobs=1, shards=ShardOptions(size=4)),
        )
    assert (shards / "thesis.txt").read_text() == "years of work"


def test_the_index_tells_the_truth(shards: Path) -> None:
    index = json.loads((shards / INDEX_NAME).read_text())
    assert sum(shard["utterances"] for shard in index["shards"]) == 23
    for shard in index["shards"]:
        for kind in ("cuts", "recording"):
            path = shards / shard[kind]["name"]
            assert os.path.getsize(path) == shard[kind]["size"]
    total = sum(cut.duration for cut in read_cuts(shards.parent))
    assert sum(shard["seconds"] for shard in index["shards"]) == pytest.approx(total, abs=0.01)


@given(
    durations=st.lists(st.floats(0.1, 20.0), min_size=1, max_size=60),
    size=st.integers(1, 30),
    in_seconds=st.booleans(),
)
def test_shards_are_few_and_about_the_same(durations: list[float], size: int, in_seconds: bool) -> None:
    options = ShardOptions(size, in_seconds)
    cuts = [(Cut(str(n), "", 0.0, length, RATE), Encoded(b"", 1)) for n, length in enumerate(durations)]
    total = sum(durations) if in_seconds else len(durations)
    numbered = list(write._numbered(iter(cuts), total, options))
    assert [cut.id for _, cut, _ in numbered] == [cut.id for cut, _ in cuts]
    numbers = [number for number, _, _ in numbered]
    assert numbers == sorted(numbers) and (in_seconds or numbers[0] == 0)
    counts = np.bincount(numbers)
    if in_seconds:
        for number in set(numbers):
            own = sum(cut.duration for n, cut, _ in numbered if n == number)
            assert own <= size + max(durations) + 1e-6
    else:
        assert counts.max() <= size and counts.max() - counts.min() <= 1
        assert len(counts) == -(-len(durations) // size)


def test_sizes() -> None:
    assert parse_size("1000") == (1000, False)
    assert parse_size("1.5h") == (5400, True) and parse_size("30m") == (1800, True)
    for wrong in ("0", "-1", "1.5", "1d", "", "0h"):
        with pytest.raises(EarwrightError, match="--shards"):
            parse_size(wrong)
    with pytest.raises(EarwrightError, match="give one"):
        PrepareOptions(copy=write.CopyOptions(), shards=ShardOptions())
