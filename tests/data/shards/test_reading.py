"""Shards that are not as they should be: one clear sentence each."""

from __future__ import annotations

import gzip
import json
import tarfile
from pathlib import Path

import pytest

from data.shards.utterances import everything
from earwright.cuts import read_cuts
from earwright.data.options import DataOptions
from earwright.data.shards.places import INDEX_NAME, find_shards, is_sharded, join, short_name
from earwright.data.speech import Speech, read_all_cuts
from earwright.errors import EarwrightError

FIRST = "recording.000000.tar"


def unlisted(shards: Path) -> Path:
    """As lhotse leaves them: nothing says how large they are."""
    (shards / INDEX_NAME).unlink()
    return shards


def test_what_was_cut_off_is_found_before_the_first_step(shards: Path) -> None:
    path = shards / FIRST
    path.write_bytes(path.read_bytes()[:-20000])
    with pytest.raises(EarwrightError, match=r"recording\.000000\.tar: it has \d+ bytes .* cut off") as error:
        find_shards(str(shards))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("where", ["member", "border", "header", "nothing"])
def test_a_tar_that_is_cut_off(shards: Path, tmp_path: Path, where: str) -> None:
    path = unlisted(shards) / FIRST
    with tarfile.open(path) as tar:
        third = tar.getmembers()[2]
    end = {
        "member": third.offset_data + 1000,
        "border": third.offset,
        "header": third.offset + 100,
        "nothing": 0,
    }
    path.write_bytes(path.read_bytes()[: end[where]])
    with pytest.raises(EarwrightError, match=f"{FIRST}: ") as error:
        everything(shards, tmp_path)
    assert ("cut off after about" in str(error.value)) == (where != "nothing")
    assert "\n" not in str(error.value)


def test_cuts_and_tars_that_do_not_belong_together(shards: Path, tmp_path: Path) -> None:
    first, second = unlisted(shards) / FIRST, shards / "recording.000001.tar"
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)
    with pytest.raises(EarwrightError, match="do not belong together"):
        everything(shards, tmp_path)
    first.write_bytes(one)
    second.unlink()
    with pytest.raises(EarwrightError, match=r"cuts\.000001\.jsonl\.gz: the audio of this shard"):
        everything(shards, tmp_path)
    (shards / "cuts.000001.jsonl.gz").unlink()
    (shards / "cuts.000002.jsonl.gz").unlink()
    with pytest.raises(EarwrightError, match=r"recording\.000002\.tar: there is audio and no file of cuts"):
        everything(shards, tmp_path)


def test_a_line_too_few(shards: Path, tmp_path: Path) -> None:
    path = unlisted(shards) / "cuts.000000.jsonl.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(lines[:-1])))
    with pytest.raises(EarwrightError, match=r"it holds 5 utterances, .* 4: the two do not belong together"):
        everything(shards, tmp_path)


def test_no_tar_and_no_cuts(shards: Path, tmp_path: Path) -> None:
    whole = (unlisted(shards) / FIRST).read_bytes()
    (shards / FIRST).write_bytes(b"what?" * 5000)
    with pytest.raises(EarwrightError, match="no tar file"):
        everything(shards, tmp_path)
    (shards / FIRST).write_bytes(whole)
    path = shards / "cuts.000000.jsonl.gz"
    packed = path.read_bytes()
    path.write_bytes(packed[:-30])
    with pytest.raises(EarwrightError, match=r"cuts\.000000\.jsonl\.gz: the manifest cannot be read"):
        everything(shards, tmp_path)
    path.write_bytes(gzip.compress(b'{"id": "x"}\n{"id": 7, "duration": 1, "recording": {"sources": []}}\n'))
    with pytest.raises(EarwrightError, match=r"cuts\.000000\.jsonl\.gz, line 1: this is no cut of a shard"):
        everything(shards, tmp_path)


def test_a_part_of_a_recording_is_left_to_lhotse(shards: Path, tmp_path: Path) -> None:
    path = unlisted(shards) / "cuts.000000.jsonl.gz"
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    lines[2]["duration"] /= 2
    path.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode()))
    with pytest.raises(EarwrightError, match=r"line 3: cut .* is a part of what lies in the shard"):
        everything(shards, tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 9, "shards": []}', '{"format": 1, "shards": [{"cuts": 3}]}']
)
def test_an_index_that_is_none(shards: Path, text: str) -> None:
    (shards / INDEX_NAME).write_text(text)
    with pytest.raises(
        EarwrightError, match=r"cuts\.index\.json: (this is no index|written by another version)"
    ):
        find_shards(str(shards))


def test_an_index_names_files_of_its_own_folder_alone(shards: Path) -> None:
    text = (shards / INDEX_NAME).read_text()
    (shards / INDEX_NAME).write_text(text.replace(FIRST, "../../secret.tar"))
    with pytest.raises(EarwrightError, match="no name of a file"):
        find_shards(str(shards))


def test_what_is_sharded(shards: Path, corpus: Path) -> None:
    assert is_sharded(str(shards)) and is_sharded(f"file://{shards}") and is_sharded("s3://bucket/x")
    assert not is_sharded(str(shards.parent)) and not is_sharded(str(corpus / "nothing"))
    assert len(find_shards(f"file://{shards}")) == len(find_shards(str(shards))) == 5
    with pytest.raises(EarwrightError, match=r"data\.dev: .* holds shards, which are for training only"):
        read_all_cuts([str(shards)], "data.dev")
    with pytest.raises(EarwrightError, match="these are shards, which only training reads"):
        read_cuts(shards)
    with pytest.raises(EarwrightError, match="--overfit"):
        Speech.open([str(shards)], "data.train", DataOptions()).first(3)


def test_addresses() -> None:
    assert short_name("prepared/train") == "train" and short_name("/x/own/shards") == "own/shards"
    assert short_name("https://host/some/shards?key=secret") == "some/shards"
    assert join("s3://bucket/folder/", "x.tar") == "s3://bucket/folder/x.tar"
    assert join("https://host/folder?key=a/b", "x.tar") == "https://host/folder/x.tar?key=a/b"
    assert join("zip://::/data/all.zip", "x.tar") == "zip://x.tar::/data/all.zip"
    assert join("zip://in/side::s3://bucket/all.zip", "x.tar") == "zip://in/side/x.tar::s3://bucket/all.zip"


def test_weights_and_sources() -> None:
    with pytest.raises(EarwrightError, match="weights has 2 numbers and train 1 sources"):
        DataOptions(train=("a",), weights=(0.5, 0.5))
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(EarwrightError, match="weights must be above 0"):
            DataOptions(train=("a", "b"), weights=(1.0, wrong))
