"""Cuts: which stretch of which recording says what, kept in lhotse's JSONL manifests.

A plain reader and writer of the part of lhotse's format that earwright makes (one MonoCut or MultiCut a
line, with one supervision), so that preparing, scoring and running need no lhotse. lhotse reads what is
written here.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from earwright.errors import EarwrightError, first_line

if TYPE_CHECKING:
    from earwright.audio.read import Samples

CUTS_NAME = "cuts.jsonl.gz"


@dataclass(frozen=True)
class Cut:
    """A stretch of a recording with its text.

    Attributes:
        id: unique in its manifest.
        path: the audio file.
        start: seconds into the file.
        duration: seconds.
        sample_rate: the file's own, in Hz.
        channels: the file's channels that are mixed, counted from 0.
        text: what is said, as the corpus has it; "" where nobody wrote it down.
        custom: everything else that the corpus says about it.
        recording_samples: length of the whole file in samples; 0 if unknown (then the cut is its end).
    """

    id: str
    path: str
    start: float
    duration: float
    sample_rate: int
    channels: tuple[int, ...] = (0,)
    text: str = ""
    speaker: str | None = None
    language: str | None = None
    custom: dict[str, Any] = field(default_factory=dict)
    gender: str | None = None
    recording_id: str = ""
    recording_samples: int = 0


def read_cuts(path: str | os.PathLike[str]) -> list[Cut]:
    """Read a manifest of cuts.

    Args:
        path: a .jsonl or .jsonl.gz file of lhotse cuts, or the folder that `earwright prepare` wrote.

    Raises:
        EarwrightError: the file is missing or damaged, or holds what only lhotse can load.
    """
    return list(iterate_cuts(path))


def iterate_cuts(path: str | os.PathLike[str]) -> Iterator[Cut]:
    """Read a manifest cut by cut: of those that went by, memory holds a hash each.

    Args:
        path: as for `read_cuts`.

    Yields:
        The cuts in the order of their lines.

    Raises:
        EarwrightError: as `read_cuts`, once the cut is asked for that cannot be read.
    """
    place = find_manifest(path)
    seen: set[int] = set()  # hashes: a third of the memory of the ids themselves
    for number, line in iterate_lines(place):
        cut = parse_line(line, place, number)
        if hash(cut.id) in seen:
            others = (
                (earlier, parse_line(text, place, earlier).id) for earlier, text in iterate_lines(place)
            )
            earlier = next(earlier for earlier, other in others if other == cut.id)
            if earlier < number:
                raise EarwrightError(
                    f"{place}, line {number}: cut {cut.id!r} is in line {earlier} too; ids must differ."
                )
        seen.add(hash(cut.id))
        yield cut


def find_manifest(path: str | os.PathLike[str]) -> Path:
    """The file of cuts that `path` is, or that the prepared folder `path` holds.

    Raises:
        EarwrightError: there is none.
    """
    place = Path(path)
    if place.is_dir():
        found = [place / name for name in (CUTS_NAME, "cuts.jsonl") if (place / name).is_file()]
        if not found and any(place.glob("cuts.*.jsonl*")):
            raise EarwrightError(
                f"{place}: these are shards, which only training reads; name the prepared folder above them."
            )
        if not found:
            raise EarwrightError(f"{place}: there is no {CUTS_NAME} in it; make it with earwright prepare.")
        place = found[0]
    if not place.is_file():
        raise EarwrightError(f"{place}: there is no such file; make it with earwright prepare.")
    return place


def iterate_lines(manifest: Path) -> Iterator[tuple[int, str]]:
    """The lines of a manifest as they stand, with their numbers from 1; blank ones are left out.

    Raises:
        EarwrightError: the file is damaged.
    """
    for number, line in enumerate(manifest_lines(manifest), 1):
        if line.strip():
            yield number, line


def parse_line(line: str, manifest: Path, number: int) -> Cut:
    """The cut of one line.

    Args:
        line: of JSON.
        manifest, number: where it stands, for messages.

    Raises:
        EarwrightError: it is no cut, or one that only lhotse can load.
    """
    where = f"{manifest}, line {number}"
    try:
        return cut_from_dict(json.loads(line))
    except EarwrightError as error:
        raise EarwrightError(f"{where}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EarwrightError(f"{where}: this is not a lhotse cut ({_problem(error)}).") from error


def write_cuts(cuts: Iterable[Cut], file: IO[bytes]) -> None:
    """Write cuts as gzipped JSON lines that lhotse reads too; the same cuts give the same bytes."""
    with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
        for cut in cuts:
            line = json.dumps(cut_to_dict(cut), ensure_ascii=False)
            packed.write(line.encode("utf-8") + b"\n")


def read_cut_audio(cut: Cut, sample_rate: int | None = 16000) -> Samples:
    """The audio of a cut.

    Args:
        cut: which stretch of which file.
        sample_rate: the rate in Hz to resample to; None keeps the file's own.

    Returns:
        Samples, float32 mono (N,), the cut's channels mixed.

    Raises:
        EarwrightError: as `audio.read.read_audio`.
    """
    from earwright.audio.read import read_audio

    # A cut to the end of its file is read to the very end: seconds are rounded, the file is not.
    end = round((cut.start + cut.duration) * cut.sample_rate)
    whole = cut.recording_samples and end >= cut.recording_samples
    return read_audio(
        cut.path,
        sample_rate,
        channel=cut.channels,
        start=cut.start,
        duration=None if whole else cut.duration,
    )


def cut_to_dict(cut: Cut) -> dict[str, Any]:
    """A cut as lhotse's MonoCut or MultiCut in JSON form."""
    recording_id = cut.recording_id or cut.id
    samples = cut.recording_samples or round((cut.start + cut.duration) * cut.sample_rate)
    channel: int | list[int] = cut.channels[0] if len(cut.channels) == 1 else list(cut.channels)
    supervision: dict[str, Any] = {
        "id": cut.id,
        "recording_id": recording_id,
        "start": 0.0,
        "duration": cut.duration,
        "channel": channel,
        "text": cut.text,
    }
    for key in ("language", "speaker", "gender", "custom"):
        if getattr(cut, key):
            supervision[key] = getattr(cut, key)
    return {
        "id": cut.id,
        "start": cut.start,
        "duration": cut.duration,
        "channel": channel,
        "supervisions": [supervision],
        "recording": {
            "id": recording_id,
            "sources": [{"type": "file", "channels": list(cut.channels), "source": cut.path}],
            "sampling_rate": cut.sample_rate,
            "num_samples": samples,
            "duration": samples / cut.sample_rate,
            "channel_ids": list(cut.channels),
        },
        "type": "MonoCut" if len(cut.channels) == 1 else "MultiCut",
    }


def cut_from_dict(data: dict[str, Any]) -> Cut:
    """The inverse of `cut_to_dict`, for manifests of lhotse's own making too.

    Raises:
        EarwrightError: the cut is mixed, padded, perturbed or not in one file, which only lhotse can load.
        KeyError, TypeError, ValueError: it is no cut.
    """
    kind = data.get("type")
    if kind not in ("MonoCut", "MultiCut", "Cut"):
        raise EarwrightError(f"a cut of type {kind!r} is not read here, only MonoCut and MultiCut.")
    recording = data["recording"]
    sources = recording["sources"]
    if len(sources) != 1 or sources[0]["type"] != "file":
        raise EarwrightError(f"cut {data['id']!r} does not lie in one file, and only lhotse can load it.")
    if recording.get("transforms"):
        raise EarwrightError(f"cut {data['id']!r} carries transforms, and only lhotse can apply them.")
    supervisions = data.get("supervisions") or []
    if len(supervisions) > 1:
        raise EarwrightError(
            f"cut {data['id']!r} has {len(supervisions)} supervisions and must have one; "
            "lhotse's trim_to_supervisions makes such cuts."
        )
    supervision = supervisions[0] if supervisions else {}
    channel = data["channel"]
    return Cut(
        id=str(data["id"]),
        path=str(sources[0]["source"]),
        start=float(data["start"]),
        duration=float(data["duration"]),
        sample_rate=int(recording["sampling_rate"]),
        channels=(channel,) if isinstance(channel, int) else tuple(int(number) for number in channel),
        text=str(supervision.get("text") or ""),
        speaker=supervision.get("speaker"),
        language=supervision.get("language"),
        custom={**(data.get("custom") or {}), **(supervision.get("custom") or {})},
        gender=supervision.get("gender"),
        recording_id=str(recording["id"]),
        recording_samples=int(recording["num_samples"]),
    )


def manifest_lines(path: Path) -> Iterator[str]:
    """The lines of a manifest, gzipped or not whatever its name says.

    Raises:
        EarwrightError: it cannot be read, or is damaged.
    """
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with (gzip.open if packed else open)(path, "rt", encoding="utf-8") as text:
            yield from text
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise EarwrightError(f"{path}: the manifest cannot be read ({first_line(error)}).") from error


def _problem(error: Exception) -> str:
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else first_line(error)
