"""Models on disk: what is written is read, and whatever else lies there is one sentence."""

from __future__ import annotations

import dataclasses
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwright.errors import EarwrightError
from earwright.lexicon import G2pModel, read_g2p, train_g2p, write_g2p
from earwright.lexicon.g2p_file import MAGIC, VERSION, parse_g2p
from earwright.lexicon.network import Network, layer_shapes

ENTRIES = [("knit", "N IH T"), ("nit", "N IH T"), ("ink", "IH NG K"), ("tin", "T IH N"), ("kin", "K IH N")]


@pytest.fixture(scope="module")
def model() -> G2pModel:
    return train_g2p([(word, phones.split()) for word, phones in ENTRIES], 4)


@pytest.fixture(scope="module")
def data(model: G2pModel, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("g2p") / "g2p.bin"
    write_g2p(model, path)
    return path.read_bytes()


def test_what_is_written_is_read(model: G2pModel, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "g2p.bin"
    write_g2p(model, path)
    again = read_g2p(path)
    assert again.graphones == model.graphones and again.lower and again.notes == model.notes
    assert again.ngrams.vocabulary == model.ngrams.vocabulary and again.ngrams.counts == model.ngrams.counts
    for one, other in zip(again.ngrams.levels, model.ngrams.levels, strict=True):
        assert np.array_equal(one.words, other.words) and np.array_equal(one.begins, other.begins)
        assert one.log_probs == pytest.approx(other.log_probs, rel=1e-3)
    for word in ("knit", "tink", "kint"):
        found, expected = again.pronounce(word, 5), model.pronounce(word, 5)
        assert [guess.phones for guess in found] == [guess.phones for guess in expected]
        assert [g.probability for g in found] == pytest.approx([g.probability for g in expected], rel=0.01)
    write_g2p(again, tmp_path / "again.bin")
    assert (tmp_path / "again.bin").read_bytes() == path.read_bytes()


def test_a_network_comes_back(model: G2pModel, tmp_path: Path) -> None:
    letters, classes = len(model.alphabet), len(model.classes)
    generator = np.random.default_rng(0)
    weights = tuple(
        generator.standard_normal(shape).astype(np.float32) / 16 for shape in layer_shapes(letters, classes)
    )
    with_one = dataclasses.replace(model, network=Network(letters, classes, weights))
    path = tmp_path / "g2p.bin"
    write_g2p(with_one, path)
    again = read_g2p(path)
    assert again.network is not None
    for one, other in zip(again.network.weights, weights, strict=True):
        assert one.shape == other.shape and one == pytest.approx(other, rel=1e-3, abs=1e-6)
    found, expected = again.pronounce("knit", 3), with_one.pronounce("knit", 3)
    assert [guess.phones for guess in found] == [guess.phones for guess in expected]
    data = path.read_bytes()
    body = bytearray(body_of(data))
    body[-2:] = b"\xff\xff"  # not a number, in half precision
    with pytest.raises(EarwrightError, match="a weight of its network is no number"):
        parse_g2p(rebuilt(data, lambda header: None, zlib.compress(bytes(body))))
    with pytest.raises(EarwrightError, match="length of its levels"):
        parse_g2p(rebuilt(data, lambda header: header.update(network=False)))


def rebuilt(data: bytes, change: Callable[[dict[str, Any]], object], body: bytes | None = None) -> bytes:
    """The file with another header or body, its sums put right."""
    length = struct.unpack_from("<I", data, 12)[0]
    header = json.loads(data[16 : 16 + length])
    body = data[16 + length :] if body is None else body
    header |= {"body": len(body), "crc32": zlib.crc32(body)}
    change(header)
    text = json.dumps(header).encode()
    return struct.pack("<8sII", MAGIC, VERSION, len(text)) + text + body


def body_of(data: bytes) -> bytes:
    return zlib.decompress(data[16 + struct.unpack_from("<I", data, 12)[0] :])


HEADERS: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    ("lacks", lambda h: h.pop("levels"), "its header lacks levels"),
    ("kind", lambda h: h.update(lower=1), "its header lacks lower"),
    ("negative", lambda h: h["levels"].__setitem__(1, -1), "sizes of its levels make no sense"),
    ("fraction", lambda h: h["levels"].__setitem__(1, 1.5), "sizes of its levels make no sense"),
    ("network", lambda h: h.update(network=None), "its header lacks network"),
    ("none", lambda h: h["levels"].clear(), "sizes of its levels make no sense"),
    ("huge", lambda h: h["levels"].__setitem__(1, 10**15), "larger than what it holds"),
    ("one more", lambda h: h["levels"].__setitem__(1, h["levels"][1] + 1), "length of its levels"),
    ("graphone", lambda h: h["graphones"].__setitem__(0, ["", ["N"]]), "not letters with phones"),
    ("phones", lambda h: h["graphones"].__setitem__(0, ["a", [""]]), "not letters with phones"),
    ("order", lambda h: h["graphones"].reverse(), "its graphones are not sorted"),
    ("number", lambda h: h["graphones"].pop(), "do not belong together"),
    ("note", lambda h: h.update(notes={"a": 1}), "a note is no text"),
    ("crc", lambda h: h.update(crc32=0), "its body is not as it was written"),
    ("length", lambda h: h.update(body=0), "its body is not as it was written"),
]


@pytest.mark.parametrize(("change", "sentence"), [each[1:] for each in HEADERS], ids=[h[0] for h in HEADERS])
def test_damaged_headers(data: bytes, change: Callable[[dict[str, Any]], object], sentence: str) -> None:
    with pytest.raises(EarwrightError, match=sentence):
        parse_g2p(rebuilt(data, change))


def test_damaged_bodies(data: bytes) -> None:
    unchanged = lambda header: None  # noqa: E731
    whole = body_of(data)
    assert parse_g2p(rebuilt(data, unchanged, zlib.compress(whole)))
    for body, sentence in (
        (b"nonsense" * 9, "cannot be unpacked"),
        (zlib.compress(whole[:-1]), "length of its levels"),
        (zlib.compress(whole + b"\0"), "length of its levels"),
        (zlib.compress(whole) + b"\0", "length of its levels"),
        (zlib.compress(b"\xff" * len(whole)), "g2p model is damaged"),
        (zlib.compress(bytes(len(whole))), "g2p model is damaged"),
    ):
        with pytest.raises(EarwrightError, match=sentence):
            parse_g2p(rebuilt(data, unchanged, body))


def test_files_that_are_none(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(
        EarwrightError, match=r"none.bin: there is no such file; `earwright lexicon g2p train`"
    ):
        read_g2p(tmp_path / "none.bin")
    with pytest.raises(EarwrightError, match="cannot be read"):
        read_g2p(tmp_path)
    path = tmp_path / "g2p.bin"
    for content, sentence in (
        (b"", "this is no g2p model"),
        (b"PK\3\4" * 9, "this is no g2p model"),
        (data[:8] + b"\2\0\0\0" + data[12:], "has format 2, and this earwright reads 1; train it anew"),
        (data[:12] + b"\xff\xff\xff\xff" + data[16:], "its header is not JSON"),
        (data[:-1], "its body is not as it was written"),
        (data[:16] + b"[" * 100_000, "g2p model is damaged"),
        (data.replace(b"\r\n", b"\n"), "this is no g2p model"),
    ):
        path.write_bytes(content)
        with pytest.raises(EarwrightError) as caught:
            read_g2p(path)
        assert str(caught.value).startswith(f"{path}: ") and sentence in str(caught.value)
        assert "\n" not in str(caught.value)


@given(st.data())
def test_any_changed_bytes_are_refused_or_harmless(data: bytes, draw: st.DataObject) -> None:
    """Of the file, or of the body with the sums put right: the search survives what is accepted."""
    changes = draw.draw(
        st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4)
    )
    inside = draw.draw(st.booleans())
    changed = bytearray(body_of(data) if inside else data)
    for place, value in changes:
        changed[place % len(changed)] = value
    file = rebuilt(data, lambda header: None, zlib.compress(bytes(changed))) if inside else bytes(changed)
    try:
        model = parse_g2p(file)
        model.pronounce("knit", 3)
    except EarwrightError as error:
        assert len(str(error).splitlines()) == 1


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(noise: bytes) -> None:
    for content in (noise, struct.pack("<8sII", MAGIC, VERSION, len(noise)) + noise):
        with pytest.raises(EarwrightError):
            parse_g2p(content)
