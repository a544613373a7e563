"""A beam search under way as bytes, and back: `BeamStream.save` and `BeamSearch.restore`.

    15 bytes  "earwright beam\\n"
     8 bytes  length of the header, little endian
              header: JSON with the version, what the search was, its options, and name, type and shape of
              each array
              the arrays one after the other, little endian
    32 bytes  SHA-256 of all before

Nothing of it is run, and nothing of it is believed: the numbers lead into arrays of a compiled search.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from earwright.decoding.beam_arrays import FRAMES, HYPOTHESES, OFF_TREE, TRACES, UNKNOWN_WORD
from earwright.decoding.keyterm_set import KeytermSet
from earwright.decoding.options import search_options
from earwright.errors import EarwrightError, first_line

if TYPE_CHECKING:
    from earwright.decoding.beam import BeamSearch
    from earwright.decoding.stream import BeamStream

FORMAT_VERSION = 1
_MAGIC = b"earwright beam\n"
_TYPES = {"<i4", "<i8", "<u8", "<f4", "<f8", "|b1"}
_DAMAGED = "the saved search is damaged"

Arrays = Mapping[str, npt.NDArray[Any]]


def fingerprint(parts: Iterable[npt.NDArray[Any] | str]) -> str:
    """SHA-256 of arrays and texts, as hex digits."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            digest.update(f"text {len(part)} {part}\n".encode("utf-8", "surrogatepass"))
        else:
            digest.update(f"array {part.dtype.str} {part.shape}\n".encode())
            digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()


def _plain(number: np.generic) -> Any:
    """A number of numpy's, for JSON."""
    return number.item()


def pack(facts: Mapping[str, Any], arrays: Arrays) -> bytes:
    """Facts (for JSON) and arrays as bytes."""
    told = [(name, array.dtype.newbyteorder("<").str, array.shape) for name, array in arrays.items()]
    header = json.dumps({"format": FORMAT_VERSION, **facts, "arrays": told}, default=_plain).encode()
    body = [
        array.astype(kind, copy=False).tobytes()
        for array, (_, kind, _) in zip(arrays.values(), told, strict=True)
    ]
    data = b"".join([_MAGIC, struct.pack("<Q", len(header)), header, *body])
    return data + hashlib.sha256(data).digest()


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """What `pack` was given.

    Raises:
        EarwrightError: that is something else, damaged, or of a later earwright.
    """
    data = bytes(data)
    begin = len(_MAGIC) + 8
    if not data.startswith(_MAGIC):
        raise EarwrightError("this is no saved search: it does not begin as one; give what `save` returned.")
    if len(data) < begin + 32 or hashlib.sha256(data[:-32]).digest() != data[-32:]:
        raise EarwrightError(f"{_DAMAGED}: its checksum does not fit; a part may be missing.")
    (size,) = struct.unpack_from("<Q", data, len(_MAGIC))
    try:
        facts = json.loads(data[begin : begin + size])
        version = int(facts.pop("format"))
        if version > FORMAT_VERSION:
            raise EarwrightError(
                f"the saved search has format {version}, and this earwright reads up to {FORMAT_VERSION}; "
                "update earwright."
            )
        arrays, at = {}, begin + size
        for name, kind, shape in facts.pop("arrays"):
            if kind not in _TYPES or any(type(length) is not int or length < 0 for length in shape):
                raise ValueError(f"{name} is of type {kind} and shape {shape}")
            count = int(np.prod([*shape, 1], dtype=object))
            stop = at + count * np.dtype(kind).itemsize
            if stop > len(data) - 32:
                raise ValueError(f"{name} does not end within it")
            arrays[name] = np.frombuffer(data, kind, count, at).reshape(shape)
            at = stop
        if at != len(data) - 32:
            raise ValueError("there is more in it than it says")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise EarwrightError(f"{_DAMAGED}: {first_line(error)}.") from error
    return facts, arrays


def save_stream(stream: BeamStream) -> bytes:
    """All that a search under way knows."""
    state, now = stream._state, stream._now
    count, used = int(state.counts[HYPOTHESES]), int(state.counts[TRACES])
    arrays = {f"now.{name}": array[:count] for name, array in now._asdict().items()}
    arrays |= {f"traces.{name}": array[:used] for name, array in state.traces._asdict().items()}
    arrays["said"] = np.array(stream._said, np.int32).reshape(-1, 3)
    arrays["levels"] = state.levels
    if stream.search.grammar is not None:
        arrays["heard"] = np.concatenate([_no_frames(stream), *stream._heard])
    if stream._prefixes is not None:
        arrays |= {
            f"lm.{name}": array for name, array in stream._prefixes.save(now.key[:count].tolist()).items()
        }
    facts = {
        "search": stream.search.fingerprint,
        "keyterms": _of_terms(stream),
        "options": asdict(stream.options),
        "frames": stream.frames,
    }
    return pack(facts, arrays)


def _of_terms(stream: BeamStream) -> str:
    """A fingerprint of key terms: how they are heard and written, and the words that they let in."""
    texts = stream._writing.texts
    written = [f"{' '.join(heard)} -> {' '.join(texts[heard])}" for heard in sorted(texts)]
    added = stream._words.words[len(stream.search.tree.words) :]
    return fingerprint([*stream._terms, *written, *added])


def _no_frames(stream: BeamStream) -> npt.NDArray[np.float32]:
    return np.zeros((0, len(stream.search.units.tokens)), np.float32)


def restore_stream(search: BeamSearch, data: bytes, keyterms: KeytermSet | None) -> BeamStream:
    """A search under way from its bytes.

    Raises:
        EarwrightError: they are no such bytes, damaged, or of another search.
    """
    facts, arrays = unpack(data)
    if facts.get("search") != search.fingerprint:
        raise EarwrightError(
            "the search was saved with other tokens, another lexicon or another language model; "
            "restore it in a BeamSearch made as that one was."
        )
    try:
        options = search_options(dict(facts["options"]))
        frames = int(facts["frames"])
    except (EarwrightError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise EarwrightError(f"{_DAMAGED}: {first_line(error)}.") from error
    stream = search.stream(options, keyterms)
    if facts.get("keyterms") != _of_terms(stream):
        raise EarwrightError("the search was saved with other key terms; give the same ones to `restore`.")
    try:
        _fill(stream, frames, arrays)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise EarwrightError(f"{_DAMAGED}: {first_line(error)}.") from error
    return stream


def _fill(stream: BeamStream, frames: int, arrays: Arrays) -> None:
    """Put the arrays into a new stream; ValueError or KeyError where they cannot be a search's."""
    said, count, used = arrays["said"], len(arrays["now.key"]), len(arrays["traces.parent"])
    levels = stream._state.levels
    if arrays["levels"].dtype != levels.dtype or arrays["levels"].shape != levels.shape:
        raise ValueError("its levels cannot be")
    if count > stream.options.beam or frames < 0 or said.dtype != np.int32 or said.shape[1:] != (3,):
        raise ValueError("its sizes cannot be")
    _check(stream, arrays, used)
    stream._make_traces(used)
    counts = stream._state.counts
    counts[FRAMES], counts[HYPOTHESES], counts[TRACES] = frames, count, used
    for group, length, into in (("now", count, stream._now), ("traces", used, stream._state.traces)):
        for name, array in into._asdict().items():
            given = arrays[f"{group}.{name}"]
            if given.dtype != array.dtype or given.shape != (length,):
                raise ValueError(f"{group}.{name} is of type {given.dtype} and shape {given.shape}")
            array[:length] = given
    levels[:] = arrays["levels"]
    stream._said = [(token, word, frame) for token, word, frame in said.tolist()]
    if stream.search.grammar is not None:
        heard = arrays["heard"]
        if heard.dtype != np.float32 or heard.shape != (frames, len(stream.search.units.tokens)):
            raise ValueError("its frames cannot be")
        stream._heard = [heard]
    if stream._prefixes is not None:
        prefix = "lm."
        own = {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}
        stream._prefixes.restore(arrays["now.key"].tolist(), own)


def _check(stream: BeamStream, arrays: Arrays, used: int) -> None:
    """See that no number leads out of the arrays of the search."""
    search, terms = stream.search, stream._terms
    tokens, words = len(search.units.tokens), len(stream._words.words)
    states = int(search._lm.tables.starts[-2])
    if search.grammar is not None:
        states = len(search.tree.tree.arcs.final)
    ranges = {
        "now.last": (0, tokens),
        "now.place": (OFF_TREE, len(stream._words.tree.units)),
        "now.lm": (0, states),
        "now.ended_lm": (0, states),
        "now.term": (0, len(terms.nodes)),
        "now.trace": (-1, used),
        "traces.token": (0, tokens),
        "traces.word": (UNKNOWN_WORD, words),
        "traces.frame": (0, 1 << 31),
    }
    given = [(name, arrays[name], of_it) for name, of_it in ranges.items()]
    for name, column in zip(("token", "word", "frame"), arrays["said"].T, strict=True):
        given.append((f"said {name}", column, ranges[f"traces.{name}"]))
    for name, values, (low, high) in given:
        if len(values) and not (values.min() >= low and values.max() < high):
            raise ValueError(f"{name} has numbers that lead nowhere")
    parents = arrays["traces.parent"]
    if not ((parents >= -1) & (parents < np.arange(used))).all():
        raise ValueError("traces.parent has numbers that lead nowhere")
    for name in ("now.blank", "now.label"):
        if not (np.isfinite(arrays[name]) & (arrays[name] >= 0)).all():
            raise ValueError(f"{name} has masses that are none")
    masses = arrays["now.blank"] + arrays["now.label"]
    if len(masses) and not masses.max() > 0:
        raise ValueError("no hypothesis has any mass")
    for name in ("now.score", "now.lm_score", "levels"):
        if np.isnan(arrays[name]).any():
            raise ValueError(f"{name} has NaN in it")
