"""Bundles: written whole or not at all, read as folder and zip, and no change goes unnoticed."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from earwright.bundle import Bundle, seal_bundle, verify_bundle, write_bundle
from earwright.errors import EarwrightError
from earwright.verified import Verified, cache_folder
from runtime_bundle import META, bundle_files

FILES = {"tokens.txt": b"<blank>\na\n", "card.md": "Für Ärzte\n".encode(), "empty.txt": b""}


@pytest.fixture(params=["tones.ear", "tones.zip"])
def bundle_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_bundle(tmp_path / request.param, META, FILES)


def set_description(folder: Path, old: str, new: str) -> None:
    """Change bundle.toml, and make its checksum fit again."""
    from earwright.bundle_description import _checksum_line

    text = (folder / "bundle.toml").read_text(encoding="utf-8").partition("\n")[2]
    assert old in text
    changed = text.replace(old, new).encode()
    (folder / "bundle.toml").write_bytes(_checksum_line(changed) + changed)


def test_comes_back_as_it_was(bundle_path: Path) -> None:
    bundle = Bundle.open(bundle_path)
    assert bundle.meta == META
    assert bundle.names == tuple(FILES)
    assert {name: bundle.read(name) for name in FILES} == FILES
    assert bundle.is_zip == (bundle_path.suffix == ".zip")
    assert verify_bundle(bundle_path) == (len(FILES), [])


def test_all_of_the_description_comes_back(tmp_path: Path) -> None:
    meta = replace(
        META,
        languages=("de", "gsw"),
        frame_shift=1.0,
        training_minutes=61.5,
        training={"machine": 'an "odd" name', "hours": 5, "seen": {"speakers": 3}},
        search={"method": "greedy"},
    )
    assert Bundle.open(write_bundle(tmp_path / "b.ear", meta, FILES)).meta == meta


def test_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    meta = replace(META, training_minutes=None, training={"speakers": None, "hours": 5.0})
    path = write_bundle(tmp_path / "b.ear", meta, FILES)
    assert Bundle.open(path).meta == replace(meta, training={"hours": 5.0})


def test_files_are_copied_from_paths(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"w" * 3_000_000)
    for name in ("b.ear", "b.zip"):
        path = write_bundle(tmp_path / name, META, {"weights.bin": tmp_path / "weights"})
        assert Bundle.open(path).read("weights.bin") == b"w" * 3_000_000


def test_a_zip_of_the_folder_itself(tmp_path: Path) -> None:
    write_bundle(tmp_path / "tones.ear", META, FILES)
    made = shutil.make_archive(str(tmp_path / "all"), "zip", root_dir=tmp_path, base_dir="tones.ear")
    assert Bundle.open(made).read("card.md") == FILES["card.md"]


def test_the_same_files_make_the_same_zip(tmp_path: Path) -> None:
    one, two = (write_bundle(tmp_path / name, META, FILES).read_bytes() for name in ("one.zip", "two.zip"))
    assert one == two


@pytest.mark.parametrize(
    "name", ["../evil", "a/b", "a\\b", ".hidden", "", "bundle.toml", "/etc/passwd", "C:x"]
)
def test_only_plain_names_can_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(EarwrightError, match="plain file name"):
        write_bundle(tmp_path / "b.ear", META, {name: b""})


def test_something_else_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years of work")
    with pytest.raises(EarwrightError, match="not a bundle"):
        write_bundle(tmp_path / "home", META, FILES)
    assert (tmp_path / "home" / "thesis.txt").read_text() == "years of work"


def test_a_new_bundle_replaces_the_old_one_whole(bundle_path: Path) -> None:
    write_bundle(bundle_path, replace(META, name="second"), {"other.txt": b"new"})
    bundle = Bundle.open(bundle_path)
    assert (bundle.meta.name, bundle.names) == ("second", ("other.txt",))
    assert os.listdir(bundle_path.parent) == [bundle_path.name]


@pytest.mark.parametrize("when", [1, 2, 3])
def test_a_disk_that_fills_leaves_the_old_bundle(
    bundle_path: Path, monkeypatch: pytest.MonkeyPatch, when: int
) -> None:
    calls = 0

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls >= (1 if bundle_path.suffix == ".zip" else when):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch, pytest.raises(EarwrightError, match="disk is full"):
        patch.setattr(os, "fsync", full)
        write_bundle(bundle_path, replace(META, name="second"), FILES)
    assert os.listdir(bundle_path.parent) == [bundle_path.name]
    assert Bundle.open(bundle_path).meta.name == META.name


def test_a_file_that_cannot_be_copied_leaves_the_old_bundle(bundle_path: Path, tmp_path: Path) -> None:
    with pytest.raises(EarwrightError):
        write_bundle(bundle_path, META, {"a.txt": b"", "b.txt": tmp_path / "missing"})
    assert Bundle.open(bundle_path).names == tuple(FILES)


def test_altered_missing_and_unlisted_files_are_noticed(tmp_path: Path) -> None:
    path = write_bundle(tmp_path / "b.ear", META, FILES)
    Bundle.open(path)  # from here on it is known

    (path / "tokens.txt").write_bytes(b"<blank>\nb\n")  # as long as before
    os.utime(path / "tokens.txt", ns=(1, 1))
    with pytest.raises(EarwrightError, match=r"tokens\.txt was altered"):
        Bundle.open(path)
    (path / "tokens.txt").unlink()
    with pytest.raises(EarwrightError, match=r"tokens\.txt is missing"):
        Bundle.open(path)
    (path / "tokens.txt").write_bytes(FILES["tokens.txt"])
    Bundle.open(path)
    (path / "extra.bin").write_bytes(b"")
    with pytest.raises(EarwrightError, match=r"extra\.bin is not in the list"):
        Bundle.open(path)
    (path / "extra.bin").unlink()
    (path / ".DS_Store").write_bytes(b"")
    Bundle.open(path)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    path = write_bundle(tmp_path / "b.ear", META, FILES)
    (path / "card.md").write_bytes(b"")
    (path / "tokens.txt").unlink()
    (path / "extra").mkdir()
    _, problems = verify_bundle(path)
    assert len(problems) == 3
    assert all(str(path) in problem for problem in problems)


def test_every_flipped_bit_of_the_description_is_noticed(tmp_path: Path) -> None:
    path = write_bundle(tmp_path / "b.ear", META, FILES)
    original = (path / "bundle.toml").read_bytes()
    for position in range(0, len(original), 7):
        damaged = bytearray(original)
        damaged[position] ^= 1
        (path / "bundle.toml").write_bytes(damaged)
        with pytest.raises(EarwrightError):
            Bundle.open(path)


def test_every_cut_and_many_flipped_bits_of_a_zip_are_noticed(tmp_path: Path) -> None:
    original = write_bundle(tmp_path / "b.zip", META, FILES).read_bytes()
    target = tmp_path / "damaged.zip"
    for position in range(0, len(original), 29):
        target.write_bytes(original[:position])
        with pytest.raises(EarwrightError):
            Bundle.open(target)
        damaged = bytearray(original)
        damaged[position] ^= 16
        target.write_bytes(damaged)
        try:
            bundle = Bundle.open(target)
        except EarwrightError:
            continue
        # What is left are bits that zip readers do not look at, such as dates.
        assert {name: bundle.read(name) for name in FILES} == FILES


def test_a_known_bundle_is_not_summed_again(bundle_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def summed(self: Bundle, name: str) -> str:
        raise AssertionError("the sums were computed again")

    Bundle.open(bundle_path)
    monkeypatch.setattr(Bundle, "_sha256", summed)
    Bundle.open(bundle_path)
    moved = bundle_path.rename(bundle_path.with_name("moved" + bundle_path.suffix))
    with pytest.raises(AssertionError):
        Bundle.open(moved)


def test_a_change_that_hides_its_time_is_found_by_verify(tmp_path: Path) -> None:
    path = write_bundle(tmp_path / "b.ear", META, FILES)
    Bundle.open(path)
    status = (path / "tokens.txt").stat()
    (path / "tokens.txt").write_bytes(b"<blank>\nb\n")
    os.utime(path / "tokens.txt", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert len(verify_bundle(path)[1]) == 1


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1}', "\xff" * 10])
def test_a_damaged_memory_of_sums_is_harmless(bundle_path: Path, content: str) -> None:
    cache_folder().mkdir(parents=True)
    (cache_folder() / "verified.json").write_text(content, encoding="latin-1")
    assert Bundle.open(bundle_path).meta == META
    assert len(json.loads((cache_folder() / "verified.json").read_text())) >= 1


def test_a_cache_that_cannot_be_written_is_harmless(
    bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "blocked").write_text("a file where the folder would be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "blocked"))
    assert Bundle.open(bundle_path).meta == META
    assert Bundle.open(bundle_path).meta == META


def test_the_memory_of_sums_stays_small(tmp_path: Path) -> None:
    memory = tmp_path / "verified.json"
    memory.write_text(json.dumps({str(tmp_path / str(number)): "mark" for number in range(299)}))
    Verified(memory).remember(tmp_path / "299", "mark")
    assert len(json.loads(memory.read_text())) == 256
    assert Verified(memory).knows(tmp_path / "299", "mark")
    assert not Verified(memory).knows(tmp_path / "0", "mark")


def test_sealing_accepts_a_wanted_change(tmp_path: Path) -> None:
    path = write_bundle(tmp_path / "b.ear", META, FILES)
    (path / "card.md").write_text("more about the data")
    (path / "notes.txt").write_text("new")
    text = (path / "bundle.toml").read_text(encoding="utf-8").replace('name = "tones"', 'name = "bells"')
    (path / "bundle.toml").write_text(text, encoding="utf-8")
    with pytest.raises(EarwrightError, match="earwright bundle seal"):
        Bundle.open(path)
    seal_bundle(path)
    bundle = Bundle.open(path)
    assert bundle.meta.name == "bells"
    assert bundle.names == (*FILES, "notes.txt")


def test_a_zip_is_not_sealed(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="unpack the zip"):
        seal_bundle(write_bundle(tmp_path / "b.zip", META, FILES))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "format_version = 1",
            "format_version = 2",
            "has format 2, and this earwright reads up to 1; update",
        ),
        ("format_version = 1", "format_version = 'x'", "no format_version"),
        ("sample_rate = 16000", "sample_rate = '16k'", "sample_rate must be int"),
        ("sample_rate = 16000", "sample_rate = true", "sample_rate must be int"),
        ("sample_rate = 16000", "sample_rate = 5", "out of any sensible range"),
        ("frame_shift = 0.02", "frame_shift = nan", "out of any sensible range"),
        ('tokenizer = "char"', "", "has no tokenizer"),
        ('name = "tones"', 'name = "tones', "not readable as TOML"),
        ("tokens.txt", "../tokens.txt", "not a plain file name"),
        ("size = 0", "size = -1", "no usable sha256 and size"),
        ("sha256 =", "md5 =", "no usable sha256 and size"),
    ],
)
def test_a_description_that_is_wrong_is_one_sentence(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = write_bundle(tmp_path / "b.ear", META, FILES)
    set_description(path, old, new)
    with pytest.raises(EarwrightError) as caught:
        Bundle.open(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_keys_of_a_later_earwright_are_left_alone(tmp_path: Path) -> None:
    path = write_bundle(tmp_path / "b.ear", META, FILES)
    set_description(path, "format_version = 1", "format_version = 1\nmood = 'sunny'")
    assert Bundle.open(path).meta == META


def test_what_is_no_bundle_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"some bytes")
    (tmp_path / "empty.zip").write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    (tmp_path / "large").mkdir()
    (tmp_path / "large" / "bundle.toml").write_bytes(b"#" * (2 << 20))
    for name, said in {
        "missing": "no such bundle",
        "folder": "it has no bundle.toml",
        "file": "not readable as a bundle",
        "empty.zip": "not readable as a bundle",
        "other.zip": "it has no bundle.toml",
        "large": "larger than a description can be",
    }.items():
        with pytest.raises(EarwrightError, match=said):
            Bundle.open(tmp_path / name)


def zip_with(path: Path, entries: list[tuple[Any, bytes]]) -> Path:
    """A good bundle's zip with more entries in it."""
    write_bundle(path, META, FILES)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["../../evil.txt", "/tmp/evil.txt", "sub/evil.txt", "..\\evil.txt"])
def test_a_zip_cannot_reach_outside(tmp_path: Path, name: str) -> None:
    with pytest.raises(EarwrightError, match="not in the list of files"):
        Bundle.open(zip_with(tmp_path / "b.zip", [(name, b"evil")]))
    assert not (tmp_path.parent / "evil.txt").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_with_two_files_of_one_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="twice"):
        Bundle.open(zip_with(tmp_path / "b.zip", [("tokens.txt", b"other")]))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_with_two_descriptions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="more than one"):
        Bundle.open(zip_with(tmp_path / "b.zip", [("other/bundle.toml", b"")]))


def test_a_zip_that_would_grow_a_hundredfold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EarwrightError, match="too much for its size"):
        Bundle.open(zip_with(tmp_path / "b.zip", [("zeros.bin", bytes(100_000_000))]))


def test_an_encrypted_zip_is_one_sentence(tmp_path: Path) -> None:
    path = write_bundle(tmp_path / "b.zip", META, FILES)
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + offset] |= 1  # the flag that says "encrypted"
            at = data.find(signature, at + 1)
    path.write_bytes(data)
    with pytest.raises(EarwrightError, match="encrypted"):
        Bundle.open(path)


def test_no_other_file_can_be_read_through_a_bundle(bundle_path: Path) -> None:
    for name in ("../secret", "bundle.toml", "missing"):
        with pytest.raises(EarwrightError, match="has no"):
            Bundle.open(bundle_path).read(name)


def test_a_graph_in_pieces_is_refused(tmp_path: Path) -> None:
    graph = bundle_files()["encoder.onnx"]
    path = write_bundle(tmp_path / "b.ear", META, {"encoder.onnx": graph[:-3]})
    with pytest.raises(EarwrightError, match="not a whole ONNX graph"):
        Bundle.open(path)


def test_reading_gives_plain_bytes_of_any_size(tmp_path: Path) -> None:
    content = io.BytesIO(os.urandom(1 << 16)).getvalue()
    for name in ("b.ear", "b.zip"):
        assert Bundle.open(write_bundle(tmp_path / name, META, {"a.bin": content})).read("a.bin") == content
