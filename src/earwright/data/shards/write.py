"""Writing shards: utterances in a random order, tars of audio and files of cuts as lhotse writes them."""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import io
import itertools
import json
import math
import os
import re
import shutil
import tarfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from earwright.cuts import Cut, cut_to_dict, read_cut_audio
from earwright.data.preparation.copies import KINDS, CopyOptions
from earwright.data.shards.places import FORMAT_VERSION, INDEX_NAME, SHARD_FILE, SHARDS_FOLDER
from earwright.data.workers import run_stream
from earwright.errors import EarwrightError, first_line
from earwright.files import atomic_directory

SEED = 1  # of the order in which they are written
TIMES = {"h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0}


@dataclass(frozen=True)
class ShardOptions:
    """How large shards are, and what is in them.

    Attributes:
        size: most utterances in one; or about so many seconds of audio, if `in_seconds`.
        in_seconds: what `size` counts.
        audio: kind and rate of the audio.
    """

    size: float = 1000
    in_seconds: bool = False
    audio: CopyOptions = field(default_factory=CopyOptions)

    def __post_init__(self) -> None:
        if self.size <= 0:
            raise EarwrightError("a shard must have room for something; 1000 utterances or 1h are usual.")


class Encoded(NamedTuple):
    """The file of an utterance, and its samples."""

    data: bytes
    samples: int


def parse_size(text: str) -> tuple[float, bool]:
    """How large shards are to be, as people write it: 1000 is utterances; 1h, 1.5h or 30m is audio.

    Returns:
        The number, and whether it is seconds.

    Raises:
        EarwrightError: it is neither.
    """
    found = re.fullmatch(r"(\d+)|(\d+(?:\.\d+)?)(h|min|m|s)", text.strip())
    size = 0.0 if not found else float(found[1]) if found[1] else float(found[2]) * TIMES[found[3]]
    if not size or not found:
        raise EarwrightError(
            f"--shards {text}: give utterances a shard, such as 1000, or hours of audio, such as 1h."
        )
    return size, found[1] is None


def write_shards(
    numbers: Sequence[int], cut_of: Callable[[int], Cut], out: Path, options: ShardOptions, jobs: int
) -> int:
    """Write utterances as shards, unless the very same are there already.

    Training mixes what is in a few shards at a time, so their order here is random: in a corpus's own order,
    a shard would be one speaker.

    Args:
        numbers: of the utterances.
        cut_of: the cut of each; asked for more than once, so that none is held.
        out: the prepared folder; its folder `shards` is replaced whole.
        options: size and kind.
        jobs: processes that encode.

    Returns:
        How many shards there are.

    Raises:
        EarwrightError: the audio cannot be read any more, or the disk is full; the old shards survive.
    """
    folder = out / SHARDS_FOLDER
    _check_place(folder)
    order = np.random.default_rng(SEED).permutation(np.asarray(numbers, np.int64)).tolist()
    made_from, total = _fingerprint(order, cut_of, options)
    if count := _count_if_same(folder, made_from):
        return count
    for left in folder.parent.glob(f".{SHARDS_FOLDER}.*"):  # a killed run's
        shutil.rmtree(left, ignore_errors=True)
    with atomic_directory(folder) as temporary:
        numbered = _numbered(_encoded(order, cut_of, options.audio, jobs), total, options)
        told = [
            write_shard(temporary, number, part, options.audio)
            for number, (_, part) in enumerate(itertools.groupby(numbered, lambda one: one[0]))
        ]
        write_index(temporary, told, made_from)
        return len(told)


def _check_place(folder: Path) -> None:
    """Refuse to replace what is no folder of shards."""
    names = os.listdir(folder) if folder.is_dir() else []
    strange = next(
        (name for name in sorted(names) if not (SHARD_FILE.fullmatch(name) or name == INDEX_NAME)), ""
    )
    if strange or folder.is_file():
        raise EarwrightError(
            f"{folder / strange}: this is no shard, and its folder would be replaced; move it, or choose "
            "another OUT."
        )


def _encoded(
    order: Sequence[int], cut_of: Callable[[int], Cut], audio: CopyOptions, jobs: int
) -> Iterator[tuple[Cut, Encoded]]:
    sent: deque[Cut] = deque()

    def tasks() -> Iterator[Cut]:
        for number in order:
            sent.append(cut_of(number))
            yield sent[-1]

    for encoded in run_stream(functools.partial(_encode, audio=audio), tasks(), jobs, _crashed):
        yield sent.popleft(), encoded


def _encode(cut: Cut, audio: CopyOptions) -> Encoded:
    import soundfile

    samples = read_cut_audio(cut, audio.sample_rate)
    _, container, codec = KINDS[audio.kind]
    buffer = io.BytesIO()
    try:
        soundfile.write(buffer, samples, audio.sample_rate, format=container, subtype=codec)
    except soundfile.LibsndfileError as error:
        raise EarwrightError(
            f"{cut.path}: cannot be written as {audio.kind} ({first_line(error)})."
        ) from error
    return Encoded(buffer.getvalue(), len(samples))


def _crashed(cut: Cut) -> Encoded:
    raise EarwrightError(f"{cut.path}: the process that copied it died.")


def _numbered(
    encoded: Iterator[tuple[Cut, Encoded]], total: float, options: ShardOptions
) -> Iterator[tuple[int, Cut, Encoded]]:
    """Utterances with the numbers of their shards: as few shards as the size allows, all about the same."""
    count = max(1, math.ceil(total / options.size - 1e-9))
    done = 0.0
    for cut, one in encoded:
        own = _measure(cut, options)
        yield min(int((done + own / 2) * count / total), count - 1), cut, one
        done += own


def _measure(cut: Cut, options: ShardOptions) -> float:
    return cut.duration if options.in_seconds else 1.0


def write_shard(
    folder: Path, number: int, part: Iterator[tuple[int, Cut, Encoded]], audio: CopyOptions
) -> dict[str, Any]:
    """Write a tar and its cuts.

    Args:
        folder: to write to.
        number: of the shard.
        part: utterances, each with the number of its shard.
        audio: what they are encoded as.

    Returns:
        What the index says of them.
    """
    cuts_path, tar_path = folder / f"cuts.{number:06d}.jsonl.gz", folder / f"recording.{number:06d}.tar"
    ending = KINDS[audio.kind][0]
    utterances, seconds = 0, 0.0
    with (
        open(cuts_path, "wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as lines,
        tarfile.open(tar_path, "w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for _, cut, encoded in part:
            told = _shar_cut(cut, encoded.samples, audio.sample_rate)
            _add(tar, f"{cut.id}{ending}", encoded.data)
            _add(tar, f"{cut.id}.json", _line(told["recording"]))
            lines.write(_line(told))
            utterances += 1
            seconds += told["duration"]
    return {
        "utterances": utterances,
        "seconds": round(seconds, 3),
        "cuts": _file_facts(cuts_path),
        "recording": _file_facts(tar_path),
    }


def write_index(folder: Path, told: Sequence[dict[str, Any]], made_from: str = "") -> None:
    """Say what belongs to a folder of shards.

    Args:
        folder: with the shards in it.
        told: what `write_shard` said of each.
        made_from: tells whether a later run would write the same.
    """
    index = {"format": FORMAT_VERSION, "made_from": made_from, "shards": list(told)}
    (folder / INDEX_NAME).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


def _shar_cut(cut: Cut, samples: int, sample_rate: int) -> dict[str, Any]:
    """A cut as lhotse has it in a shard: all of a recording whose place is told by the tar."""
    own = replace(
        cut,
        path="",
        start=0.0,
        duration=samples / sample_rate,
        sample_rate=sample_rate,
        channels=(0,),
        recording_id=cut.id,
        recording_samples=samples,
    )
    told = cut_to_dict(own)
    told["recording"]["sources"][0]["type"] = "shar"
    return told


def _line(told: dict[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode("utf-8") + b"\n"


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)  # its times and owners are 0: the same cuts give the same bytes
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def _file_facts(path: Path) -> dict[str, Any]:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
        return {"name": path.name, "size": path.stat().st_size, "sha256": _digest(file)}


def _digest(file: Any) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()


def _fingerprint(
    order: Sequence[int], cut_of: Callable[[int], Cut], options: ShardOptions
) -> tuple[str, float]:
    """Of everything that shards are made from; and the sum of what their size counts."""
    digest = hashlib.sha256(f"shards {FORMAT_VERSION} {options}\n".encode())
    total = 0.0
    for number in order:
        cut = cut_of(number)
        try:
            status = os.stat(cut.path)
        except OSError as error:
            raise EarwrightError(f"{cut.path}: {error.strerror or error}.") from error
        told = f"{json.dumps(cut_to_dict(cut))} {status.st_size} {status.st_mtime_ns}\n"
        digest.update(told.encode("utf-8", "surrogatepass"))
        total += _measure(cut, options)
    return digest.hexdigest(), total


def _count_if_same(folder: Path, made_from: str) -> int:
    """How many shards there are if they were made from the same; 0 if not, or if a file is not as it was."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        told = json.loads((folder / INDEX_NAME).read_text(encoding="utf-8"))
        files = [one[kind] for one in told["shards"] for kind in ("cuts", "recording")]
        if told["made_from"] == made_from and all(
            (folder / f["name"]).stat().st_size == f["size"] for f in files
        ):
            return len(told["shards"])
    return 0
