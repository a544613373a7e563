"""Searches that are saved and go on elsewhere: to the same end, or with one clear sentence."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decoding.test_beam import CHARACTERS, PHONES, PIECES, grid, random_lm
from earwright.decoding import BeamSearch, Keyterm, SearchOptions
from earwright.decoding.saved import pack, unpack
from earwright.errors import EarwrightError

LEXICON = ("a", "ab", "ba", "b")
NARROW = SearchOptions(beam=12, unknown_penalty=3.0)


def searches() -> dict[str, BeamSearch]:
    """One of each kind, made anew."""
    return {
        "open": BeamSearch(PIECES, options=NARROW),
        "words": BeamSearch(CHARACTERS, lexicon=LEXICON, lm=random_lm(LEXICON[:3], 3, 1), options=NARROW),
        "tokens": BeamSearch(CHARACTERS, lm=random_lm(CHARACTERS[1:], 3, 1, unit="token"), options=NARROW),
        "phones": BeamSearch(PHONES, lexicon={"a": [("AH",)], "ab": [("AH", "B")], "b": [("B",)]}),
    }


SEARCHES, OTHERS = searches(), searches()


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(sorted(SEARCHES)),
    cuts=st.lists(st.integers(0, 60), min_size=1, max_size=4),
    seed=st.integers(0, 10_000),
    sharpness=st.sampled_from([1.0, 4.0, 12.0]),
    maximum=st.booleans(),
    terms=st.booleans(),
)
def test_a_restored_search_ends_as_if_it_had_never_stopped(
    kind: str, cuts: list[int], seed: int, sharpness: float, maximum: bool, terms: bool
) -> None:
    search, other = SEARCHES[kind], OTHERS[kind]
    log_probs = grid(60, len(search.units.tokens), seed, sharpness)
    options = replace(NARROW, maximum=maximum)
    listed = [Keyterm("ab", 2.0), Keyterm("b")] if terms else []
    keyterms = [one.keyterms(listed) if listed else None for one in (search, other)]
    whole = search.stream(options, keyterms[0])
    stream, at = search.stream(options, keyterms[0]), 0
    for end in [*sorted(cuts), 60]:
        whole.advance(log_probs[at:end])
        stream.advance(log_probs[at:end])
        stream, at = other.restore(stream.save(), keyterms[1]), end
        assert (stream.frames, stream.options) == (end, options)
        assert stream.partial() == whole.partial()
        assert stream.stable_words == whole.stable_words
        assert stream.finish(4) == whole.finish(4)
    assert stream.save() == whole.save()


def test_a_search_that_found_nothing_is_saved_too() -> None:
    search = BeamSearch(CHARACTERS, lexicon=["aa"], options=SearchOptions(unknown_penalty=math.inf))
    stream = search.stream()
    stream.advance(np.where(np.arange(4) == 3, 0.0, -np.inf)[None].repeat(2, axis=0))
    restored = search.restore(stream.save())
    assert (restored.finish(), restored.partial(), restored.frames) == ([], None, 2)


def test_a_neural_language_model_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from earwright.lm.neural import NeuralLanguageModel
    from earwright.text import CharTokenizer
    from tiny_transformer import random_transformer

    made = random_transformer(tmp_path / "tiny.onnx", CharTokenizer(CHARACTERS))
    search = BeamSearch(CHARACTERS, lm=made, options=NARROW)
    again = BeamSearch(CHARACTERS, lm=NeuralLanguageModel.load(made.where, threads=1))
    log_probs = grid(30, len(CHARACTERS), 3, sharpness=4.0)
    stream = search.stream()
    for frame in range(30):
        stream.advance(log_probs[frame : frame + 1])
        stream = again.restore(stream.save())
    assert stream.finish(5) == search.decode(log_probs, 5)
    other = replace(made, digest="of another file")
    with pytest.raises(EarwrightError, match="another language model"):
        BeamSearch(CHARACTERS, lm=other).restore(stream.save())


def saved() -> bytes:
    """A search with words and key terms, under way."""
    search = SEARCHES["words"]
    stream = search.stream(keyterms=search.keyterms(["ab"]))
    stream.advance(grid(40, 4, 1, sharpness=6.0))
    assert stream.stable_words  # something of all three kinds is in it
    stream.advance(grid(10, 4, 2))
    return stream.save()


@pytest.mark.parametrize(
    "other",
    [
        BeamSearch(("<blank>", "\u2581", "a", "c")),
        BeamSearch(CHARACTERS, blank=2),
        BeamSearch(CHARACTERS),
        BeamSearch(CHARACTERS, lexicon=LEXICON),
        BeamSearch(CHARACTERS, lexicon=LEXICON[:3], lm=random_lm(LEXICON[:3], 3, 1)),
        BeamSearch(CHARACTERS, lexicon=LEXICON, lm=random_lm(LEXICON[:3], 3, 2)),
        BeamSearch(CHARACTERS, lexicon=LEXICON, lm=random_lm(LEXICON[:3], 2, 1)),
    ],
)
def test_another_search_says_so(other: BeamSearch) -> None:
    with pytest.raises(EarwrightError, match="other tokens, another lexicon or another language model"):
        other.restore(saved())


def test_other_key_terms_say_so() -> None:
    search = SEARCHES["words"]
    for terms in (None, search.keyterms(["ba"]), search.keyterms([Keyterm("ab", 2.0)])):
        with pytest.raises(EarwrightError, match="other key terms"):
            search.restore(saved(), terms)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_is_said(data: st.DataObject) -> None:
    whole = saved()
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = data.draw(
        st.sampled_from(
            [
                whole[:at],
                whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :],
                whole[:at] + data.draw(st.binary(min_size=1, max_size=9)) + whole[at:],
            ]
        )
    )
    search = SEARCHES["words"]
    with pytest.raises(EarwrightError, match=r"no saved search|damaged"):
        search.restore(damaged, search.keyterms(["ab"]))


def signed(body: bytes) -> bytes:
    """With the checksum that it should have."""
    return body + hashlib.sha256(body).digest()


@pytest.mark.parametrize(
    "header",
    [b"", b"[]", b"{}", b"nonsense", b"\xff", b'{"format": "x"}', b'{"format": 1, "arrays": 3}',
     b'{"format": 1, "arrays": [["a", "<i4", [4]]]}', b'{"format": 1, "arrays": [["a", "O", [0]]]}',
     b'{"format": 1, "arrays": [["a", "<i4", [-1]]]}', b'{"format": 1, "arrays": [["a", "<i4", [1e9]]]}',
     b'{"format": 1, "arrays": [["a", "<i8", [99999999999999999999]]]}',
     b'{"format": 1, "arrays": []'],
)  # fmt: skip
def test_what_is_signed_and_wrong_is_said(header: bytes) -> None:
    body = b"earwright beam\n" + struct.pack("<Q", len(header)) + header
    with pytest.raises(EarwrightError, match="damaged"):
        SEARCHES["words"].restore(signed(body))


@pytest.mark.parametrize(
    "wrong",
    [
        {"options": {"beam": "many"}},
        {"options": {"beam": math.inf}},
        {"options": {"beam": 1 << 60}},
        {"options": {"bean": 1}},
        {"options": 3},
        {"frames": None},
        {"frames": -1},
    ],
)
def test_facts_that_cannot_be_are_said(wrong: dict[str, Any]) -> None:
    facts, arrays = unpack(saved())
    search = SEARCHES["words"]
    with pytest.raises(EarwrightError, match="damaged"):
        search.restore(pack({**facts, **wrong}, arrays), search.keyterms(["ab"]))


def test_a_later_format_is_said() -> None:
    header = json.dumps({"format": 9, "arrays": []}).encode()
    with pytest.raises(EarwrightError, match=r"has format 9.*update earwright"):
        SEARCHES["words"].restore(signed(b"earwright beam\n" + struct.pack("<Q", len(header)) + header))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_numbers_that_lead_nowhere_are_said_or_harmless(data: st.DataObject) -> None:
    search = SEARCHES["words"]
    facts, arrays = unpack(saved())
    changed: dict[str, npt.NDArray[Any]] = {name: array.copy() for name, array in arrays.items()}
    name = data.draw(st.sampled_from(sorted(name for name, array in changed.items() if array.size)))
    array = changed[name]
    place = data.draw(st.integers(0, array.size - 1))
    if array.dtype.kind == "f":
        values: Any = st.sampled_from([math.nan, math.inf, -math.inf, -1.0, 0.0, 1e308])
    else:
        limits = np.iinfo(array.dtype)
        values = st.integers(int(limits.min), int(limits.max)) | st.integers(0, 50)
    how = data.draw(st.sampled_from(["value", "short", "gone", "type"]))
    if how == "value":
        array.reshape(-1)[place] = data.draw(values)
    elif how == "short":
        changed[name] = array[:-1]
    elif how == "gone":
        del changed[name]
    else:
        changed[name] = array.astype("<f4")
    try:
        stream = search.restore(pack(facts, changed), search.keyterms(["ab"]))
    except EarwrightError as error:
        assert "damaged" in str(error)
        return
    assert how == "value" or (name, how) == ("said", "short")
    stream.advance(grid(20, 4, 3))
    assert stream.stable_words >= 0
    stream.partial()
    stream.finish(3)


def test_key_terms_that_are_written_in_another_way() -> None:
    search = BeamSearch(("<blank>", "▁", "a", "b"), lexicon=("a", "b"))
    data = search.stream(keyterms=search.keyterms(["A", "ab"], str.lower)).save()
    assert search.restore(data, search.keyterms(["A", "ab"], str.lower)).finish()
    for others in (["a", "ab"], ["A", "ba"]):
        with pytest.raises(EarwrightError, match="other key terms"):
            search.restore(data, search.keyterms(others, str.lower))
