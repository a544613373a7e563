"""Mapped files: what is written comes back, packing loses what it may, damage ends in a sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.errors import EarwrightError
from earwright.lm.arpa import read_arpa
from earwright.lm.binary import MAGIC, open_binary, read_binary, write_binary
from earwright.lm.codebooks import codebook, encode
from earwright.lm.ngrams import NgramModel
from earwright.lm.query import LanguageModel
from small_models import arpa_text, random_ngrams

PREFIX = len(MAGIC) + 12


def small(folder: Path, seed: int, order: int = 3, size: int = 60) -> NgramModel:
    path = folder / "model.arpa"
    path.write_text(arpa_text(random_ngrams(seed, order, size), order), encoding="utf-8")
    return read_arpa(path)


@given(seed=st.integers(0, 10**9), order=st.integers(1, 6), bits=st.sampled_from([0, 4, 8, 16]))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, seed: int, order: int, bits: int) -> None:
    folder = tmp_path_factory.mktemp("bin")
    model = small(folder, seed, order)
    model = NgramModel(model.vocabulary, model.levels, "basic", "token", {"ä": "b"})
    write_binary(folder / "model.bin", model, bits)
    again = read_binary(folder / "model.bin")
    assert (
        list(again.vocabulary)
        == [again.vocabulary[n] for n in range(len(model.vocabulary))]
        == model.vocabulary
    )
    assert (again.normalizer, again.unit, again.notes) == (model.normalizer, model.unit, model.notes)
    for n, (one, other) in enumerate(zip(model.levels, again.levels, strict=True), 1):
        np.testing.assert_array_equal(one.words, other.words)
        np.testing.assert_array_equal(one.begins, other.begins)
        # 4 bits are few for 60 numbers from -6 to 0; 16 are enough for every one of them.
        allowed = 0.4 if bits == 4 and n > 1 else 0.06 if bits == 8 and n > 1 else 0
        np.testing.assert_allclose(one.log_probs, other.log_probs, atol=allowed)
        assert (one.backoffs is None) == (other.backoffs is None)
        if one.backoffs is not None:
            np.testing.assert_allclose(one.backoffs, other.backoffs, atol=allowed)
            assert (other.backoffs[one.backoffs == 0] == 0).all()


def test_empty_orders(tmp_path: Path) -> None:
    path = tmp_path / "model.arpa"
    path.write_text(
        "\\data\\\nngram 1=1\nngram 2=0\nngram 3=0\n\\1-grams:\n-1 a\n\\2-grams:\n\\3-grams:\n\\end\\\n"
    )
    for bits in (0, 8):
        write_binary(tmp_path / "model.bin", read_arpa(path), bits)
        assert read_binary(tmp_path / "model.bin").counts == (4, 0, 0)
        model = LanguageModel.load(tmp_path / "model.bin")
        assert model.scores(model.ids(["a", "a"]), end=False).log_probs.tolist() == [-1, -1]


@given(values=st.lists(st.floats(-99, 1, width=32), max_size=400), bits=st.integers(4, 6))
def test_codebooks(values: list[float], bits: int) -> None:
    array = np.array(values, np.float32)
    book = codebook(array, bits)
    codes = encode(array, book)
    assert book.shape == (1 << bits,) and (np.diff(book) >= 0).all()
    # Each value has the code of the number that is nearest.
    if len(array):
        nearest = np.abs(array[:, None].astype(np.float64) - book).min(axis=1)
        np.testing.assert_allclose(
            np.abs(array.astype(np.float64) - book[codes.astype(int)]), nearest, atol=1e-9
        )
        np.testing.assert_array_equal(book[codes[array == 0].astype(int)], 0)
    if len(set(values)) <= 1 << bits:
        np.testing.assert_array_equal(book[codes.astype(int)], array)


def test_k_means_is_better_than_equal_bins() -> None:
    values = np.random.default_rng(0).gamma(2, 1, 20000).astype(np.float32)
    book = codebook(values, 6)
    bins = np.array([part.mean() for part in np.array_split(np.sort(values), 64)], np.float32)
    error = [np.square(values - b[encode(values, b).astype(int)]).mean() for b in (book, bins)]
    assert error[0] < 0.7 * error[1]


def header_of(content: bytes) -> tuple[dict[str, object], int]:
    length = int.from_bytes(content[len(MAGIC) + 4 : len(MAGIC) + 8], "little")
    return json.loads(content[PREFIX : PREFIX + length]), PREFIX + length


def with_header(content: bytes, change: Callable[[dict[str, object]], object]) -> bytes:
    """The file with another header, whose checksum is right."""
    header, end = header_of(content)
    change(header)
    text = json.dumps(header).encode()
    arrays = content[end + -end % 64 :]
    numbers = np.array([1, len(text), zlib.crc32(text)], "<u4").tobytes()
    return MAGIC + numbers + text + bytes(-(PREFIX + len(text)) % 64) + arrays


@pytest.mark.parametrize("bits", [0, 8])
def test_every_flipped_byte_is_told(tmp_path: Path, bits: int) -> None:
    model = small(tmp_path, 1)
    path = tmp_path / "model.bin"
    write_binary(path, model, bits)
    content = path.read_bytes()
    end = header_of(content)[1]
    draw = np.random.default_rng(2)
    places = [*range(0, end, 11), *draw.integers(end, len(content), 80).tolist()]
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(draw.integers(8))
        path.write_bytes(damaged)
        try:
            again = read_binary(path)
        except EarwrightError as error:
            assert str(error).startswith(str(path)) and "\n" not in str(error)
        else:  # between two arrays nothing is written
            assert content[place] == 0
            assert all((a.words == b.words).all() for a, b in zip(model.levels, again.levels, strict=True))


def test_truncated_and_lengthened(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    write_binary(path, small(tmp_path, 1))
    content = path.read_bytes()
    for end in [0, 1, 7, 8, 19, 20, 21, 100, len(content) // 2, len(content) - 1]:
        path.write_bytes(content[:end])
        with pytest.raises(EarwrightError, match=r"model\.bin: "):
            read_binary(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(EarwrightError, match="bytes long where its header says"):
        read_binary(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.update(counts=[]),
        lambda header: header.update(counts=[10**15, 1]),
        lambda header: header.update(counts=[-1, 5]),
        lambda header: header.update(counts=[2.5]),
        lambda header: header.update(counts=[10] * 30),
        lambda header: header.update(counts="12"),
        lambda header: header.update(bits=3),
        lambda header: header.update(bits=True),
        lambda header: header.update(blob=-5),
        lambda header: header.update(blob=10**18),
        lambda header: header.update(table=0),
        lambda header: header.update(notes=[1]),
        lambda header: header.update(checksums=[]),
        lambda header: header.update(checksums=[1, 2, 3, 4, 5, "x"]),
        lambda header: header.pop("counts"),
        lambda header: header.clear(),
    ],
)
def test_headers_that_lie(tmp_path: Path, change: Callable[[dict[str, object]], object]) -> None:
    path = tmp_path / "model.bin"
    write_binary(path, small(tmp_path, 1))
    path.write_bytes(with_header(path.read_bytes(), change))
    with pytest.raises(EarwrightError, match=r"model\.bin: "):
        read_binary(path)


def test_another_version_and_another_file(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(MAGIC + np.array([2, 2, zlib.crc32(b"{}")], "<u4").tobytes() + b"{}")
    with pytest.raises(EarwrightError, match="version 2, and this earwright reads 1"):
        read_binary(path)
    path.write_bytes(b"PK\x03\x04 and so on, long enough to have a header")
    with pytest.raises(EarwrightError, match="not a binary language model"):
        open_binary(path)


def damage(content: bytes, seed: int) -> bytes:
    """Random bytes in the arrays, and checksums that are right for them: what only malice would make."""
    draw = np.random.default_rng(seed)
    header, end = header_of(content)
    damaged = bytearray(content)
    begin = end + -end % 64
    words = content.index(b"\n", begin) + 1
    for _ in range(draw.integers(1, 200)):
        damaged[int(draw.integers(words + int(header["blob"]), len(content)))] = int(draw.integers(256))  # type: ignore[call-overload]
    return bytes(damaged)


# Without the compiler every access is checked: numpy raises where an index is out of range.
WALK = """
import sys
from pathlib import Path
import numpy as np
np.seterr(all="ignore")
from earwright.errors import EarwrightError
from earwright.lm import binary, packing
from earwright.lm.ngrams import NgramModel
from earwright.lm.query import LanguageModel
from test_binary import damage

path = Path(sys.argv[1])
content = path.read_bytes()
told = walked = 0
for seed in range(int(sys.argv[2])):
    path.write_bytes(damage(content, seed))
    try:
        model = LanguageModel.load(path, check=False)
    except EarwrightError:
        told += 1
        continue
    walked += 1
    draw = np.random.default_rng(seed)
    contexts, words = int(model.tables.starts[-2]), len(model.vocabulary)
    for state in draw.integers(contexts, size=8):
        for word in draw.integers(words, size=4):
            log_prob, following = model.score(int(state), int(word))
            assert 0 <= following < contexts
        model.words_of(int(state))
    model.vocabulary.id("nothing"), list(model.vocabulary)
    tables, vocabulary, header = binary.open_binary(path, check=False)
    try:
        binary.levels_from_tables(packing.unpack(tables) if header.bits else tables)
    except ValueError:
        pass
assert walked > 5, (walked, told)
"""


@pytest.mark.parametrize("bits", [0, 8])
def test_damage_stays_within_the_arrays(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "model.bin"
    write_binary(path, small(tmp_path, 3, order=4, size=100), bits)
    here = Path(__file__).parent
    paths = [str(here.parent.parent / "src"), str(here), str(here.parent)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WALK, str(path), "25"],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_compiled_queries_of_damaged_files_end(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    write_binary(path, small(tmp_path, 3, order=4, size=100), 8)
    content = path.read_bytes()
    for seed in range(300):
        path.write_bytes(damage(content, seed))
        try:
            model = LanguageModel.load(path, check=False)
        except EarwrightError:
            continue
        contexts = int(model.tables.starts[-2])
        _, following = model.score_batch(np.arange(contexts)[:, None], np.arange(len(model.vocabulary)))
        assert following.min() >= 0 and following.max() < contexts
